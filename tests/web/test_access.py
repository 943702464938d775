"""Who may use a route: a table for the decision, and the gate round the route."""

from uuid import UUID

import pytest

from fastness import Because, JSONResponse, Routes, access
from fastness.kernel.verdicts import ALLOW
from fastness.sessions.identity import Identity
from fastness.web.access import Access, AccessFacts, AccessReason, AccessRuleError, All, AnyOf, decide_access
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


class Unknown(Access):
    pass


R = AccessReason


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
        pytest.param(access.fresh(minutes=9), person(authenticated_at=NOW + 5), "", R.NOT_FRESH, id="from-the-future"),
        pytest.param(access.permission("cases.add_note"), person(), "", None, id="permission"),
        pytest.param(access.permission("cases.add"), person(), "", R.NO_PERMISSION, id="permission-is-whole"),
        pytest.param(access.permission("cases.add_note"), None, "", R.NOT_SIGNED_IN, id="permission-nobody"),
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
        pytest.param(lambda: access.role(""), id="role-without-name"),
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


def test_rules_say_what_they_are():
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


async def test_no_body_is_read_before_the_decision(make_shop, browse, routes):
    shop = await make_shop(routes)
    received = []

    async def receive():
        received.append(1)
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
    assert received == []
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
