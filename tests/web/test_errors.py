"""What goes wrong is told to the log in full, to the visitor in general, and to a developer on this machine."""

import gc
import json
import weakref

import pytest
from starlette.exceptions import HTTPException

from fastness import HTMLResponse, JSONResponse, NotFoundError, Routes, Secret, access
from fastness.kernel.errors import FastnessError
from fastness.kernel.hosts import HostRules
from fastness.settings.profiles import Profile
from fastness.web import forms
from fastness.web.debug import frame_of
from tests.web.wire import ask

PAGE = {"accept": "text/html", "sec-fetch-mode": "navigate"}
WORD = "hunter2-never-shown"


@pytest.fixture
def routes():  # noqa: C901 - one short handler for each row of the tables
    routes = Routes(access=access.public)

    @routes.get("/boom/{name}")
    async def boom(request):
        password = WORD  # noqa: F841 - a local variable for the traceback page
        key = Secret(WORD)  # noqa: F841
        amount = 41  # noqa: F841
        raise RuntimeError(f"cannot open {request.path_params['name']}")

    @routes.get("/hidden")
    async def hidden(request):
        raise NotFoundError

    @routes.get("/foreign")
    async def foreign(request):
        raise HTTPException(418, "teapot", headers={"x-tea": "green"})

    @routes.get("/foreign/{case}")
    async def foreign_headers(request):
        raise HTTPException(
            400,
            headers={"x-name": "a\r\nb", "x\nname": "a", "x-tea": "ř", "content-type": "text/css", "x-kept": "yes"},
        )

    @routes.get("/nothing")
    async def nothing(request):
        raise HTTPException(204)

    @routes.get("/odd-value")
    async def odd_value(request):
        class Odd(str):
            __slots__ = ()

            def __repr__(self):
                raise RuntimeError

        odd = Odd("a")  # noqa: F841 - a local variable for the traceback page
        raise RuntimeError("odd")

    @routes.get("/store-goes-away")
    async def store_goes_away(request):
        request.session.set("a", 1)
        await request.site.store.close()
        raise NotFoundError

    @routes.post("/json")
    async def read(request):
        return JSONResponse(await request.json())

    @routes.get("/late")
    async def late(request):
        from starlette.responses import StreamingResponse

        async def chunks():
            yield b"half"
            raise RuntimeError("in the middle")

        return StreamingResponse(chunks())

    @routes.get("/nan")
    async def nan(request):
        return JSONResponse(float("nan"))

    return routes


@pytest.mark.asvs("V16.3.4", "V16.5.1")
@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        pytest.param("/boom/secret-file", 500, "unexpected", id="unexpected"),
        pytest.param("/hidden", 404, "not_found", id="hidden"),
        pytest.param("/none", 404, "not_found", id="no-route"),
        pytest.param("/foreign", 418, "foreign_refusal", id="starlettes-own"),
        pytest.param("/a//b", 400, "malformed_request", id="gate"),
        pytest.param("/nan", 500, "unexpected", id="nan-is-no-json"),
    ],
)
async def test_programs_get_a_problem_document_with_the_id_of_the_log(make_shop, browse, routes, path, status, code):
    shop = await make_shop(routes)
    async with browse(shop) as browser:
        page = await browser.fetch(path)
    assert page.headers["content-type"] == "application/problem+json"
    document = page.json()
    assert (page.status, document["status"], document["code"]) == (status, status, code)
    assert len(document["request_id"]) == 32
    assert "secret-file" not in page.text
    assert "Traceback" not in page.text


@pytest.mark.asvs("V16.5.1")
async def test_people_get_a_page_that_says_nothing_of_the_cause(make_shop, browse, routes, caplog):
    shop = await make_shop(routes)
    async with browse(shop) as browser:
        page = await browser.open("/boom/secret-file")
    assert page.status == 500
    for word in ("secret-file", WORD, "RuntimeError", "Traceback", "fastness/", "starlette"):
        assert word not in page.text
    assert "cannot open secret-file" in caplog.text
    logged = next(record for record in caplog.records if record.name == "fastness.errors")
    assert logged.request_id in page.text


