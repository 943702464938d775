import contextlib
import enum
import sqlite3
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

import asyncpg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Column, ForeignKey, MetaData, String, Table, Uuid, inspect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from fastness.auth.answers import KeptAnswer
from fastness.auth.factortables import RecoveryCode
from fastness.auth.links import OneTimeLink
from fastness.auth.roles import USER_ROLES
from fastness.auth.tokentable import APIToken
from fastness.auth.users import User
from fastness.db import versions
from fastness.db.errors import DatabaseBusyError, DatabaseLostError, MigrationError
from fastness.db.migrations import OWN_PREFIX, _transact, current, pending, revision, upgrade
from fastness.db.model import NAMING_CONVENTION, Model, UTCDateTime
from fastness.db.rules import DatabaseRules
from fastness.mail.outbox import QueuedMail

OWN = tuple(sorted(file.stem[: len("fastness_0000")] for file in Path(versions.__file__).parent.glob("fastness_*.py")))
OWN_HEAD = OWN[-1]


@pytest.fixture
def url(database_url):
    return database_url


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "with space" / "migrations"


def written(*arguments, **options):
    path = revision(*arguments, **options)
    assert path is not None
    return path


def tables(url):
    return set(_transact(url, None, lambda connection: inspect(connection).get_table_names()))


def app_metadata(*columns):
    """The app's models as `Model.metadata` shows them: beside our own tables."""
    metadata = MetaData(naming_convention=NAMING_CONVENTION)
    Model.metadata.tables[User.__tablename__].to_metadata(metadata)
    Table(
        "cases",
        metadata,
        Column("id", Uuid, primary_key=True),
        Column("owner_id", ForeignKey("fastness_users.id"), nullable=False),
        Column("opened_at", UTCDateTime()),
        *columns,
    )
    return metadata


def test_a_new_database_has_everything_pending(url, folder, tmp_path):
    assert (pending(url, None), current(url, None)) == (OWN, ())
    assert list(tmp_path.iterdir()) == []


def test_upgrade_runs_what_is_pending_once(url, tmp_path):
    assert upgrade(url, None) == OWN
    assert upgrade(url, None) == ()
    assert (pending(url, None), current(url, None)) == ((), (OWN_HEAD,))
    if url.startswith("sqlite"):
        assert stat.S_IMODE((tmp_path / "app.db").stat().st_mode) == 0o600


def test_our_migrations_make_what_our_models_say(url):
    upgrade(url, None)

    def compare(connection):
        context = MigrationContext.configure(
            connection,
            opts={"include_name": lambda name, kind, _: kind != "table" or name.startswith(OWN_PREFIX)},
        )
        ours = MetaData(naming_convention=NAMING_CONVENTION)
        for table in Model.metadata.sorted_tables:
            if table.name.startswith(OWN_PREFIX):
                table.to_metadata(ours)
        made = {
            USER_ROLES.name,
            *(model.__tablename__ for model in (QueuedMail, OneTimeLink, RecoveryCode, APIToken, KeptAnswer)),
        }
        assert made <= ours.tables.keys()
        return compare_metadata(context, ours)

    assert _transact(url, None, compare) == []


def test_the_app_gets_a_branch_of_its_own(url, folder, capsys):
    upgrade(url, None)
    path = written(url, folder, 'add "cases"\\', metadata=app_metadata())
    content = path.read_text()
    assert path.parent == folder
    assert "create_table('cases'" in content
    assert "fastness_users" in content, "the reference"
    assert "create_table('fastness" not in content
    assert f"depends_on = '{OWN_HEAD}'" in content
    assert "fastness.db" not in content
    assert len(pending(url, folder)) == 1
    upgrade(url, folder)
    assert "cases" in tables(url)
    assert pending(url, folder) == ()
    assert capsys.readouterr().out == ""


def test_the_second_revision_follows_the_first(url, folder):
    upgrade(url, None)
    revision(url, folder, "first", metadata=app_metadata())
    upgrade(url, folder)
    assert revision(url, folder, "nothing", metadata=app_metadata()) is None
    path = written(url, folder, "title", metadata=app_metadata(Column("title", String(20))))
    assert "add_column" in path.read_text()
    upgrade(url, folder)
    assert len(list(folder.glob("*.py"))) == 2
    assert pending(url, folder) == ()


def enum_columns(members):
    """Columns as a model has them, of an enum and of a literal, with these members."""

    class Own(DeclarativeBase):
        type_annotation_map = Model.type_annotation_map

    class Row(Own):
        __tablename__ = "rows"
        id: Mapped[int] = mapped_column(primary_key=True)
        stage: Mapped[enum.Enum("Stage", members)] = mapped_column(server_default="OPEN")  # type: ignore[valid-type]  # made anew
        size: Mapped[Literal["small", "large"]] = mapped_column(server_default="small")

    return [Row.__table__.c[name]._copy() for name in ("stage", "size")]


def test_a_column_of_an_enum_is_added_and_gets_more_members_without_a_revision(url, folder):
    upgrade(url, None)
    written(url, folder, "first", metadata=app_metadata())
    upgrade(url, folder)
    written(url, folder, "stages", metadata=app_metadata(*enum_columns("OPEN CLOSED")))
    upgrade(url, folder)
    more = app_metadata(*enum_columns("OPEN CLOSED WAITING_FOR_SOMEBODY_ELSE"))
    assert revision(url, folder, "nothing", metadata=more) is None
    statement = "UPDATE cases SET stage = 'WAITING_FOR_SOMEBODY_ELSE'"
    _transact(url, None, lambda connection: connection.exec_driver_sql(statement))


