import asyncio
import inspect
from contextlib import suppress

import pytest
from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError

from fastness.db.errors import ClosedUnitError, ReadOnlyError
from fastness.db.model import load_options
from fastness.db.sql import sql
from fastness.db.unit import Unit
from tests.db.models import Book, Shelf


async def names(database):
    async with Unit(database, is_read_only=True) as unit:
        return sorted(await unit.session.scalars(select(Shelf.name)))


async def settled(call):
    """Call something that may or may not have to be awaited."""
    result = call()
    return await result if inspect.isawaitable(result) else result


@pytest.mark.parametrize(
    ("status", "kept"),
    [
        pytest.param(200, True, id="ok"),
        pytest.param(303, True, id="redirect"),
        pytest.param(399, True, id="last-success"),
        pytest.param(400, False, id="first-failure"),
        pytest.param(422, False, id="form-errors"),
        pytest.param(500, False, id="fault"),
    ],
)
async def test_the_status_decides(database, status, kept):
    unit = Unit(database, is_read_only=False)
    unit.session.add(Shelf(name="x"))
    await unit.session.flush()
    await unit.finish(status)
    assert await names(database) == (["x"] if kept else [])


async def test_an_exception_rolls_back(database):
    async def request():
        async with Unit(database, is_read_only=False) as unit:
            unit.session.add(Shelf(name="x"))
            await unit.session.flush()
            raise KeyError

    with pytest.raises(KeyError):
        await request()
    assert await names(database) == []


async def test_what_is_committed_midway_stays(database):
    unit = Unit(database, is_read_only=False)
    unit.session.add(Shelf(name="first"))
    await unit.commit()
    unit.session.add(Shelf(name="second"))
    await unit.rollback()
    unit.session.add(Shelf(name="third"))
    await unit.finish(500)
    assert await names(database) == ["first"]


async def test_a_commit_that_fails_keeps_nothing_and_frees_the_connection(database):
    unit = Unit(database, is_read_only=False)
    unit.session.add_all([Shelf(name="x"), Shelf(name="x")])
    with pytest.raises(IntegrityError):
        await unit.finish(200)
    assert await names(database) == []
    async with Unit(database, is_read_only=False) as next_unit:
        next_unit.session.add(Shelf(name="y"))
    assert await names(database) == ["y"]


async def test_a_unit_that_nobody_used_takes_no_connection(database):
    unit = Unit(database, is_read_only=False)
    assert not unit.is_open
    await unit.commit()
    await unit.finish(200)
    assert database.write.pool.checkedout() == 0
    used = Unit(database, is_read_only=False)
    used.session.add(Shelf(name="x"))
    assert used.is_open
    assert database.write.pool.checkedout() == 0
    await used.finish(200)
    assert not used.is_open


async def test_rows_stay_readable_after_the_end(database, shelf_id):
    async with Unit(database, is_read_only=False) as unit:
        shelf = await unit.session.get_one(Shelf, shelf_id, options=load_options([Shelf.books]))
        shelf.name = "changed"
    assert (shelf.name, [book.title for book in shelf.books]) == ("changed", ["a", "b"])


@pytest.mark.parametrize(
    "use",
    [
        pytest.param(lambda unit, session: session.execute(select(Shelf)), id="execute"),
        pytest.param(lambda unit, session: session.scalars(sql("SELECT 1")), id="raw"),
        pytest.param(lambda unit, session: session.get(Shelf, "x"), id="get"),
        pytest.param(lambda unit, session: session.add(Shelf(name="x")), id="add"),
        pytest.param(lambda unit, session: session.commit(), id="commit-of-the-session"),
        pytest.param(lambda unit, session: session.begin(), id="begin"),
        pytest.param(lambda unit, session: session.connection(), id="connection"),
        pytest.param(lambda unit, session: unit.session, id="session"),
        pytest.param(lambda unit, session: unit.commit(), id="commit"),
        pytest.param(lambda unit, session: unit.rollback(), id="rollback"),
    ],
)
@pytest.mark.parametrize("is_read_only", [pytest.param(True, id="read-only"), pytest.param(False, id="writing")])
async def test_nothing_works_after_the_end(database, use, is_read_only):
    unit = Unit(database, is_read_only=is_read_only)
    session = unit.session
    await session.execute(select(Shelf))
    await unit.finish(200)
    with pytest.raises(ClosedUnitError) as refused:
        await settled(lambda: use(unit, session))
    assert "opens its own" in str(refused.value)
    await unit.finish(200)
    assert await names(database) == []


