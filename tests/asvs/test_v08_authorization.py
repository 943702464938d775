"""V8, authorization: nothing is open that nobody opened, nothing a visitor sends counts, and a change counts at once."""

import pytest

from fastness import Because, JSONResponse, Permissions, Routes, access
from fastness.auth.factor_rules import SecondFactorRules
from fastness.auth.factors import Factors
from fastness.auth.own_password import OwnPassword
from fastness.auth.roles import find_role
from fastness.auth.users import find_user
from fastness.kernel.errors import ConfigError
from fastness.web.access import public
from tests.accounts.conftest import PASSWORD, make_account
from tests.web.conftest import browse, clock, make_shop, migrated

__all__ = ["browse", "clock", "make_account", "make_shop", "migrated"]

OPERATOR = Because("an operator of the tests")


class ShopPermissions(Permissions):
    REFUND = "orders.refund", "May give money back."


@pytest.fixture
def routes():
    routes = Routes()

    @routes.get("/", access=access.public)
    async def home(request):
        return JSONResponse("home")

    @routes.get("/mine", access=access.signed_in)
    async def mine(request):
        return JSONResponse("mine")

    @routes.get("/refund", access=access.permission(ShopPermissions.REFUND))
    @routes.post("/refund", access=access.permission(ShopPermissions.REFUND))
    async def refund(request):
        return JSONResponse("refund")

    @routes.get("/editors", access=access.role("editors"))
    async def editors(request):
        return JSONResponse("editors")

    @routes.get("/both", access=access.role("editors") & access.permission(ShopPermissions.REFUND))
    async def both(request):
        return JSONResponse("both")

    return routes


@pytest.fixture
async def shop(make_shop, migrated, routes, make_account):
    # With a password alone: what is tried here is what somebody may.
    alone = SecondFactorRules(insecure_unenforced=Because("what is tried here needs a password alone"))
    shop = await make_shop(routes, permissions=[ShopPermissions], settings={"second_factors": alone})
    await make_account(shop, "ada")
    return shop


async def test_v8_2_1_a_route_without_a_rule_stops_the_start(make_shop):
    routes = Routes()

    @routes.get("/forgotten")
    async def forgotten(request):
        return JSONResponse("open")

    with pytest.raises(ConfigError, match="forgotten"):
        await make_shop(routes)


async def test_v8_2_1_every_route_of_the_table_refuses_who_has_no_right_to_it(shop, browse):
    """Each route with a rule, ours and the account pages, as a stranger and as somebody who may nothing."""
    guarded = [route for route in shop.app.routes if route.access != public and "{" not in route.path]
    assert len(guarded) > 20
    async with browse(shop) as stranger, browse(shop) as bare:
        await bare.sign_in("ada", PASSWORD)
        for route in guarded:
            for method in route.methods - {"HEAD", "OPTIONS"}:
                assert (await stranger.fetch(route.path, method)).status in {401, 404}, (method, route.path)
        for path in ("/refund", "/editors", "/both"):
            assert (await bare.fetch(path)).status == 403
        assert (await bare.fetch("/mine")).json() == "mine"


CLAIMS = {"role": "editors", "roles": "editors", "permissions": "orders.refund", "is_superuser": "true", "admin": "1"}


@pytest.mark.parametrize("where", ["query", "headers", "cookies", "body"])
async def test_v8_3_1_what_a_visitor_says_about_their_rights_is_not_heard(shop, browse, where):
    async with browse(shop) as browser:
        await browser.sign_in("ada", PASSWORD)
        sent = {}
        query = "?" + "&".join(f"{name}={value}" for name, value in CLAIMS.items()) if where == "query" else ""
        if where == "headers":
            names = {f"x-{name.replace('_', '-')}": value for name, value in CLAIMS.items()}
            sent["headers"] = {**names, "x-user": "root", "x-original-url": "/", "x-forwarded-user": "root"}
        if where == "cookies":
            own = "; ".join(f"{name}={cookie.value}" for name, cookie in browser.cookies.items())
            claims = "; ".join(f"{name}={value}" for name, value in CLAIMS.items())
            sent["headers"] = {"cookie": f"{own}; {claims}"}
        if where == "body":
            sent["json"] = CLAIMS
        for path in ("/refund", "/editors"):
            method = "POST" if where == "body" and path == "/refund" else "GET"
            assert (await browser.fetch(path + query, method, **sent)).status == 403
    assert shop.names().count("authz_fail") == 2


async def test_v8_3_2_a_right_is_gone_with_the_next_request(shop, browse):
    services = shop.app.services
    async with browse(shop) as browser:
        await browser.sign_in("ada", PASSWORD)
        assert (await browser.fetch("/editors")).status == 403
        for change, status in (("grant_role", 200), ("revoke_role", 403), ("grant_role", 200), ("revoke_role", 403)):
            async with services.open_unit(is_read_only=False) as unit:
                await changed(services, unit.session, change)
            assert (await browser.fetch("/editors")).status == status


async def change_password(browser):
    await browser.open("/account/password")
    await browser.submit("/password", old_password=PASSWORD, password="a new and long enough phrase")


async def set_up_app(browser):
    page = await browser.open("/account/security/app")
    browser.authenticator.scan("ada", page.text)
    await browser.submit("/security/app", code=browser.authenticator.code("ada"))


@pytest.mark.parametrize(
    ("renew", "kind", "name"), [(change_password, OwnPassword, "change"), (set_up_app, Factors, "add_totp")]
)
async def test_v8_3_2_a_right_that_is_lost_while_the_session_gets_a_new_id_is_gone(
    shop, browse, monkeypatch, renew, kind, name
):
    services = shop.app.services
    work = getattr(kind, name)

    async def change(what):
        async with services.open_unit(is_read_only=False) as unit:
            await changed(services, unit.session, what)

    async def lost_meanwhile(*arguments, **options):
        # The request was let in as that of an editor.
        await change("revoke_role")
        return await work(*arguments, **options)

    monkeypatch.setattr(kind, name, lost_meanwhile)
    async with browse(shop) as browser:
        await browser.sign_in("ada", PASSWORD)
        await change("grant_role")
        assert (await browser.fetch("/editors")).status == 200
        former = browser.cookies["__Host-session"].value
        await renew(browser)
        assert former != browser.cookies["__Host-session"].value
        assert (await browser.fetch("/mine")).status == 200
        assert (await browser.fetch("/editors")).status == 403


async def changed(services, db, change):
    user = await find_user(db, "ada")
    role = await find_role(db, "editors") or await services.roles.create_role(db, "editors", by=OPERATOR)
    if change == "grant_role":
        await services.roles.grant_role(db, role, to=user, by=OPERATOR)
    else:
        await services.roles.revoke_role(db, role, of=user, by=OPERATOR)