@pytest.mark.asvs("V16.5.1")
async def test_an_error_never_echoes_input(make_shop, browse, routes):
    shop = await make_shop(routes)
    async with browse(shop) as browser:
        page = await browser.fetch(
            "/json", "POST", content=b'{"<script>": ' + WORD.encode(), headers={"content-type": "application/json"}
        )
    assert page.status == 400
    assert WORD not in page.text
    assert "<script>" not in page.text


async def test_a_headers_of_a_refusal_go_along(make_shop, browse, routes):
    shop = await make_shop(routes)
    async with browse(shop) as browser:
        page = await browser.raw("GET", "/foreign")
    assert page.headers["x-tea"] == "green"
    assert page.headers["x-frame-options"] == "DENY"


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
async def test_a_header_that_cannot_be_sent_does_not_cost_the_answer(make_shop, browse, routes, accept):
    shop = await make_shop(routes)
    async with browse(shop) as browser:
        page = await browser.raw("GET", "/foreign/headers", headers={"accept": accept})
    assert page.status == 400
    assert (page.headers["x-kept"], page.headers["x-frame-options"]) == ("yes", "DENY")
    assert {"x-name", "x-tea"}.isdisjoint(page.headers)
    assert len(page.headers.get_list("content-type")) == 1


async def test_a_status_without_a_body_has_none(make_shop, browse, routes):
    shop = await make_shop(routes)
    async with browse(shop) as browser:
        page = await browser.raw("GET", "/nothing")
    assert (page.status, page.text) == (204, "")


async def test_an_answer_leaves_with_the_headers_even_if_the_session_cannot_be_saved(make_shop, browse, routes):
    shop = await make_shop(routes)
    async with browse(shop) as browser:
        page = await browser.raw("GET", "/store-goes-away", headers=PAGE)
    assert (page.status, page.headers["x-frame-options"]) == (404, "DENY")
    assert "set-cookie" not in page.headers
    assert shop.names() == ["store_unavailable"]


async def test_half_a_response_is_cut_off_and_not_patched_up(make_shop, routes, caplog):
    shop = await make_shop(routes)
    sent = []

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"spec_version": "2.4"},
        "http_version": "1.1",
        "method": "GET",
        "path": "/late",
        "raw_path": b"/late",
        "query_string": b"",
        "root_path": "",
        "scheme": "https",
        "client": ("1.2.3.4", 5),
        "server": ("x", 1),
        "headers": [(b"host", b"shop.example")],
    }
    with pytest.raises(RuntimeError, match="in the middle"):
        await shop.app(scope, receive, send)
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
    assert "in the middle" in caplog.text


DEVELOPMENT = {
    "profile": Profile.DEVELOPMENT,
    "is_https_required": False,
    "hosts": HostRules(allowed=("localhost", "shop.example")),
}


async def test_a_developer_on_this_machine_sees_the_story_without_the_secrets(make_shop, browse, routes):
    shop = await make_shop(routes, settings=DEVELOPMENT)
    async with browse(shop, origin="http://localhost") as browser:
        secret_headers = {"cookie": f"a={WORD}", "authorization": WORD, "x-api-key": WORD, "x-auth": WORD}
        page = await browser.raw("GET", "/boom/file-7", headers={**PAGE, **secret_headers})
    assert page.status == 500
    assert "cannot open file-7" in page.text
    assert "amount" in page.text
    assert "41" in page.text
    assert WORD not in page.text.replace(f"WORD = &#34;{WORD}", "")


async def test_a_value_that_cannot_be_shown_does_not_cost_the_story(make_shop, browse, routes):
    shop = await make_shop(routes, settings=DEVELOPMENT)
    async with browse(shop, origin="http://localhost") as browser:
        page = await browser.raw("GET", "/odd-value", headers=PAGE)
    assert page.status == 500
    assert "RuntimeError" in page.text
    assert "Odd" in page.text


