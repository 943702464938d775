"""The driver: what runs where, and that nothing is left behind."""

import asyncio
import itertools
import sqlite3
import threading
from contextlib import suppress

import pytest
from sqlalchemy import insert, select

from fastness.db.engine import Database
from fastness.db.errors import OutdatedSchemaError
from fastness.db.sql import insecure_sql, sql
from fastness.db.unit import Unit
from fastness.kernel.because import Because
from tests.db.models import Book, Shelf

# A few hundred milliseconds of SQLite's time, far beyond what a query may hold the loop.
SLOW = sql(
    "SELECT count(*) FROM (WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c LIMIT 2000000) SELECT n FROM c)"
)

# Would run for years: what meets it has to be interrupted.
ENDLESS = sql(
    "SELECT 'x', n FROM (WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n FROM c) SELECT n FROM c WHERE n > 1)"
)


@pytest.fixture
def database_url(database_path):
    """What is tested here is SQLite's."""
    return f"sqlite:///{database_path}"


@pytest.fixture
async def where(database):
    """Records on which thread SQLite compiles each statement."""
    seen = []

    def look(*arguments):
        seen.append(threading.current_thread() is threading.main_thread())
        return sqlite3.SQLITE_OK

    for engine in (database.read, database.write):
        async with engine.connect() as connection:
            raw = await connection.get_raw_connection()
            raw.driver_connection.set_authorizer(look)
    return seen


async def test_a_short_select_runs_on_the_loop(database, where, shelf_id):
    where.clear()
    async with Unit(database, is_read_only=True) as unit:
        await unit.session.execute(select(Shelf))
    assert set(where) == {True}


@pytest.mark.parametrize("is_read_only", [pytest.param(True, id="read-only"), pytest.param(False, id="writing")])
async def test_others_have_a_turn_before_a_short_select_unless_it_holds_the_writers_lock(
    database, shelf_id, is_read_only
):
    seen = []

    async def wait():
        while True:
            await asyncio.sleep(0)
            seen.append("turn")

    async with Unit(database, is_read_only=is_read_only) as unit:
        await unit.session.execute(select(Shelf))
        waiting = asyncio.create_task(wait())
        for _ in range(20):
            await unit.session.execute(select(Shelf))
            seen.append("select")
        waiting.cancel()
    assert seen.count("select") == 20
    assert (("select", "select") in set(itertools.pairwise(seen))) is not is_read_only


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param(insert(Shelf).values(name="x"), id="insert"),
        pytest.param(sql("WITH c(n) AS (SELECT 1) UPDATE test_db_shelves SET name = 'y'"), id="write-behind-with"),
        pytest.param(sql(" SELECT 1"), id="unusual-text"),
    ],
)
async def test_everything_else_runs_on_a_thread(database, where, statement):
    async with Unit(database, is_read_only=False) as unit:
        await unit.session.execute(select(Shelf.id))
        where.clear()
        await unit.session.execute(statement)
        assert set(where) == {False}


@pytest.mark.parametrize("is_read_only", [pytest.param(True, id="read-only"), pytest.param(False, id="writing")])
async def test_a_long_select_goes_on_elsewhere_and_the_loop_runs_meanwhile(database, shelf_id, is_read_only):
    ticks = 0

    async def tick():
        nonlocal ticks
        while True:
            await asyncio.sleep(0.001)
            ticks += 1

    ticker = asyncio.create_task(tick())
    async with Unit(database, is_read_only=is_read_only) as unit:
        if not is_read_only:
            unit.session.add(Shelf(name="kept"))
            await unit.session.flush()
        assert await unit.session.scalar(SLOW) == 2_000_000
        assert ticks > 5
        assert await unit.session.scalar(select(Shelf.name).where(Shelf.id == shelf_id)) == "law"
    ticker.cancel()
    with suppress(asyncio.CancelledError):
        await ticker
    async with Unit(database, is_read_only=True) as unit:
        assert len((await unit.session.scalars(select(Shelf))).all()) == (1 if is_read_only else 2)


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param(ENDLESS, id="select"),
        pytest.param(
            insecure_sql(
                f"INSERT INTO test_db_shelves (id, name) {ENDLESS}",
                because=Because("a test of the engine puts a name in"),
            ),
            id="insert",
        ),
    ],
)
async def test_a_request_that_hangs_up_during_a_long_statement_leaves_nothing(database, shelf_id, statement):
    async def request():
        async with Unit(database, is_read_only=False) as unit:
            unit.session.add(Shelf(name="lost"))
            await unit.session.execute(statement)

    task = asyncio.create_task(request())
    await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with Unit(database, is_read_only=False) as unit:
        assert (await unit.session.scalars(select(Shelf.name))).all() == ["law"]
    assert database.write.pool.checkedout() == 0


