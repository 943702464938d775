"""Changing one's own password by its page."""

import asyncio

import pytest

from fastness import JSONResponse, Routes, access
from fastness.auth.own_password import OwnPassword
from fastness.kernel.events import EventName
from tests.accounts.conftest import PASSWORD

NEW = "a new and long enough phrase"


@pytest.fixture
def routes():
    routes = Routes(access=access.public)

    @routes.get("/")
    async def home(request):
        user = request.user_or_none
        return JSONResponse(user and user.username)

    return routes


async def sign_in(browser, password=PASSWORD):
    await browser.open("/account/sign-in")
    return await browser.submit(username="ada", password=password)


async def test_v6_2_2_v6_2_3_the_old_password_and_a_new_one(make_shop, browse, routes, make_account):
    shop = await make_shop(routes)
    await make_account(shop, "ada")
    async with browse(shop) as here, browse(shop) as there:
        await sign_in(here)
        await sign_in(there)
        former = here.cookies.copy() if hasattr(here, "cookies") else None
        await here.open("/account/password")
        done = await here.submit(old_password=PASSWORD, password=NEW)
        assert "Your password is changed" in done.text
        assert former is None or former != here.cookies
        # This device goes on, the other one was signed out, and only the new password signs in.
        assert (await here.open("/")).json() == "ada"
        assert (await there.open("/")).json() is None
        assert (await sign_in(there)).status == 422
        assert (await sign_in(there, NEW)).json() == "ada"
    names = [event.name for event in shop.events.events]
    assert EventName.AUTHN_PASSWORD_CHANGE in names


async def test_a_double_click_signs_nobody_out(make_shop, browse, routes, make_account, monkeypatch):
    shop = await make_shop(routes)
    await make_account(shop, "ada")
    async with browse(shop) as browser:
        await sign_in(browser)
        page = await browser.open("/account/password")
        form = page.form("/account/password")
        # Both have read the session, and both have checked the old password, before either has changed anything. A browser
        # goes by the answer to the second click.
        both, answered = asyncio.Barrier(2), asyncio.Event()
        look = OwnPassword._owner

        async def in_turn(service, user_id):
            if await both.wait():
                await answered.wait()
            return await look(service, user_id)

        async def click():
            page = await browser.submit(form, old_password=PASSWORD, password=NEW)
            answered.set()
            return page

        monkeypatch.setattr(OwnPassword, "_owner", in_turn)
        pages = await asyncio.gather(click(), click())
        assert [page.status for page in pages] == [200, 200]
        assert (await browser.open("/")).json() == "ada"


@pytest.mark.asvs("V6.2.3")
@pytest.mark.parametrize(
    ("old", "new", "field", "text"),
    [
        pytest.param("not my password at all", NEW, "old_password", "This is not your password.", id="wrong-old-one"),
        pytest.param("", NEW, "old_password", "Enter the password you have now.", id="no-old-one"),
        pytest.param(PASSWORD, "", "password", "Enter a new password.", id="no-new-one"),
        pytest.param(PASSWORD, PASSWORD, "password", "This is the password you have.", id="the-same"),
        pytest.param(PASSWORD, "short", "password", "too short", id="short"),
        pytest.param(PASSWORD, "x" * 129, "password", "too long", id="long"),
        pytest.param(PASSWORD, "password12345678", "password", "guessed first", id="common"),
        pytest.param(PASSWORD, "shop.example shop", "password", "name of this site", id="site"),
    ],
)
async def test_v6_2_1_v6_2_4_a_refusal_says_why_beside_the_field(
    make_shop, browse, routes, make_account, old, new, field, text
):
    shop = await make_shop(routes)
    await make_account(shop, "ada")
    async with browse(shop) as browser:
        await sign_in(browser)
        await browser.open("/account/password")
        page = await browser.submit(old_password=old, password=new)
        assert page.status == 422
        assert f'id="{field}-problem"' in page.text
        assert text in page.text
        assert PASSWORD not in page.text
        await browser.open("/account/sign-in")
        async with browse(shop) as again:
            assert (await sign_in(again)).json() == "ada"


async def test_nobody_changes_a_password_without_being_signed_in(make_shop, browse, routes, make_account):
    shop = await make_shop(routes)
    await make_account(shop, "ada")
    async with browse(shop) as browser:
        page = await browser.open("/account/password")
        assert "Change your password" not in page.text
        await browser.open("/account/sign-in")
        answer = await browser.from_site(
            browser.origin, "/account/password", fields={"old_password": PASSWORD, "password": NEW}
        )
        assert answer.status != 200
        async with browse(shop) as again:
            assert (await sign_in(again)).json() == "ada"


async def test_v6_2_6_v6_2_7_the_fields_are_for_passwords_and_their_managers(make_shop, browse, routes, make_account):
    shop = await make_shop(routes)
    await make_account(shop, "ada")
    async with browse(shop) as browser:
        await sign_in(browser)
        page = await browser.open("/account/password")
    assert page.text.count('type="password"') == 2
    assert 'autocomplete="current-password"' in page.text
    assert 'autocomplete="new-password"' in page.text
    assert "onpaste" not in page.text
    assert "password-meter" in page.text
