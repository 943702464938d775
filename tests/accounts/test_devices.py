"""Where somebody is signed in, and ending it there."""

import re

import pytest

from fastness import JSONResponse, Routes, access
from fastness.auth.users import find_user
from fastness.sessions.context import Reaction
from fastness.sessions.rules import SessionRules
from tests.accounts.conftest import PASSWORD

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
CHROME = "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"


@pytest.fixture
def routes():
    routes = Routes(access=access.public)

    @routes.get("/")
    async def home(request):
        user = request.user_or_none
        return JSONResponse(user and user.username)

    @routes.get("/mine", access=access.signed_in)
    async def mine(request):
        return JSONResponse(request.user.username)

    @routes.post("/danger", access=access.fresh(minutes=5))
    async def danger(request):
        return JSONResponse([list(pair) for pair in await request.form_pairs()])

    @routes.get("/vault", access=access.fresh(minutes=5))
    async def vault(request):
        return JSONResponse("open")

    return routes


@pytest.fixture
async def shop(make_shop, routes, make_account):
    shop = await make_shop(routes)
    await make_account(shop, "ada")
    return shop


async def who(browser):
    return (await browser.fetch("/")).json()


async def test_v7_5_2_one_sees_every_session_and_ends_one(shop, browse, make_account):
    await make_account(shop, "grace")
    async with browse(shop) as here, browse(shop) as there, browse(shop) as of_grace:
        await here.sign_in("ada", PASSWORD)
        await there.sign_in("ada", PASSWORD)
        await of_grace.sign_in("grace", PASSWORD)
        page = await here.open("/account/devices")
        assert page.text.count("(this one)") == 1
        assert page.text.count('name="device"') == 1
        assert "End all others" in page.text
        shop.events.events.clear()
        assert (await here.submit("/account/devices/end")).text.count('name="device"') == 0
        assert "session_ended" in shop.names()
        assert [await who(one) for one in (here, there, of_grace)] == ["ada", None, "grace"]


async def test_this_session_is_known_while_it_gets_a_new_id(shop, browse):
    async def mark(browser, *, is_staff):
        services = shop.app.services
        async with services.open_unit(is_read_only=False) as unit:
            await services.accounts.set_staff(unit.session, await find_user(unit.session, "ada"), is_staff=is_staff)
        return await browser.open("/account/devices")

    async with browse(shop) as here, browse(shop) as there:
        await mark(here, is_staff=True)
        await here.sign_in("ada", PASSWORD)
        await there.sign_in("ada", PASSWORD)
        for is_staff in (False, True):
            page = await mark(here, is_staff=is_staff)
            assert (page.text.count("(this one)"), page.text.count('name="device"')) == (1, 1)


async def test_v7_5_2_all_others_end_at_once(shop, browse):
    async with browse(shop) as here, browse(shop) as there, browse(shop) as elsewhere:
        for one in (here, there, elsewhere):
            await one.sign_in("ada", PASSWORD)
        await here.open("/account/devices")
        page = await here.submit("/account/devices/end-others")
        assert "End all others" not in page.text
        assert [await who(one) for one in (here, there, elsewhere)] == ["ada", None, None]


async def test_nobody_ends_a_session_of_somebody_else(shop, browse, make_account):
    await make_account(shop, "grace")
    async with browse(shop) as mallory, browse(shop) as victim, browse(shop) as victims_other:
        await mallory.sign_in("grace", PASSWORD)
        await victim.sign_in("ada", PASSWORD)
        await victims_other.sign_in("ada", PASSWORD)
        name = re.search(r'name="device" value="(\w+)"', (await victim.open("/account/devices")).text).group(1)
        await mallory.open("/account/devices")
        await mallory.from_site(mallory.origin, "/account/devices/end", fields={"device": name})
        assert await who(victims_other) == "ada"


@pytest.mark.asvs("V7.5.2")
async def test_ending_asks_for_a_recent_proof(shop, browse, clock):
    async with browse(shop) as here, browse(shop) as there:
        await here.sign_in("ada", PASSWORD)
        for _ in range(2):
            clock.advance(1000)
            await who(here)
        await there.sign_in("ada", PASSWORD)
        await here.open("/account/devices")
        page = await here.submit("/account/devices/end")
        assert (page.status, page.url) == (403, "https://shop.example/account/devices/end")
        page = await here.submit("/account/confirm", password=PASSWORD)
        assert 'action="/account/devices/end"' in page.text
        assert await who(there) == "ada"
        await here.submit("/account/devices/end")
        assert await who(there) is None


async def test_what_a_browser_calls_itself_is_not_shown(shop, browse):
    async with browse(shop, user_agent="Firefox/1 <script>alert(1)</script> Windows") as browser:
        await browser.sign_in("ada", PASSWORD)
        page = await browser.open("/account/devices")
    assert "Firefox on Windows" in page.text
    assert "alert(1)" not in page.text


