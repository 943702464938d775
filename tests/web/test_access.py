"""Who may use a route: a table for the decision, and the gate round the route."""

import re
from dataclasses import replace
from uuid import UUID

import pytest

from fastness import Because, JSONResponse, Permissions, Routes, access, render
from fastness.authz.permissions import UnknownPermissionError
from fastness.kernel.verdicts import ALLOW
from fastness.sessions.identity import Identity
from fastness.web.access import (
    Access,
    AccessFacts,
    AccessReason,
    AccessRuleError,
    All,
    AnyOf,
    conceals,
    decide_access,
)
from fastness.web.exchange import BEFORE_ACCESS, BEFORE_HANDLER, SCOPE_KEY, STAMP_NAMES, Exchange

NOW = 1_000_000.0


def person(**changes) -> Identity:
    values = {
        "id": UUID(int=7),
        "username": "ada",
        "display_name": "Ada",
        "is_staff": False,
        "roles": frozenset({"editors"}),
        "permissions": frozenset({"cases.add_note"}),
        "authenticated_at": NOW - 600,
        "epoch": 0,
    }
    return Identity(**{**values, **changes})


def superuser() -> Identity:
    return person(roles=frozenset({"superuser"}), permissions=frozenset())


async def asks_somebody_else(identity):
    return True


class NotePermissions(Permissions):
    ADD = "cases.add_note", "May add a note."


class Notes:
    ADD = access.permission(NotePermissions.ADD)


class Unknown(Access):
    pass


R = AccessReason


