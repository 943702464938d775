import pytest

from fastness.auth.errors import PasswordRefusedError, UsernameError, UsernameTakenError
from fastness.auth.login import LoginReason
from fastness.auth.users import User, get_user
from fastness.db.unit import Unit
from fastness.kernel.events import EventName
from fastness.stores.store import StoreUnavailableError
from tests.auth.conftest import PASSWORD

NEW = "a new and long enough phrase"

CHANGES = [
    pytest.param(lambda accounts, db, user: accounts.set_password(db, user, NEW), id="set-password"),
    pytest.param(lambda accounts, db, user: accounts.set_active(db, user, is_active=False), id="close"),
    pytest.param(lambda accounts, db, user: accounts.set_active(db, user, is_active=True), id="open"),
    pytest.param(lambda accounts, db, user: accounts.set_staff(db, user, is_staff=True), id="set-staff"),
]


async def apply(accounts, database, user_id, change):
    async with Unit(database, is_read_only=False) as unit:
        return await change(accounts, unit.session, await unit.session.get_one(User, user_id))


async def row(database, user_id):
    async with Unit(database, is_read_only=True) as unit:
        user = await unit.session.get_one(User, user_id)
        return {column.key: getattr(user, column.key) for column in User.__mapper__.column_attrs}


async def test_a_new_user_can_sign_in(accounts, database, login, clock, events):
    async with Unit(database, is_read_only=False) as unit:
        user = await accounts.create_user(
            unit.session, username=" Ｂob ", password=PASSWORD, display_name="Bob", email="bob@example.com"
        )
    found = await row(database, user.id)
    assert (found["username"], found["username_key"], found["display_name"]) == ("Bob", "bob", "Bob")
    assert (found["is_active"], found["is_staff"], found["last_login_at"]) == (True, False, None)
    assert found["created_at"] == found["valid_since"] == clock.now()
    assert [(event.name, event.user_id) for event in events.events] == [(EventName.USER_CREATED, str(user.id))]
    assert (await login.attempt(username="BOB", password=PASSWORD)).reason is LoginReason.SUCCESS


@pytest.mark.parametrize(
    ("username", "password", "error"),
    [
        pytest.param("ADA lovelace", PASSWORD, UsernameTakenError, id="taken-in-another-form"),
        pytest.param("a\u202eda", PASSWORD, UsernameError, id="impossible-name"),
        pytest.param("bob", "short", PasswordRefusedError, id="short-password"),
        pytest.param("bob", "x" * 129, PasswordRefusedError, id="long-password"),
    ],
)
async def test_a_user_that_cannot_be_is_not_created(accounts, database, ada, events, username, password, error):
    async with Unit(database, is_read_only=False) as unit:
        with pytest.raises(error):
            await accounts.create_user(unit.session, username=username, password=password)
        # The caller may go on, as a form does that is shown again.
        assert await get_user(unit.session, ada.id) is not None
    assert events.events == []


async def test_a_user_without_a_password_gets_one_later(accounts, database, login):
    async with Unit(database, is_read_only=False) as unit:
        user = await accounts.create_user(unit.session, username="bob", password=None)
    assert (await login.attempt(username="bob", password="")).reason is LoginReason.PASSWORDLESS
    await apply(accounts, database, user.id, lambda accounts, db, user: accounts.set_password(db, user, NEW))
    assert (await login.attempt(username="bob", password=NEW)).reason is LoginReason.SUCCESS


async def test_with_a_second_factor_a_password_may_be_shorter(accounts, database, ada):
    def change(accounts, db, user):
        return accounts.set_password(db, user, "m4 teeth", has_second_factor=True)

    await apply(accounts, database, ada.id, change)
    with pytest.raises(PasswordRefusedError):
        await apply(accounts, database, ada.id, lambda accounts, db, user: accounts.set_password(db, user, "m4 teeth"))


async def test_a_new_password_replaces_the_old_one(accounts, database, login, ada, events):
    await apply(accounts, database, ada.id, lambda accounts, db, user: accounts.set_password(db, user, NEW))
    assert [event.name for event in events.events] == [EventName.AUTHN_PASSWORD_CHANGE]
    assert (await login.attempt(username="ada lovelace", password=PASSWORD)).reason is LoginReason.WRONG
    assert (await login.attempt(username="ada lovelace", password=NEW)).reason is LoginReason.SUCCESS


@pytest.mark.parametrize("change", CHANGES)
async def test_every_change_raises_the_epoch_before_the_commit(accounts, database, store, ada, change):
    before = await store.epoch(str(ada.id))
    unit = Unit(database, is_read_only=False)
    await change(accounts, unit.session, await unit.session.get_one(User, ada.id))
    assert await store.epoch(str(ada.id)) == before + 1
    await unit.finish(200)


@pytest.mark.parametrize("change", CHANGES)
async def test_with_the_store_down_nothing_changes(accounts, database, store, ada, events, change):
    before = await row(database, ada.id)
    await store.close()
    with pytest.raises(StoreUnavailableError):
        await apply(accounts, database, ada.id, change)
    assert await row(database, ada.id) == before
    assert events.events == []


async def test_with_the_store_down_nobody_is_created(accounts, database, store, login):
    await store.close()
    unit = Unit(database, is_read_only=False)
    with pytest.raises(StoreUnavailableError):
        await accounts.create_user(unit.session, username="bob", password=PASSWORD)
    await unit.finish(503)
    await store.open()
    assert (await login.attempt(username="bob", password=PASSWORD)).reason is LoginReason.UNKNOWN_USER


@pytest.mark.parametrize("change", CHANGES)
async def test_what_is_rolled_back_is_not_in_the_log(accounts, database, ada, events, change):
    unit = Unit(database, is_read_only=False)
    await change(accounts, unit.session, await unit.session.get_one(User, ada.id))
    await unit.finish(500)
    assert events.events == []


@pytest.mark.parametrize(
    ("change", "are_ended"),
    [
        pytest.param(CHANGES[0].values[0], True, id="set-password"),
        pytest.param(CHANGES[1].values[0], True, id="close"),
        pytest.param(CHANGES[3].values[0], False, id="set-staff"),
    ],
)
async def test_sessions_end_with_the_password_and_the_account(
    accounts, database, sessions, signed_in, ada, change, are_ended
):
    async with Unit(database, is_read_only=False) as unit:
        await accounts.create_user(unit.session, username="bob", password=PASSWORD)
    cookies = [await signed_in("ada lovelace"), await signed_in("ada lovelace"), await signed_in("bob")]
    await apply(accounts, database, ada.id, change)
    identities = [(await sessions.load(cookie)).identity for cookie in cookies]
    assert [identity is None for identity in identities] == [are_ended, are_ended, False]


async def test_the_session_that_changes_the_password_may_stay(accounts, database, sessions, signed_in, ada):
    own, other = await signed_in("ada lovelace"), await signed_in("ada lovelace")
    session = await sessions.load(own)
    async with Unit(database, is_read_only=False) as unit:
        user = await unit.session.get_one(User, ada.id)
        await accounts.set_password(unit.session, user, NEW, except_session=session)
    assert (await sessions.load(own)).identity is not None
    assert (await sessions.load(own)).identity_is_stale
    assert (await sessions.load(other)).identity is None
