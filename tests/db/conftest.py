import sqlite3
import uuid

import asyncpg
import pytest

from fastness.db.engine import Database
from fastness.db.model import Model
from fastness.db.rules import DatabaseRules
from fastness.db.unit import Unit
from tests.db.models import Book, Shelf

OPEN = """SELECT count(*) FROM pg_stat_activity
    WHERE xact_start IS NOT NULL AND datname = current_database() AND pid <> pg_backend_pid()"""
TABLES = [Model.metadata.tables[model.__tablename__] for model in (Shelf, Book)]


@pytest.fixture
def database_path(tmp_path):
    return tmp_path / "app.db"


@pytest.fixture
def expect_no_open_transaction(database_url):
    """Fails if somebody else still has a transaction open."""

    async def expect():
        if database_url.startswith("sqlite"):
            # Give the writer's lock back: another process could begin at once.
            other = sqlite3.connect(database_url.removeprefix("sqlite:///"), timeout=5, isolation_level=None)
            other.execute("BEGIN IMMEDIATE")
            other.execute("ROLLBACK")
            other.close()
            return
        watcher = await asyncpg.connect(database_url)
        # The server needs a moment to notice that a connection is gone; the test's own timeout ends a wait in vain.
        while await watcher.fetchval(OPEN):
            await watcher.execute("SELECT pg_sleep(0.01)")
        await watcher.close()

    return expect


@pytest.fixture
async def database(database_url):
    """A database of either kind; a file that is about one of them has a `database_url` of its own."""
    rules = DatabaseRules(read_connections=2, write_connections=2, queue_seconds=30)
    database = Database(database_url, rules=rules)
    await database.open()
    async with database.write.begin() as connection:
        await connection.run_sync(Model.metadata.create_all, tables=TABLES)
    yield database
    await database.close()


@pytest.fixture
async def shelf_id(database) -> uuid.UUID:
    """A shelf named "law" with the books "a" and "b"."""
    async with Unit(database, is_read_only=False) as unit:
        shelf = Shelf(name="law", books=[Book(title="b"), Book(title="a")])
        unit.session.add(shelf)
    return shelf.id