@pytest.mark.asvs("V8.2.1")
@pytest.mark.parametrize(
    ("rule", "identity", "client_ip", "reason"),
    [
        pytest.param(access.public, None, "", None, id="public"),
        pytest.param(access.signed_in, person(), "", None, id="signed-in"),
        pytest.param(access.signed_in, None, "", R.NOT_SIGNED_IN, id="signed-in-nobody"),
        pytest.param(access.second_factor, person(second_factor_at=NOW), "", None, id="second-factor"),
        pytest.param(access.second_factor, person(), "", R.NO_SECOND_FACTOR, id="second-factor-missing"),
        pytest.param(access.second_factor, None, "", R.NOT_SIGNED_IN, id="second-factor-nobody"),
        pytest.param(access.fresh(minutes=10), person(), "", None, id="fresh-to-the-second"),
        pytest.param(access.fresh(minutes=9), person(), "", R.NOT_FRESH, id="no-longer-fresh"),
        pytest.param(access.fresh(minutes=9), person(second_factor_at=NOW - 1), "", None, id="fresh-by-second-factor"),
        pytest.param(
            access.fresh(minutes=9),
            person(authenticated_at=NOW, second_factor_at=NOW - 541),
            "",
            R.NOT_FRESH,
            id="a-password-is-half-of-two",
        ),
        pytest.param(access.fresh(minutes=9), person(authenticated_at=NOW + 5), "", R.NOT_FRESH, id="from-the-future"),
        pytest.param(access.permission("cases.add_note"), person(), "", None, id="permission"),
        pytest.param(access.permission("cases.add"), person(), "", R.NO_PERMISSION, id="permission-is-whole"),
        pytest.param(access.permission("cases.add_note"), None, "", R.NOT_SIGNED_IN, id="permission-nobody"),
        pytest.param(Notes.ADD, person(), "", None, id="permission-of-an-enum"),
        pytest.param(access.permission("cases.close"), superuser(), "", None, id="permission-of-a-superuser"),
        pytest.param(access.permission("cases.close"), person(is_staff=True), "", R.NO_PERMISSION, id="staff-is-none"),
        pytest.param(access.role("editors"), superuser(), "", R.NO_ROLE, id="a-superuser-has-no-other-role"),
        pytest.param(access.role("superuser"), superuser(), "", None, id="role-superuser"),
        pytest.param(access.second_factor, superuser(), "", R.NO_SECOND_FACTOR, id="a-superuser-proves-like-others"),
        pytest.param(access.hidden(access.role("editors")), person(), "", None, id="hidden"),
        pytest.param(access.hidden(access.role("owners")), person(), "", R.NO_ROLE, id="hidden-role-missing"),
        pytest.param(access.hidden(access.role("owners")), None, "", R.NOT_SIGNED_IN, id="hidden-nobody"),
        pytest.param(access.role("editors"), person(), "", None, id="role"),
        pytest.param(access.role("owners"), person(), "", R.NO_ROLE, id="role-missing"),
        pytest.param(access.network("10.0.0.0/8"), None, "10.1.2.3", None, id="network"),
        pytest.param(access.network("10.0.0.0/8"), None, "11.1.2.3", R.NETWORK, id="network-outside"),
        pytest.param(access.network("10.0.0.0/8"), None, "::ffff:10.1.2.3", None, id="network-mapped"),
        pytest.param(access.network("2001:db8::/32"), None, "2001:db8::1", None, id="network-v6"),
        pytest.param(access.network("10.0.0.0/8"), None, "", R.NETWORK, id="network-without-address"),
        pytest.param(access.network("10.0.0.0/8"), None, "10.1.2.3, evil", R.NETWORK, id="network-unreadable"),
        pytest.param(access.test(lambda who: who.username == "ada"), person(), "", None, id="test"),
        pytest.param(access.test(lambda who: False), person(), "", R.TEST_FAILED, id="test-says-no"),
        pytest.param(access.test(lambda who: "yes"), person(), "", R.TEST_FAILED, id="test-says-something-truthy"),
        pytest.param(access.test(lambda who: True), None, "", R.NOT_SIGNED_IN, id="test-nobody"),
        pytest.param(access.signed_in & access.role("editors"), person(), "", None, id="and"),
        pytest.param(access.signed_in & access.role("owners"), person(), "", R.NO_ROLE, id="and-second-denies"),
        pytest.param(access.role("owners") & access.signed_in, person(), "", R.NO_ROLE, id="and-first-denies"),
        pytest.param(access.role("owners") | access.role("editors"), person(), "", None, id="or"),
        pytest.param(access.role("owners") | access.second_factor, person(), "", R.NO_SECOND_FACTOR, id="or-none"),
        pytest.param(access.network("10.0.0.0/8") | access.signed_in, None, "1.1.1.1", R.NOT_SIGNED_IN, id="or-nobody"),
        pytest.param(All(()), person(), "", R.UNKNOWN_RULE, id="and-of-nothing-denies"),
        pytest.param(AnyOf(()), person(), "", R.UNKNOWN_RULE, id="or-of-nothing-denies"),
        pytest.param(Unknown(), person(), "", R.UNKNOWN_RULE, id="unknown-rule-denies"),
        pytest.param(Unknown(), None, "", R.NOT_SIGNED_IN, id="unknown-rule-denies-nobody"),
    ],
)
def test_the_decision(rule, identity, client_ip, reason):
    verdict = decide_access(rule, AccessFacts(identity=identity, client_ip=client_ip, now=NOW))
    assert (None if verdict is ALLOW else verdict.reason) == reason


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: access.permission("no_dot"), id="permission-without-part"),
        pytest.param(lambda: access.permission(" a.b"), id="permission-with-space"),
        pytest.param(lambda: access.permission("cases.Add"), id="permission-with-capital"),
        pytest.param(lambda: access.permission("c\u0430ses.add"), id="permission-with-cyrillic"),
        pytest.param(lambda: access.permission("cases.add\u200b"), id="permission-with-invisible"),
        pytest.param(lambda: access.permission(None), id="permission-none"),
        pytest.param(lambda: access.role(""), id="role-without-name"),
        pytest.param(lambda: access.role("Editors"), id="role-with-capital"),
        pytest.param(lambda: access.role("\u0455uperuser"), id="role-with-cyrillic"),
        pytest.param(lambda: access.test(asks_somebody_else), id="test-that-is-async"),
        pytest.param(lambda: access.hidden(access.public), id="hidden-from-nobody"),
        pytest.param(lambda: access.hidden("role"), id="hidden-without-rule"),
        pytest.param(access.network, id="network-without-networks"),
        pytest.param(lambda: access.network("10.0.0.1/8"), id="network-with-host-bits"),
        pytest.param(lambda: access.fresh(minutes=0), id="fresh-for-no-time"),
        pytest.param(lambda: access.test("name"), id="test-without-function"),
        pytest.param(lambda: access.requires("public"), id="requires-without-rule"),
    ],
)
def test_a_rule_that_cannot_be_right_is_refused(make):
    with pytest.raises(AccessRuleError):
        make()