class SlowDatabaseError(FastnessError):
    """The `database` takes its time."""


async def test_the_story_says_once_what_several_levels_said_and_what_is_wrong_in_this_case(make_shop, browse, routes):
    @routes.get("/again")
    async def again(request):
        try:
            try:
                try:
                    int("ten")
                except ValueError as error:
                    raise SlowDatabaseError("the table is locked") from error
            except SlowDatabaseError as error:
                raise SlowDatabaseError("the table is locked") from error
        except SlowDatabaseError as error:
            raise SlowDatabaseError("the table is locked") from error

    shop = await make_shop(routes, settings=DEVELOPMENT)
    async with browse(shop, origin="http://localhost") as browser:
        page = await browser.raw("GET", "/again", headers=PAGE)
    assert "<h1>The database takes its time.</h1>" in page.text
    assert "<p>The table is locked</p>" in page.text
    assert page.text.count("Because of") == 1
    assert "invalid literal for int()" in page.text


@pytest.mark.parametrize("length", [1, 3])
async def test_the_story_of_an_exception_that_caused_itself_has_an_end(make_shop, browse, routes, length):
    """As SQLAlchemy raises what a listener has raised: from the very same exception."""

    @routes.get("/circle")
    async def circle(request):
        errors = [SlowDatabaseError("the table is locked") for _ in range(length)]
        for error, cause in zip(errors, errors[1:] + errors[:1], strict=True):
            error.__cause__ = cause
        raise errors[0]

    shop = await make_shop(routes, settings=DEVELOPMENT)
    async with browse(shop, origin="http://localhost") as browser:
        page = await browser.raw("GET", "/circle", headers=PAGE)
    assert "<p>The table is locked</p>" in page.text


@pytest.mark.parametrize(
    ("file", "is_app"),
    [
        pytest.param("/home/ada/site/site_app/app.py", True, id="an-app"),
        pytest.param("/home/ada/fastness/examples/casebook/casebook/app.py", True, id="below-a-folder-of-our-name"),
        pytest.param(forms.__file__, False, id="ours"),
        pytest.param(json.__file__, False, id="pythons"),
        pytest.param("/home/ada/site/.venv/lib/python3.13/site-packages/wtforms/form.py", False, id="installed"),
    ],
)
def test_values_are_shown_of_the_app_alone(file, is_app):
    names = {}
    exec(compile("def frame():\n    import sys\n    return sys._getframe()", file, "exec"), names)  # noqa: S102
    shown = frame_of(names["frame"](), 1)
    assert (shown.is_app, bool(shown.values)) == (is_app, is_app)


@pytest.mark.asvs("V13.4.2")
@pytest.mark.parametrize(
    ("profile", "client_ip", "headers"),
    [
        pytest.param({}, "127.0.0.1", PAGE, id="production"),
        pytest.param(DEVELOPMENT, "192.0.2.5", PAGE, id="another-machine"),
        pytest.param(DEVELOPMENT, "192.0.2.5", {**PAGE, "x-forwarded-for": "127.0.0.1"}, id="a-header-is-no-machine"),
        pytest.param(DEVELOPMENT, "127.0.0.1", {"accept": "*/*"}, id="a-program"),
        pytest.param(DEVELOPMENT, "127.0.0.1", {**PAGE, "X-Forwarded-For": "192.0.2.5"}, id="a-tunnel-on-this-machine"),
        pytest.param(DEVELOPMENT, "127.0.0.1", {**PAGE, "x-forwarded-host": "a.example"}, id="a-tunnel-tells-the-host"),
        pytest.param(DEVELOPMENT, "127.0.0.1", {**PAGE, "forwarded": "for=192.0.2.5"}, id="a-standard-proxy"),
        pytest.param(DEVELOPMENT, "127.0.0.1", {**PAGE, "via": "1.1 tunnel"}, id="a-proxy-names-itself"),
        pytest.param(DEVELOPMENT, "127.0.0.1", {**PAGE, "x-real-ip": "192.0.2.5"}, id="a-small-proxy"),
        pytest.param(DEVELOPMENT, "127.0.0.1", {**PAGE, "cf-connecting-ip": "192.0.2.5"}, id="a-content-network"),
        pytest.param(DEVELOPMENT, "127.0.0.1", {**PAGE, "tailscale-user-login": "a@b"}, id="a-private-network"),
    ],
)
async def test_nobody_else_does(make_shop, browse, routes, profile, client_ip, headers):
    shop = await make_shop(routes, settings=profile)
    async with browse(shop, client_ip=client_ip) as browser:
        page = await browser.raw("GET", "/boom/file-7", headers=headers)
    assert page.status == 500
    assert "file-7" not in page.text


