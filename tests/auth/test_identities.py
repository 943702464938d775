import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import delete, update

from fastness.auth.holdings import Holdings
from fastness.auth.identities import identity_of, load_identity
from fastness.auth.users import User
from fastness.db.engine import Database
from fastness.db.unit import Unit
from fastness.stores.store import StoreUnavailableError
from tests.auth.conftest import PASSWORD
from tests.auth.test_accounts import NEW, apply


@pytest.fixture
async def identity(login, ada):
    outcome = await login.attempt(username="ada lovelace", password=PASSWORD)
    return outcome.identity


async def test_an_unchanged_user_gives_the_same_snapshot(database, store, identity):
    assert await load_identity(database, store, identity) == identity


async def test_a_change_shows_and_what_was_proved_stays(accounts, database, store, identity, clock):
    former = replace(identity, second_factor_at=clock.epoch())
    clock.advance(100)
    await apply(accounts, database, identity.id, lambda a, db, user: a.set_staff(db, user, is_staff=True))
    loaded = await load_identity(database, store, former)
    assert loaded == replace(former, is_staff=True, epoch=former.epoch + 1)


async def test_without_a_display_name_the_user_name_is_shown(ada):
    assert identity_of(ada, Holdings(), epoch=0, authenticated_at=0).display_name == "Ada Lovelace"


async def remove(database, user_id):
    async with Unit(database, is_read_only=False) as unit:
        await unit.session.execute(delete(User).where(User.id == user_id))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda a, db, user: a.set_password(db, user, NEW), id="new-password"),
        pytest.param(lambda a, db, user: a.set_active(db, user, is_active=False), id="closed"),
    ],
)
async def test_a_session_from_before_the_change_ends(accounts, database, store, identity, clock, change):
    clock.advance(1)
    await apply(accounts, database, identity.id, change)
    assert await load_identity(database, store, identity) is None


@pytest.mark.asvs("V7.4.2")
async def test_a_session_from_before_the_account_was_closed_stays_ended_when_it_opens(
    accounts, database, store, identity, clock
):
    for is_active in (False, True):
        clock.advance(1)
        await apply(accounts, database, identity.id, lambda a, db, user: a.set_active(db, user, is_active=is_active))  # noqa: B023
    assert await load_identity(database, store, identity) is None


async def test_a_session_from_after_the_change_stays(accounts, database, store, identity, clock):
    clock.advance(1)
    await apply(accounts, database, identity.id, lambda a, db, user: a.set_password(db, user, NEW))
    clock.advance(1)
    assert await load_identity(database, store, replace(identity, authenticated_at=clock.epoch())) is not None


async def test_a_user_who_is_gone_ends_the_session(database, store, identity):
    await remove(database, identity.id)
    assert await load_identity(database, store, identity) is None


async def test_without_the_store_there_is_no_identity(database, store, identity):
    await store.close()
    with pytest.raises(StoreUnavailableError):
        await load_identity(database, store, identity)


async def test_a_request_that_meets_the_new_epoch_waits_for_the_commit(
    accounts, database, database_url, store, identity
):
    """Else it would keep the old privileges under the new epoch, and nothing would ever tell it so."""
    other_process = Database(database_url)
    unit = Unit(database, is_read_only=False)
    user = await unit.session.get_one(User, identity.id)
    await accounts.set_staff(unit.session, user, is_staff=True)
    loading = asyncio.create_task(load_identity(other_process, store, identity))
    await asyncio.sleep(0.02)
    assert not loading.done()
    await unit.finish(200)
    loaded = await loading
    assert loaded is not None
    assert loaded.is_staff
    await other_process.close()


async def test_a_reader_sees_the_old_row_meanwhile(database, identity):
    unit = Unit(database, is_read_only=False)
    await unit.session.execute(update(User).values(is_staff=True))
    async with Unit(database, is_read_only=True) as reader:
        assert not (await reader.session.get_one(User, identity.id)).is_staff
    await unit.finish(500)
