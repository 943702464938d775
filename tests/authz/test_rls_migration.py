"""The migration that `fastness db rls` writes: it runs, again too, and only PostgreSQL takes notice."""

import pytest

from fastness import Model
from fastness.authz.rls import OFF, SCHEMA, digest_of, row_security_statements
from fastness.cli.databases import last_digest
from fastness.db.migrations import look, pending, upgrade, write_statements
from fastness.db.statements import FOR_MIGRATIONS
from tests.authz.rowmodels import TABLES, FolderPolicy

pytestmark = pytest.mark.usefixtures("row_security")


@pytest.fixture
def write(tmp_path):
    folder = tmp_path / "migrations"
    folder.mkdir()

    def work():
        statements = row_security_statements()
        write_statements(folder, "row security", upgrades=statements, downgrades=OFF)
        return folder, digest_of(statements)

    return work


def make_tables(connection):
    Model.metadata.create_all(connection, tables=TABLES)


def enforced(connection):
    def ask(statement):
        return connection.exec_driver_sql(statement, execution_options=FOR_MIGRATIONS).scalars().all()

    secured = "SELECT relname FROM pg_class WHERE relrowsecurity AND relforcerowsecurity ORDER BY relname"
    digest = f"SELECT obj_description(oid, 'pg_namespace') FROM pg_namespace WHERE nspname = '{SCHEMA}'"  # noqa: S608 - a constant
    return ask(secured), ask(digest)


def test_it_runs_and_a_second_one_replaces_it(postgres_url, write, monkeypatch):
    look(postgres_url, make_tables)
    folder, first = write()
    upgrade(postgres_url, folder)
    assert look(postgres_url, enforced) == (sorted(table.name for table in TABLES), [first])
    monkeypatch.setattr(FolderPolicy, "row_security", False)
    _, second = write()
    assert first != second == last_digest(folder)
    upgrade(postgres_url, folder)
    assert pending(postgres_url, folder) == ()
    assert look(postgres_url, enforced) == (["row_bureaus", "row_posts", "row_readers"], [second])


def test_on_sqlite_it_does_nothing(tmp_path, write):
    folder, digest = write()
    assert upgrade(f"sqlite:///{tmp_path}/app.db", folder)
    assert last_digest(folder) == digest