async def test_another_machine_may_show_the_token(make_shop, browse, routes):
    token = "T0ken-that-dev-printed-on-the-terminal"
    shop = await make_shop(routes, settings={**DEVELOPMENT, "debug_token": Secret(token)})
    async with browse(shop, client_ip="192.0.2.5") as browser:
        await browser.open("/-/debug")
        assert (await browser.submit("/-/debug", token="guess")).status == 403
        assert "file-7" not in (await browser.open("/boom/file-7")).text
        await browser.open("/-/debug")
        await browser.submit("/-/debug", token=token)
        assert "file-7" in (await browser.open("/boom/file-7")).text


async def test_without_a_token_there_is_no_such_page(make_shop, browse, routes):
    shop = await make_shop(routes, settings=DEVELOPMENT)
    async with browse(shop) as browser:
        assert (await browser.open("/-/debug")).status == 404


@pytest.mark.asvs("V16.5.4")
async def test_an_apps_own_error_page_that_breaks_still_answers(make_shop, browse, routes, tmp_path):
    folder = tmp_path / "templates" / "errors"
    folder.mkdir(parents=True)
    (folder / "page.html").write_text("{{ no_such_name }}")
    shop = await make_shop(routes, templates=tmp_path / "templates")
    async with browse(shop) as browser:
        page = await browser.open("/none")
    assert page.status == 404
    assert "Something went wrong" in page.text


async def test_json_for_json(make_shop, browse, routes):
    @routes.get("/values")
    async def values(request):
        return JSONResponse({"a": ["é", 1, None, True, 1.5, {"</script>": "\u2028"}]})

    shop = await make_shop(routes)
    async with browse(shop) as browser:
        page = await browser.fetch("/values")
    assert json.loads(page.text) == {"a": ["é", 1, None, True, 1.5, {"</script>": "\u2028"}]}


async def test_templates_escape_and_refuse_unknown_names(make_shop, browse, routes, tmp_path):
    from fastness import render

    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "a.txt").write_text("{{ text }}")
    (tmp_path / "t" / "b.html").write_text("{{ unknown }}")

    @routes.get("/escaped")
    async def escaped(request):
        return render(request, "a.txt", text="<script>")

    @routes.get("/unknown")
    async def unknown(request):
        return render(request, "b.html")

    @routes.get("/plain")
    async def plain(request):
        return HTMLResponse("<p>")

    shop = await make_shop(routes, templates=tmp_path / "t")
    async with browse(shop) as browser:
        assert (await browser.fetch("/escaped")).text == "&lt;script&gt;"
        assert (await browser.fetch("/unknown")).status == 500


async def test_a_refusal_is_gone_with_its_answer(make_shop):
    """Kept in a circle with the frames that it went through, each would wait for the collector with all that they hold."""
    routes = Routes(access=access.public)
    refusals = []

    def refusal():
        error = NotFoundError()
        refusals.append(weakref.ref(error))
        return error

    @routes.get("/refused")
    async def refused(request):
        raise refusal()

    shop = await make_shop(routes)
    gc.disable()
    try:
        status, _ = await ask(shop.app, path="/refused")
        assert (status, refusals[0]()) == (404, None)
    finally:
        gc.enable()
