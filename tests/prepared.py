"""Databases whose tables and first rows are made once a process; every test finds them as they were made.

To make the tables costs fifty times what it costs to put the rows back. And the tests of one database share its engines, as the
requests of an app do: their statements are compiled once.

On PostgreSQL who alters the tables is refused, so that no test meets what another one left: such a test asks for `postgres_url`.
"""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TypeAlias

import pytest

from fastness.db.engine import Database, create_database_file
from fastness.db.rules import DatabaseRules
from fastness.testing.postgres import PostgresServer

Fill: TypeAlias = Callable[[str], None]
"""Makes the tables, and rows if there shall be some, in the empty database of this address."""

_KEEP = """DO $$ DECLARE
    one name;
BEGIN
    CREATE SCHEMA kept;
    FOR one IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
        EXECUTE format('CREATE TABLE kept.%1$I AS TABLE public.%1$I', one);
    END LOOP;
    CREATE FUNCTION kept.refuse() RETURNS event_trigger LANGUAGE plpgsql AS
        'BEGIN RAISE EXCEPTION ''tests share these tables: one that alters them asks for postgres_url''; END';
    CREATE EVENT TRIGGER refuse ON ddl_command_start EXECUTE FUNCTION kept.refuse();
END $$"""
# As a replica: in any order, without foreign keys and triggers.
_RESTORE = """DO $$ DECLARE
    one name;
BEGIN
    PERFORM pg_terminate_backend(pid, 10000) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid();
    SET LOCAL session_replication_role = replica;
    FOR one IN SELECT tablename FROM pg_tables WHERE schemaname = 'kept' LOOP
        EXECUTE format('DELETE FROM public.%1$I', one);
        EXECUTE format('INSERT INTO public.%1$I SELECT * FROM kept.%1$I', one);
    END LOOP;
END $$"""


class PreparedFile:
    """On SQLite: a file that is written anew."""

    def __init__(self, folder: Path, fill: Fill) -> None:
        self._path = folder / "app.db"
        self.url = f"sqlite:///{self._path}"
        create_database_file(self._path)
        fill(self.url)
        self._content = self._path.read_bytes()

    def restore(self) -> None:
        for ending in ("", "-wal", "-shm"):
            Path(f"{self._path}{ending}").unlink(missing_ok=True)
        create_database_file(self._path)
        self._path.write_bytes(self._content)


class PreparedServerDatabase:
    """On PostgreSQL: tables that are emptied and get their rows back."""

    def __init__(self, server: PostgresServer, fill: Fill) -> None:
        self._server = server
        self._name = server.create_database()
        self.url = server.url(self._name)
        fill(self.url)
        server.run_sql(_KEEP, database=self._name)

    def restore(self) -> None:
        self._server.run_sql(_RESTORE, database=self._name)


_MADE: dict[tuple[str, Fill], PreparedFile | PreparedServerDatabase] = {}


def prepared_url(request: pytest.FixtureRequest, fill: Fill) -> str:
    """The address of a database as `fill` made it, of the kind that the fixture's parameter names."""
    kind = str(request.param)
    made = _MADE.get((kind, fill))
    if made is None:
        if kind == "postgresql":
            made = PreparedServerDatabase(request.getfixturevalue("running_postgres"), fill)
        else:
            made = PreparedFile(request.getfixturevalue("tmp_path_factory").mktemp("prepared"), fill)
        _MADE[kind, fill] = made
    made.restore()
    return made.url


@cache
def shared_database(url: str, rules: DatabaseRules | None = None) -> Database:
    """The engines of the tests on this address; each opens them, and closes their connections."""
    return Database(url, rules=rules)
