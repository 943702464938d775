"""Asking for a new password, and what the link in the mail does."""

import re
from datetime import timedelta

import pytest

from fastness.auth.addresses import confirm_address
from fastness.auth.callers import Caller
from fastness.auth.errors import ThrottledError
from fastness.auth.links import OneTimeLink
from fastness.auth.purposes import Place
from fastness.auth.throttle import FACTOR, Attempt
from fastness.auth.users import User, find_user
from fastness.kernel.tokens import hash_token
from fastness.mail.outbox import QueuedMail
from tests.accounts.conftest import PASSWORD
from tests.accounts.flows import LINK, deliver, make, routes, rows, shop
from tests.web.shop import ORIGIN

NEW = "an entirely different phrase"


@pytest.fixture
def ask(browse, shop):
    async def ask(address):
        async with browse(shop) as browser:
            await browser.open("/account/reset")
            return await browser.submit(email=address)

    return ask


@pytest.fixture
def get_link(ask, deliver):
    async def get_link(address="ada@mail.example"):
        await ask(address)
        [(_, text)] = await deliver()
        return LINK.search(text)[1]

    return get_link


__all__ = ["deliver", "make", "routes", "shop"]


async def test_somebody_who_forgot_the_password_chooses_a_new_one(shop, browse, make, ask, deliver):
    await make()
    assert "Look into your mail" in (await ask("ADA@mail.example")).text
    [(to, text)] = await deliver()
    assert to == "ada@mail.example"
    assert "ada" in text
    async with browse(shop) as browser:
        page = await browser.open(LINK.search(text)[1])
        assert page.url == "https://shop.example/account/reset/new"
        assert 'autocomplete="new-password"' in page.text
        page = await browser.submit(password=NEW)
        assert page.url == "https://shop.example/account/password-set"
        assert (await browser.open("/")).json() is None
        await browser.sign_in("ada", NEW)
        assert (await browser.open("/")).json() == "ada"
    [(to, text)] = await deliver()
    assert to == "ada@mail.example"
    assert "password" in text


@pytest.mark.asvs("V6.3.8")
@pytest.mark.parametrize(
    ("username", "options"),
    [
        pytest.param("ada", {}, id="known"),
        pytest.param("bob", {"email": "other@mail.example"}, id="unknown"),
        pytest.param("ada", {"is_active": False}, id="closed"),
        pytest.param("ada", {"password": None}, id="no-password-yet"),
    ],
)
async def test_asking_does_the_same_for_every_address(shop, make, ask, username, options):
    """V6.3.8: one answer, one row of one kind and size; who it is for is nobody's business before the worker."""
    await make(username, **options)
    pages = [await ask(address) for address in ("ada@mail.example", "eve@mail.example")]
    texts = {re.sub(r'nonce="[^"]*"', "", page.text) for page in pages}
    assert ({(page.status, page.url) for page in pages}, len(texts)) == ({(200, f"{ORIGIN}/account/reset/sent")}, 1)
    queued = await rows(shop, QueuedMail)
    assert len(queued) == 2
    assert len({(row.kind, row.is_settled, len(row.sealed), row.expires_at) for row in queued}) == 1
    assert await rows(shop, OneTimeLink) == []


@pytest.mark.parametrize(
    ("accounts", "count"),
    [
        pytest.param([("ada", {})], 1, id="known"),
        pytest.param([("bob", {"email": "other@mail.example"})], 0, id="unknown"),
        pytest.param([("ada", {"is_active": False})], 0, id="closed"),
        pytest.param([("ada", {}), ("bob", {"is_active": False})], 1, id="one-of-two-closed"),
        pytest.param([("ada", {}), ("bob", {})], 2, id="two-accounts-of-one-mailbox"),
    ],
)
async def test_the_worker_decides_who_gets_a_mail(shop, make, ask, deliver, accounts, count):
    for username, options in accounts:
        await make(username, **options)
    await ask("ada@mail.example")
    assert [to for to, _ in await deliver()] == ["ada@mail.example"] * count
    assert await rows(shop, QueuedMail) == []


async def is_slowed(shop, attempt):
    """Whether one more attempt, from an address of its own, has to wait."""
    try:
        await shop.app.services.throttle.reserve(attempt)
    except ThrottledError:
        return True
    return False


async def test_the_link_lets_the_owner_of_a_slowed_account_in(shop, browse, make, get_link):
    user = await make()
    guesses = [{"account": "ada"}, {"account": str(user.id), "kind": FACTOR}]
    for guess in guesses:
        for number in range(100):
            await is_slowed(shop, Attempt(caller=Caller(client_ip=f"198.51.100.{number}"), **guess))
    password, factor = (Attempt(caller=Caller(client_ip="203.0.113.7"), **guess) for guess in guesses)
    assert await is_slowed(shop, password)
    assert await is_slowed(shop, factor)
    link = await get_link()
    async with browse(shop) as browser:
        await browser.open(link)
        await browser.submit(password=NEW)
    assert not await is_slowed(shop, password)
    # A mailbox is one factor: guesses at the other one stay counted.
    assert await is_slowed(shop, factor)


