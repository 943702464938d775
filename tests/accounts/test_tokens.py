"""The page on which people make their API tokens."""

import re

import pytest

from fastness import JSONResponse, Permissions, Routes, access
from fastness.auth.users import find_user
from fastness.kernel.because import Because
from tests.accounts.conftest import PASSWORD


class CasePermissions(Permissions):
    READ = "cases.read", "May read cases."
    WRITE = "cases.write", "May write cases."


@pytest.fixture
async def shop(make_shop, make_account):
    routes = Routes(access=access.public)

    @routes.get("/")
    async def home(request):
        return JSONResponse(None)

    @routes.get("/api", access=access.permission("cases.read"), tokens=True)
    async def read(request):
        return JSONResponse(request.user.username)

    shop = await make_shop(routes, permissions=[CasePermissions])
    user = await make_account(shop, "ada")
    async with shop.app.services.open_unit(is_read_only=False) as unit:
        user = await find_user(unit.session, "ada")
        reason = Because("the tests prepare what they need")
        await shop.app.services.roles.grant_permission(unit.session, "cases.read", to=user, by=reason)
    return shop


async def make(browser, **values):
    await browser.open("/account/tokens/new")
    return await browser.submit("/account/tokens/new", **{"name": "nightly", "days": "30", **values})


async def test_a_token_is_made_shown_once_used_listed_and_revoked(shop, browse):
    async with browse(shop) as browser, browse(shop) as program:
        await browser.sign_in("ada", PASSWORD)
        page = await browser.open("/account/tokens/new")
        assert "May read cases." in page.text
        assert "cases.write" not in page.text
        page = await make(browser, permissions="cases.read")
        assert page.headers["cache-control"].startswith("no-store")
        (token,) = re.findall(r"fst_[0-9a-f]{32}_[0-9a-f]{72}", page.text)
        headers = {"authorization": f"Bearer {token}"}
        assert (await program.raw("GET", "/api", headers=headers)).json() == "ada"
        page = await browser.open("/account/tokens")
        assert token not in page.text
        assert "never used" not in page.text
        assert "None yet." in (await browser.submit("/account/tokens/revoke")).text
        assert (await program.raw("GET", "/api", headers=headers)).status == 401
    assert {"authn_token_created", "authn_token_revoked", "authn_token_reuse"} <= set(shop.names())


async def test_v7_5_1_making_one_asks_for_a_recent_proof(shop, browse, clock):
    async with browse(shop) as browser:
        await browser.sign_in("ada", PASSWORD)
        clock.advance(601)
        page = await browser.open("/account/tokens/new")
        assert page.url == "https://shop.example/account/confirm?next=/account/tokens/new"
        page = await browser.submit("/account/confirm", password=PASSWORD, code=browser.authenticator.code("ada"))
        assert page.url == "https://shop.example/account/tokens/new"


@pytest.mark.parametrize(
    "values",
    [
        pytest.param({"name": " "}, id="no-name"),
        pytest.param({"days": "0"}, id="no-day"),
        pytest.param({"days": "366"}, id="too-long"),
        pytest.param({"days": "x"}, id="no-number"),
    ],
)
async def test_what_cannot_be_made_is_told(shop, browse, values):
    async with browse(shop) as browser:
        await browser.sign_in("ada", PASSWORD)
        page = await make(browser, **values)
    assert (page.status, 'role="alert"' in page.text, "fst_" in page.text) == (422, True, False)


@pytest.mark.parametrize(
    "permission", [pytest.param("cases.write", id="not-held"), pytest.param("cases.nothing", id="not-declared")]
)
async def test_what_one_does_not_hold_cannot_be_asked_for(shop, browse, permission):
    async with browse(shop) as browser:
        await browser.sign_in("ada", PASSWORD)
        await browser.open("/account/tokens/new")
        csrf = re.search(r'name="csrf_token" value="([^"]+)"', browser.page.text).group(1)
        fields = {"csrf_token": csrf, "name": "x", "days": "1", "permissions": permission}
        page = await browser.from_site(browser.origin, "/account/tokens/new", fields=fields)
    assert (page.status, "fst_" in page.text) == (422, False)


async def test_nobody_revokes_the_token_of_somebody_else(shop, browse, make_account):
    await make_account(shop, "grace")
    async with browse(shop) as ada, browse(shop) as grace:
        await ada.sign_in("ada", PASSWORD)
        await make(ada)
        name = re.search(r'name="token" value="([^"]+)"', (await ada.open("/account/tokens")).text).group(1)
        await grace.sign_in("grace", PASSWORD)
        await grace.open("/account/tokens/new")
        csrf = re.search(r'name="csrf_token" value="([^"]+)"', grace.page.text).group(1)
        for token in (name, "nothing"):
            page = await grace.from_site(
                grace.origin, "/account/tokens/revoke", fields={"csrf_token": csrf, "token": token}
            )
            assert page.status == 303
        assert 'name="token"' in (await ada.open("/account/tokens")).text
