"""Migrations: Fastness's own tables and the app's, as two branches side by side.

Protects the tables that sign-in rests on: a revision of the app never creates, alters or drops a table named `fastness_…`,
though it may point to one. An upgrade is one transaction that holds the writer's lock (on PostgreSQL an advisory lock of
its own): it succeeds as a whole or leaves the database as it was, and two processes that start together do not both run it.
Migration files are code and run with the rights of the process; who may write that folder may do anything.

Everything here is synchronous and for the command line: on a running loop it would block.

ASVS 5.0: V2.3.3 (as a whole or not at all), V15.4.2.
"""

import asyncio
import secrets
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal, TypeVar

from alembic import autogenerate
from alembic.autogenerate.api import AutogenContext
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.operations.ops import DowngradeOps, UpgradeOps
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from alembic.script.revision import RevisionError
from alembic.util import CommandError
from sqlalchemy import Connection, MetaData, func, select, true
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.schema import SchemaItem

from fastness.db.address import PostgresAddress
from fastness.db.columns import HASH_LENGTH, PasswordHash, SecretText
from fastness.db.engine import create_database_file, make_migration_engine, parse_database_url, postgres_engines
from fastness.db.errors import MigrationError
from fastness.db.model import UTCDateTime
from fastness.db.rules import DatabaseRules

T = TypeVar("T")

POSTGRES: Final = "postgresql"
OWN_PREFIX: Final = "fastness_"
"""Tables with this prefix belong to Fastness; so do the revisions."""
APP_BRANCH: Final = "app"
_LOCK: Final = 0x6661_7374_6E65_7373
"""The advisory lock of upgrades: any number that nobody else picks, here the eight letters of our name."""
_NOT_PERMITTED: Final = "42501"
"""PostgreSQL's insufficient_privilege."""
_OWN_VERSIONS: Final = Path(__file__).parent / "versions"
_FILE_TEMPLATE: Final = "%(year)d%(month).2d%(day).2d_%(slug)s_%(rev)s"


def upgrade(
    database_url: str, app_migrations_dir: Path | None, *, rules: DatabaseRules | None = None
) -> tuple[str, ...]:
    """Bring the database up to date and return the revisions that ran, in their order.

    Raises:
        MigrationError: a file is broken, or the database is ahead of the files; the database is unchanged.
        DatabaseBusyError: a table stayed locked by others for longer than busy_seconds; the database is unchanged.
        DatabaseLostError: the server is away.
    """
    script = _script(app_migrations_dir)
    rules = rules or DatabaseRules()

    def work(connection: Connection) -> tuple[str, ...]:
        _wait_for_turn(connection, rules)
        ahead = tuple(_missing(script, _heads(connection)))
        with EnvironmentContext(Config(), script, fn=lambda rev, _: script._upgrade_revs("heads", rev)) as environment:  # noqa: SLF001 - as in Alembic's own documentation
            environment.configure(connection=connection, transactional_ddl=True)
            environment.run_migrations()
        _check_references(connection)
        return ahead

    return _transact(database_url, rules, work)


def current(
    database_url: str, app_migrations_dir: Path | None, *, rules: DatabaseRules | None = None
) -> tuple[str, ...]:
    """The revisions the database is at, one for each branch; empty for a new database."""
    if not _exists(database_url, rules):
        return ()
    script = _script(app_migrations_dir)

    def work(connection: Connection) -> tuple[str, ...]:
        heads = _heads(connection)
        _missing(script, heads)
        return tuple(sorted(heads))

    return _transact(database_url, rules, work)


def pending(
    database_url: str, app_migrations_dir: Path | None, *, rules: DatabaseRules | None = None
) -> tuple[str, ...]:
    """The revisions that upgrade() would run, in their order."""
    script = _script(app_migrations_dir)
    if not _exists(database_url, rules):
        return tuple(_missing(script, ()))
    return _transact(database_url, rules, lambda connection: tuple(_missing(script, _heads(connection))))