@pytest.mark.parametrize(
    ("rule", "identity", "is_concealed"),
    [
        pytest.param(access.hidden(access.role("owners")), person(), True, id="refused"),
        pytest.param(access.hidden(access.role("owners")), None, True, id="refused-nobody"),
        pytest.param(access.role("owners"), person(), False, id="not-hidden"),
        pytest.param(access.hidden(access.role("owners")) & access.fresh(minutes=5), person(), True, id="and"),
        pytest.param(access.hidden(access.role("editors")) & access.fresh(minutes=5), person(), False, id="and-knows"),
        pytest.param(access.signed_in & access.hidden(access.role("owners")), None, False, id="asked-before"),
        pytest.param(access.signed_in & access.hidden(access.role("owners")), person(), True, id="asked-after"),
        pytest.param(access.role("owners") | access.hidden(access.second_factor), person(), True, id="or"),
        pytest.param(access.hidden(access.signed_in & access.role("owners")), person(), True, id="and-inside"),
        pytest.param(access.hidden(access.hidden(access.role("owners"))), person(), True, id="twice"),
    ],
)
def test_whom_a_refusal_tells_that_there_is_nothing(rule, identity, is_concealed):
    facts = AccessFacts(identity=identity, client_ip="", now=NOW)
    assert decide_access(rule, facts) is not ALLOW
    assert conceals(rule, facts) is is_concealed


def test_rules_say_what_they_are():
    assert str(access.hidden(access.role("owners"))) == "hidden(role(owners))"
    rule = access.signed_in & (access.role("owners") | access.permission("cases.close"))
    assert str(rule) == "signed_in & (role(owners) | permission(cases.close))"


@pytest.fixture
def routes():
    routes = Routes()
    read = []

    @routes.get("/private", access=access.signed_in)
    async def private(request):
        return JSONResponse(request.user.username)

    @routes.post("/private", access=access.signed_in)
    async def write(request):
        read.append(await request.body())
        return JSONResponse("written")

    @routes.get("/owners", access=access.role("owners"))
    async def owners(request):
        return JSONResponse("owners")

    @routes.get("/public", access=access.public)
    async def public(request):
        return JSONResponse(request.user.username)

    @routes.post("/sign-in", access=access.public, insecure_skip_csrf=Because("a test signs somebody in"))
    async def sign_in(request):
        request.site.sessions.sign_in(request.session, person(authenticated_at=request.site.clock.epoch()))
        return JSONResponse("in")

    routes.read = read
    return routes


async def test_people_are_sent_to_sign_in_and_back_programs_get_401(make_shop, browse, routes):
    shop = await make_shop(routes)
    async with browse(shop) as browser:
        page = await browser.open("/private?a=1&b=//evil")
        assert page.url == "https://shop.example/account/sign-in?next=/private%3Fa%3D1%26b%3D//evil"
        assert (await browser.fetch("/private")).status == 401
    assert shop.names() == ["authz_fail", "authz_fail"]


@pytest.mark.asvs("V8.3.1")
async def test_no_body_is_read_before_the_decision(make_shop, browse, routes):
    shop = await make_shop(routes)
    received = []

    async def receive():
        received.append(shop.names())
        return {"type": "http.request", "body": b"x" * 10, "more_body": True}

    async def send(message):
        sent.append(message)

    sent = []
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "path": "/private",
        "raw_path": b"/private",
        "query_string": b"",
        "root_path": "",
        "scheme": "https",
        "client": ("1.2.3.4", 5),
        "server": ("x", 1),
        "headers": [(b"host", b"shop.example"), (b"content-length", b"10"), (b"content-type", b"text/plain")],
    }
    await shop.app(scope, receive, send)
    assert sent[0]["status"] == 401
    # Dropped, so that whoever sends it hears the answer; no gate and no handler has seen it.
    assert all(events == ["authz_fail"] for events in received)
    assert routes.read == []