async def test_v7_2_4_confirming_gives_a_new_session_and_the_old_one_is_dead(shop, browse, clock):
    async with browse(shop) as browser:
        await browser.sign_in("ada", PASSWORD)
        before = dict(browser.cookies)
        clock.advance(301)
        page = await browser.open("/vault?a=1")
        assert page.url == "https://shop.example/account/confirm?next=/vault%3Fa%3D1"
        page = await browser.submit("/account/confirm", password="wrong horse battery")
        assert (page.status, "This is not your password." in page.text) == (422, True)
        page = await browser.submit("/account/confirm", password=PASSWORD)
        assert (page.url, page.json()) == ("https://shop.example/vault?a=1", "open")
        assert before != browser.cookies
        assert await who(browser) == "ada"
        browser.cookies = before
        assert await who(browser) is None


async def test_a_program_is_told_what_it_needs(shop, browse, clock):
    async with browse(shop) as browser:
        await browser.sign_in("ada", PASSWORD)
        clock.advance(301)
        answer = await browser.fetch("/vault")
    assert (answer.status, answer.json()["code"]) == (403, "fresh_sign_in_required")


async def test_somebody_elses_password_confirms_nothing(shop, browse, clock, make_account):
    await make_account(shop, "grace")
    async with browse(shop) as browser:
        await browser.sign_in("ada", PASSWORD)
        clock.advance(301)
        await browser.open("/vault")
        fields = {"username": "grace", "password": "another horse battery"}
        assert (await browser.submit("/account/confirm", **fields)).status == 422
        assert (await browser.fetch("/vault")).status == 403


@pytest.mark.parametrize(
    "target",
    [pytest.param("https://evil.example/", id="elsewhere"), pytest.param("//evil.example", id="scheme-relative")],
)
async def test_the_way_back_stays_here(shop, browse, target):
    async with browse(shop) as browser:
        await browser.sign_in("ada", PASSWORD)
        await browser.open(f"/account/confirm?next={target}")
        assert (await browser.submit("/account/confirm", password=PASSWORD)).url == "https://shop.example/"


async def test_nobody_is_asked_to_confirm_who_is_not_signed_in(shop, browse):
    async with browse(shop) as browser:
        assert (await browser.open("/account/confirm")).url == "https://shop.example/account/sign-in"


async def test_v7_3_2_kept_signed_in_is_shown_and_ends_after_thirty_days(shop, browse, clock):
    async with browse(shop) as browser:
        await browser.open("/account/sign-in")
        await browser.submit(username="ada", password=PASSWORD, remember="yes")
        assert "Kept signed in" in (await browser.open("/account/devices")).text
        clock.advance(29 * 86_400)
        assert await who(browser) == "ada"
        clock.advance(86_400)
        assert await who(browser) is None


async def test_another_browser_has_to_confirm_and_loses_nothing(shop, browse):
    async with browse(shop, user_agent=FIREFOX) as browser:
        await browser.sign_in("ada", PASSWORD)
        assert (await browser.fetch("/mine")).json() == "ada"
        elsewhere = {"user-agent": CHROME}
        shop.events.events.clear()
        answer = await browser.fetch("/mine", headers=elsewhere)
        assert (answer.status, answer.json()["code"]) == (403, "fresh_sign_in_required")
        assert shop.names()[0] == "session_context_changed"
        assert shop.reasons()[-1] == "context_changed"
        assert (await browser.fetch("/", headers=elsewhere)).json() is None
        assert (await browser.fetch("/mine")).json() == "ada"


async def test_after_confirming_the_new_browser_is_the_known_one(shop, browse):
    async with browse(shop, user_agent=FIREFOX) as browser:
        await browser.sign_in("ada", PASSWORD)
        cookies = browser.cookies
        async with browse(shop, user_agent=CHROME) as other:
            other.cookies.update(cookies)
            page = await other.open("/mine")
            assert page.url == "https://shop.example/account/confirm?next=/mine"
            page = await other.submit("/account/confirm", password=PASSWORD)
            assert (page.url, page.text) == ("https://shop.example/mine", '"ada"')
            assert (await other.fetch("/mine")).json() == "ada"


@pytest.mark.parametrize(
    ("reaction", "status", "events"),
    [
        pytest.param(Reaction.OFF, 200, 0, id="off"),
        pytest.param(Reaction.REPORT, 200, 1, id="report-once"),
        pytest.param(Reaction.ASK, 403, 2, id="ask"),
    ],
)
async def test_the_settings_decide(make_shop, routes, browse, make_account, reaction, status, events):
    shop = await make_shop(routes, settings={"session": SessionRules(browser_change=reaction, network_change=reaction)})
    await make_account(shop, "ada")
    async with browse(shop, user_agent=FIREFOX) as browser:
        await browser.sign_in("ada", PASSWORD)
        for _ in range(2):
            assert (await browser.fetch("/mine", headers={"user-agent": CHROME})).status == status
    assert shop.names().count("session_context_changed") == events