def revision(
    database_url: str,
    app_migrations_dir: Path,
    message: str,
    *,
    metadata: MetaData,
    is_empty: bool = False,
    rules: DatabaseRules | None = None,
) -> Path | None:
    """Write a migration for what the app's models say and the database does not; read it before you run it.

    Args:
        database_url: of a database that is up to date; its tables are compared with the models.
        app_migrations_dir: the folder to write into.
        message: what changes; becomes part of the file's name.
        metadata: of the app's models, `Model.metadata`.
        is_empty: write a revision with nothing in it, for a change of data.
        rules: of the database.

    Returns:
        The file, or None if there is nothing to do.
    """
    app_migrations_dir.mkdir(parents=True, exist_ok=True)
    script = _script(app_migrations_dir)
    if pending(database_url, app_migrations_dir, rules=rules):
        raise MigrationError("the database is not up to date; run `fastness db upgrade` first")

    def work(connection: Connection) -> Path | None:
        context = MigrationContext.configure(connection, opts={**_OPTIONS, "target_metadata": metadata})
        changes = autogenerate.produce_migrations(context, metadata)
        if not is_empty and (changes.upgrade_ops is None or changes.upgrade_ops.is_empty()):
            return None
        upgrades = "pass" if is_empty else _render(changes.upgrade_ops, context)
        downgrades = "pass" if is_empty else _render(changes.downgrade_ops, context)
        return _write(script, app_migrations_dir, message, upgrades, downgrades)

    return _transact(database_url, rules, work)


def write_statements(
    app_migrations_dir: Path, message: str, *, upgrades: Sequence[str], downgrades: Sequence[str]
) -> Path:
    """Write a migration of statements for PostgreSQL; on another database it does nothing."""
    return _write(
        _script(app_migrations_dir), app_migrations_dir, message, _executing(upgrades), _executing(downgrades)
    )


def newest_first(app_migrations_dir: Path) -> tuple[Path, ...]:
    """The files of all migrations, each before the one it follows on."""
    return tuple(Path(step.path) for step in _script(app_migrations_dir).walk_revisions())


def look(database_url: str, work: Callable[[Connection], T], *, rules: DatabaseRules | None = None) -> T:
    """What `work` finds with the connection of a transaction of its own."""
    return _transact(database_url, rules, work)


def _executing(statements: Sequence[str]) -> str:
    lines = ["connection = op.get_bind()", f'if connection.dialect.name != "{POSTGRES}":', "    return"]
    for statement in statements:
        is_plain = '"' * 3 not in statement and not statement.endswith('"') and "\\" not in statement
        text = f'"""{statement}"""' if is_plain else repr(statement)
        lines.append(f"connection.exec_driver_sql({text})")
    # Lines within a statement stay where they are.
    return "\n    ".join(lines)


def _write(script: ScriptDirectory, folder: Path, message: str, upgrades: str, downgrades: str) -> Path:
    heads = [head for head in script.get_heads() if not head.startswith(OWN_PREFIX)]
    if len(heads) > 1:
        raise MigrationError(
            f"the app's migrations have {len(heads)} heads; give the later one the other as down_revision"
        )
    written = script.generate_revision(
        secrets.token_hex(6),
        # The message stands between triple quotes in the file.
        " ".join(message.replace('"', "'").replace("\\", "/").split()),
        head=heads[0] if heads else "base",
        branch_labels=None if heads else APP_BRANCH,
        # The first revision waits for our tables, as an app's rows point to users.
        depends_on=None if heads else tuple(head for head in script.get_heads() if head.startswith(OWN_PREFIX)),
        version_path=folder,
        upgrades=upgrades,
        downgrades=downgrades,
    )
    if written is None:
        raise MigrationError("the new revision cannot be read back")
    return Path(written.path)


def _script(app_migrations_dir: Path | None) -> ScriptDirectory:
    folders = [_OWN_VERSIONS] if app_migrations_dir is None else [_OWN_VERSIONS, app_migrations_dir]
    return ScriptDirectory(
        _OWN_VERSIONS, _FILE_TEMPLATE, version_locations=folders, timezone="UTC", messaging_opts={"quiet": True}
    )


