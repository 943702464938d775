"""Two real worker processes, one SQLite file."""

import asyncio
import multiprocessing
import sqlite3
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from fastness.db.engine import Database
from fastness.db.unit import Unit
from tests.db.models import Book, Shelf

REQUESTS = 50
WORKERS = 2


@pytest.fixture
def database_url(database_path):
    """What is tested here is SQLite's."""
    return f"sqlite:///{database_path}"


async def post(database, worker, number):
    """A request as they come: read, think, write, read again."""
    async with Unit(database, is_read_only=False) as unit:
        shelf = (await unit.session.scalars(select(Shelf))).one()
        await asyncio.sleep(0.001)
        shelf.built_at = datetime.now(UTC)
        unit.session.add(Book(title=f"{worker}-{number}", shelf_id=shelf.id))
        await unit.session.flush()
        await unit.session.scalars(select(Book).limit(1))


async def serve(path, worker, start):
    database = Database(f"sqlite:///{path}")
    await database.open()
    start.wait()
    results = await asyncio.gather(
        *(post(database, worker, number) for number in range(REQUESTS)), return_exceptions=True
    )
    await database.close()
    return [repr(result) for result in results if result is not None]


def run(path, worker, start, results):
    results.put(asyncio.run(serve(path, worker, start)))


async def test_parallel_posts_over_two_processes_never_meet_a_locked_database(database, database_path, shelf_id):
    context = multiprocessing.get_context("spawn")
    start, results = context.Barrier(WORKERS), context.Queue()
    workers = [context.Process(target=run, args=(database_path, number, start, results)) for number in range(WORKERS)]
    for worker in workers:
        worker.start()
    failures = [await asyncio.to_thread(results.get, timeout=90) for _ in workers]
    for worker in workers:
        await asyncio.to_thread(worker.join)
    results.close()
    assert failures == [[]] * WORKERS
    connection = sqlite3.connect(database_path)
    assert connection.execute("SELECT count(*) FROM test_db_books WHERE title LIKE '%-%'").fetchone() == (
        WORKERS * REQUESTS,
    )
    connection.close()
