"""What asyncpg is told, and what its errors mean, for the engine and for the store alike.

PostgreSQL puts values into its messages ("Key (email)=(ada@example.com) already exists"), and so does the driver
("invalid input for query argument $1: …"). Logs are read by more people than rows, so a message keeps the name of the
error, its SQLSTATE and the names of table, column and constraint; only the messages about the statement itself (class
42: syntax, unknown names, missing rights) stay, as they quote what a developer wrote.

ASVS 5.0: V16.2.5 (no values in logs), V16.5.1 (generic errors), V13.1.3 (what happens when a service is away).
"""

from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import wraps
from ssl import SSLCertVerificationError
from typing import Any, Final

import asyncpg
from asyncpg import Connection

from fastness.db.address import PostgresAddress
from fastness.db.watched import Watched

SESSION: Final[Mapping[str, str]] = {
    # Who uses the connection, for pg_stat_activity.
    "application_name": "fastness",
    "timezone": "UTC",
    # Compiling a query pays off for reports; for a point read it costs more than the read.
    "jit": "off",
}
"""Settings of every connection."""
_CONNECT_SECONDS: Final = 10
"""How long a connection may take to come about; a firewall that swallows packets must not hold requests for a minute."""
_ON_THE_WAY_SECONDS: Final = 3
"""How much later than the server's own limit an answer is no longer waited for."""

_STATEMENT_TIMEOUT: Final = "statement_timeout"
_CONFLICTS: Final = frozenset({"40001", "40P01"})
_BUSY: Final = frozenset({"55P03", "57014", "53300"})
_LOST: Final = frozenset({"25P03", "25P04", "57P01", "57P02", "57P03", "57P04", "57P05"})
_LOST_CLASSES: Final = ("08", "53", "58")
_READ_ONLY: Final = "25006"
_QUOTES_THE_STATEMENT: Final = "42"


DRIVER_ERRORS: Final = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)
"""Everything that goes wrong between here and the server."""


_ACCOUNT_WITHOUT_SCHEMAS: Final = (
    "SELECT CASE WHEN has_database_privilege(current_database(), 'CREATE') THEN NULL ELSE quote_ident(current_user) END"
)


def _watched(method: Callable[..., Any]) -> Callable[..., Any]:
    """The driver's method, which is asked first."""

    @wraps(method)
    def watched(self: "WatchedConnection", sql: str, *arguments: object, **options: object) -> object:
        self.watch(sql)
        return method(self, sql, *arguments, **options)

    return watched


class WatchedConnection(Watched, Connection):
    """A connection whose every way to send SQL, or to copy a table by its name, is watched."""

    execute = _watched(Connection.execute)
    executemany = _watched(Connection.executemany)
    prepare = _watched(Connection.prepare)
    fetch = _watched(Connection.fetch)
    fetchval = _watched(Connection.fetchval)
    fetchrow = _watched(Connection.fetchrow)
    fetchmany = _watched(Connection.fetchmany)
    cursor = _watched(Connection.cursor)
    copy_from_query = _watched(Connection.copy_from_query)
    copy_from_table = _watched(Connection.copy_from_table)
    copy_to_table = _watched(Connection.copy_to_table)
    copy_records_to_table = _watched(Connection.copy_records_to_table)


class Trouble(StrEnum):
    """The errors that say something about the moment, not about the statement."""

    CONFLICT = "two transactions changed the same rows at the same time, and PostgreSQL undid this one"
    BUSY = (
        "PostgreSQL did not get to it in time: a lock was held, a statement took too long, or all connections are taken"
    )
    LOST = "the connection to PostgreSQL broke, or could not be made"
    READ_ONLY = "a write was tried in a transaction that only reads"


def trouble_of(error: BaseException) -> Trouble | None:
    """What kind of trouble an error of the driver is; None for a mistake in the statement or its values."""
    state = getattr(error, "sqlstate", None)
    if isinstance(error, asyncpg.InvalidCachedStatementError):
        # Tables changed below a prepared statement; a new connection knows nothing of the old ones.
        return Trouble.LOST
    if isinstance(state, str):
        if state in _CONFLICTS:
            return Trouble.CONFLICT
        if state in _BUSY:
            return Trouble.BUSY
        if state in _LOST or state.startswith(_LOST_CLASSES):
            return Trouble.LOST
        return Trouble.READ_ONLY if state == _READ_ONLY else None
    # OSError: everything the system says about a socket; TimeoutError and ssl.SSLError are of this kind.
    # InternalClientError: what the driver and the server have said to each other no longer fits together, as in the moment
    # between the server's last words and the end of the connection.
    if isinstance(error, OSError | asyncpg.InternalClientError):
        return Trouble.LOST
    # The same class of error is about arguments and about one connection used by two tasks: mistakes, which are to be seen.
    is_closed = (
        isinstance(error, asyncpg.InterfaceError) and "closed" in str(error) and not isinstance(error, ValueError)
    )
    return Trouble.LOST if is_closed else None