def test_a_revision_for_data_may_be_empty(url, folder):
    upgrade(url, None)
    assert "pass" in written(url, folder, "fill", metadata=app_metadata(), is_empty=True).read_text()


def test_our_tables_are_never_altered_by_a_revision_of_the_app(url, folder):
    """Neither a model of the app that changes them, nor a missing import of ours, nor an index in the database counts."""
    upgrade(url, None)
    _transact(
        url, None, lambda connection: connection.exec_driver_sql("CREATE INDEX by_hand ON fastness_users (email)")
    )
    metadata = MetaData(naming_convention=NAMING_CONVENTION)
    Table("fastness_users", metadata, Column("id", Uuid, primary_key=True), Column("shoe_size", String))
    Table("fastness_extra", metadata, Column("id", Uuid, primary_key=True))
    assert revision(url, folder, "tamper", metadata=metadata) is None
    assert revision(url, folder, "drop", metadata=MetaData()) is None


def test_a_revision_needs_a_database_that_is_up_to_date(url, folder):
    with pytest.raises(MigrationError, match="fastness db upgrade"):
        revision(url, folder, "early", metadata=app_metadata())


def write(folder: Path, name: str, body: str, *, down: str | None = None) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.py").write_text(
        f"from alembic import op\nrevision = {name!r}\ndown_revision = {down!r}\n"
        f"branch_labels = None\ndepends_on = '{OWN_HEAD}'\n"
        f"def upgrade():\n    {body}\ndef downgrade():\n    pass\n"
    )


def test_an_upgrade_that_fails_leaves_nothing_behind(url, folder):
    write(folder, "a1", "op.execute('CREATE TABLE half (a int)')")
    write(folder, "a2", "op.execute('CREATE TABLE half (b int)')", down="a1")
    with pytest.raises(Exception, match="already exists"):
        upgrade(url, folder)
    assert tables(url) == set()
    assert pending(url, folder) == (*OWN, "a1", "a2")


def test_an_upgrade_that_breaks_a_reference_is_undone(tmp_path, folder):
    url = f"sqlite:///{tmp_path}/app.db"
    write(folder, "a1", "op.execute('CREATE TABLE c (u REFERENCES fastness_users (id))')")
    upgrade(url, folder)
    write(folder, "a2", "op.execute(\"INSERT INTO c VALUES ('nobody')\")", down="a1")
    with pytest.raises(MigrationError, match="rows of c "):
        upgrade(url, folder)
    assert pending(url, folder) == ("a2",)


def test_a_database_ahead_of_the_files_is_refused(url, folder):
    write(folder, "a1", "op.execute('CREATE TABLE c (u int)')")
    upgrade(url, folder)
    (folder / "a1.py").unlink()
    for command in (current, pending, upgrade):
        with pytest.raises(MigrationError):
            command(url, folder)


def test_two_heads_of_the_app_are_refused(url, folder):
    write(folder, "a1", "pass")
    write(folder, "b1", "pass")
    upgrade(url, folder)
    with pytest.raises(MigrationError, match="2 heads"):
        revision(url, folder, "third", metadata=app_metadata())


def test_of_processes_that_upgrade_at_once_one_does_the_work(url):
    start = threading.Barrier(4)

    def run(_number):
        start.wait()
        return upgrade(url, None)

    with ThreadPoolExecutor(4) as executor:
        results = list(executor.map(run, range(4)))
    assert sorted(map(bool, results)) == [False, False, False, True]


def test_an_upgrade_waits_while_somebody_writes_into_a_new_file(database_path):
    """No busy handler is asked when a file is to get its write-ahead log, and somebody else is about to write."""
    with contextlib.closing(sqlite3.connect(database_path, isolation_level=None, check_same_thread=False)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("CREATE TABLE a (b int)")
        leaving = threading.Timer(0.2, writer.execute, ("COMMIT",))
        leaving.start()
        assert OWN_HEAD in upgrade(f"sqlite:///{database_path}", None)
        leaving.join()


async def test_an_upgrade_runs_where_a_loop_is_running_already(url):
    assert OWN_HEAD in upgrade(url, None)


async def test_an_upgrade_does_not_wait_long_for_a_table(postgres_url, folder):
    """A change that waits for a long query would make everybody behind it wait."""
    write(folder, "a1", "op.execute('CREATE TABLE c (u int)')")
    upgrade(postgres_url, folder)
    write(folder, "a2", "op.execute('ALTER TABLE c ADD v int')", down="a1")
    reader = await asyncpg.connect(postgres_url)
    async with reader.transaction():
        await reader.fetch("SELECT * FROM c")
        with pytest.raises(DatabaseBusyError):
            upgrade(postgres_url, folder, rules=DatabaseRules(busy_seconds=0.05))
    await reader.close()
    assert upgrade(postgres_url, folder) == ("a2",)


def test_a_server_that_is_away_is_said_to_be(postgres_url, folder):
    away = postgres_url.replace("?host=/", "?host=/nowhere/")
    for command in (upgrade, current, pending):
        with pytest.raises(DatabaseLostError):
            command(away, folder)


def test_the_stores_tables_are_no_business_of_a_revision(postgres_url, folder):
    upgrade(postgres_url, None)
    _transact(postgres_url, None, lambda connection: connection.exec_driver_sql("CREATE SCHEMA fastness_store"))
    _transact(
        postgres_url, None, lambda connection: connection.exec_driver_sql("CREATE TABLE fastness_store.t (a int)")
    )
    assert revision(postgres_url, folder, "nothing", metadata=MetaData()) is None
