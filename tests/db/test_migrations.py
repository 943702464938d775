import sqlite3
import stat
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Column, ForeignKey, MetaData, String, Table, Uuid, create_engine
from sqlalchemy.pool import NullPool

from fastness.auth.roles import USER_ROLES
from fastness.auth.users import User
from fastness.db import versions
from fastness.db.errors import MigrationError
from fastness.db.migrations import OWN_PREFIX, current, pending, revision, upgrade
from fastness.db.model import NAMING_CONVENTION, Model, UTCDateTime

OWN = tuple(sorted(file.stem[: len("fastness_0000")] for file in Path(versions.__file__).parent.glob("fastness_*.py")))
OWN_HEAD = OWN[-1]


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path}/app.db"


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "with space" / "migrations"


def written(*arguments, **options):
    path = revision(*arguments, **options)
    assert path is not None
    return path


def tables(url):
    with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
        rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    connection.close()
    return {row[0] for row in rows}


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
    assert stat.S_IMODE((tmp_path / "app.db").stat().st_mode) == 0o600


def test_our_migrations_make_what_our_models_say(url):
    upgrade(url, None)
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={"include_name": lambda name, kind, _: kind != "table" or name.startswith(OWN_PREFIX)},
        )
        ours = MetaData(naming_convention=NAMING_CONVENTION)
        for table in Model.metadata.sorted_tables:
            if table.name.startswith(OWN_PREFIX):
                table.to_metadata(ours)
        assert USER_ROLES.name in ours.tables
        assert compare_metadata(context, ours) == []


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


def test_a_revision_for_data_may_be_empty(url, folder):
    upgrade(url, None)
    assert "pass" in written(url, folder, "fill", metadata=app_metadata(), is_empty=True).read_text()


def test_our_tables_are_never_altered_by_a_revision_of_the_app(url, folder):
    """Neither a model of the app that changes them, nor a missing import of ours, nor an index in the database counts."""
    upgrade(url, None)
    with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
        connection.execute("CREATE INDEX by_hand ON fastness_users (email)")
    connection.close()
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
    write(folder, "a1", "op.execute('CREATE TABLE half (a)')")
    write(folder, "a2", "op.execute('CREATE TABLE half (b)')", down="a1")
    with pytest.raises(Exception, match="already exists"):
        upgrade(url, folder)
    assert tables(url) == set()
    assert pending(url, folder) == (*OWN, "a1", "a2")


def test_an_upgrade_that_breaks_a_reference_is_undone(url, folder):
    write(folder, "a1", "op.execute('CREATE TABLE c (u REFERENCES fastness_users (id))')")
    upgrade(url, folder)
    write(folder, "a2", "op.execute(\"INSERT INTO c VALUES ('nobody')\")", down="a1")
    with pytest.raises(MigrationError, match="rows of c "):
        upgrade(url, folder)
    assert pending(url, folder) == ("a2",)


def test_a_database_ahead_of_the_files_is_refused(url, folder):
    write(folder, "a1", "op.execute('CREATE TABLE c (u)')")
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