async def test_a_signed_in_person_passes_and_may_still_be_refused(make_shop, browse, routes):
    shop = await make_shop(routes)
    async with browse(shop) as browser:
        await browser.fetch("/sign-in", "POST")
        assert (await browser.fetch("/private")).json() == "ada"
        assert (await browser.fetch("/owners")).status == 403
    assert shop.reasons()[-1] == "no_role"
    assert shop.events.events[-1].user_id == str(UUID(int=7))


async def test_nobody_is_not_a_user(make_shop, browse, routes):
    shop = await make_shop(routes)
    async with browse(shop) as browser:
        assert (await browser.fetch("/public")).status == 401


@pytest.mark.asvs("V8.3.1", "V16.5.3")
@pytest.mark.parametrize("bit", [bit for bit in STAMP_NAMES if bit & BEFORE_HANDLER])
async def test_a_gate_that_did_not_run_closes_the_site(make_shop, browse, routes, bit):
    shop = await make_shop(routes)
    await shop.app.open()

    # The stage still runs, but its stamp is taken away before the last gate looks: as if it had been skipped.
    class Forgetful(Exchange):
        @property
        def stamps(self):
            return self.__dict__.get("stamps", 0) & ~bit

        @stamps.setter
        def stamps(self, value):
            self.__dict__["stamps"] = value

    pipeline = shop.app._pipeline
    original = pipeline.app

    async def forget(scope, receive, send):
        scope[SCOPE_KEY].__class__ = Forgetful
        await original(scope, receive, send)

    async with browse(shop) as browser:
        await browser.fetch("/sign-in", "POST")
        assert (await browser.fetch("/private")).status == 200
        pipeline.app = forget
        page = await browser.fetch("/private")
    assert page.status == 500
    assert shop.names()[-1] == "pipeline_fault"
    name = STAMP_NAMES[bit]
    assert bit & BEFORE_ACCESS or name in {"access", "form token", "unit of work"}


# What the app declares.


async def test_a_permission_that_nobody_declared_stops_the_start_and_names_route_and_near_matches(make_shop):
    routes = Routes()

    @routes.post("/notes", access=access.signed_in & (access.role("x") | access.permission("cases.add_noet")))
    async def add_note(request):
        return JSONResponse("added")

    with pytest.raises(UnknownPermissionError) as caught:
        await make_shop(routes, permissions=[NotePermissions])
    message = str(caught.value)
    for part in ("'/notes'", "add_note", __file__, "'cases.add_noet'", "Did you mean 'cases.add_note'"):
        assert part in message


@pytest.mark.parametrize(
    "rule",
    [
        pytest.param(access.permission("cases.add_note"), id="route"),
        pytest.param(access.hidden(access.permission("cases.add_note")), id="hidden"),
        pytest.param(access.public & access.permission("cases.add_note"), id="and"),
    ],
)
async def test_declared_permissions_start(make_shop, rule):
    routes = Routes(access=rule)

    @routes.get("/notes")
    async def notes(request):
        return JSONResponse("notes")

    shop = await make_shop(routes, permissions=[NotePermissions])
    assert {"cases.add_note", "accounts.grant_roles"} <= set(shop.app.permissions)
    with pytest.raises(UnknownPermissionError):
        await make_shop(routes)


# Superusers.