async def test_a_flood_of_requests_ends_in_few_mails(make, ask, deliver):
    await make()
    for _ in range(8):
        await ask("ada@mail.example")
    assert len(await deliver()) == 5


async def test_the_mail_goes_to_the_address_of_the_account(shop, make, deliver):
    """CVE-2019-19844: another address that only folds to the same one gets nothing."""
    await make(email="mike@mail.example")
    services = shop.app.services
    place = Place(page="https://shop.example/account/reset/", site="shop.example")
    async with services.open_unit(is_read_only=False) as unit:
        await services.password_links.request_reset(unit.session, "MIKE@mail.example", place)
    assert [to for to, _ in await deliver()] == ["mike@mail.example"]


@pytest.mark.parametrize(
    "address", ["", "ada", "ada@", "m\u0131ke@mail.example", "ada@mail.example\n", "a@b.example,c@d.example"]
)
async def test_what_is_no_address_is_refused_whoever_it_is(shop, browse, address):
    async with browse(shop) as browser:
        await browser.open("/account/reset")
        page = await browser.submit(email=address)
    expected = 200 if address.strip() == "ada@mail.example" else 422
    assert page.status == expected
    if expected == 422:
        assert 'aria-invalid="true"' in page.text


async def test_the_token_leaves_the_address_and_is_not_kept(shop, browse, make, get_link):
    await make()
    link = await get_link()
    token = link.rpartition("/")[2]
    async with browse(shop) as browser:
        answer = await browser.raw("GET", link)
        assert (answer.status, answer.headers["location"]) == (303, "/account/reset/new")
        assert answer.headers["cache-control"] == "no-store"
        assert answer.text == ""
        page = await browser.open("/account/reset/new")
        assert token not in page.text
        assert page.headers["referrer-policy"] == "same-origin"
        name = shop.app.settings.session_cookie.name
        session = await shop.app.services.sessions.load(browser.cookies[name].value)
        assert token not in repr(session.get("fastness.link.password-reset"))


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_scanners_of_mail_do_not_use_the_link_up(shop, browse, make, get_link, method):
    await make()
    link = await get_link()
    for _ in range(3):
        async with browse(shop) as scanner:
            assert (await scanner.raw(method, link)).status == 303
            assert (await scanner.raw(method, "/account/reset/new")).status == 200
    async with browse(shop) as browser:
        await browser.open(link)
        assert (await browser.submit(password=NEW)).url.endswith("/account/password-set")


async def test_a_link_works_once(shop, browse, make, get_link):
    await make()
    link = await get_link()
    async with browse(shop) as browser, browse(shop) as other:
        await browser.open(link)
        await other.open(link)
        await browser.submit(password=NEW)
        page = await other.submit(password="yet another long phrase")
        assert page.status == 410
        assert "no longer works" in page.text
        assert (await browser.open(link)).status == 410
        await browser.sign_in("ada", NEW)
        assert (await browser.open("/")).json() == "ada"
    assert "dead_link" in shop.reasons()


@pytest.mark.parametrize(
    ("seconds", "status"), [pytest.param(1799, 200, id="in-time"), pytest.param(1800, 410, id="too-late")]
)
async def test_a_link_is_short_lived(shop, browse, make, get_link, seconds, status):
    await make()
    link = await get_link()
    shop.clock.advance(seconds)
    async with browse(shop) as browser:
        assert (await browser.open(link)).status == status


async def test_signing_in_kills_the_link(shop, browse, make, get_link):
    await make()
    link = await get_link()
    async with browse(shop) as browser:
        await browser.sign_in("ada", PASSWORD)
        assert (await browser.open(link)).status == 410


async def test_a_password_that_breaks_a_rule_leaves_the_link_alive(shop, browse, make, get_link):
    await make()
    async with browse(shop) as browser:
        await browser.open(await get_link())
        page = await browser.submit(password="short")
        assert page.status == 422
        assert 'aria-invalid="true"' in page.text
        assert "short" not in page.form().fields
        assert (await browser.submit(password=NEW)).url.endswith("/account/password-set")


@pytest.mark.asvs("V7.4.3")
async def test_a_reset_ends_every_session(shop, browse, make, get_link):
    await make()
    async with browse(shop) as elsewhere, browse(shop) as browser:
        link = await get_link()
        await elsewhere.sign_in("ada", PASSWORD)
        assert (await elsewhere.open("/")).json() == "ada"
        shop.clock.advance(60)
        link = await get_link()
        await browser.open(link)
        await browser.submit(password=NEW)
        assert (await elsewhere.open("/")).json() is None
        assert (await browser.open("/")).json() is None