def _transact(database_url: str, rules: DatabaseRules | None, work: Callable[[Connection], T]) -> T:
    """Do the work in one transaction and return what it gives."""
    address = parse_database_url(database_url, rules)
    with _translated():
        if isinstance(address, PostgresAddress):
            # The driver is asynchronous. A loop of its own, on a thread of its own, runs wherever this was called.
            with ThreadPoolExecutor(1, thread_name_prefix="fastness-migrations") as executor:
                return executor.submit(asyncio.run, _transact_on_server(address, work)).result()
        create_database_file(Path(address.database or ""))
        engine = make_migration_engine(address)
        try:
            with engine.begin() as connection:
                return work(connection)
        finally:
            engine.dispose()


async def _transact_on_server(address: PostgresAddress, work: Callable[[Connection], T]) -> T:
    engine = postgres_engines().make_migration_engine(address)
    try:
        async with engine.begin() as connection:
            return await connection.run_sync(work)
    finally:
        await engine.dispose()


def _wait_for_turn(connection: Connection, rules: DatabaseRules) -> None:
    """One process upgrades a database at a time; the next one finds nothing left to do."""
    if connection.dialect.name != POSTGRES:
        return  # on SQLite the transaction began with the writer's lock
    connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
    # A change of a table that waits for a long query makes everybody behind it wait, so it gives up early.
    connection.execute(select(func.set_config("lock_timeout", f"{round(rules.busy_seconds * 1000)}ms", true())))


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (CommandError, RevisionError) as error:
        raise MigrationError(str(error)) from error
    except ProgrammingError as error:
        if getattr(error.orig, "sqlstate", None) != _NOT_PERMITTED:
            raise
        raise MigrationError(
            "the account of the address may not do that; name the one that owns the tables in FASTNESS_MIGRATIONS_URL"
        ) from error


def _check_references(connection: Connection) -> None:
    """SQLite's foreign keys were off during the upgrade: look whether they hold before it is committed."""
    if connection.dialect.name == POSTGRES:
        return
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
    if broken:
        tables = ", ".join(sorted({row[0] for row in broken}))
        raise MigrationError(f"after the upgrade rows of {tables} would point to nothing; nothing was changed")


def _exists(database_url: str, rules: DatabaseRules | None) -> bool:
    address = parse_database_url(database_url, rules)
    return isinstance(address, PostgresAddress) or Path(address.database or "").exists()


def _heads(connection: Connection) -> tuple[str, ...]:
    return MigrationContext.configure(connection, opts=_OPTIONS).get_current_heads()


def _missing(script: ScriptDirectory, heads: tuple[str, ...]) -> list[str]:
    """The revisions that are not applied yet, oldest first."""
    scripts = [*script.iterate_revisions("heads", heads, implicit_base=True)]
    return [step.revision for step in reversed(scripts)]


def _render(operations: UpgradeOps | DowngradeOps | None, context: MigrationContext) -> str:
    if operations is None:
        return "pass"
    return autogenerate.render_python_code(
        operations, render_as_batch=True, render_item=_render_item, migration_context=context
    )


def _render_item(kind: str, item: object, _context: AutogenContext) -> str | Literal[False]:
    # A file that names one of our classes would break when that class moves; what it stores does not.
    return _WRITTEN.get(type(item), False) if kind == "type" else False


def _is_app_name(name: str | None, kind: str, *_details: object) -> bool:
    return kind != "table" or name is None or not name.startswith(OWN_PREFIX)


def _is_app_object(_item: SchemaItem, name: str | None, kind: str, *_details: object) -> bool:
    return _is_app_name(name, kind)


_WRITTEN: Final[dict[type, str]] = {
    UTCDateTime: "sa.DateTime(timezone=True)",
    PasswordHash: f"sa.String(length={HASH_LENGTH})",
    SecretText: "sa.Text()",
}
_OPTIONS: Final = {
    "transactional_ddl": True,
    "render_as_batch": True,
    "compare_type": True,
    "include_name": _is_app_name,
    "include_object": _is_app_object,
}
