"""Error pages are written in the language of whoever sees them, wherever in the pipeline the request was refused."""

import json
import re
from functools import partial
from http import HTTPStatus
from typing import Annotated

import pytest
from starlette.exceptions import HTTPException
from wtforms import FieldList, Form, FormField, IntegerField, StringField
from wtforms.validators import AnyOf, InputRequired, Length

from fastness import Input, InputRefusedError, JSONResponse, NotFoundError, Routes, access, rates, render, validators
from fastness.kernel.hosts import HostRules
from fastness.kernel.texts import Text
from fastness.settings.profiles import Profile
from fastness.web.forms import bound_form
from fastness.web.refusals import AccessRefusedError
from fastness.web.statuses import title_of
from tests.web.mounts import ADA, sign_in_routes
from tests.web.shop import HOST, ORIGIN

PAGE = {"accept": "text/html", "sec-fetch-mode": "navigate", "sec-fetch-site": "same-origin"}
BOTH = {"languages": ("en", "de")}
DEVELOPMENT = {
    "profile": Profile.DEVELOPMENT,
    "is_https_required": False,
    "hosts": HostRules(allowed=("localhost", HOST)),
}
VARY = "accept-language"


class ClosedOnSundaysError(NotFoundError):
    public = "There is no such page."


@pytest.fixture
def routes():
    routes = Routes(access=access.public)

    @routes.get("/once", rate=rates.per_minute(1, by=rates.client))
    async def once(request):
        return JSONResponse("once")

    @routes.get("/boom")
    async def boom(request):
        raise RuntimeError

    @routes.get("/denied")
    async def denied(request):
        raise AccessRefusedError("rule")

    @routes.get("/own")
    async def own(request):
        raise ClosedOnSundaysError

    @routes.get("/foreign")
    async def foreign(request):
        raise HTTPException(409, headers={"vary": "x-tenant"})

    @routes.post("/small", max_body_bytes=10)
    async def small(request):
        return JSONResponse(await request.form_pairs())

    @routes.post("/take")
    async def take(request):
        return JSONResponse(await request.form_pairs())

    @routes.post("/danger", access=access.fresh(minutes=5))
    async def danger(request):
        return JSONResponse("done")

    return routes


async def refused(browser, path, language, method="GET", **headers):
    options = {"data": {"text": "a" * 50}} if method == "POST" else {}
    return await browser.raw(method, path, headers={**PAGE, "accept-language": language, **headers}, **options)


def shown(page):
    """Language, what the tab says and what the page says."""
    return [
        re.search(pattern, page.text)[1]
        for pattern in ('<html lang="(.*?)">', "<title>(.*?)</title>", "<h1>(.*?)</h1>")
    ]


@pytest.mark.parametrize(
    ("path", "request_of", "status", "german", "english"),
    [
        pytest.param(
            "/denied", {}, 403, ("Nicht erlaubt", "Das dürfen Sie nicht."), ("Forbidden", "You may not do this."),
            id="access",
        ),
        pytest.param(
            "/none", {}, 404, ("Nicht gefunden", "Diese Seite gibt es nicht."), ("Not Found", "There is no such page."),
            id="no-route",
        ),
        pytest.param(
            "/boom", {"method": "POST"}, 405,
            ("Methode nicht erlaubt", "Diese Adresse beantwortet Anfragen dieser Art nicht."),
            ("Method Not Allowed", "This address does not answer that kind of request."),
            id="method",
        ),
        pytest.param(
            "/small", {"method": "POST"}, 413,
            ("Inhalt zu groß", "Das ist größer, als diese Website annimmt."),
            ("Content Too Large", "This is larger than the site accepts."),
            id="body",
        ),
        pytest.param(
            "/once", {}, 429,
            ("Zu viele Anfragen", "Zu viele Anfragen. Versuchen Sie es gleich noch einmal."),
            ("Too Many Requests", "Too many requests. Try again in a moment."),
            id="rate",
        ),
        pytest.param(
            "/boom", {}, 500, ("Interner Fehler", "Hier ist etwas schiefgegangen."),
            ("Internal Server Error", "Something went wrong here."), id="crash",
        ),
        pytest.param(
            "/a//b", {}, 400, ("Fehlerhafte Anfrage", "Diese Anfrage konnte nicht verstanden werden."),
            ("Bad Request", "This request could not be understood."), id="malformed-path",
        ),
        pytest.param(
            "/" + "a" * 20_000, {}, 400, ("Fehlerhafte Anfrage", "Diese Anfrage konnte nicht verstanden werden."),
            ("Bad Request", "This request could not be understood."), id="first-gate",
        ),
        pytest.param(
            "/none", {"host": "other.example"}, 400, ("Fehlerhafte Anfrage", "Diese Adresse gibt es hier nicht."),
            ("Bad Request", "This address is not served here."), id="host",
        ),
    ],
)  # fmt: skip
async def test_everybody_reads_it_in_their_language(
    make_shop, browse, routes, path, request_of, status, german, english
):
    shop = await make_shop(routes, settings=BOTH)
    async with browse(shop) as browser:
        await browser.raw("GET", "/once")
        for asked, language, said in (("de-AT", "de", german), ("en", "en", english), ("fr", "en", english)):
            page = await refused(browser, path, asked, **request_of)
            assert page.status == status
            assert shown(page) == [language, *said]
            assert page.headers["vary"].lower() == VARY


