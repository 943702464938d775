"""The throttle on a store in memory, with a clock that is set by hand."""

import asyncio
import sqlite3
from uuid import UUID

import pytest

from fastness.auth.callers import Caller
from fastness.auth.devices import DeviceCookies
from fastness.auth.errors import ThrottledError
from fastness.auth.throttle import Attempt, Throttle
from fastness.auth.throttle_rules import Counted, Limit, ThrottleRules, decide_attempt
from fastness.kernel.addresses import address_and_network
from fastness.kernel.errors import ConfigError
from fastness.kernel.events import EventName
from fastness.kernel.secret import Secret
from fastness.kernel.signing import Keyring
from fastness.kernel.verdicts import ALLOW, Deny
from fastness.stores.memory import MemoryStore
from fastness.stores.sqlite import SQLiteStore
from fastness.stores.store import StoreUnavailableError

KEYRING = Keyring(Secret("mG7pQz2vX9rT4wKc8bNf5hJd3sLy6aEu"))
RULES = ThrottleRules(
    account_attempts=6, pair_attempts=3, device_attempts=2, address_attempts=10, network_attempts=12, site_attempts=40
)
ADA = UUID(int=7)
HOME, ELSEWHERE = "192.0.2.1", "198.51.100.7"


@pytest.fixture
def make_throttle(store, events, clock):
    def make(rules=RULES, keyring=KEYRING):
        return Throttle(rules, store=store, keyring=keyring, events=events, clock=clock)

    return make


@pytest.fixture
def throttle(make_throttle):
    return make_throttle()


async def outcome_of(throttle, account="ada", client_ip=HOME, device="", **rest):
    """None for an attempt that passed, else why it did not."""
    try:
        await throttle.reserve(Attempt(account=account, caller=Caller(client_ip=client_ip, device=device), **rest))
    except ThrottledError as error:
        return error.reason
    return None


async def passed(throttle, attempts):
    """How many of the attempts passed, all made at once."""
    return (await asyncio.gather(*(outcome_of(throttle, **attempt) for attempt in attempts))).count(None)


# The decision.

LIMIT = Limit(attempts=3, window_seconds=600, first_delay_seconds=2, max_delay_seconds=60)


@pytest.mark.parametrize(
    ("count", "turn", "verdict"),
    [
        pytest.param(1, None, ALLOW, id="first"),
        pytest.param(2, None, ALLOW, id="last-but-one"),
        pytest.param(3, 1, ALLOW, id="last-free-one-takes-the-turn"),
        pytest.param(3, 2, Deny(Counted.PAIR), id="last-free-one-too-late-for-the-turn"),
        pytest.param(3, None, Deny(Counted.PAIR), id="never-without-a-turn"),
        pytest.param(400, 1, ALLOW, id="much-later-in-turn"),
        pytest.param(400, 2, Deny(Counted.PAIR), id="much-later-out-of-turn"),
    ],
)
def test_an_attempt_passes_while_free_or_in_its_turn(count, turn, verdict):
    assert decide_attempt(LIMIT, Counted.PAIR, count=count, turn=turn) == verdict


@pytest.mark.parametrize(("level", "seconds"), [(0, 2), (1, 4), (4, 32), (5, 60), (10_000, 60), (-1, 2)])
def test_waits_double_up_to_the_longest(level, seconds):
    assert LIMIT.delay_seconds(level) == seconds


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"account_attempts": 0}, id="none"),
        pytest.param({"account_attempts": True}, id="a-truth-value"),
        pytest.param({"window_seconds": 2.5}, id="half-seconds"),
        pytest.param({"pair_attempts": 21}, id="pair-above-account"),
        pytest.param({"address_attempts": 101}, id="address-above-network"),
        pytest.param({"max_delay_seconds": 100_000}, id="wait-beyond-the-window"),
        pytest.param({"first_delay_seconds": 61}, id="first-wait-above-the-longest"),
        pytest.param({"site_delay_seconds": 61}, id="site"),
        pytest.param({"window_seconds": 40 * 86_400}, id="window-of-forty-days"),
        pytest.param({"device_seconds": 401 * 86_400}, id="cookie-that-no-browser-keeps"),
    ],
)
def test_rules_that_cannot_be_right_are_refused(changes):
    with pytest.raises(ConfigError):
        ThrottleRules(**changes)