@pytest.fixture
def superuser_routes(tmp_path):
    (tmp_path / "show.html").write_text("<p>{% if user.may('cases.add_note') %}may{% endif %}</p>")
    routes = Routes(access=access.signed_in)

    entry = Routes(access=access.public)

    @entry.post("/enter/{kind}", insecure_skip_csrf=Because("a test signs somebody in"))
    async def enter(request):
        make = {"superuser": superuser, "person": person}[request.path_params["kind"]]
        identity = replace(make(), authenticated_at=request.site.clock.epoch())
        request.site.sessions.sign_in(request.session, identity)
        return JSONResponse("in")

    @routes.get("/plain")
    async def plain(request):
        return JSONResponse(request.user.is_superuser)

    @routes.get("/rule", access=access.permission(NotePermissions.ADD))
    async def rule(request):
        return JSONResponse([request.user.may(NotePermissions.ADD), request.user.may("accounts.view_users")])

    @routes.get("/either", access=access.permission(NotePermissions.ADD) | access.signed_in)
    async def either(request):
        return JSONResponse("either")

    @routes.get("/handler")
    async def handler(request):
        return JSONResponse([request.user.may("cases.add_note") for _ in range(3)])

    @routes.get("/template")
    async def template(request):
        return render(request, "show.html")

    @routes.get("/tested", access=access.test(lambda identity: identity.may("cases.add_note")))
    async def tested(request):
        return JSONResponse("tested")

    return [entry, routes]


@pytest.mark.parametrize(
    ("kind", "path", "told"),
    [
        pytest.param("superuser", "/plain", [], id="nothing-was-needed"),
        pytest.param("superuser", "/either", [], id="would-have-passed-anyway"),
        pytest.param("superuser", "/rule", ["signed_in & permission(cases.add_note)"], id="rule-and-handler-once"),
        pytest.param("superuser", "/handler", ["cases.add_note"], id="handler"),
        pytest.param("superuser", "/template", ["cases.add_note"], id="template"),
        pytest.param("superuser", "/tested", ["signed_in & test(<lambda>)"], id="test"),
        pytest.param("person", "/rule", [], id="who-holds-it"),
        pytest.param("person", "/handler", [], id="handler-who-holds-it"),
    ],
)
async def test_a_superuser_s_use_of_it_is_told_once_for_each_request(
    make_shop, browse, superuser_routes, tmp_path, kind, path, told
):
    shop = await make_shop(*superuser_routes, permissions=[NotePermissions], templates=tmp_path)
    async with browse(shop) as browser:
        await browser.fetch(f"/enter/{kind}", "POST")
        shop.events.events.clear()
        assert (await browser.fetch(path)).status == 200
        assert [(event.name.value, event.reason, event.detail["used_for"]) for event in shop.events.events] == [
            ("authz_admin", "superuser", what) for what in told
        ]
        assert {event.user_id for event in shop.events.events} <= {str(UUID(int=7))}
        if told:
            assert (await browser.fetch(path)).status == 200
            assert len(shop.events.events) == 2


# What the refused are told.


@pytest.fixture
def told_routes():
    routes = Routes()

    @routes.post("/enter", access=access.public, insecure_skip_csrf=Because("a test signs somebody in"))
    async def enter(request):
        request.site.sessions.sign_in(request.session, person(authenticated_at=request.site.clock.epoch() - 600))
        return JSONResponse("in")

    @routes.get("/fresh", access=access.fresh(minutes=5))
    async def fresh(request):
        return JSONResponse("fresh")

    @routes.get("/factor", access=access.second_factor)
    async def factor(request):
        return JSONResponse("factor")

    @routes.get("/owners", access=access.role("owners") & access.fresh(minutes=5))
    async def owners(request):
        return JSONResponse("owners")

    hidden = Routes("/hidden", access=access.hidden(access.role("owners")))

    @hidden.get("/page", framing="same-origin")
    async def page(request):
        return JSONResponse("secret")

    @hidden.post("/page")
    async def write(request):
        return JSONResponse("written")

    @hidden.get("/slash/")
    async def slash(request):
        return JSONResponse("secret")

    @hidden.websocket("/socket")
    async def socket(connection):
        await connection.accept()

    ours = Routes("/ours", access=access.hidden(access.role("editors")))

    @ours.get("/page")
    async def our_page(request):
        return JSONResponse("for editors")

    @ours.get("/danger", access=access.fresh(minutes=5))
    async def danger(request):
        return JSONResponse("danger")

    return [routes, hidden, ours]


