"""An event tells of what is in the database."""

import pytest
from sqlalchemy import select

from fastness.auth.aftercommit import emit_after_commit
from fastness.auth.users import User
from fastness.db.unit import Unit
from fastness.kernel.events import EventName, SecurityEvent


@pytest.fixture
def tell(events, clock):
    def emit(db, reason):
        record = SecurityEvent(name=EventName.AUTHZ_CHANGE, at=clock.now(), reason=reason)
        emit_after_commit(db, events, record)

    return emit


def reasons(events):
    return [event.reason for event in events.events]


async def begin(db):
    await db.scalar(select(User.id).limit(1))


async def test_it_waits_for_the_commit_and_comes_once(database, tell, events):
    unit = Unit(database, is_read_only=False)
    await begin(unit.session)
    tell(unit.session, "one")
    tell(unit.session, "two")
    assert reasons(events) == []
    await unit.commit()
    assert reasons(events) == ["one", "two"]
    await begin(unit.session)
    await unit.commit()
    await unit.finish(200)
    assert reasons(events) == ["one", "two"]


async def test_what_was_rolled_back_is_not_told_by_a_later_commit(database, tell, events):
    unit = Unit(database, is_read_only=False)
    await begin(unit.session)
    tell(unit.session, "undone")
    await unit.rollback()
    await begin(unit.session)
    tell(unit.session, "done")
    await unit.finish(200)
    assert reasons(events) == ["done"]


async def test_a_savepoint_that_is_kept_is_told_at_the_end(database, tell, events):
    unit = Unit(database, is_read_only=False)
    async with unit.session.begin_nested():
        tell(unit.session, "inner")
    assert reasons(events) == []
    await unit.finish(200)
    assert reasons(events) == ["inner"]


async def test_a_savepoint_that_is_rolled_back_takes_its_events_along(database, tell, events):
    unit = Unit(database, is_read_only=False)
    await begin(unit.session)
    tell(unit.session, "outer")
    savepoint = await unit.session.begin_nested()
    tell(unit.session, "inner")
    async with unit.session.begin_nested():
        tell(unit.session, "innermost")
    await savepoint.rollback()
    tell(unit.session, "after")
    await unit.finish(200)
    assert reasons(events) == ["outer", "after"]


async def test_a_unit_that_fails_tells_nothing(database, tell, events):
    unit = Unit(database, is_read_only=False)
    await begin(unit.session)
    tell(unit.session, "undone")
    await unit.finish(500)
    assert reasons(events) == []
