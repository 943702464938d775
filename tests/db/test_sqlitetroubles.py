"""SQLite's errors that are about the file or the schema name what to do; those about a statement stay what they are."""

import sqlite3
import stat
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from fastness.db.engine import Database
from fastness.db.errors import DatabaseLostError, OutdatedSchemaError, ReadOnlyError
from fastness.db.migrations import pending
from fastness.db.sql import sql
from fastness.db.sqlitetroubles import trouble_of
from fastness.db.unit import Unit
from fastness.kernel.errors import ConfigError
from tests.db.models import Book


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data.sqlite3"


@pytest.fixture
async def database(path):
    opened = Database(f"sqlite:///{path}")
    yield opened
    await opened.close()


async def read(database, *, is_read_only=True):
    async with Unit(database, is_read_only=is_read_only) as unit:
        await unit.session.execute(select(Book.id))


async def write(database):
    async with Unit(database, is_read_only=False) as unit:
        unit.session.add(Book(title="A title"))


@pytest.mark.parametrize("is_read_only", [pytest.param(True, id="read"), pytest.param(False, id="write")])
async def test_a_database_that_was_never_upgraded_names_the_command(database, path, is_read_only):
    with pytest.raises(OutdatedSchemaError, match=r"no such table: .*fastness db upgrade"):
        await read(database, is_read_only=is_read_only)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_a_column_that_is_missing_names_the_command(database, path):
    with sqlite3.connect(path) as connection:
        connection.execute(f"CREATE TABLE {Book.__tablename__} (other TEXT)")
    connection.close()
    for work in (read, write):
        with pytest.raises(OutdatedSchemaError, match="fastness db upgrade"):
            await work(database)


async def test_a_statement_that_is_wrong_stays_so(database, path):
    with sqlite3.connect(path) as connection:
        columns = ", ".join(f"{column.name} TEXT CHECK ({column.name} IS NULL)" for column in Book.__table__.columns)
        connection.execute(f"CREATE TABLE {Book.__tablename__} ({columns})")
    connection.close()
    with pytest.raises(IntegrityError):
        await write(database)


async def test_a_file_that_is_no_database(database, path):
    path.write_text("something else altogether " * 100)
    with pytest.raises(DatabaseLostError, match="not a database"):
        await database.open()
    with pytest.raises(DatabaseLostError, match="not a database"):
        pending(f"sqlite:///{path}", None)


@pytest.mark.parametrize(
    ("is_read_only", "expected"),
    [
        pytest.param(True, ReadOnlyError, id="a-GET-that-writes"),
        pytest.param(False, DatabaseLostError, id="a-file-that-may-not-be-written"),
    ],
)
def test_who_may_not_write_is_told_whether_the_request_or_the_file_is_to_blame(path, is_read_only, expected):
    # As SQLite opens a file for whoever has no right to write it, which nobody can take away from root.
    sqlite3.connect(path).close()
    path.touch()
    connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
    with pytest.raises(sqlite3.OperationalError) as refused:
        connection.execute("CREATE TABLE t (a)")
    connection.close()
    assert type(trouble_of(refused.value, is_read_only=is_read_only)) is expected


async def names(database, *, is_read_only=True):
    async with Unit(database, is_read_only=is_read_only) as unit:
        return [*await unit.session.scalars(sql("SELECT name FROM t ORDER BY rowid"))]


async def add(database, name):
    async with Unit(database, is_read_only=False) as unit:
        await unit.session.execute(sql("INSERT INTO t VALUES (:name)", name=name))


def with_table(path, *rows):
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("CREATE TABLE t (name TEXT)")
    connection.executemany("INSERT INTO t VALUES (?)", [(row,) for row in rows])
    connection.commit()
    connection.close()


def restore(backup, path):
    for suffix in ("-wal", "-shm"):
        Path(f"{path}{suffix}").unlink()
    backup.replace(path)


async def test_a_backup_that_is_put_in_the_place_of_the_file_is_what_is_read_and_written_from_then_on(
    database, path, tmp_path
):
    with_table(path)
    await add(database, "lost with the former file")
    assert await names(database) == ["lost with the former file"]
    await database.close()
    await add(database, "too")
    with_table(tmp_path / "backup", "old")
    restore(tmp_path / "backup", path)
    await add(database, "new")
    assert await names(database) == ["old", "new"]
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT name FROM t").fetchall() == [("old",), ("new",)]
    connection.close()


@pytest.mark.parametrize("has_read", [pytest.param(True, id="kept-connection"), pytest.param(False, id="new-one")])
async def test_nothing_is_written_into_a_file_that_is_gone_and_none_is_made_in_its_place(
    database, path, tmp_path, has_read
):
    with_table(path)
    await add(database, "first")
    if has_read:
        await names(database)
    path.rename(tmp_path / "aside")
    for work in (add(database, "second"), names(database)):
        with pytest.raises(DatabaseLostError, match="is gone"):
            await work
    assert not path.exists()
    (tmp_path / "aside").rename(path)
    await add(database, "third")
    assert await names(database) == ["first", "third"]


async def test_a_folder_that_is_not_there(tmp_path):
    database = Database(f"sqlite:///{tmp_path}/nowhere/data.sqlite3")
    with pytest.raises(ConfigError, match="fastness db upgrade"):
        await database.open()
    await database.close()