async def test_a_writer_that_waits_for_another_process_lets_the_loop_run(database, database_path, shelf_id):
    other = sqlite3.connect(database_path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    async def write():
        async with Unit(database, is_read_only=False) as unit:
            unit.session.add(Shelf(name="waited"))

    writer = asyncio.create_task(write())
    await asyncio.sleep(0.02)
    assert not writer.done()
    other.execute("ROLLBACK")
    await writer
    other.close()
    async with Unit(database, is_read_only=True) as unit:
        assert sorted(await unit.session.scalars(select(Shelf.name))) == ["law", "waited"]


async def test_a_writer_that_waits_can_be_cancelled(database, database_path):
    other = sqlite3.connect(database_path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    async def write():
        async with Unit(database, is_read_only=False) as unit:
            await unit.session.execute(select(Shelf))

    writer = asyncio.create_task(write())
    await asyncio.sleep(0.01)
    writer.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writer
    other.execute("ROLLBACK")
    other.close()
    async with Unit(database, is_read_only=False) as unit:
        unit.session.add(Shelf(name="next"))


async def test_a_connection_that_is_closed_frees_the_file_whatever_is_still_held(database, database_path):
    connection = await database.write.connect()
    await connection.execute(sql("SELECT 1"))
    driver = (await connection.get_raw_connection()).driver_connection
    unread = sqlite3.Cursor(driver).execute("SELECT 1 UNION ALL SELECT 2")
    await connection.invalidate()
    other = sqlite3.connect(database_path, isolation_level=None, timeout=0)
    other.execute("BEGIN IMMEDIATE")
    other.close()
    assert unread
    await connection.close()


async def test_rows_come_in_every_way(database, shelf_id):
    query = select(Book.title).order_by(Book.title)
    async with Unit(database, is_read_only=True) as unit:
        session = unit.session
        assert (await session.scalars(query)).all() == ["a", "b"]
        assert (await session.scalars(query)).first() == "a"
        assert [title for title in await session.scalars(query)] == ["a", "b"]  # noqa: C416
        assert (await session.execute(query)).fetchmany(1) == [("a",)]
        assert [title async for title in await session.stream_scalars(query)] == ["a", "b"]
        assert [len(part) async for part in (await session.stream(query)).partitions(1)] == [1, 1]


async def test_a_result_that_was_not_read_holds_no_snapshot(database, shelf_id):
    async with Unit(database, is_read_only=True) as reader:
        unread = await reader.session.execute(select(Book.title))
        async with Unit(database, is_read_only=False) as unit:
            unit.session.add(Shelf(name="new"))
        assert len((await reader.session.scalars(select(Shelf))).all()) == 2
        assert len(unread.all()) == 2


async def test_many_rows_are_inserted_at_once(database, shelf_id):
    async with Unit(database, is_read_only=False) as unit:
        await unit.session.execute(insert(Book), [{"title": str(n), "shelf_id": shelf_id} for n in range(2500)])
    async with Unit(database, is_read_only=True) as unit:
        assert len((await unit.session.scalars(select(Book.id))).all()) == 2502


async def test_errors_keep_their_kind(database):
    async with Unit(database, is_read_only=True) as unit:
        with pytest.raises(OutdatedSchemaError, match="no such table"):
            await unit.session.execute(sql("SELECT * FROM nowhere"))
        assert await unit.session.scalar(sql("SELECT 1")) == 1


async def test_a_database_can_be_opened_again(database, database_path, shelf_id):
    again = Database(f"sqlite:///{database_path}")
    for _ in range(2):
        await again.open()
        async with Unit(again, is_read_only=False) as unit:
            unit.session.add(Book(title="x", shelf_id=shelf_id))
        await again.close()
    async with Unit(database, is_read_only=True) as unit:
        assert len((await unit.session.scalars(select(Book.id))).all()) == 4
