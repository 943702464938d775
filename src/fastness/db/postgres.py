"""The engines of a PostgreSQL database.

As on SQLite there are two: one that writes and one whose every transaction is read-only by the server's own rule, so
that a GET writes nothing whether it comes through ORM, Core or raw SQL. What a function of the database does with rights
of its own, and a handler that switches the mode off by hand, are not covered.

Transactions see one moment of the database (`repeatable read`), unless the rules say otherwise: of two requests that read a
row and then change it, the second is undone with a conflict instead of overwriting the first, as on SQLite the second
would have waited. Work that may run twice is repeated once by its caller.

ASVS 5.0: V3.5.3 (no state change by safe methods), V2.3.3 (transactions), V2.3.4 and V15.4.2 (nothing is lost between check
and act), V16.2.5 (no values in logs).
"""

from functools import partial
from typing import Final, cast

import asyncpg
from sqlalchemy import event
from sqlalchemy.dialects.postgresql.asyncpg import AsyncAdapt_asyncpg_connection
from sqlalchemy.engine import URL, ExceptionContext
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, NullPool, PoolProxiedConnection

from fastness.db.address import PostgresAddress
from fastness.db.driver import (
    DRIVER_ERRORS,
    SESSION,
    Trouble,
    connect,
    connect_help,
    hide_values,
    settings_for,
    summary_of,
    trouble_of,
)
from fastness.db.errors import (
    OUTDATED_HELP,
    READ_ONLY_HELP,
    DatabaseBusyError,
    DatabaseLostError,
    OutdatedSchemaError,
    ReadOnlyError,
    TransactionConflictError,
)
from fastness.db.pool import Pool
from fastness.db.rules import DatabaseRules
from fastness.db.statements import FOR_MIGRATIONS
from fastness.kernel.errors import FastnessError

# Everything else about the connection comes from the address: a password has no place in an engine's URL.
_URL: Final = URL.create("postgresql+asyncpg")
_MISSING: Final = frozenset({"42P01", "42703"})
"""undefined_table and undefined_column."""
_FOR_EVERYBODY: Final = {"fastness.actor": '{"passes": true}'}
"""A migration changes the rows of everybody; row-level security holds for the tables' owner, too, and asks this setting."""
_ERRORS: Final = {
    Trouble.CONFLICT: TransactionConflictError,
    Trouble.BUSY: DatabaseBusyError,
    Trouble.LOST: DatabaseLostError,
}


def make_engine(address: PostgresAddress, rules: DatabaseRules, *, is_read_only: bool) -> AsyncEngine:
    """An engine for requests, writing or not."""
    settings = settings_for(
        is_read_only=is_read_only, lock_seconds=rules.busy_seconds, statement_seconds=rules.statement_seconds
    )
    if not rules.is_power_cut_safe:
        settings["synchronous_commit"] = "off"
    engine = create_async_engine(
        _URL,
        echo=False,
        hide_parameters=True,
        poolclass=Pool,
        pool_size=rules.read_connections if is_read_only else rules.write_connections,
        max_overflow=0,
        pool_timeout=rules.queue_seconds,
        isolation_level=rules.isolation.upper(),
        async_creator=partial(_connect, address, settings),
    )
    event.listen(engine.sync_engine, "handle_error", _translate)
    event.listen(engine.sync_engine, "checkout", _refuse_ended)
    if is_read_only:
        event.listen(engine.sync_engine, "connect", _begin_read_only)
    return engine


def make_migration_engine(address: PostgresAddress) -> AsyncEngine:
    """An engine whose one transaction may change the schema and take its time."""
    engine = create_async_engine(
        _URL,
        echo=False,
        hide_parameters=True,
        poolclass=NullPool,
        execution_options=FOR_MIGRATIONS,
        # After waiting for another process's upgrade it has to be seen what that one did.
        isolation_level="READ COMMITTED",
        async_creator=partial(_connect, address, {**SESSION, **_FOR_EVERYBODY, "default_transaction_read_only": "off"}),
    )
    event.listen(engine.sync_engine, "handle_error", _translate)
    return engine


async def _connect(address: PostgresAddress, settings: dict[str, str]) -> asyncpg.Connection:
    try:
        return await connect(address, settings)
    except DRIVER_ERRORS as error:
        kind = DatabaseBusyError if trouble_of(error) is Trouble.BUSY else DatabaseLostError
        raise kind(connect_help(error)) from None


def _refuse_ended(connection: DBAPIConnection, _record: ConnectionPoolEntry, _proxy: PoolProxiedConnection) -> None:
    """Have the pool make a new connection where the server has ended this one while nobody used it, as each restart does."""
    if cast("AsyncAdapt_asyncpg_connection", connection).driver_connection.is_closed():
        raise InvalidatePoolError("the server ended the connection")


def _begin_read_only(connection: DBAPIConnection, _record: ConnectionPoolEntry) -> None:
    # Beside default_transaction_read_only, which a SET would change for all later users of the connection: this way every
    # BEGIN says READ ONLY. The attribute is one of SQLAlchemy's adapter for asyncpg.
    connection.readonly = True


def _translate(context: ExceptionContext) -> BaseException | None:
    """Let our own errors through, turn troubles of the moment into ours, and take the values out of all others."""
    error = context.original_exception
    if isinstance(error, FastnessError):
        return error
    if not isinstance(error, Exception):
        return None
    trouble = trouble_of(error.__cause__ or error)
    summary = summary_of(error)
    hide_values(error)
    if trouble is Trouble.READ_ONLY:
        return ReadOnlyError(READ_ONLY_HELP)
    if trouble is not None:
        context.is_disconnect = context.is_disconnect or trouble is Trouble.LOST
        return _ERRORS[trouble](f"{trouble} ({summary})")
    if getattr(error.__cause__ or error, "sqlstate", None) in _MISSING:
        return OutdatedSchemaError(f"{summary}. {OUTDATED_HELP}.")
    wrapper = context.sqlalchemy_exception
    if wrapper is not None:
        wrapper.args = (f"({type(error).__name__}) {summary}",)
        if hasattr(wrapper, "detail"):
            wrapper.detail = []
    return None
