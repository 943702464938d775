"""The database of an app: one engine that writes, one that cannot.

Protects against a write on a safe method (a link, an image tag or a prefetch reaches GET without any token: CSRF by
GET), against values in logs, and against "database is locked" under load. The app's author is trusted with SQL; a
visitor may choose the method and the values, never the engine. On SQLite the reading connections are opened with
`query_only` (on PostgreSQL their transactions are READ ONLY, see `postgres.py`), so the refusal is the database's own and
holds for ORM, Core and raw SQL alike. It does not cover what a trigger or an attached file does, and a handler that
switches the pragma off by hand has done so on purpose.

A SQLite writer takes its lock at the start (`BEGIN IMMEDIATE`): a transaction that reads first and writes later can
fail with SQLITE_BUSY at once, whatever the timeout says, because its snapshot is stale. One writing connection a
process is enough, as SQLite has one writer anyway; requests queue for it in order, and only processes compete for the
file's lock.

ASVS 5.0: V3.5.3 (no state change by safe methods), V2.3.3 (transactions), V15.4.2 (check and act as one operation),
V16.2.5 (no values in logs).
"""

import logging
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Final, Protocol, cast

from sqlalchemy import create_engine, event
from sqlalchemy.engine import URL, Connection, Engine, ExceptionContext, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, InvalidatePoolError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, NullPool, PoolProxiedConnection

from fastness.db.address import EXAMPLE, PostgresAddress, is_postgres_url, parse_postgres_address
from fastness.db.errors import DatabaseLostError
from fastness.db.pool import Pool
from fastness.db.private_file import create_private, switch_to_wal
from fastness.db.rules import DatabaseRules
from fastness.db.sqlite import DRIVER, SQLiteConnection
from fastness.db.sqlitetroubles import trouble_of
from fastness.db.statements import FOR_MIGRATIONS, OWN_SQL, engine_for_units, refuse_built_sql
from fastness.kernel.errors import ConfigError, FastnessError

_LOG: Final = logging.getLogger("fastness.db")
_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA foreign_keys=ON",
    # Functions in views and triggers of a file that somebody else prepared stay harmless.
    "PRAGMA trusted_schema=OFF",
)


class Database:
    """Two engines on one database: `write` for unsafe methods, `read` for the safe ones."""

    __slots__ = ("_file", "_for_units", "_has_file", "_has_warned", "_threads", "is_postgres", "read", "rules", "write")

    def __init__(self, url: str, *, rules: DatabaseRules | None = None) -> None:
        self.rules = rules or DatabaseRules()
        address = parse_database_url(url, self.rules)
        self.is_postgres = isinstance(address, PostgresAddress)
        self._file = Path()
        self._has_file = False
        self._has_warned = False
        self._threads = self._executor()
        if isinstance(address, PostgresAddress):
            make = partial(postgres_engines().make_engine, address, self.rules)
        else:
            self._file = Path(address.database or "")
            make = partial(self._sqlite_engine, address)
        self.write: AsyncEngine = make(is_read_only=False)
        self.read: AsyncEngine = make(is_read_only=True)
        for engine in (self.write, self.read):
            refuse_built_sql(engine.sync_engine)
        self._for_units = {True: engine_for_units(self.read), False: engine_for_units(self.write)}

    def engine_for_units(self, *, is_read_only: bool) -> AsyncEngine:
        """The reading or the writing engine as a session gets it: without text for the driver."""
        return self._for_units[is_read_only]

    async def open(self) -> None:
        """Connect once, so that a file that cannot be opened, or a server that is away, is noticed at the start."""
        async with self.write.connect() as connection:
            await connection.rollback()

    async def close(self) -> None:
        """Close every connection; one in use, when its unit has ended."""
        await self.read.dispose()
        await self.write.dispose()
        # The threads end with the last connection that has them: a unit under way still has to write and to commit.
        self._threads = self._executor()

    def _executor(self) -> ThreadPoolExecutor:
        # A connection runs one statement at a time, so none ever waits for a thread; each starts when it is needed.
        return ThreadPoolExecutor(self.rules.read_connections + 1, thread_name_prefix="fastness-db")

    def _make_file(self, *_arguments: object) -> None:
        if self._has_file:
            self._file_id()  # SQLite would make an empty one in the place of one that is gone
        else:
            create_database_file(self._file)

    def _prepare(self, connection: SQLiteConnection, _record: ConnectionPoolEntry) -> None:
        connection.prepare(self._threads, busy_seconds=self.rules.busy_seconds)
        connection.file_id = self._file_id()
        self._has_file = True

    def _look_at_file(
        self, connection: SQLiteConnection, _record: ConnectionPoolEntry, _proxy: PoolProxiedConnection
    ) -> None:
        """Leave a file that was replaced, say by a backup: what was written into the old one would be gone with the process."""
        if connection.file_id != self._file_id():
            raise InvalidatePoolError("the file was replaced")

    def _file_id(self) -> tuple[int, int]:
        try:
            status = self._file.stat()
        except OSError as error:
            raise DatabaseLostError(
                f"the SQLite file {self._file} is gone: {error.strerror}. Put it back, or make a new one with "
                "`fastness db upgrade`"
            ) from error
        return status.st_dev, status.st_ino

    def _sqlite_engine(self, url: URL, *, is_read_only: bool) -> AsyncEngine:
        rules = self.rules
        engine = create_async_engine(
            url,
            echo=False,
            hide_parameters=True,
            poolclass=Pool,
            pool_size=rules.read_connections if is_read_only else 1,
            max_overflow=0,
            pool_timeout=rules.queue_seconds,
            connect_args={"isolation_level": None, "timeout": 0, "factory": SQLiteConnection},
        )
        event.listen(engine.sync_engine, "do_connect", self._make_file)
        event.listen(engine.sync_engine, "connect", self._prepare)
        own = "query_only=ON" if is_read_only else f"synchronous={'FULL' if rules.is_power_cut_safe else 'NORMAL'}"
        _prepare_sqlite(engine.sync_engine, (*_PRAGMAS, f"PRAGMA {own}"), is_read_only=is_read_only)
        event.listen(engine.sync_engine, "connect", self._look_at_mode)
        event.listen(engine.sync_engine, "checkout", self._look_at_file)
        return engine

    def _look_at_mode(self, connection: SQLiteConnection, _record: ConnectionPoolEntry) -> None:
        """Say, once in a process, where SQLite could not do what it was asked: it answers with another mode, not an error."""
        mode = connection.execute("PRAGMA journal_mode").fetchone()
        if mode != ("wal",) and not self._has_warned:
            self._has_warned = True
            _LOG.warning(
                "the file system of %s cannot hold a write-ahead log (a network share?): whoever reads waits for whoever writes, "
                "and locks may not hold between machines. Put the file on a disk of this machine, or use PostgreSQL",
                self._file,
            )