async def test_a_reset_confirms_the_address(shop, browse, make, get_link):
    user = await make()
    async with browse(shop) as browser:
        await browser.open(await get_link())
        await browser.submit(password=NEW)
    [found] = await rows(shop, User)
    assert (found.id, found.has_confirmed_email) == (user.id, True)


async def test_the_account_that_has_confirmed_an_address_gets_the_link_however_many_name_it(shop, make, ask, deliver):
    # Whoever gives accounts the address of somebody else does not keep them from a new password.
    services = shop.app.services
    for name in ("bob", "carl", "dora", "eve", "ada"):
        user = await make(name)
    async with services.open_unit(is_read_only=False) as unit:
        await confirm_address(unit.session, await unit.session.get_one(User, user.id))
    await ask("ada@mail.example")
    [(_, text)] = await deliver()
    assert "ada" in text.split("https://")[0]


async def test_without_a_link_there_is_no_form(shop, browse, make):
    await make()
    async with browse(shop) as browser:
        assert (await browser.open("/account/reset/new")).status == 410
        assert (await browser.open("/account/reset/" + "x" * 43)).status == 410
        page = await browser.open("/account/reset")
        await browser.submit(page.form("/account/reset"), email="ada@mail.example")
        page = await browser.from_site(browser.origin, "/account/reset/new", fields={"password": NEW})
        assert page.status in {403, 410}


@pytest.mark.asvs("V6.4.1")
async def test_an_invited_person_chooses_name_and_password(shop, browse, deliver):
    services = shop.app.services
    place = Place(page="https://shop.example/account/invite/", site="shop.example")
    async with services.open_unit(is_read_only=False) as unit:
        await services.password_links.invite(unit.session, username="grace", email="grace@mail.example", place=place)
    [(to, text)] = await deliver()
    assert to == "grace@mail.example"
    shop.clock.advance(timedelta(hours=71).total_seconds())
    async with browse(shop) as browser:
        page = await browser.open(LINK.search(text)[1])
        assert page.url.endswith("/account/invite/accept")
        assert "grace" in page.text
        await browser.submit(password=NEW, display_name="  Grace   Hopper ")
        await browser.sign_in("grace", NEW)
        assert (await browser.open("/")).json() == "grace"
    async with services.open_unit(is_read_only=True) as unit:
        user = await find_user(unit.session, "grace")
    assert (user.display_name, user.has_confirmed_email) == ("Grace Hopper", True)


async def test_inviting_again_kills_the_link_from_before(shop, browse, deliver):
    services = shop.app.services
    place = Place(page="https://shop.example/account/invite/", site="shop.example")
    async with services.open_unit(is_read_only=False) as unit:
        user = await services.password_links.invite(
            unit.session, username="grace", email="grace@mail.example", place=place
        )
        await services.password_links.invite_again(unit.session, user, place)
    (_, first), (_, second) = await deliver()
    async with browse(shop) as browser:
        statuses = [(await browser.open(LINK.search(text)[1])).status for text in (first, second)]
    assert sorted(statuses) == [200, 410]


async def test_v6_2_1_the_shorter_password_is_for_whoever_needs_a_factor(shop, browse, make, get_link):
    await make()
    services = shop.app.services
    async with browse(shop) as browser:
        page = await browser.open(await get_link())
        assert "At least 15 characters." in page.text
        page = await browser.submit(password="wug fimble")
        assert (page.status, "at least 15 characters" in page.text) == (422, True)
        async with services.open_unit(is_read_only=False) as unit:
            await services.accounts.set_staff(unit.session, await find_user(unit.session, "ada"), is_staff=True)
        page = await browser.open(await get_link())
        assert "At least 8 characters." in page.text
        page = await browser.submit(password="wug fimble")
        assert page.url.endswith("/account/password-set")


@pytest.mark.parametrize("email", ["ada@mail.example", ""], ids=["address", "no-address"])
async def test_a_link_that_is_handed_over_sets_a_password_and_confirms_no_address(shop, make, email):
    user = await make(email=email)
    services = shop.app.services
    async with services.open_unit(is_read_only=False) as unit:
        purpose, token = await services.password_links.hand_over(unit.session, user)
    async with services.open_unit(is_read_only=False) as unit:
        await services.password_links.set_password(unit.session, purpose, hash_token(token), NEW, site="shop.example")
    assert (await services.login.attempt(username="ada", password=NEW)).user is not None
    [found] = await rows(shop, User)
    assert found.confirmed_email_key is None
