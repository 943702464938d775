import asyncio
import logging
import sqlite3
import stat

import pytest
from sqlalchemy import event, insert, select
from sqlalchemy.exc import IntegrityError

from fastness.db.engine import Database, parse_database_url
from fastness.db.errors import DatabaseBusyError, ReadOnlyError
from fastness.db.rules import DatabaseRules
from fastness.db.sql import insecure_sql, sql
from fastness.db.unit import Unit
from fastness.kernel.because import Because
from fastness.kernel.errors import ConfigError
from tests.db.models import Book, Shelf


@pytest.fixture
def database_url(database_path):
    """What is tested here is SQLite's."""
    return f"sqlite:///{database_path}"


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("sqlite:///data/app.db", id="relative"),
        pytest.param("sqlite:////var/lib/app.db", id="absolute"),
        pytest.param("sqlite+fastness:///app.db", id="driver-named"),
    ],
)
def test_a_file_is_accepted(url):
    assert parse_database_url(url).get_backend_name() == "sqlite"


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("", id="empty"),
        pytest.param("app.db", id="no-scheme"),
        pytest.param("sqlite://", id="memory-implied"),
        pytest.param("sqlite:///:memory:", id="memory"),
        pytest.param("sqlite:///file:a?mode=memory&uri=true", id="memory-by-uri"),
        pytest.param("sqlite:///a.db?timeout=0", id="settings-in-the-query"),
        pytest.param("sqlite+pysqlite:///a.db", id="blocking-driver"),
        pytest.param("mysql://u:hunter2@h/d", id="other-database"),
        pytest.param("postgresql://u:hunter2@h:port/d", id="malformed"),
    ],
)
def test_other_urls_are_refused_without_being_shown(url):
    with pytest.raises(ConfigError) as refused:
        parse_database_url(url)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({"read_connections": 0}, id="no-connections"),
        pytest.param({"busy_seconds": 0}, id="no-patience"),
        pytest.param({"queue_seconds": -1}, id="negative"),
        pytest.param({"queue_seconds": float("nan")}, id="not-a-number"),
    ],
)
def test_rules_refuse_what_cannot_be_right(settings):
    with pytest.raises(ConfigError):
        DatabaseRules(**settings)


async def test_the_file_and_its_companions_belong_to_their_owner_only(database, database_path, shelf_id):
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in database_path.parent.iterdir()}
    assert modes == dict.fromkeys(("app.db", "app.db-wal", "app.db-shm"), 0o600)


@pytest.mark.parametrize(
    ("is_power_cut_safe", "synchronous"), [pytest.param(True, 2, id="full"), pytest.param(False, 1, id="normal")]
)
async def test_how_safe_a_commit_is_can_be_chosen(database_path, is_power_cut_safe, synchronous):
    database = Database(f"sqlite:///{database_path}", rules=DatabaseRules(is_power_cut_safe=is_power_cut_safe))
    async with database.write.connect() as connection:
        assert await connection.scalar(sql("PRAGMA synchronous")) == synchronous
    await database.close()


async def test_a_file_made_by_the_first_read_belongs_to_its_owner_only(database_path):
    database = Database(f"sqlite:///{database_path}")
    async with database.read.connect() as connection:
        assert await connection.scalar(sql("PRAGMA journal_mode")) == "wal"
    await database.close()
    assert stat.S_IMODE(database_path.stat().st_mode) == 0o600


async def test_a_folder_that_is_missing_is_a_configuration_error(tmp_path):
    database = Database(f"sqlite:///{tmp_path}/missing/app.db")
    with pytest.raises(ConfigError):
        await database.open()
    await database.close()


@pytest.mark.parametrize(
    ("engine", "expected"),
    [
        pytest.param("write", {"query_only": 0, "foreign_keys": 1, "trusted_schema": 0, "synchronous": 2}, id="write"),
        pytest.param("read", {"query_only": 1, "foreign_keys": 1, "trusted_schema": 0}, id="read"),
    ],
)
async def test_every_connection_is_prepared(database, engine, expected):
    async with getattr(database, engine).connect() as connection:
        found = {
            name: await connection.scalar(
                insecure_sql(f"PRAGMA {name}", because=Because("a test of the engine puts a name in"))
            )
            for name in expected
        }
        assert await connection.scalar(sql("PRAGMA journal_mode")) == "wal"
    assert found == expected


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param(insert(Shelf).values(name="x"), id="core-insert"),
        pytest.param(sql("DELETE FROM test_db_books"), id="raw-delete"),
        pytest.param(sql("CREATE TABLE t (a)"), id="raw-ddl"),
        pytest.param(sql("REPLACE INTO test_db_shelves (id, name) VALUES ('a', 'b')"), id="raw-replace"),
        pytest.param(
            sql("INSERT INTO test_db_shelves (id, name) VALUES ('a', 'b') RETURNING id"),
            id="write-that-looks-like-a-read",
        ),
        pytest.param(sql("VACUUM"), id="vacuum"),
    ],
)
async def test_the_reading_engine_refuses_every_write_and_names_the_way_out(database, statement):
    async with database.read.connect() as connection:
        with pytest.raises(ReadOnlyError) as refused:
            await connection.execute(statement)
    assert "insecure_write_on_get=Because(" in str(refused.value)
    async with database.write.connect() as connection:
        await connection.execute(sql("SELECT 1"))