@pytest.mark.parametrize(
    "write",
    [
        pytest.param(lambda session, shelf: setattr(shelf, "name", "new"), id="change"),
        pytest.param(lambda session, shelf: session.add(Shelf(name="new")), id="add"),
        pytest.param(lambda session, shelf: session.delete(shelf), id="delete"),
        pytest.param(lambda session, shelf: session.execute(update(Shelf).values(name="new")), id="orm-update"),
        pytest.param(lambda session, shelf: session.execute(insert(Shelf), [{"name": "new"}]), id="bulk-insert"),
        pytest.param(lambda session, shelf: session.execute(sql("DELETE FROM test_db_books")), id="raw"),
    ],
)
async def test_a_read_only_unit_writes_nothing(database, shelf_id, write):
    async def request():
        async with Unit(database, is_read_only=True) as unit:
            shelf = await unit.session.get_one(Shelf, shelf_id)
            await settled(lambda: write(unit.session, shelf))

    with pytest.raises(ReadOnlyError) as refused:
        await request()
    assert "insecure_write_on_get=Because(" in str(refused.value)
    assert await names(database) == ["law"]


async def test_the_refusal_of_a_flush_names_the_model(database, shelf_id):
    with pytest.raises(ReadOnlyError, match=r"^Shelf "):
        async with Unit(database, is_read_only=True) as unit:
            (await unit.session.get_one(Shelf, shelf_id)).name = "new"


async def test_an_attribute_set_to_its_own_value_is_no_write(database, shelf_id):
    async with Unit(database, is_read_only=True) as unit:
        shelf = await unit.session.get_one(Shelf, shelf_id)
        shelf.name = "law"


async def test_a_failed_read_only_unit_ends_quietly(database, shelf_id):
    unit = Unit(database, is_read_only=True)
    (await unit.session.get_one(Shelf, shelf_id)).name = "new"
    await unit.finish(500)
    assert await names(database) == ["law"]


@pytest.mark.asvs("V1.4.3")
@pytest.mark.parametrize("is_read_only", [pytest.param(True, id="read-only"), pytest.param(False, id="writing")])
async def test_a_cancelled_request_leaves_the_pool_clean(database, shelf_id, is_read_only):
    started = asyncio.Event()

    async def request():
        async with Unit(database, is_read_only=is_read_only) as unit:
            await unit.session.get_one(Shelf, shelf_id)
            if not is_read_only:
                unit.session.add(Shelf(name="lost"))
                await unit.session.flush()
            started.set()
            await asyncio.sleep(60)

    task = asyncio.create_task(request())
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert database.write.pool.checkedout() == database.read.pool.checkedout() == 0
    assert await names(database) == ["law"]
    async with Unit(database, is_read_only=False) as unit:
        unit.session.add(Shelf(name="next"))
    assert await names(database) == ["law", "next"]


@pytest.mark.parametrize("steps", range(12))
@pytest.mark.parametrize("is_read_only", [pytest.param(True, id="read-only"), pytest.param(False, id="writing")])
async def test_a_cancellation_at_any_moment_leaves_the_pool_clean(
    database, expect_no_open_transaction, shelf_id, is_read_only, steps
):
    """The client hangs up during the begin, the statement, the flush, the commit or the close."""

    async def request():
        async with Unit(database, is_read_only=is_read_only) as unit:
            shelf = await unit.session.get_one(Shelf, shelf_id)
            if not is_read_only:
                unit.session.add(Book(title="c", shelf_id=shelf.id))

    task = asyncio.create_task(request())
    for _ in range(steps * 3):
        await asyncio.sleep(0)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    await expect_no_open_transaction()
    async with Unit(database, is_read_only=False) as unit:
        unit.session.add(Shelf(name="next"))
    assert await names(database) == ["law", "next"]
    assert database.write.pool.checkedout() == database.read.pool.checkedout() == 0


async def test_a_cancelled_commit_is_finished_first(database, monkeypatch):
    unit = Unit(database, is_read_only=False)
    unit.session.add(Shelf(name="x"))
    await unit.session.flush()
    finishing = asyncio.create_task(unit.finish(200))
    await asyncio.sleep(0)
    finishing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await finishing
    assert database.write.pool.checkedout() == 0
    assert await names(database) == ["x"]


async def test_a_unit_that_is_under_way_when_the_database_is_closed_ends_as_it_would_have(database, shelf_id):
    async with Unit(database, is_read_only=False) as unit:
        shelf = await unit.session.get_one(Shelf, shelf_id)
        await database.close()
        shelf.name = "later"
    async with Unit(database, is_read_only=True) as unit:
        assert (await unit.session.get_one(Shelf, shelf_id)).name == "later"