@pytest.mark.parametrize(
    ("client_ip", "same_address", "network"),
    [
        pytest.param("192.0.2.1", "::ffff:192.0.2.1", b"", id="mapped"),
        pytest.param("2001:db8::1", "2001:0db8:0:0::0001", bytes.fromhex("20010db800000000"), id="ipv6"),
        pytest.param("fe80::1%eth0", "fe80::1", bytes.fromhex("fe80000000000000"), id="zone"),
        pytest.param("", "unix:", b"", id="unknown"),
    ],
)
def test_an_address_is_counted_in_one_spelling(client_ip, same_address, network):
    assert address_and_network(client_ip) == address_and_network(same_address)
    assert address_and_network(client_ip)[1] == network


# Counting.


async def test_v6_3_1_no_more_than_the_limit_pass_at_once(throttle):
    assert await passed(throttle, [{}] * 200) == RULES.pair_attempts


async def test_v6_3_1_one_account_from_many_addresses(throttle):
    attempts = [{"client_ip": f"198.51.100.{number}"} for number in range(200)]
    assert await passed(throttle, attempts) == RULES.account_attempts


async def test_v6_3_1_many_accounts_from_one_address(throttle):
    attempts = [{"account": f"user{number}"} for number in range(200)]
    assert await passed(throttle, attempts) == RULES.address_attempts


async def test_v6_3_1_many_accounts_from_one_network(throttle):
    attempts = [{"account": f"user{n}", "client_ip": f"2001:db8::{n:x}"} for n in range(200)]
    assert await passed(throttle, attempts) == RULES.network_attempts


async def test_v6_3_1_many_accounts_from_many_addresses(throttle):
    attempts = [{"account": f"user{n}", "client_ip": f"198.51.100.{n}"} for n in range(200)]
    assert await passed(throttle, attempts) == RULES.site_attempts


async def test_another_account_from_another_address_is_not_slowed(throttle):
    await passed(throttle, [{}] * 20)
    assert await outcome_of(throttle) is Counted.PAIR
    assert await outcome_of(throttle, account="grace", client_ip=ELSEWHERE) is None


async def test_refused_attempts_make_nobody_wait_longer(throttle):
    await passed(throttle, [{}] * 200)
    # The address was charged for the three that passed: seven are left to other accounts.
    others = [{"account": f"user{number}"} for number in range(20)]
    assert await passed(throttle, others) == RULES.address_attempts - RULES.pair_attempts
    # Three are left to this account, from elsewhere.
    elsewhere = [{"client_ip": f"198.51.100.{number}"} for number in range(20)]
    assert await passed(throttle, elsewhere) == RULES.account_attempts - RULES.pair_attempts


async def test_waits_grow_and_end(make_throttle, clock):
    throttle = make_throttle(ThrottleRules(pair_attempts=3))
    await passed(throttle, [{}] * 3)
    waits = []
    for _ in range(12):
        with pytest.raises(ThrottledError) as caught:
            await throttle.reserve(Attempt(account="ada", caller=Caller(client_ip=HOME)))
        waits.append(caught.value.retry_after_seconds)
        clock.advance(waits[-1])
        assert await outcome_of(throttle) is None, "there is no lock: after the wait one attempt passes"
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]


async def test_after_the_window_all_is_forgotten(throttle, clock):
    await passed(throttle, [{}] * 20)
    clock.advance(RULES.window_seconds)
    assert await passed(throttle, [{}] * 20) == RULES.pair_attempts


@pytest.mark.parametrize("typed", ["ADA", " ada ", "ａda"])
async def test_one_person_s_spellings_are_one_account(throttle, typed):
    await passed(throttle, [{}] * 20)
    assert await outcome_of(throttle, account=typed) is Counted.PAIR


@pytest.mark.parametrize("typed", ["x" * 100_000, "\ud800", "\x00", "ad\u200ba"])
async def test_impossible_names_are_counted_as_well(throttle, typed):
    assert await passed(throttle, [{"account": typed}] * 20) == RULES.pair_attempts


async def test_a_second_factor_has_counters_of_its_own(throttle):
    await passed(throttle, [{"account": str(ADA)}] * 20)
    assert await passed(throttle, [{"account": str(ADA), "kind": "factor"}] * 20) == RULES.pair_attempts