@pytest.mark.parametrize(
    ("path", "code", "reason"),
    [
        pytest.param("/fresh", "fresh_sign_in_required", "not_fresh", id="not-fresh"),
        pytest.param("/factor", "second_factor_required", "no_second_factor", id="no-second-factor"),
        pytest.param("/owners", "access_refused", "no_role", id="no-role-first"),
        pytest.param("/ours/danger", "fresh_sign_in_required", "not_fresh", id="who-knows-of-it"),
    ],
)
async def test_somebody_who_could_do_something_about_it_is_told_what(
    make_shop, browse, told_routes, path, code, reason
):
    shop = await make_shop(*told_routes)
    async with browse(shop) as browser:
        await browser.fetch("/enter", "POST")
        answer = await browser.fetch(path)
        assert (answer.status, answer.json()["code"]) == (403, code)
        assert shop.reasons()[-1] == reason
        page = await browser.from_site(browser.origin, path, "GET")
        if code == "fresh_sign_in_required":
            assert (page.status, page.headers["location"]) == (303, f"/account/confirm?next={path}")
        else:
            assert page.status == 403
            assert answer.json()["detail"] in page.text


def comparable(answer):
    headers = {name: re.sub(r"nonce-[^']+", "", value) for name, value in answer.headers.items()}
    if answer.text.startswith("{"):
        document = answer.json()
        document.pop("request_id")
        return answer.status, headers, document
    return answer.status, headers, re.sub(r"[0-9a-f]{32}", "", answer.text)


LOOKS = {
    "program": {},
    "page": {"accept": "text/html"},
    "made-up-session": {"cookie": "__Host-session=" + "x" * 43},
    "token": {"authorization": "Bearer x"},
    "cross-site": {"sec-fetch-site": "cross-site", "origin": "https://evil.example"},
}


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("is_signed_in", [pytest.param(False, id="nobody"), pytest.param(True, id="somebody")])
async def test_what_is_hidden_answers_like_nothing(make_shop, browse, told_routes, look, is_signed_in):
    shop = await make_shop(*told_routes)
    async with browse(shop) as browser:
        if is_signed_in:
            await browser.fetch("/enter", "POST")
        for path in ("/hidden/page", "/hidden/slash", "/hidden/page/", "/hidden/slash/", "/hidden/socket"):
            for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"):
                found = await browser.fetch(path, method, headers=LOOKS[look])
                nothing = await browser.fetch(path.replace("hidden", "nowhere"), method, headers=LOOKS[look])
                assert found.status == 404, (path, method)
                assert comparable(found) == comparable(nothing), (path, method)


async def test_who_is_refused_by_a_hidden_rule_is_in_the_events(make_shop, browse, told_routes):
    shop = await make_shop(*told_routes)
    async with browse(shop) as browser:
        await browser.fetch("/enter", "POST")
        shop.events.events.clear()
        await browser.fetch("/hidden/page")
    assert [(event.name.value, event.reason, event.route) for event in shop.events.events] == [
        ("authz_fail", "no_role", "page")
    ]


async def test_what_is_hidden_from_others_is_there_for_its_people(make_shop, browse, told_routes):
    shop = await make_shop(*told_routes)
    async with browse(shop) as browser:
        assert (await browser.fetch("/ours/page")).status == 404
        await browser.fetch("/enter", "POST")
        assert (await browser.fetch("/ours/page")).json() == "for editors"


async def test_with_the_store_away_what_is_hidden_stays_so(make_shop, browse, told_routes):
    shop = await make_shop(*told_routes)
    async with browse(shop) as browser:
        await browser.fetch("/enter", "POST")
        await shop.app.services.store.close()
        assert (await browser.fetch("/ours/page")).status == 404
        assert (await browser.fetch("/owners")).status == 503
        await shop.app.services.store.open()
