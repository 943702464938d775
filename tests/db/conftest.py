import uuid

import pytest

from fastness.db.engine import Database
from fastness.db.model import Model
from fastness.db.rules import DatabaseRules
from fastness.db.unit import Unit
from tests.db.models import Book, Shelf

TABLES = [Model.metadata.tables[model.__tablename__] for model in (Shelf, Book)]


@pytest.fixture
def database_path(tmp_path):
    return tmp_path / "app.db"


@pytest.fixture
async def database(database_path):
    database = Database(f"sqlite:///{database_path}", rules=DatabaseRules(read_connections=2, queue_seconds=5))
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
