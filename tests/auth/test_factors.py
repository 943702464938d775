"""Second factors in the database: each proof works once whatever runs beside it, and each change takes effect at once."""

import asyncio
import uuid

import pytest
from sqlalchemy import select

from fastness.auth.callers import Caller
from fastness.auth.ceremonies import NewPasskey
from fastness.auth.errors import FactorRefusedError, ThrottledError
from fastness.auth.factor_rules import EnforcedFor, SecondFactorRules
from fastness.auth.factor_types import Factor, Pending, Step, is_enforced, relying_party
from fastness.auth.factors import Factors
from fastness.auth.factortables import TOTP, RecoveryCode
from fastness.auth.recovery import hash_code
from fastness.auth.sealing import SealBrokenError, Sealer
from fastness.auth.signing_in import SigningIn
from fastness.auth.throttle import Throttle
from fastness.auth.throttle_rules import ThrottleRules
from fastness.auth.totp import STEP_SECONDS, code_at, new_secret
from fastness.db.unit import Unit
from fastness.kernel.because import Because
from fastness.kernel.errors import ConfigError
from fastness.kernel.events import EventName
from fastness.kernel.hosts import HostRules
from fastness.kernel.secret import Secret
from fastness.kernel.signing import Keyring
from fastness.sessions.identity import SUPERUSER, Identity

HERE = Caller(client_ip="192.0.2.7", request_id="r1", method="POST", route="factor")
KEY = Secret("mG7pQz2vX9rT4wKc8bNf5hJd3sLy6aEu")
RULES = SecondFactorRules()
NOBODY = SecondFactorRules(insecure_unenforced=Because("the people of this test have no telephones"))
EVERYBODY = SecondFactorRules(enforced_for=EnforcedFor.EVERYBODY)


@pytest.fixture
def make_factors(database, store, sessions, notices, events, clock):
    def make(rules=RULES, attempts=20, keyring=Keyring(KEY)):  # noqa: B008 - it is never changed
        limits = ThrottleRules(pair_attempts=attempts)
        return Factors(
            database=database,
            store=store,
            sessions=sessions,
            sealer=Sealer(keyring),
            throttle=Throttle(limits, store=store, keyring=Keyring(KEY), events=events, clock=clock),
            rules=rules,
            events=events,
            clock=clock,
            notices=notices,
            hosts=HostRules(allowed=("shop.example",)),
        )

    return make


@pytest.fixture
def factors(make_factors):
    return make_factors()


