"""Signing in with two factors, setting them up first where they are needed, and what does not get anybody further."""

import re
from base64 import b32decode

import pytest
from sqlalchemy import select

from fastness import JSONResponse, Routes, access
from fastness.auth.errors import FactorRefusedError
from fastness.auth.factor_rules import EnforcedFor, SecondFactorRules
from fastness.auth.throttle_rules import ThrottleRules
from fastness.auth.totp import STEP_SECONDS, code_at
from fastness.auth.users import User
from tests.accounts.conftest import PASSWORD

EVERYBODY = {"settings": {"second_factors": SecondFactorRules(enforced_for=EnforcedFor.EVERYBODY)}}


@pytest.fixture
def routes():
    routes = Routes(access=access.public)

    @routes.get("/")
    async def home(request):
        user = request.user_or_none
        return JSONResponse(user and [user.username, user.second_factor_at is not None])

    @routes.get("/inside", access=access.signed_in)
    async def inside(request):
        return JSONResponse(request.user.username)

    return routes


def secret_on(page) -> bytes:
    text = re.search(r'class="key">([A-Z2-7]+)<', page.text)[1]
    return b32decode(text + "=" * (-len(text) % 8))


def codes_on(page) -> list[str]:
    return re.findall(r"<li><code>([0-9a-z-]{29})</code>", page.text)