async def test_a_language_that_is_not_offered_gets_the_first_one(make_shop, browse, routes):
    shop = await make_shop(routes, settings={"languages": ("de", "en")})
    async with browse(shop) as browser:
        assert shown(await refused(browser, "/none", "fr"))[0] == "de"


@pytest.mark.parametrize(
    "hostile", ["", "de" * 400, ",;q=;,-,--,*;q=9", "de;q=" + "9" * 300, "\xff\xfe;q=1", '"><script>hunter2', "de\t\t"]
)
async def test_no_header_costs_the_page_or_comes_back_in_it(make_shop, browse, routes, hostile):
    shop = await make_shop(routes, settings=BOTH)
    async with browse(shop) as browser:
        page = await refused(browser, "/a//b", hostile.encode("latin-1"))
    assert (page.status, shown(page)[0] in {"en", "de"}) == (400, True)
    assert "hunter2" not in page.text


async def test_an_apps_own_sentence_is_shown_as_it_is(make_shop, browse, routes):
    shop = await make_shop(routes, settings=BOTH)
    async with browse(shop) as browser:
        page = await refused(browser, "/own", "de")
    assert shown(page) == ["de", "Nicht gefunden", "There is no such page."]


async def test_a_header_of_the_error_stays_beside_ours(make_shop, browse, routes):
    shop = await make_shop(routes, settings=BOTH)
    async with browse(shop) as browser:
        page = await refused(browser, "/foreign", "de")
    assert shown(page) == ["de", "Konflikt", "Diese Anfrage wurde abgelehnt."]
    assert page.headers["vary"].lower() == f"x-tenant, {VARY}"


async def test_programs_read_english_and_the_code(make_shop, browse, routes):
    shop = await make_shop(routes, settings=BOTH)
    async with browse(shop) as browser:
        page = await browser.fetch("/none", headers={"accept-language": "de"})
    document = page.json()
    assert (document["title"], document["detail"]) == ("Not Found", "There is no such page.")
    assert document["code"] == "not_found"
    assert VARY not in page.headers.get("vary", "")


async def test_with_one_language_no_header_is_read(make_shop, browse, routes):
    shop = await make_shop(routes)
    async with browse(shop) as browser:
        page = await refused(browser, "/none", "de")
    assert shown(page) == ["en", "Not Found", "There is no such page."]
    assert "vary" not in page.headers


async def test_a_form_that_waits_is_shown_in_their_language(make_shop, browse, routes):
    """The pages that keep a form are made where errors are answered, too: outside the stage that chose a language."""
    shop = await make_shop(routes, sign_in_routes(), settings=BOTH)
    async with browse(shop) as browser:
        await browser.fetch("/sign-in", "POST")
        fields = {"csrf_token": "of another session", "text": "a"}
        for language, again, proof in (
            ("de", "Ihr Formular stammt aus der Zeit vor Ihrer Anmeldung", "Bestätigen Sie, dass Sie es sind"),
            ("en", "Your form is from before you signed in", "Confirm that it is you"),
        ):
            headers = {"accept-language": language}
            stale = await browser.from_site(ORIGIN, "/take", fields=fields, headers=headers)
            asked = await browser.from_site(ORIGIN, "/danger", fields={"text": "a"}, headers=headers)
            for page, heading in ((stale, again), (asked, proof)):
                assert (page.status, shown(page)[::2]) == (403, [language, heading])
                assert page.headers["vary"].lower() == VARY
            assert f"<bdi>{ADA.display_name}</bdi>" in stale.text


async def test_pages_for_operators_are_in_english(make_shop, browse, routes):
    german = {"languages": ("de",)}
    behind_a_proxy = await make_shop(routes, settings=german)
    async with browse(behind_a_proxy, origin=f"http://{HOST}") as browser:
        page = await refused(browser, "/boom", "de", **{"x-forwarded-proto": "https"})
    assert shown(page) == ["en", "Declare your TLS proxy", "Declare your TLS proxy"]
    developing = await make_shop(routes, settings={**DEVELOPMENT, **german})
    async with browse(developing, origin="http://localhost") as browser:
        page = await refused(browser, "/boom", "de")
    assert shown(page)[0] == "en"


def test_every_status_of_an_error_has_a_title():
    assert [status for status in HTTPStatus if status >= 400 and title_of(status) == "Error"] == []
    assert title_of(799) == "Error"


class RowForm(Form):
    length = StringField(validators=[Length(min=2, max=3)])


class TicketForm(Form):
    title = StringField(validators=[InputRequired(Text("This is missing."))])
    contact = StringField(validators=[validators.Email()])
    places = FieldList(StringField(validators=[validators.Text(max=1)]), min_entries=1)
    owner = StringField()
    seats = IntegerField(validators=[InputRequired()])
    rows = FieldList(FormField(RowForm), min_entries=1)
    kind = StringField(validators=[AnyOf(["a"])])