# Success.


async def test_a_right_password_gives_back_what_was_charged_to_this_account_from_here(throttle):
    await passed(throttle, [{}] * 2)
    await throttle.succeeded(await throttle.reserve(Attempt(account="ada", caller=Caller(client_ip=HOME))))
    assert await passed(throttle, [{}] * 20) == RULES.pair_attempts
    elsewhere = [{"client_ip": f"198.51.100.{number}"} for number in range(20)]
    assert await passed(throttle, elsewhere) == RULES.account_attempts - RULES.pair_attempts


async def test_an_attacker_s_own_sign_in_does_not_clear_the_address(throttle):
    for number in range(RULES.address_attempts - 1):
        await outcome_of(throttle, account=f"user{number}")
        if number % 2:
            await throttle.succeeded(await throttle.reserve(Attempt(account="mallory", caller=Caller(client_ip=HOME))))
    assert await passed(throttle, [{"account": f"other{number}"} for number in range(20)]) == 1


async def test_an_attacker_s_sign_ins_at_the_same_moment_do_not_clear_the_address(throttle):
    for number in range(RULES.address_attempts - 3):
        own = [await throttle.reserve(Attempt(account="mallory", caller=Caller(client_ip=HOME))) for _ in range(2)]
        await outcome_of(throttle, account=f"user{number}")
        for each in own:
            await throttle.succeeded(each)
    assert await passed(throttle, [{"account": f"other{number}"} for number in range(20)]) == 3


class SlowTurns(MemoryStore):
    """A store in which whoever asks for a turn waits until it is open."""

    def __init__(self, clock):
        super().__init__(clock)
        self.is_open = asyncio.Event()

    async def increment(self, key, **rest):
        if key.endswith(b":turn"):
            await self.is_open.wait()
        return await super().increment(key, **rest)


async def test_what_a_right_password_gave_back_is_not_given_back_by_those_refused_meanwhile(events, clock):
    store = SlowTurns(clock)
    await store.open()
    throttle = Throttle(RULES, store=store, keyring=KEYRING, events=events, clock=clock)
    for number in range(RULES.address_attempts - 6):
        await outcome_of(throttle, account=f"user{number}")
    right = await throttle.reserve(Attempt(account="mallory", caller=Caller(client_ip=HOME)))
    await outcome_of(throttle, account="mallory")
    others = [asyncio.create_task(outcome_of(throttle, account="mallory")) for _ in range(3)]
    await asyncio.sleep(0)
    await throttle.succeeded(right)
    store.is_open.set()
    assert (await asyncio.gather(*others)).count(None) == 1
    assert await passed(throttle, [{"account": f"other{number}"} for number in range(20)]) == 6


async def test_a_success_after_the_counters_began_anew_makes_no_attempt_free(throttle, clock):
    await outcome_of(throttle)
    clock.advance(RULES.address_window_seconds)
    await throttle.succeeded(await throttle.reserve(Attempt(account="ada", caller=Caller(client_ip=HOME))))
    others = [{"account": f"user{number}"} for number in range(30)]
    assert await passed(throttle, others) == RULES.address_attempts


async def test_a_success_gives_back_nothing_of_what_another_window_was_charged(throttle, clock):
    await passed(throttle, [{"account": "mallory"}] * (RULES.pair_attempts - 1))
    clock.advance(RULES.address_window_seconds)
    others = [{"account": f"user{number}"} for number in range(30)]
    tried = await passed(throttle, others[: RULES.address_attempts - 2])
    await throttle.succeeded(await throttle.reserve(Attempt(account="mallory", caller=Caller(client_ip=HOME))))
    assert tried + await passed(throttle, others[tried:]) == RULES.address_attempts


async def test_a_success_in_the_same_window_gives_back_all_that_was_charged(throttle, clock):
    await passed(throttle, [{"account": "ada"}] * (RULES.pair_attempts - 1))
    clock.advance(RULES.site_window_seconds - 1)
    await throttle.succeeded(await throttle.reserve(Attempt(account="ada", caller=Caller(client_ip=HOME))))
    others = [{"account": f"user{number}"} for number in range(30)]
    assert await passed(throttle, others) == RULES.address_attempts
    elsewhere = [{"client_ip": f"198.51.100.{number}"} for number in range(20)]
    assert await passed(throttle, elsewhere) == RULES.account_attempts


