"""V6, guessing passwords at two server processes at once: what reaches the hasher, and who still gets in.

The servers stand behind a declared proxy, so that a test can come from many addresses. Waits are ten minutes from the first one
on: how fast this machine is decides nothing.
"""

import asyncio
import itertools
import time

import pytest

from tests.attacks.site import COOKIE, EVENT_SECONDS, neighbour_of, running_site
from tests.attacks.target import PASSWORDS

PAIR, ACCOUNT, ADDRESS, DEVICE = 5, 20, 50, 10
SETTINGS = {
    "FASTNESS_PROXY_TRUSTED": "127.0.0.1",
    "FASTNESS_THROTTLE_PAIR_ATTEMPTS": str(PAIR),
    "FASTNESS_THROTTLE_ACCOUNT_ATTEMPTS": str(ACCOUNT),
    "FASTNESS_THROTTLE_ADDRESS_ATTEMPTS": str(ADDRESS),
    "FASTNESS_THROTTLE_NETWORK_ATTEMPTS": str(2 * ADDRESS),
    "FASTNESS_THROTTLE_DEVICE_ATTEMPTS": str(DEVICE),
    "FASTNESS_THROTTLE_FIRST_DELAY_SECONDS": "600",
    "FASTNESS_THROTTLE_ADDRESS_MAX_DELAY_SECONDS": "600",
}
SIGN_IN = "/account/sign-in"
WRONG = "a wrong but long password"
TRIED, REFUSED = "authn_login_fail", "authn_login_fail_max"


@pytest.fixture(scope="module")
def guessed(seeded, tmp_path_factory):
    """Two server processes on the same files, with limits that can be reached."""
    with (
        running_site(seeded, tmp_path_factory.mktemp("guessed"), **SETTINGS) as one,
        neighbour_of(one, **SETTINGS) as other,
    ):
        yield one, other


@pytest.fixture
def network(request):
    """Two numbers of an address that no other test uses."""
    return f"10.{sum(request.node.name.encode()) % 250}"


async def attempt(browser, client_ip, username, password=WRONG):
    fields = {"username": username, "password": password}
    return await browser.from_site(
        browser.origin, SIGN_IN, fields=fields, headers={"x-forwarded-for": client_ip, "x-forwarded-proto": "http"}
    )


async def guess(sites, attempts):
    """All attempts at once, at both processes by turns."""
    async with sites[0].browser() as one, sites[1].browser() as other:
        turns = zip(itertools.cycle((one, other)), attempts, strict=False)
        return await asyncio.gather(*(attempt(browser, *each) for browser, each in turns))


def counted(site, start, expected):
    """How many attempts were tried and how many refused, when the log has them all."""
    deadline = time.monotonic() + EVENT_SECONDS
    while True:
        names = [event["event"] for event in site.events(start)]
        found = (names.count(TRIED), names.count(REFUSED))
        if found == expected or time.monotonic() > deadline:
            return found
        time.sleep(0.02)


async def test_v6_3_1_of_200_guesses_at_two_processes_the_limit_reaches_the_hasher(guessed, network):
    """The owner, at the same address as the attack, gets in on the device they have used before, and on no other."""
    owner_ip = f"{network}.0.1"
    async with guessed[0].browser() as known, guessed[1].browser() as unknown:
        assert (await attempt(known, owner_ip, "ada", PASSWORDS["ada"])).status == 303
        # The browser was closed meanwhile: it has kept the one cookie and not the other.
        del known.cookies[COOKIE]
        assert list(known.cookies) == ["__Host-device"]
        start = guessed[0].log_size()
        pages = await guess(guessed, [(owner_ip, "ada")] * 200)
        statuses = [page.status for page in pages]
        assert (statuses.count(422), statuses.count(429)) == (PAIR, 200 - PAIR)
        assert counted(guessed[0], start, (PAIR, 200 - PAIR)) == (PAIR, 200 - PAIR)
        assert (await attempt(unknown, owner_ip, "ada", PASSWORDS["ada"])).status == 429
        assert (await attempt(known, owner_ip, "ada", PASSWORDS["ada"])).status == 303


async def test_v6_3_1_one_account_from_many_addresses_is_slowed(guessed, network):
    start = guessed[0].log_size()
    pages = await guess(guessed, [(f"{network}.1.{number}", "eve") for number in range(60)])
    assert [page.status for page in pages].count(422) == ACCOUNT
    assert counted(guessed[0], start, (ACCOUNT, 60 - ACCOUNT)) == (ACCOUNT, 60 - ACCOUNT)


async def test_v6_3_1_many_accounts_from_one_address_are_slowed(guessed, network):
    start = guessed[0].log_size()
    pages = await guess(guessed, [(f"{network}.2.1", f"somebody{number}") for number in range(90)])
    assert [page.status for page in pages].count(422) == ADDRESS
    assert counted(guessed[0], start, (ADDRESS, 90 - ADDRESS)) == (ADDRESS, 90 - ADDRESS)


async def test_v6_3_1_a_known_device_has_a_limit_of_its_own(guessed, network):
    async with guessed[0].browser() as known:
        assert (await attempt(known, f"{network}.3.1", "ada", PASSWORDS["ada"])).status == 303
        device = known.cookies["__Host-device"].value
    async with guessed[1].browser() as thief:
        headers = {"x-forwarded-for": f"{network}.3.2", "origin": thief.origin, "cookie": f"__Host-device={device}"}
        body = {"username": "ada", "password": WRONG}
        pages = await asyncio.gather(*(thief.raw("POST", SIGN_IN, headers=headers, data=body) for _ in range(30)))
    assert [page.status for page in pages].count(422) == DEVICE


@pytest.mark.parametrize("username", ["nobody-of-this-name", "gone", "machine"])
async def test_v6_3_8_being_slowed_tells_nothing_about_who_exists(guessed, network, username):
    """Unknown, closed, without a password: each is refused after as many attempts, with the same page and the same wait."""
    client_ip = f"{network}.4.{len(username)}"
    async with guessed[0].browser() as browser:
        pages = [await attempt(browser, client_ip, username) for _ in range(PAIR + 1)]
    assert [page.status for page in pages] == [422] * PAIR + [429]
    refused = pages[-1]
    assert 0 < int(refused.headers["retry-after"]) <= 600
    assert "Too many attempts. Try again in " in refused.text
    assert f'value="{username}"' in refused.text
    assert WRONG not in refused.text


async def test_v16_3_1_the_log_tells_that_somebody_is_slowed_and_not_who(guessed, network):
    with guessed[0].records("authn_login_lock", "account_from_address") as events:
        await guess(guessed, [(f"{network}.5.1", "a name that may be a password")] * 10)
    assert not events[0].get("user_id")
    assert "a name" not in str(events)