class NewTicket(Input):
    title: Annotated[str, validators.Text(max=1)]
    contact: Annotated[str, validators.Email()]


@pytest.fixture
async def tickets(make_shop, tmp_path):
    folder = tmp_path / "templates"
    folder.mkdir()
    (folder / "form.html").write_text(
        "{% for field in (form.title, form.contact, form.places[0], form.seats, form.rows[0].length, form.kind, "
        "form.owner) %}"
        "{% for each in field.errors %}<p>{{ field.name }}: {{ each }}{% endfor %}{% endfor %}"
        "{% for each in form.places.errors[0] %}<p>of a list: {{ each }}{% endfor %}"
    )
    (folder / "problems.html").write_text(
        "{% for name, said in problems.items() %}<p>{{ name }}: {{ said[0] }}{% endfor %}"
    )
    routes = Routes(access=access.public)

    @routes.post("/form")
    async def form(request):
        form = await request.form(TicketForm)
        form.owner.errors = [Text("A number."), "This is missing."]
        return render(request, "form.html", form=form, status=422)

    @routes.post("/data")
    async def data(request):
        return JSONResponse((await request.json_as(NewTicket)).title)

    @routes.post("/input")
    async def read(request):
        try:
            return JSONResponse((await request.form_as(NewTicket)).title)
        except InputRefusedError as error:
            return render(request, "problems.html", problems=error.by_field(), status=422)

    return await make_shop(routes, templates=folder, settings=BOTH)


SENT = {"title": "", "contact": "x", "places-0": "ab", "seats": "ten", "rows-0-length": "x", "kind": "b"}
SAID = {
    "en": {
        "title": "This is missing.",
        "owner": "A number.",
        "contact": "An e-mail address, such as name@example.com.",
        "places-0": "At most 1 character.",
        # The rest are WTForms' own sentences, of a value, of a form in a list, and of a validator.
        "seats": "Not a valid integer value.",
        "rows-0-length": "Field must be between 2 and 3 characters long.",
        "kind": "Invalid value, must be one of: a.",
    },
    "de": {
        "title": "Das fehlt.",
        "owner": "Eine Zahl.",
        "contact": "Eine E-Mail-Adresse, wie name@example.com.",
        "places-0": "Höchstens 1 Zeichen.",
        "seats": "Keine gültige, ganze Zahl.",
        "rows-0-length": "Feld muss zwischen 2 und 3 Zeichen beinhalten.",
        "kind": "Ungültiger Wert. Mögliche Werte: a.",
    },
}


@pytest.mark.parametrize("language", SAID)
async def test_what_is_wrong_with_a_form_is_said_in_the_language_of_its_page(tickets, browse, language):
    async with browse(tickets) as browser:
        headers = {**PAGE, "accept-language": language, "origin": ORIGIN}
        page = await browser.raw("POST", "/form", data=SENT, headers=headers)
    found = re.findall(r"<p>([\w-]+): ([^<]+)", page.text)
    # What is no message stays what it is, though it reads like one.
    assert found.pop() == ("owner", "This is missing.")
    assert dict(found) == SAID[language]
    assert f"<p>of a list: {SAID[language]['places-0']}" in page.text


class PlainForm(Form):
    name = StringField(validators=[InputRequired()])


class SpanishForm(PlainForm):
    class Meta:
        locales = ("es",)


@pytest.mark.parametrize(
    ("language", "form_class", "said"),
    [
        pytest.param("en", PlainForm, "This field is required.", id="the-language-of-the-messages"),
        pytest.param("de", PlainForm, "Dieses Feld wird benötigt.", id="the-only-language"),
        pytest.param("pt-BR", PlainForm, "Campo obrigatório.", id="its-country-is-not-there"),
        pytest.param("tlh", PlainForm, "This field is required.", id="unknown-to-the-library"),
        pytest.param("de", partial(PlainForm, prefix=""), "Dieses Feld wird benötigt.", id="what-makes-a-form"),
        pytest.param("de", SpanishForm, "Este campo es obligatorio.", id="chosen-by-the-app"),
    ],
)
def test_what_wtforms_says_is_said_in_a_language_of_the_site(language, form_class, said):
    form = bound_form(form_class, [("name", "")], max_characters=9, language=language)
    assert form.name.errors == [said]


@pytest.mark.parametrize("language", SAID)
async def test_what_is_wrong_with_input_is_said_by_field_in_the_language_of_its_page(tickets, browse, language):
    async with browse(tickets) as browser:
        headers = {**PAGE, "accept-language": language, "origin": ORIGIN}
        page = await browser.raw("POST", "/input", data={"title": "ab", "contact": "x"}, headers=headers)
        document = await browser.raw("POST", "/data", json={}, headers={"accept-language": language, "origin": ORIGIN})
    assert dict(re.findall(r"<p>([\w-]+): ([^<]+)", page.text)) == {
        "title": SAID[language]["places-0"],
        "contact": SAID[language]["contact"],
    }
    # A program reads the code.
    assert {each["message"] for each in json.loads(document.text)["errors"]} == {"This is missing."}
