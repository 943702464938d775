import asyncio
import json

import pytest
from sqlalchemy import func, select, update

from fastness.auth.callers import Caller
from fastness.auth.login import LoginReason
from fastness.auth.passwords import PasswordHasher, PasswordRules
from fastness.auth.throttle_rules import ThrottleRules
from fastness.auth.users import User, find_user, get_user
from fastness.auth.workers import HashingPool
from fastness.db.errors import DatabaseBusyError
from fastness.db.unit import Unit
from fastness.kernel.events import EventName
from fastness.mail.outbox import QueuedMail
from fastness.stores.store import StoreUnavailableError
from tests.auth.conftest import PASSWORD


class Interfering(HashingPool):
    """A pool on which something else happens while a password is hashed."""

    def __init__(self, happening):
        super().__init__(workers=1)
        self.happening = happening

    async def run(self, function, /, *args, **kwargs):
        result = await super().run(function, *args, **kwargs)
        await self.happening()
        return result


async def change(database, user_id, **values):
    async with Unit(database, is_read_only=False) as unit:
        await unit.session.execute(update(User).where(User.id == user_id).values(**values))


async def user_of(database, user_id):
    async with Unit(database, is_read_only=True) as unit:
        return await get_user(unit.session, user_id)


@pytest.mark.parametrize(
    "username",
    [
        pytest.param("Ada Lovelace", id="as-made"),
        pytest.param("ADA LOVELACE", id="case"),
        pytest.param(" ａda lovelace", id="form-and-space"),
    ],
)
async def test_the_right_password_signs_in(login, database, ada, clock, events, store, username):
    epoch = await store.epoch(str(ada.id))
    outcome = await login.attempt(username=username, password=PASSWORD)
    assert outcome.reason is LoginReason.SUCCESS
    assert outcome.user is not None
    assert outcome.identity is not None
    assert (outcome.identity.id, outcome.identity.username) == (ada.id, "Ada Lovelace")
    assert (outcome.identity.authenticated_at, outcome.identity.epoch) == (clock.epoch(), epoch)
    assert (await user_of(database, ada.id)).last_login_at == clock.now()
    [event] = events.events
    assert (event.name, event.user_id, event.reason) == (EventName.AUTHN_LOGIN_SUCCESS, str(ada.id), "success")


@pytest.mark.parametrize("error", [DatabaseBusyError("busy"), asyncio.CancelledError()])
async def test_an_owner_who_could_not_be_told_is_told_by_the_next_attempt(
    login, database, notices, ada, clock, monkeypatch, error
):
    async def waiting():
        async with Unit(database, is_read_only=True) as unit:
            return await unit.session.scalar(select(func.count()).select_from(QueuedMail))

    async def attempts(number):
        for n in range(number):
            await login.attempt(username="ada lovelace", password="wrong", caller=Caller(client_ip=f"192.0.2.{n}"))

    async def fails(_notices, _db, _name):
        raise error

    await attempts(ThrottleRules().account_attempts - 1)
    with monkeypatch.context() as patch:
        patch.setattr(type(notices), "slowed", fails)
        with pytest.raises(type(error)):
            await attempts(1)
    assert await waiting() == 0
    clock.advance(ThrottleRules().first_delay_seconds)
    await attempts(1)
    assert await waiting() == 1


REFUSED = [
    pytest.param("nobody", PASSWORD, {}, LoginReason.UNKNOWN_USER, id="unknown"),
    pytest.param("ada\nlovelace", PASSWORD, {}, LoginReason.UNKNOWN_USER, id="impossible-name"),
    pytest.param("", "", {}, LoginReason.UNKNOWN_USER, id="empty"),
    pytest.param("x" * 100_000, PASSWORD, {}, LoginReason.UNKNOWN_USER, id="flood-of-a-name"),
    pytest.param("ada lovelace", "wrong", {}, LoginReason.WRONG, id="wrong-password"),
    pytest.param("ada lovelace", "", {}, LoginReason.WRONG, id="empty-password"),
    pytest.param("ada lovelace", PASSWORD, {"is_active": False}, LoginReason.INACTIVE, id="inactive"),
    pytest.param("ada lovelace", "wrong", {"is_active": False}, LoginReason.WRONG, id="inactive-and-wrong"),
    pytest.param("ada lovelace", PASSWORD, {"password_hash": None}, LoginReason.PASSWORDLESS, id="passwordless"),
    pytest.param("ada lovelace", PASSWORD, {"password_hash": "?"}, LoginReason.WRONG, id="damaged-hash"),
    pytest.param("ada lovelace", "x" * 4097, {}, LoginReason.IMPOSSIBLE, id="password-over-the-cap"),
    pytest.param("nobody", "x" * 4097, {}, LoginReason.IMPOSSIBLE, id="unknown-and-over-the-cap"),
]


@pytest.mark.asvs("V6.3.8")
@pytest.mark.parametrize(("username", "password", "values", "reason"), REFUSED)
async def test_every_refusal_is_the_same_but_in_the_log(
    login, database, ada, events, username, password, values, reason
):
    if values:
        await change(database, ada.id, **values)
    outcome = await login.attempt(username=username, password=password)
    assert (outcome.user, outcome.identity, outcome.reason) == (None, None, reason)
    assert (await user_of(database, ada.id)).last_login_at is None
    [event] = events.events
    assert (event.name, event.reason) == (EventName.AUTHN_LOGIN_FAIL, reason.value)