async def test_the_reading_engine_reads(database, shelf_id):
    async with database.read.connect() as connection:
        assert await connection.scalar(select(Shelf.name)) == "law"


async def test_foreign_keys_hold(database, shelf_id):
    async with database.write.connect() as connection:
        with pytest.raises(IntegrityError):
            await connection.execute(sql("DELETE FROM test_db_shelves"))


async def test_a_writer_holds_the_lock_from_its_first_statement(database, database_path):
    other = sqlite3.connect(database_path, timeout=0, isolation_level=None)
    async with database.write.connect() as connection:
        await connection.execute(sql("SELECT 1"))
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")
    other.execute("BEGIN IMMEDIATE")
    other.close()


async def test_readers_read_while_a_writer_writes(database, shelf_id):
    async with Unit(database, is_read_only=False) as writer:
        writer.session.add(Shelf(name="new"))
        await writer.session.flush()
        async with Unit(database, is_read_only=True) as reader:
            assert [*await reader.session.scalars(select(Shelf.name))] == ["law"]


async def test_a_lock_that_lasts_too_long_is_a_503(database_path, database):
    impatient = Database(f"sqlite:///{database_path}", rules=DatabaseRules(busy_seconds=0.05))
    other = sqlite3.connect(database_path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    async with Unit(impatient, is_read_only=False) as unit:
        with pytest.raises(DatabaseBusyError):
            await unit.session.execute(select(Shelf))
    other.execute("ROLLBACK")
    async with Unit(impatient, is_read_only=False) as unit:
        await unit.session.execute(select(Shelf))
    other.close()
    await impatient.close()


async def test_the_write_ahead_log_is_waited_for(tmp_path):
    path = tmp_path / "new.db"
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("CREATE TABLE held (id)")
    other.execute("BEGIN EXCLUSIVE")
    database = Database(f"sqlite:///{path}")
    opening = asyncio.create_task(database.open())
    done, _ = await asyncio.wait((opening,), timeout=0.05)
    assert not done
    other.execute("COMMIT")
    other.close()
    await opening
    await database.close()
    assert path.read_bytes()[18:20] == b"\x02\x02"  # the file's versions of writing and reading: write-ahead log


async def test_a_file_system_without_a_write_ahead_log_is_told_of_once(database_path, caplog):
    database = Database(f"sqlite:///{database_path}")

    def connect(_dialect, _record, _arguments, parameters):
        # This way of locking has no memory that processes share, as on many a network share.
        return sqlite3.connect(f"{database_path.as_uri()}?vfs=unix-dotfile", uri=True, **parameters)

    for engine in (database.write, database.read):
        event.listen(engine.sync_engine, "do_connect", connect)
    await database.open()
    async with database.read.connect() as connection:
        assert await connection.scalar(sql("PRAGMA journal_mode")) == "delete"
    await database.close()
    (told,) = [record for record in caplog.records if record.name == "fastness.db"]
    assert str(database_path) in told.getMessage()


async def test_a_file_with_one_is_not(database, caplog):
    await database.open()
    assert not [record for record in caplog.records if record.name == "fastness.db"]


async def test_a_pool_that_stays_empty_is_a_503(database_path, database):
    small = Database(f"sqlite:///{database_path}", rules=DatabaseRules(read_connections=1, queue_seconds=0.05))
    async with small.read.connect() as connection:
        await connection.execute(sql("SELECT 1"))
        async with Unit(small, is_read_only=True) as unit:
            with pytest.raises(DatabaseBusyError):
                await unit.session.execute(select(Shelf))
    await small.close()


async def test_a_transaction_begun_by_hand_on_a_reading_connection_does_not_outlive_its_unit(database_path, database):
    single = Database(f"sqlite:///{database_path}", rules=DatabaseRules(read_connections=1))
    async with Unit(single, is_read_only=True) as unit:
        await unit.session.execute(sql("BEGIN"))
        await unit.session.execute(select(Shelf))
    async with Unit(database, is_read_only=False) as writer:
        writer.session.add(Shelf(name="later"))
    async with Unit(single, is_read_only=True) as unit:
        assert [*await unit.session.scalars(select(Shelf.name))] == ["later"]
    await single.close()


async def test_no_log_holds_a_value(database, caplog):
    caplog.set_level(logging.DEBUG)
    for name in ("sqlalchemy.engine", "sqlalchemy.pool"):
        caplog.set_level(logging.DEBUG, logger=name)
    async with Unit(database, is_read_only=False) as unit:
        unit.session.add(Shelf(name="s3cr3t-value"))
    async with Unit(database, is_read_only=False) as unit:
        unit.session.add(Shelf(name="s3cr3t-value"))
        with pytest.raises(IntegrityError) as failed:
            await unit.session.flush()
        await unit.rollback()
    assert caplog.records
    assert "s3cr3t" not in caplog.text
    assert "s3cr3t" not in str(failed.value)


async def test_writers_of_one_process_take_turns(database, shelf_id):
    async def add(number):
        async with Unit(database, is_read_only=False) as unit:
            unit.session.add(Book(title=f"n{number}", shelf_id=shelf_id))

    await asyncio.gather(*(add(number) for number in range(50)))
    async with Unit(database, is_read_only=True) as unit:
        assert len([*await unit.session.scalars(select(Book.id).where(Book.title.like("n%")))]) == 50