@pytest.fixture
def code(clock):
    """The code that the app shows in the next step."""

    def shown(secret):
        clock.advance(STEP_SECONDS)
        return code_at(secret, int(clock.epoch() // STEP_SECONDS))

    return shown


def passkey(name="AAAA"):
    return NewPasskey(name, "BBBB", 0, ("internal",))


@pytest.mark.asvs("V6.5.1")
async def test_of_many_requests_with_one_code_one_gets_in(factors, ada, code):
    secret = new_secret()
    await factors.add_totp(ada.id, secret, code(secret))
    right = code(secret)
    proved = await asyncio.gather(*(factors.prove_totp(ada.id, right, caller=HERE) for _ in range(8)))
    assert proved.count(True) == 1


@pytest.mark.asvs("V6.5.1")
async def test_of_many_requests_with_one_recovery_code_one_gets_in(factors, ada, code):
    secret = new_secret()
    changed = await factors.add_totp(ada.id, secret, code(secret))
    one = changed.recovery_codes[0]
    proved = await asyncio.gather(*(factors.prove_recovery_code(ada.id, one, caller=HERE) for _ in range(8)))
    assert proved.count(True) == 1
    assert (await factors.held(ada.id)).recovery_codes == len(changed.recovery_codes) - 1


@pytest.mark.asvs("V6.6.3")
async def test_attempts_at_once_are_counted_before_they_are_looked_at(make_factors, ada, code, events, clock):
    factors = make_factors(attempts=3)
    secret = new_secret()
    await factors.add_totp(ada.id, secret, code(secret))
    tried = [factors.prove_totp(ada.id, "000000", caller=HERE) for _ in range(20)]
    ended = await asyncio.gather(*tried, return_exceptions=True)
    assert (ended.count(False), sum(isinstance(one, ThrottledError) for one in ended)) == (3, 17)
    limited = [event for event in events.events if event.name == EventName.AUTHN_LOGIN_FAIL_MAX]
    assert {(event.user_id, event.detail["kind"]) for event in limited} == {(str(ada.id), "factor")}
    wrong = [event for event in events.events if event.reason == "factor_wrong"]
    assert len(wrong) == 3
    for event in (*limited, *wrong):
        assert (event.client_ip, event.request_id, event.method, event.route) == ("192.0.2.7", "r1", "POST", "factor")
    right = code_at(secret, int(clock.epoch() // STEP_SECONDS))
    with pytest.raises(ThrottledError):
        await factors.prove_totp(ada.id, right, caller=HERE)
    clock.advance(STEP_SECONDS)
    assert await factors.prove_totp(ada.id, code(secret), caller=HERE), "the wait ends"


async def test_a_right_code_takes_back_what_was_charged(make_factors, ada, code):
    factors = make_factors(attempts=3)
    secret = new_secret()
    await factors.add_totp(ada.id, secret, code(secret))
    for _ in range(3):
        assert not await factors.prove_totp(ada.id, "000000", caller=HERE)
        assert await factors.prove_totp(ada.id, code(secret), caller=HERE)


@pytest.mark.asvs("V6.5.1")
async def test_the_code_that_set_it_up_is_used(factors, ada, code):
    secret = new_secret()
    first = code(secret)
    await factors.add_totp(ada.id, secret, first)
    assert not await factors.prove_totp(ada.id, first, caller=HERE)


@pytest.mark.asvs("V6.5.2")
async def test_what_is_stored_tells_nothing(factors, database, ada, code):
    secret = new_secret()
    changed = await factors.add_totp(ada.id, secret, code(secret))
    async with Unit(database, is_read_only=True) as unit:
        row = (await unit.session.scalars(select(TOTP))).one()
        hashes = set(await unit.session.scalars(select(RecoveryCode.code_hash)))
    assert row.secret.startswith("v1.")
    assert hashes == {hash_code(one) for one in changed.recovery_codes}
    assert Sealer(Keyring(KEY)).open("fastness_totp.secret", str(row.id), row.secret)


async def test_v11_2_2_a_secret_is_sealed_with_the_key_of_today_when_it_is_used(make_factors, ada, code):
    secret, later = new_secret(), Secret("Tq4xV8nB2mK7cZ5wRj9fLh3sDp6gYa1e")
    await make_factors().add_totp(ada.id, secret, code(secret))
    with pytest.raises(SealBrokenError):
        await make_factors(keyring=Keyring(later)).prove_totp(ada.id, code(secret), caller=HERE)
    assert await make_factors(keyring=Keyring(later, (KEY,))).prove_totp(ada.id, code(secret), caller=HERE)
    assert await make_factors(keyring=Keyring(later)).prove_totp(ada.id, code(secret), caller=HERE)


@pytest.mark.asvs("V7.4.3")
async def test_a_change_ends_sessions_and_is_told(factors, ada, code, signed_in, sessions, events, store):
    cookie = await signed_in("Ada Lovelace")
    before = await store.epoch(str(ada.id))
    events.events.clear()
    secret = new_secret()
    changed = await factors.add_totp(ada.id, secret, code(secret))
    assert changed.epoch == await store.epoch(str(ada.id)) > before
    assert (await sessions.load(cookie)).identity is None
    told = [(event.name, event.reason, dict(event.detail)) for event in events.events if event.name == "user_updated"]
    assert told == [(EventName.USER_UPDATED, "factor_added", {"factor": "totp"})]


async def test_a_wrong_first_code_changes_nothing(factors, ada, store):
    before = await store.epoch(str(ada.id))
    with pytest.raises(FactorRefusedError) as caught:
        await factors.add_totp(ada.id, new_secret(), "12345x")
    assert caught.value.reason == "code_wrong"
    assert await store.epoch(str(ada.id)) == before
    assert not (await factors.held(ada.id)).has_any


async def test_passkeys_are_several_and_named_and_bounded(make_factors, ada):
    factors = make_factors(SecondFactorRules(max_passkeys=2))
    await factors.add_passkey(ada.id, passkey("AAAA"), "  Blue   key ")
    await factors.add_passkey(ada.id, passkey("AAAB"), "Telephone")
    held = await factors.held(ada.id)
    assert {one.name for one in held.passkeys} == {"Blue key", "Telephone"}
    with pytest.raises(FactorRefusedError) as caught:
        await factors.add_passkey(ada.id, passkey("AAAC"), "Third")
    assert caught.value.reason == "too_many"


@pytest.mark.parametrize(
    ("made", "name", "reason"),
    [
        pytest.param(passkey("AAAA"), "again", "passkey_known", id="known"),
        pytest.param(passkey("AAAB"), "  ", "name", id="no-name"),
        pytest.param(passkey("AAAB"), "a\u202eb", "name", id="turned-name"),
    ],
)
async def test_a_passkey_that_is_refused(factors, ada, made, name, reason):
    await factors.add_passkey(ada.id, passkey("AAAA"), "first")
    with pytest.raises(FactorRefusedError) as caught:
        await factors.add_passkey(ada.id, made, name)
    assert caught.value.reason == reason


async def test_a_passkey_gets_another_name_from_its_owner_only(factors, ada, store):
    await factors.add_passkey(ada.id, passkey(), "key")
    (one,) = (await factors.held(ada.id)).passkeys
    before = await store.epoch(str(ada.id))
    await factors.rename_passkey(ada.id, one.id, " Blue  key ")
    assert [each.name for each in (await factors.held(ada.id)).passkeys] == ["Blue key"]
    assert await store.epoch(str(ada.id)) == before, "sessions go on"
    for user_id, name, reason in (
        (uuid.uuid4(), "theirs", "passkey_unknown"),
        (ada.id, " ", "name"),
        (ada.id, "a\u202eb", "name"),
    ):
        with pytest.raises(FactorRefusedError) as caught:
            await factors.rename_passkey(user_id, one.id, name)
        assert caught.value.reason == reason
    assert [each.name for each in (await factors.held(ada.id)).passkeys] == ["Blue key"]


async def test_the_last_factor_stays_where_it_is_needed(factors, ada, code):
    secret = new_secret()
    await factors.add_totp(ada.id, secret, code(secret))
    with pytest.raises(FactorRefusedError) as caught:
        await factors.remove_totp(ada.id, is_needed=True)
    assert caught.value.reason == "last_factor"
    assert (await factors.held(ada.id)).has_any
    await factors.add_passkey(ada.id, passkey(), "key")
    await factors.remove_totp(ada.id, is_needed=True)
    await factors.remove_passkey(ada.id, (await factors.held(ada.id)).passkeys[0].id, is_needed=False)
    assert (await factors.held(ada.id)).recovery_codes == 0


async def test_nobody_removes_the_passkey_of_somebody_else(factors, ada):
    await factors.add_passkey(ada.id, passkey(), "key")
    one = (await factors.held(ada.id)).passkeys[0]
    with pytest.raises(FactorRefusedError):
        await factors.remove_passkey(ada.id, uuid.uuid4(), is_needed=False)
    assert (await factors.held(ada.id)).passkeys == (one,)


@pytest.mark.asvs("V6.5.6")
async def test_a_reset_removes_everything(factors, ada, code):
    secret = new_secret()
    await factors.add_totp(ada.id, secret, code(secret))
    await factors.add_passkey(ada.id, passkey(), "key")
    await factors.reset(ada.id)
    held = await factors.held(ada.id)
    assert (held.has_any, held.recovery_codes) == (False, 0)


async def test_a_change_of_the_account_ends_what_is_pending(database, store, ada, clock, events, login, notices):
    parts = {"database": database, "store": store, "rules": RULES, "notices": notices}
    signing_in = SigningIn(**parts, events=events, clock=clock)
    identity = (await login.attempt(username="Ada Lovelace", password="correct horse battery staple")).identity
    pending = signing_in.begin(identity, Step.FACTOR, remember=False, next_path="/x")
    assert Pending.from_json(pending.to_json()) == pending
    assert await signing_in.is_current(pending)
    finished = await signing_in.finish(pending, Factor.TOTP, caller=HERE)
    assert (finished.id, finished.second_factor_at) == (ada.id, clock.epoch())
    await store.bump_epoch(str(ada.id))
    assert not await signing_in.is_current(pending)
    assert await signing_in.finish(pending, Factor.TOTP, caller=HERE) is None


def who(**changes):
    return Identity(id=uuid.UUID(int=1), username="a", display_name="a", authenticated_at=0.0, **changes)


@pytest.mark.parametrize(
    ("rules", "changes", "is_needed"),
    [
        pytest.param(RULES, {}, False, id="a-visitor"),
        pytest.param(RULES, {"roles": frozenset({"reader"})}, True, id="a-role-that-permits-nothing"),
        pytest.param(RULES, {"is_staff": True}, True, id="staff"),
        pytest.param(RULES, {"permissions": frozenset({"a.b"})}, True, id="a-permission"),
        pytest.param(RULES, {"roles": frozenset({SUPERUSER})}, True, id="superuser"),
        pytest.param(EVERYBODY, {}, True, id="everybody"),
        pytest.param(NOBODY, {"is_staff": True, "roles": frozenset({SUPERUSER})}, False, id="nobody"),
    ],
)
def test_v6_3_3_who_needs_a_second_factor(rules, changes, is_needed):
    assert is_enforced(rules, who(**changes)) is is_needed


@pytest.mark.parametrize(
    ("rules", "hosts", "expected"),
    [
        pytest.param({}, ("shop.example",), ("shop.example", ("https://shop.example",)), id="one-host"),
        pytest.param(
            {},
            ("shop.example", "www.shop.example", "other.example"),
            ("shop.example", ("https://shop.example", "https://www.shop.example")),
            id="hosts-below",
        ),
        pytest.param({}, (".shop.example",), ("shop.example", ("https://shop.example",)), id="suffix"),
        pytest.param(
            {"origins": ("https://shop.example:8443",)},
            ("shop.example",),
            ("shop.example", ("https://shop.example:8443",)),
            id="port",
        ),
        pytest.param({}, ("192.0.2.1",), None, id="address"),
        pytest.param({}, (), None, id="none"),
    ],
)
def test_the_relying_party_is_made_of_settings(rules, hosts, expected):
    party = relying_party(
        SecondFactorRules(**rules),
        HostRules(allowed=hosts),
        name="shop",
        is_development=False,
        host="shop.example:6666",
    )
    assert (party and (party.id, party.origins)) == expected


@pytest.mark.parametrize(
    "changes",
    [
        {"grace_seconds": 30},
        {"pending_seconds": 5},
        {"recovery_codes": 1},
        {"enforced_for": EnforcedFor.EVERYBODY, "insecure_unenforced": Because("everybody and nobody")},
        {"origins": ("http://shop.example",)},
        {"origins": "https://shop.example"},
        {"rp_id": ".shop.example"},
        {"rp_id": "https://shop.example"},
    ],
    ids=str,
)
def test_rules_that_make_no_sense_are_refused(changes):
    with pytest.raises(ConfigError):
        SecondFactorRules(**changes)