def hide_values(error: BaseException) -> None:
    """Take the values out of an error of the driver and out of those it was raised from, in place."""
    seen: BaseException | None = error
    while seen is not None:
        if not isinstance(seen, OSError):
            seen.args = (summary_of(seen),)
        for name in ("detail", "hint", "context", "query", "internal_query", "message"):
            if getattr(seen, name, None) is not None:
                setattr(seen, name, None)
        seen = seen.__cause__


def summary_of(error: BaseException) -> str:
    """One line about an error of the driver without a value in it."""
    source = _source_of(error)
    state = getattr(source, "sqlstate", None)
    parts = [type(source).__name__]
    if isinstance(state, str):
        parts.append(f"SQLSTATE {state}")
        if state.startswith(_QUOTES_THE_STATEMENT) and source.args:
            parts.append(str(source.args[0]).partition("\n")[0])
    named = ((kind, getattr(source, f"{kind}_name", None)) for kind in ("table", "column", "constraint"))
    return ", ".join([*parts, *(f"{kind} {name}" for kind, name in named if name)])


def _source_of(error: BaseException) -> BaseException:
    """The driver's own error: SQLAlchemy's wrapper holds it as its cause."""
    while not isinstance(error, asyncpg.PostgresError) and isinstance(error.__cause__, asyncpg.PostgresError):
        error = error.__cause__
    return error


def connect_help(error: BaseException) -> str:
    """Why a connection could not be made, in a sentence for whoever runs the app."""
    if isinstance(error, SSLCertVerificationError):
        return (
            f"the certificate of PostgreSQL could not be verified ({error.verify_message}); an own authority is named "
            "with sslrootcert=/path/ca.pem in the address"
        )
    if isinstance(error, OSError):
        return f"PostgreSQL cannot be reached: {error.strerror or type(error).__name__}"
    return f"PostgreSQL refused the connection: {summary_of(error)}"


async def schema_help(connection: Connection, schema: str) -> str:
    """What an administrator has to do so that this account has the schema; empty where it can make it itself."""
    account = await connection.fetchval(_ACCOUNT_WITHOUT_SCHEMAS)
    if account is None:
        return ""
    return (
        f"permission denied: {account} may make no schema in this database; whoever administers it runs, once, "
        f"CREATE SCHEMA {schema} AUTHORIZATION {account}"
    )


def settings_for(*, is_read_only: bool, lock_seconds: float, statement_seconds: float) -> dict[str, str]:
    """The server's settings for a connection that requests use."""
    return {
        **SESSION,
        "default_transaction_read_only": "on" if is_read_only else "off",
        "lock_timeout": _milliseconds(lock_seconds),
        _STATEMENT_TIMEOUT: _milliseconds(statement_seconds),
        # A handler that waits for something else holds locks meanwhile, and a machine that vanished holds them too.
        "idle_in_transaction_session_timeout": _milliseconds(statement_seconds),
    }


async def connect(address: PostgresAddress, settings: Mapping[str, str]) -> Connection:
    """A connection; raises what asyncpg and the system raise. Who limits statements waits for no answer for much longer."""
    return await asyncpg.connect(
        connection_class=WatchedConnection,
        host=address.host,
        port=address.port,
        user=address.user,
        password=None if address.password is None else address.password.reveal(),
        database=address.database,
        # Never None: the driver would do what PGSSLMODE says.
        ssl=address.ssl_context() or False,
        timeout=_CONNECT_SECONDS,
        command_timeout=_answer_seconds(settings),
        server_settings=dict(settings),
    )


def _answer_seconds(settings: Mapping[str, str]) -> float | None:
    """A server that is frozen, or gone behind a firewall, keeps no limit of its own, and the system waits for it for hours."""
    limit = settings.get(_STATEMENT_TIMEOUT)
    return None if limit is None else int(limit) / 1000 + _ON_THE_WAY_SECONDS


def _milliseconds(seconds: float) -> str:
    return str(max(1, round(seconds * 1000)))