@pytest.mark.asvs("V6.3.8")
@pytest.mark.parametrize(("username", "password", "values", "reason"), REFUSED)
async def test_every_refusal_does_the_same_work(make_login, database, ada, username, password, values, reason):
    """One job on the pool for everybody; none for a password that no user of any name could have."""
    jobs = []

    async def count():
        jobs.append((database.read.pool.checkedout(), database.write.pool.checkedout()))

    if values:
        await change(database, ada.id, **values)
    pool = Interfering(count)
    await make_login(pool=pool).attempt(username=username, password=password)
    await pool.close()
    assert jobs == ([] if reason is LoginReason.IMPOSSIBLE else [(0, 0)]), "and no connection is held meanwhile"


@pytest.mark.asvs("V16.3.1")
async def test_the_event_says_who_if_that_is_known_and_never_what_was_typed(login, ada, events):
    caller = Caller(request_id="r1", client_ip="192.0.2.1", method="POST", route="/sign-in")
    await login.attempt(username="ada lovelace", password="s3cr3t-wrong", caller=caller)
    await login.attempt(username="s3cr3t-typed-into-the-wrong-field", password="s3cr3t", caller=caller)
    await login.attempt(username="S3CR3T-typed-into-the-wrong-field", password="s3cr3t", caller=caller)
    await login.attempt(username="another", password="s3cr3t", caller=caller)
    lines = [json.loads(event.to_json()) for event in events.events]
    assert "s3cr3t" not in json.dumps(lines).lower()
    assert lines[0]["user_id"] == str(ada.id)
    assert "detail" not in lines[0]
    assert "user_id" not in lines[1]
    assert lines[1]["detail"] == lines[2]["detail"] != lines[3]["detail"]
    assert {(line["request_id"], line["client_ip"], line["method"], line["route"]) for line in lines} == {
        ("r1", "192.0.2.1", "POST", "/sign-in")
    }


async def test_an_outdated_hash_is_replaced_at_sign_in_and_revokes_nothing(login, database, ada, store, hasher):
    old = PasswordHasher(PasswordRules(memory_kib=9_216, time_cost=4)).hash(PASSWORD)
    await change(database, ada.id, password_hash=old)
    epoch = await store.epoch(str(ada.id))
    await login.attempt(username="ada lovelace", password="wrong")
    assert (await user_of(database, ada.id)).password_hash == old
    assert (await login.attempt(username="ada lovelace", password=PASSWORD)).reason is LoginReason.SUCCESS
    new = (await user_of(database, ada.id)).password_hash
    assert new != old
    assert not hasher.needs_update(new)
    assert await store.epoch(str(ada.id)) == epoch
    assert (await login.attempt(username="ada lovelace", password=PASSWORD)).reason is LoginReason.SUCCESS
    assert (await user_of(database, ada.id)).password_hash == new


@pytest.mark.parametrize(
    "values",
    [
        pytest.param({"is_active": False}, id="account-closed"),
        pytest.param({"password_hash": "$argon2id$another"}, id="password-changed"),
        pytest.param({"password_hash": None}, id="password-removed"),
    ],
)
async def test_a_change_during_the_hashing_wins(make_login, database, ada, events, values):
    async def happen():
        await change(database, ada.id, **values)

    pool = Interfering(happen)
    outcome = await make_login(pool=pool).attempt(username="ada lovelace", password=PASSWORD)
    await pool.close()
    assert (outcome.reason, outcome.identity) == (LoginReason.CHANGED_MEANWHILE, None)
    assert [event.name for event in events.events] == [EventName.AUTHN_LOGIN_FAIL]
    assert (await user_of(database, ada.id)).last_login_at is None


async def test_without_the_store_nobody_signs_in(login, database, ada, store):
    await store.close()
    with pytest.raises(StoreUnavailableError):
        await login.attempt(username="ada lovelace", password=PASSWORD)
    assert (await user_of(database, ada.id)).last_login_at is None


async def test_a_user_is_found_by_any_form_of_the_name(database, ada):
    async with Unit(database, is_read_only=True) as unit:
        assert (await find_user(unit.session, "ADA Lovelace")).id == ada.id
        assert await find_user(unit.session, "ada  lovelace") is None
        assert await find_user(unit.session, "nobody") is None


async def test_a_user_shows_no_hash(ada):
    assert "argon2" not in repr(ada)
    assert str(ada.id) in repr(ada)


async def test_two_sign_ins_at_the_same_moment_both_succeed(make_login, ada):
    """A double click: both passwords are right, and both write the time of the last sign-in."""
    pool = Interfering(asyncio.Barrier(2).wait)
    login = make_login(pool=pool)
    outcomes = await asyncio.gather(*(login.attempt(username="ada lovelace", password=PASSWORD) for _ in range(2)))
    await pool.close()
    assert [outcome.reason for outcome in outcomes] == [LoginReason.SUCCESS] * 2