async def test_right_passwords_at_the_same_moment_make_no_attempt_free(tmp_path, events, clock):
    store = SQLiteStore(tmp_path / "store.sqlite3", clock)
    await store.open()
    throttle = Throttle(RULES, store=store, keyring=KEYRING, events=events, clock=clock)
    own = [await throttle.reserve(Attempt(account="mallory", caller=Caller(client_ip=HOME))) for _ in range(2)]
    # Another process writes: both have read what was charged before either has written.
    other = sqlite3.connect(tmp_path / "store.sqlite3", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    both = [asyncio.create_task(throttle.succeeded(each)) for each in own]
    await asyncio.sleep(0.05)
    other.close()
    await asyncio.gather(*both)
    assert await passed(throttle, [{"account": f"user{number}"} for number in range(30)]) == RULES.address_attempts
    await store.close()


class CutStore(MemoryStore):
    """A store whose caller is cancelled when a write is done, and in which all have read before anybody writes."""

    writes_left = float("inf")

    async def get(self, key):
        found = await super().get(key)
        await asyncio.sleep(0)
        return found

    async def increment(self, key, **rest):
        return self.cut(await super().increment(key, **rest))

    async def take_each(self, amounts):
        return self.cut(await super().take_each(amounts))

    def cut(self, answer):
        self.writes_left -= 1
        if self.writes_left == 0:
            raise asyncio.CancelledError
        return answer


@pytest.mark.parametrize("writes", range(1, 9))
async def test_who_hangs_up_while_charges_are_given_back_leaves_no_counter_below_nothing(events, clock, writes):
    store = CutStore(clock)
    await store.open()
    throttle = Throttle(RULES, store=store, keyring=KEYRING, events=events, clock=clock)
    own = [await throttle.reserve(Attempt(account="mallory", caller=Caller(client_ip=HOME))) for _ in range(3)]
    store.writes_left = writes
    await asyncio.gather(*map(throttle.succeeded, own), return_exceptions=True)
    assert min(int(stored.value) for stored in store._records.values()) >= 0


async def test_what_was_not_tried_is_given_back(throttle):
    for _ in range(20):
        await throttle.release(await throttle.reserve(Attempt(account="ada", caller=Caller(client_ip=HOME))))
    assert await outcome_of(throttle) is None


async def test_unlocking_reaches_every_address_and_no_other_account(throttle, events):
    await passed(throttle, [{"client_ip": f"198.51.100.{n % 3}"} for n in range(100)])
    await passed(throttle, [{"account": "grace", "client_ip": f"203.0.113.{n % 3}"} for n in range(100)])
    await throttle.unlock("ADA", "", user_id=ADA, by="a test")
    assert events.events[-1].name is EventName.USER_UPDATED
    assert await passed(throttle, [{"client_ip": "198.51.100.1"}]) == 1
    assert await passed(throttle, [{"account": "grace", "client_ip": "203.0.113.1"}]) == 0


# Known devices.


async def known(throttle, names=("ada",), epoch=0, user_id=ADA):
    return throttle.devices.make(user_id=user_id, epoch=epoch, names=names)


async def test_the_owner_s_device_does_not_meet_the_attack(throttle):
    device = await known(throttle)
    await passed(throttle, [{"client_ip": f"198.51.100.{number}"} for number in range(200)])
    await passed(throttle, [{}] * 200)
    assert await outcome_of(throttle) is not None
    assert await outcome_of(throttle, device=device) is None


async def test_a_known_device_has_a_limit_too(throttle):
    device = await known(throttle)
    assert await passed(throttle, [{"device": device}] * 200) == RULES.device_attempts
    assert await outcome_of(throttle, device=device) is Counted.DEVICE


async def test_attempts_on_a_known_device_do_not_slow_the_others(throttle):
    await passed(throttle, [{"device": await known(throttle)}] * 200)
    assert await passed(throttle, [{}] * 200) == RULES.pair_attempts


async def unknown_device(case, throttle, store, clock):
    device = await known(throttle, names=("ada", "ada@example.com", str(ADA)))
    match case:
        case "another-account":
            return await known(throttle, names=("mallory",), user_id=UUID(int=8))
        case "changed":
            return device[:-1] + ("A" if device[-1] != "A" else "B")
        case "expired":
            clock.advance(RULES.device_seconds)
        case "revoked":
            await store.bump_epoch(str(ADA))
        case "other-key":
            ring = Keyring(Secret("zT4wKc8bNf5hJd3sLy6aEumG7pQz2vX9r"))
            return DeviceCookies(RULES, store=store, keyring=ring, clock=clock).make(
                user_id=ADA, epoch=0, names=("ada",)
            )
        case "long":
            return device * 100
        case "none":
            return ""
    return device


@pytest.mark.parametrize(
    ("case", "is_known"),
    [
        pytest.param("good", True, id="good"),
        *(
            pytest.param(case, False, id=case)
            for case in ("another-account", "changed", "expired", "revoked", "other-key", "long", "none")
        ),
    ],
)
async def test_only_a_device_of_this_account_is_known(throttle, store, clock, case, is_known):
    device = await unknown_device(case, throttle, store, clock)
    found = await throttle.devices.recognise(device, account="Ada")
    assert (found is not None) is is_known
    reservation = await throttle.reserve(Attempt(account="ada", caller=Caller(client_ip=HOME, device=device)))
    assert reservation.is_known_device is is_known


async def test_a_device_is_known_by_each_name_of_its_user(throttle):
    device = await known(throttle, names=("ada", "ada@example.com", str(ADA)))
    for name in ("ADA", "ada@example.com", str(ADA)):
        assert await throttle.devices.recognise(device, account=name) is not None
    assert throttle.devices.is_known(device, user_id=ADA, epoch=0)
    assert not throttle.devices.is_known(device, user_id=ADA, epoch=1)
    assert not throttle.devices.is_known(device, user_id=UUID(int=8), epoch=0)


async def test_a_device_stays_known_when_the_key_rotates(make_throttle):
    device = await known(make_throttle())
    rotated = make_throttle(
        keyring=Keyring(
            Secret("zT4wKc8bNf5hJd3sLy6aEumG7pQz2vX9r"), previous=(Secret("mG7pQz2vX9rT4wKc8bNf5hJd3sLy6aEu"),)
        )
    )
    assert await rotated.devices.recognise(device, account="ada") is not None


# What is told, and to whom.


async def test_v16_3_1_the_log_knows_that_an_account_is_slowed_and_not_whose(throttle, events):
    await passed(throttle, [{}] * 20)
    await passed(throttle, [{"account": "nobody", "client_ip": ELSEWHERE}] * 20)
    slowed = [event for event in events.events if event.name is EventName.AUTHN_LOGIN_LOCK]
    refused = [event for event in events.events if event.name is EventName.AUTHN_LOGIN_FAIL_MAX]
    assert [event.reason for event in slowed] == [Counted.PAIR] * 2
    assert len(refused) == 2 * (20 - RULES.pair_attempts)
    assert {event.user_id for event in (*slowed, *refused)} == {""}
    assert len({event.detail["typed_name"] for event in refused}) == 2
    told = [value for event in events.events for value in (event.user_id, event.reason, *event.detail.values())]
    assert not {"ada", "nobody"} & set(told)


async def test_with_the_store_away_nothing_is_reserved(throttle, store):
    await store.close()
    with pytest.raises(StoreUnavailableError):
        await throttle.reserve(Attempt(account="ada", caller=Caller(client_ip=HOME)))


# In front of the password.


async def test_a_throttled_attempt_reaches_no_hash(make_login, make_throttle, ada, events):
    login = make_login(throttle=make_throttle())
    for _ in range(RULES.pair_attempts):
        await login.attempt(username="ada lovelace", password="wrong wrong wrong")
    with pytest.raises(ThrottledError):
        await login.attempt(username="ada lovelace", password="correct horse battery staple")
    tried = [event for event in events.events if event.name is EventName.AUTHN_LOGIN_FAIL]
    assert len(tried) == RULES.pair_attempts


async def test_with_the_store_away_nobody_signs_in(login, ada, store):
    await store.close()
    with pytest.raises(StoreUnavailableError):
        await login.attempt(username="ada lovelace", password="correct horse battery staple")