def parse_database_url(url: str, rules: DatabaseRules | None = None) -> URL | PostgresAddress:
    """Parse `sqlite:///path` into a URL with the driver we support, `postgresql://…` into its address.

    Raises:
        ConfigError: the URL is malformed or names a database without support; the message never holds the URL itself,
            which may carry a password.
    """
    if is_postgres_url(url):
        reason = None if rules is None else rules.insecure_unverified_tls
        return parse_postgres_address(url, insecure_unverified_tls=reason)
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise ConfigError("the database URL cannot be parsed; it looks like sqlite:///data/app.db") from None
    if parsed.drivername not in ("sqlite", DRIVER):
        raise ConfigError(
            f"the database URL starts with {parsed.drivername!r}; supported are sqlite:///path/to/file.db and {EXAMPLE}"
        )
    if parsed.database in (None, "", ":memory:") or parsed.query:
        raise ConfigError(
            "the database URL must name a file (sqlite:///data/app.db) and carry no query: an in-memory one cannot "
            "be shared by a reading and a writing connection"
        )
    return parsed.set(drivername=DRIVER)


def postgres_engines() -> "PostgresEngines":
    """`fastness.db.postgres`, whose driver is an extra and takes its time to load.

    Raises:
        ConfigError: the driver is not installed.
    """
    try:
        module = import_module("fastness.db.postgres")
    except ModuleNotFoundError:
        raise ConfigError('PostgreSQL needs its driver: pip install "fastness[postgres]"') from None
    return cast("PostgresEngines", module)


class PostgresEngines(Protocol):
    """What is used of that module."""

    def make_engine(self, address: PostgresAddress, rules: DatabaseRules, *, is_read_only: bool) -> AsyncEngine:
        """An engine for requests."""
        ...

    def make_migration_engine(self, address: PostgresAddress) -> AsyncEngine:
        """An engine for one upgrade."""
        ...


def make_migration_engine(url: URL) -> Engine:
    """A synchronous engine whose one transaction may change the schema; parse_database_url made the URL."""
    engine = create_engine(
        url.set(drivername="sqlite"),
        echo=False,
        hide_parameters=True,
        poolclass=NullPool,
        execution_options=FOR_MIGRATIONS,
        connect_args={"isolation_level": None, "timeout": DatabaseRules().busy_seconds},
    )
    event.listen(engine, "connect", _switch_to_wal)
    # SQLite changes a table by copying it and dropping the old one; with foreign keys on, the drop would cascade.
    _prepare_sqlite(engine, ("PRAGMA foreign_keys=OFF",), is_read_only=False)
    return engine


def _switch_to_wal(connection: DBAPIConnection, _record: ConnectionPoolEntry) -> None:
    try:
        switch_to_wal(cast("sqlite3.Connection", connection), DatabaseRules().busy_seconds)
    except sqlite3.Error as error:
        raise trouble_of(error, is_read_only=False) or error from error


def _prepare_sqlite(engine: Engine, pragmas: tuple[str, ...], *, is_read_only: bool) -> None:
    def prepare(connection: DBAPIConnection, _record: ConnectionPoolEntry) -> None:
        cursor = connection.cursor()
        try:
            for pragma in pragmas:
                cursor.execute(pragma)
        except sqlite3.Error as error:
            # The first statement is what opens the file; no engine sees this error on its way.
            raise trouble_of(error, is_read_only=is_read_only) or error from error
        finally:
            cursor.close()

    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE", execution_options=OWN_SQL)

    event.listen(engine, "connect", prepare)
    event.listen(engine, "handle_error", partial(_translate, is_read_only=is_read_only))
    if not is_read_only:
        event.listen(engine, "begin", begin)


def _translate(context: ExceptionContext, *, is_read_only: bool) -> BaseException | None:
    """Let our own errors through as they are, and turn some of the database's into ones that say what to do."""
    if isinstance(context.original_exception, FastnessError):
        return context.original_exception
    return trouble_of(context.original_exception, is_read_only=is_read_only)


def create_database_file(path: Path) -> None:
    """Create the file with mode 0600: SQLite gives its -wal and -shm files the mode of the database."""
    try:
        create_private(path)
    except OSError as error:
        raise ConfigError(
            f"The database file {path} cannot be created: {error.strerror}. `fastness db upgrade` makes it, with the folder it "
            "lies in, where this account may write."
        ) from error