@pytest.fixture
def code_of(clock):
    """The code that the app shows; the clock goes on a step first, so that it is a new one."""

    def code(secret: bytes) -> str:
        clock.advance(STEP_SECONDS)
        return code_at(secret, int(clock.epoch() // STEP_SECONDS))

    return code


@pytest.fixture
async def enrolled(make_shop, browse, routes, make_account, code_of):
    """A shop in which everybody needs a factor, Ada's secret and her recovery codes."""
    shop = await make_shop(routes, **EVERYBODY)
    await make_account(shop, "ada")
    async with browse(shop) as browser:
        await browser.open("/account/sign-in?next=/inside")
        page = await browser.submit(username="ada", password=PASSWORD)
        secret = secret_on(page)
        page = await browser.submit("/app", code=code_of(secret))
    return shop, secret, codes_on(page)


async def begin(browser, **fields):
    await browser.open("/account/sign-in")
    return await browser.submit(username="ada", password=PASSWORD, **fields)


@pytest.mark.asvs("V6.3.3")
async def test_the_first_sign_in_sets_up_the_factor(make_shop, browse, routes, make_account, code_of):
    shop = await make_shop(routes, **EVERYBODY)
    await make_account(shop, "ada")
    async with browse(shop) as browser:
        page = await begin(browser)
        assert page.url.endswith("/account/second-factor/set-up")
        assert (await browser.fetch("/")).json() is None
        assert (await browser.fetch("/inside")).status == 401
        secret = secret_on(page)
        page = await browser.submit("/app", code="000000")
        assert (page.status, secret_on(page)) == (422, secret)
        page = await browser.submit("/app", code=code_of(secret))
        assert (page.status, len(codes_on(page))) == (200, 10)
        assert (await browser.fetch("/")).json() == ["ada", True]


async def test_the_code_of_the_app_signs_in(enrolled, browse, code_of):
    shop, secret, _ = enrolled
    async with browse(shop) as browser:
        page = await begin(browser)
        assert page.url.endswith("/account/second-factor")
        assert (await browser.fetch("/")).json() is None
        assert (await browser.submit("/second-factor", code=code_of(secret))).json() == ["ada", True]


@pytest.mark.asvs("V6.5.1")
async def test_a_code_is_taken_once(enrolled, browse, code_of):
    shop, secret, _ = enrolled
    code = code_of(secret)
    async with browse(shop) as one, browse(shop) as two:
        await begin(one)
        await begin(two)
        assert (await one.submit("/second-factor", code=code)).json() == ["ada", True]
        page = await two.submit("/second-factor", code=code)
        assert (page.status, (await two.fetch("/")).json()) == (422, None)
        assert shop.reasons().count("factor_wrong") == 1


@pytest.mark.asvs("V6.5.1")
async def test_a_recovery_code_is_taken_once(enrolled, browse):
    shop, _, codes = enrolled
    async with browse(shop) as browser:
        await begin(browser)
        assert (await browser.submit("/recovery", recovery=codes[0].upper())).json() == ["ada", True]
    async with browse(shop) as browser:
        await begin(browser)
        page = await browser.submit("/recovery", recovery=codes[0])
        assert (page.status, (await browser.fetch("/")).json()) == (422, None)
        assert (await browser.submit("/recovery", recovery=codes[1])).json() == ["ada", True]


@pytest.mark.asvs("V6.6.3")
async def test_guessing_ends(enrolled, browse, code_of):
    shop, secret, _ = enrolled
    async with browse(shop) as browser:
        await begin(browser)
        for _ in range(ThrottleRules().pair_attempts):
            assert (await browser.submit("/second-factor", code="000000")).status == 422
        page = await browser.submit("/second-factor", code="000000")
        assert (page.status, page.headers["retry-after"]) == (429, "1")
        assert "Try again in 1 second." in page.text
        assert (await browser.submit("/recovery", recovery="0000-0000")).status == 429
        assert (await browser.submit("/second-factor", code=code_of(secret))).json() == ["ada", True]


async def test_what_is_pending_ends_with_time_and_with_a_change(enrolled, browse, code_of, clock):
    shop, secret, _ = enrolled
    async with browse(shop) as browser:
        await begin(browser)
        clock.advance(301)
        page = await browser.submit("/second-factor", code=code_of(secret))
        assert page.url.endswith("/account/sign-in")
        await begin(browser)
        async with shop.app.services.open_unit(is_read_only=False) as unit:
            user = await shop.app.services.load_account(unit.session, await ada(shop))
            await shop.app.services.accounts.set_active(unit.session, user, is_active=False)
        page = await browser.submit("/second-factor", code=code_of(secret))
        assert (page.url.rpartition("/")[2], (await browser.fetch("/")).json()) == ("sign-in", None)


@pytest.mark.asvs("V6.4.3")
async def test_a_new_password_does_not_skip_the_factor(enrolled, browse):
    shop, _, _ = enrolled
    async with shop.app.services.open_unit(is_read_only=False) as unit:
        user = await shop.app.services.load_account(unit.session, await ada(shop))
        await shop.app.services.accounts.set_password(unit.session, user, PASSWORD + " renewed")
    async with browse(shop) as browser:
        await browser.open("/account/sign-in")
        page = await browser.submit(username="ada", password=PASSWORD + " renewed")
        assert page.url.endswith("/account/second-factor")


@pytest.mark.asvs("V6.3.3")
@pytest.mark.parametrize("path", ["", "/recovery", "/passkey", "/set-up/app", "/set-up/passkey"])
async def test_nothing_is_pending_without_a_password(enrolled, browse, path):
    shop, _, _ = enrolled
    async with browse(shop) as browser:
        page = await browser.from_site(browser.origin, f"/account/second-factor{path}", fields={"code": "000000"})
        assert (page.status, page.headers["location"]) == (303, "/account/sign-in")


async def test_the_steps_are_not_exchanged(enrolled, browse):
    shop, _, _ = enrolled
    async with browse(shop) as browser:
        await begin(browser)
        page = await browser.open("/account/second-factor/set-up")
        assert page.url.endswith("/account/sign-in"), "who has a factor sets up no other one instead of proving it"


async def test_the_last_factor_stays_where_one_is_needed(enrolled, browse, code_of):
    shop, secret, _ = enrolled
    async with browse(shop) as browser:
        await begin(browser)
        await browser.submit("/second-factor", code=code_of(secret))
        await browser.open("/account/security")
        page = await browser.submit("/app/remove")
        assert page.status == 422
        assert "needs a second factor" in page.text


async def test_the_overview_leads_to_everything_about_the_account(enrolled, browse, code_of):
    shop, secret, _ = enrolled
    async with browse(shop) as browser:
        await begin(browser)
        await browser.submit("/second-factor", code=code_of(secret))
        page = await browser.open("/account/security")
        for path in ("password", "email", "devices", "tokens", "data"):
            assert f'href="/account/{path}"' in page.text
            assert (await browser.open(f"/account/{path}")).status == 200


async def test_who_needs_none_may_have_one_and_remove_it(make_shop, browse, routes, make_account, code_of):
    shop = await make_shop(routes)
    await make_account(shop, "ada")
    async with browse(shop) as browser, browse(shop) as elsewhere:
        assert (await begin(elsewhere)).json() == ["ada", False]
        assert (await begin(browser)).json() == ["ada", False]
        page = await browser.open("/account/security/app")
        secret = secret_on(page)
        page = await browser.submit(code=code_of(secret))
        assert len(codes_on(page)) == 10
        assert (await browser.fetch("/")).json() == ["ada", True]
        assert (await elsewhere.fetch("/")).json() is None, "other sessions end"
        await browser.open("/account/security")
        page = await browser.submit("/security/codes")
        assert len(codes_on(page)) == 10
        await browser.open("/account/security")
        page = await browser.submit("/app/remove")
        assert "Set up an app" in page.text
        assert (await begin(elsewhere)).json() == ["ada", False]


async def test_changes_ask_for_a_fresh_proof(make_shop, browse, routes, make_account, clock):
    shop = await make_shop(routes)
    await make_account(shop, "ada")
    async with browse(shop) as browser:
        await begin(browser)
        clock.advance(601)
        assert (await browser.fetch("/account/security/app")).status == 403
        assert (await browser.fetch("/account/security/passkey")).status == 403


@pytest.fixture
async def stale(enrolled, browse, code_of, clock):
    """Ada's browser, signed in with both factors a while ago, and her shop."""
    shop, secret, codes = enrolled
    async with browse(shop) as browser:
        await begin(browser)
        await browser.submit("/second-factor", code=code_of(secret))
        clock.advance(601)
        shop.events.events.clear()
        yield shop, browser, secret, codes


async def test_v7_5_1_a_password_alone_confirms_nobody_who_has_a_factor(stale, code_of):
    _, browser, secret, _ = stale
    page = await browser.open("/account/security/app")
    assert page.url.endswith("/account/confirm?next=/account/security/app")
    for fields in ({}, {"code": "  "}, {"code": "000000"}, {"code": "0000-0000"}):
        page = await browser.submit("/account/confirm", password=PASSWORD, **fields)
        assert page.status == 422
        assert (await browser.fetch("/account/security/app")).status == 403
    page = await browser.submit("/account/confirm", password="not " + PASSWORD, code=code_of(secret))
    assert (page.status, "This is not your password." in page.text) == (422, True)
    before = browser.cookies["__Host-session"].value
    page = await browser.submit("/account/confirm", password=PASSWORD, code=code_of(secret))
    assert page.url.endswith("/account/security/app")
    assert browser.cookies["__Host-session"].value != before


async def test_v7_5_1_a_new_password_is_no_fresh_proof_of_who_has_a_factor(stale):
    _, browser, _, _ = stale
    await browser.open("/account/password")
    page = await browser.submit(old_password=PASSWORD, password="an entirely other sentence 4")
    assert page.url.endswith("/account/password/changed")
    assert (await browser.fetch("/account/security/app")).status == 403


async def test_new_recovery_codes_prove_nothing(enrolled, browse, code_of, clock):
    shop, secret, _ = enrolled
    async with browse(shop) as browser:
        await begin(browser)
        await browser.submit("/second-factor", code=code_of(secret))
        clock.advance(550)
        await browser.open("/account/security")
        assert len(codes_on(await browser.submit("/security/codes"))) == 10
        clock.advance(51)
        assert (await browser.fetch("/account/security/app")).status == 403


async def test_of_two_who_set_up_the_first_factor_with_one_password_one_does(enrolled, browse, code_of, clock):
    shop, secret, _ = enrolled
    factors = shop.app.services.factors
    with pytest.raises(FactorRefusedError) as caught:
        await factors.add_totp(await ada(shop), b"x" * 20, code_of(b"x" * 20), is_first=True)
    assert caught.value.reason == "has_factor"
    async with browse(shop) as browser:
        await begin(browser)
        page = await browser.submit("/second-factor", code=code_of(secret))
        assert page.status == 200


async def test_a_session_that_has_shown_no_factor_ends_once_there_is_one(
    make_shop, browse, routes, make_account, code_of
):
    """Also one that was spared when all others were ended."""
    shop = await make_shop(routes)
    await make_account(shop, "ada")
    services, user_id = shop.app.services, await ada(shop)
    async with browse(shop) as browser:
        await begin(browser)
        session = await services.sessions.load(browser.cookies["__Host-session"].value)
        await services.factors.add_totp(user_id, b"x" * 20, code_of(b"x" * 20), except_session=session)
        assert len(await services.sessions.active_sessions(user_id)) == 1
        assert (await browser.fetch("/")).json() is None
        assert await services.sessions.active_sessions(user_id) == []


async def test_a_recovery_code_confirms_once(stale):
    _, browser, _, codes = stale
    await browser.open("/account/confirm?next=/inside")
    page = await browser.submit("/account/confirm", password=PASSWORD, code=codes[0].upper())
    assert page.url.endswith("/inside")
    await browser.open("/account/confirm")
    page = await browser.submit("/account/confirm", password=PASSWORD, code=codes[0])
    assert (page.status, "used already" in page.text) == (422, True)


async def test_to_confirm_is_not_to_sign_in(stale, code_of):
    shop, browser, secret, _ = stale
    before = await signed_in_at(shop)
    await browser.open("/account/confirm")
    await browser.submit("/account/confirm", password=PASSWORD, code=code_of(secret))
    names = shop.names()
    assert "authn_login_success" not in names
    assert names.count("authn_proof_success") == 2
    assert await signed_in_at(shop) == before


async def test_a_sign_in_with_two_factors_is_one_sign_in(enrolled, browse, code_of):
    shop, secret, _ = enrolled
    shop.events.events.clear()
    before = await signed_in_at(shop)
    async with browse(shop) as browser:
        await begin(browser)
        assert (shop.names().count("authn_login_success"), await signed_in_at(shop)) == (0, before)
        await browser.submit("/second-factor", code=code_of(secret))
    assert shop.names().count("authn_login_success") == 1
    assert await signed_in_at(shop) > before


async def test_a_form_that_waits_is_kept_beside_the_code(stale, code_of):
    _, browser, secret, _ = stale
    await browser.open("/account/security")
    page = await browser.submit("/app/remove")
    assert 'name="code"' in page.text, "in the answer to the form already"
    page = await browser.submit("/account/confirm", password=PASSWORD, code="000000")
    assert (page.status, 'value="/account/security/app/remove"' in page.text) == (422, True)
    page = await browser.submit("/account/confirm", password=PASSWORD, code=code_of(secret))
    assert 'action="/account/security/app/remove"' in page.text


async def test_wrong_codes_at_the_confirmation_are_counted(stale):
    _, browser, _, _ = stale
    await browser.open("/account/confirm")
    for _ in range(ThrottleRules().device_attempts):
        assert (await browser.submit("/account/confirm", password=PASSWORD, code="000000")).status == 422
    page = await browser.submit("/account/confirm", password=PASSWORD, code="000000")
    assert (page.status, page.headers["retry-after"]) == (429, "1")


async def test_the_shorter_minimum_is_for_who_has_a_factor(stale):
    _, browser, _, _ = stale
    assert "At least 8 characters." in (await browser.open("/account/password")).text


async def test_without_the_last_factor_no_code_is_asked_for(make_shop, browse, routes, make_account, code_of, clock):
    shop = await make_shop(routes)
    await make_account(shop, "ada")
    async with browse(shop) as browser:
        await begin(browser)
        page = await browser.open("/account/security/app")
        await browser.submit(code=code_of(secret_on(page)))
        await browser.open("/account/security")
        await browser.submit("/app/remove")
        clock.advance(601)
        page = await browser.open("/account/security/app")
        assert 'name="code"' not in page.text
        page = await browser.submit("/account/confirm", password=PASSWORD)
        assert page.url.endswith("/account/security/app")


async def test_whoever_is_given_more_signs_in_anew_with_a_factor(make_shop, browse, routes, make_account):
    shop = await make_shop(routes)
    await make_account(shop, "ada")
    services = shop.app.services
    async with browse(shop) as browser:
        assert (await begin(browser)).json() == ["ada", False]
        async with services.open_unit(is_read_only=False) as unit:
            user = await services.load_account(unit.session, await ada(shop))
            await services.accounts.set_staff(unit.session, user, is_staff=True)
        assert (await browser.fetch("/")).json() is None
        assert (await begin(browser)).url.endswith("/account/second-factor/set-up")


async def signed_in_at(shop):
    async with shop.app.services.open_unit(is_read_only=True) as unit:
        return await unit.session.scalar(select(User.last_login_at))


@pytest.mark.parametrize("answer", ["", "{", "[]", '{"id": 1}', '{"id": "AAAA", "response": {}}', "x" * 40_000])
async def test_an_answer_that_is_none_is_refused(make_shop, browse, routes, migrated, answer):
    shop = await make_shop(routes)
    async with browse(shop) as browser:
        await browser.open("/account/passkey")
        assert (await browser.submit(answer=answer)).status == 422


async def ada(shop):
    async with shop.app.services.open_unit(is_read_only=True) as unit:
        return await unit.session.scalar(select(User.id))
