"""V7, sessions: an id is made here, changes with the sign-in, and is worth nothing after its end, in every process."""

import asyncio
import uuid

import pytest

from fastness import Settings
from fastness.auth.users import find_user
from tests.attacks.site import COOKIE, environ_of
from tests.attacks.target import PASSWORDS, make_app


async def user_of(browser, cookie):
    """Who a cookie is, sent by somebody who stole it."""
    return (await browser.fetch("/who", headers={"cookie": f"{COOKIE}={cookie}"})).json()["user"]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        pytest.param("A" * 43, "unknown", id="well-formed"),
        pytest.param("short", "malformed", id="short"),
        pytest.param("A" * 5000, "malformed", id="long"),
        pytest.param("../../etc/passwd", "malformed", id="path"),
        pytest.param("%00" * 14 + "A", "unknown", id="encoded"),
    ],
)
async def test_v7_2_4_v7_2_1_an_id_that_came_from_elsewhere_is_not_adopted(any_site, value, reason):
    headers = {"cookie": f"{COOKIE}={value}"}
    async with any_site.browser() as browser:
        with any_site.records("session_rejected", reason):
            page = await browser.fetch("/visits/a", "POST", json={}, headers=headers)
        assert page.status == 200
        assert browser.cookies[COOKIE].value != value
        assert (await browser.fetch("/visits/b", "POST", json={})).json() == ["a", "b"]
        # Whoever planted the id finds nothing behind it.
        assert (await browser.fetch("/visits/c", "POST", json={}, headers=headers)).json() == ["c"]


async def test_v7_2_4_a_planted_id_does_not_become_somebodys(any_site):
    """Session fixation: the attacker's own, valid id is in the victim's browser before the sign-in."""
    async with any_site.browser() as attacker, any_site.browser() as victim:
        await attacker.fetch("/visits/planted", "POST", json={})
        planted = attacker.cookies[COOKIE]
        victim.cookies[COOKIE] = planted
        await victim.sign_in("ada", PASSWORDS["ada"])
        assert victim.cookies[COOKIE].value != planted.value
        assert (await victim.fetch("/who")).json()["user"] == "ada"
        assert await user_of(attacker, planted.value) is None
        # Nor is what the attacker stored before.
        assert "planted" not in (await victim.fetch("/visits/own", "POST", json={})).json()


@pytest.mark.asvs("V14.3.1")
async def test_v7_4_1_a_cookie_is_worth_nothing_after_sign_out(any_site):
    async with any_site.signed_in() as browser:
        stolen = browser.cookies[COOKIE].value
        assert await user_of(browser, stolen) == "ada"
        await browser.open("/")
        token = {"x-csrf-token": dict(browser.page.form("/notes").fields)["csrf_token"]}
        page = await browser.fetch("/account/sign-out", "POST", headers=token)
        assert page.headers["clear-site-data"] == '"cache"'
        assert COOKIE not in browser.cookies
        with any_site.records("session_use_after_expire", "signed_out") as events:
            assert await user_of(browser, stolen) is None
        assert events[0]["user_id"]
        page = await browser.fetch("/private", headers={"cookie": f"{COOKIE}={stolen}"})
    assert page.status == 401


async def test_v7_4_1_a_sign_out_reaches_every_process(crowded_site):
    """Two workers: whichever answers, the session is gone with the answer to the sign-out."""
    async with crowded_site.signed_in() as browser:
        stolen = browser.cookies[COOKIE].value
        await browser.open("/")
        token = {"x-csrf-token": dict(browser.page.form("/notes").fields)["csrf_token"]}
        await browser.fetch("/account/sign-out", "POST", headers=token)
        others = [crowded_site.browser() for _ in range(8)]
        assert await asyncio.gather(*(user_of(other, stolen) for other in others)) == [None] * 8
        for other in others:
            await other.__aexit__(None, None, None)


async def test_v7_4_2_v8_3_2_a_closed_account_is_out_with_its_next_request(crowded_site):
    """The account is closed by another process than the ones that serve."""
    folder = crowded_site.folder
    environ = {name: value for name, value in environ_of(folder).items() if name != "PYTHONPATH"}
    app = make_app(Settings.load(environ=environ, folder=folder))
    await app.open()
    services = app.services
    try:
        name = f"guest-{uuid.uuid4().hex[:8]}"
        async with services.open_unit(is_read_only=False) as unit:
            await services.accounts.create_user(unit.session, username=name, password="only here for an hour")
        async with crowded_site.browser() as browser:
            await browser.sign_in(name, "only here for an hour")
            cookie = browser.cookies[COOKIE].value
            assert (await browser.fetch("/private")).status == 200
            async with services.open_unit(is_read_only=False) as unit:
                user = await find_user(unit.session, name)
                await services.accounts.set_active(unit.session, user, is_active=False)
            others = [crowded_site.browser() for _ in range(8)]
            assert await asyncio.gather(*(user_of(other, cookie) for other in others)) == [None] * 8
            for other in others:
                await other.__aexit__(None, None, None)
    finally:
        await app.close()


async def test_v3_3_3_a_cookie_that_comes_twice_is_none(any_site):
    """Cookie tossing: a neighbour sets a second one of the name, and nobody can tell which is ours."""
    async with any_site.signed_in() as browser:
        own = browser.cookies[COOKIE].value
    async with any_site.signed_in("eve") as eve:
        tossed = eve.cookies[COOKIE].value
        for cookies in (f"{COOKIE}={tossed}; {COOKIE}={own}", f"{COOKIE}={own}; {COOKIE}={tossed}"):
            assert (await eve.fetch("/who", headers={"cookie": cookies})).json()["user"] is None


@pytest.mark.parametrize(
    "cookies",
    [
        pytest.param("X{cookie}={value}", id="longer-name"),
        pytest.param("__host-session={value}", id="another-case"),
        pytest.param("session={value}", id="without-prefix"),
        pytest.param("__Secure-session={value}", id="another-prefix"),
        pytest.param('$Version=1; {cookie}="{value}"', id="old-syntax"),
        pytest.param('a="b; {cookie}={value}; c="', id="inside-quotes-is-outside"),
        pytest.param("{cookie}\u2000={value}", id="unicode-blank"),
    ],
)
async def test_v3_3_1_v1_5_3_only_the_cookie_of_that_name_counts(site, cookies):
    async with site.signed_in() as browser:
        value = browser.cookies[COOKIE].value
        sent = cookies.format(cookie=COOKIE, value=value)
        page = await browser.raw("GET", "/who", headers=[(b"cookie", sent.encode())])
    # The sandwich of quotes is plain cookies to every browser, and so it is to us.
    assert page.json()["user"] == ("ada" if "; c=" in cookies else None)


async def test_v7_2_3_ids_are_long_and_differ(site):
    values = set()
    for _ in range(20):
        async with site.browser() as browser:
            await browser.fetch("/visits/a", "POST", json={})
            values.add(browser.cookies[COOKIE].value)
    assert len(values) == 20
    assert {len(value) for value in values} == {43}
    # What the store's file holds opens no session.
    stored = (site.folder / "store.sqlite3").read_bytes() + (site.folder / "store.sqlite3-wal").read_bytes()
    assert not [value for value in values if value.encode() in stored]


async def test_v7_6_2_reading_makes_no_session(site):
    async with site.browser() as browser:
        for path in ("/", "/who", "/nowhere", "/static/site.css"):
            assert "set-cookie" not in (await browser.open(path)).headers
        assert browser.cookies == {}
