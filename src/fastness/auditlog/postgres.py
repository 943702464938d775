"""An audit log in a PostgreSQL database, shared by all workers on all machines.

The tables have a schema of their own, which only the account that made it may use. `SELECT … FOR UPDATE` on the one row of
the head puts the appenders of all machines in order: who waits reads the head that the other one left. One connection per
process; everything that waits goes into one transaction, with `synchronous_commit` on.

ASVS 5.0: V12.3.1, V15.4.2, V16.4.2, V16.4.3 (the log may lie on another machine).
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final, TypeAlias, TypeVar

import asyncpg

from fastness.auditlog.chain import Entry, Extension, Fault, Head, Row, count_removable, extend, head_of, row_of
from fastness.auditlog.errors import AuditDamagedError, AuditUnavailableError
from fastness.auditlog.ledger import BEFORE_ALL, PurgeEntry
from fastness.db.address import PostgresAddress
from fastness.db.driver import DRIVER_ERRORS, connect, connect_help, schema_help, settings_for, summary_of
from fastness.kernel.signing import Keyring

T = TypeVar("T")
Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

_SECONDS: Final = 10.0
_CLOSE_SECONDS: Final = 2
_DAMAGED: Final = (asyncpg.DataCorruptedError, asyncpg.IndexCorruptedError)
_LOCK: Final = 0x6661_7374_6175_6474
"""The advisory lock under which the tables are made; any number that nobody else picks."""

_HAS_TABLES: Final = """SELECT EXISTS (
    SELECT 1 FROM pg_catalog.pg_tables WHERE schemaname = 'fastness_audit' AND tablename = 'head')"""
_HAS_SCHEMA: Final = "SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = 'fastness_audit')"
_TABLES: Final = (
    """CREATE TABLE fastness_audit.entry (
        number bigint NOT NULL PRIMARY KEY,
        id text COLLATE "C" NOT NULL UNIQUE,
        at double precision NOT NULL,
        body text NOT NULL,
        previous bytea NOT NULL,
        link bytea NOT NULL,
        seal bytea NOT NULL
    )""",
    """CREATE TABLE fastness_audit.head (
        one integer NOT NULL PRIMARY KEY CHECK (one = 1),
        number bigint NOT NULL,
        link bytea NOT NULL,
        seal bytea NOT NULL
    )""",
)
_ROWS: Final = "SELECT number, id, at, body, previous, link, seal FROM fastness_audit.entry"
_PAGE: Final = f"{_ROWS} WHERE number > $1 ORDER BY number LIMIT $2"
_ROW: Final = f"{_ROWS} WHERE number = $1"
_NEWEST: Final = f"{_ROWS} ORDER BY number DESC LIMIT 1"
_HEAD: Final = "SELECT number, link, seal FROM fastness_audit.head"
# The row is there from the start, sealed or not: FOR UPDATE locks nothing where nothing is.
_MAKE_HEAD: Final = "INSERT INTO fastness_audit.head VALUES (1, 0, ''::bytea, ''::bytea) ON CONFLICT DO NOTHING"
_SET_HEAD: Final = "UPDATE fastness_audit.head SET number = $1, link = $2, seal = $3"
_KNOWN: Final = "SELECT id FROM fastness_audit.entry WHERE id = ANY($1::text[])"
_INSERT: Final = """INSERT INTO fastness_audit.entry (number, id, at, body, previous, link, seal)
    SELECT * FROM unnest($1::bigint[], $2::text[], $3::double precision[], $4::text[], $5::bytea[], $6::bytea[], $7::bytea[])"""
_DELETE: Final = "DELETE FROM fastness_audit.entry WHERE number <= $1"
_LOCK_TABLES: Final = "SELECT pg_advisory_xact_lock($1)"


class PostgresLedger:
    """`Ledger` over two tables of a database. Open it in the process and on the event loop that use it."""

    def __init__(self, address: PostgresAddress, keyring: Keyring, *, tell_fault: Callable[[Fault], Entry]) -> None:
        self._address = address
        self._keyring = keyring
        self._tell_fault = tell_fault
        self._connection: Connection | None = None
        self._turn = asyncio.Lock()
        self._is_open = False
        self._is_read_only = False

    async def open(self, *, is_read_only: bool = False) -> None:
        if self._is_open:
            return
        self._is_open, self._is_read_only = True, is_read_only
        try:
            await self._run(_require_tables if is_read_only else _make_tables)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        self._is_open = False
        connection, self._connection = self._connection, None
        if connection is not None:
            await _close(connection)

    async def append(self, entries: Sequence[Entry], *, is_repeated: bool) -> Extension:
        return await self._run(partial(self._append, entries=entries, is_repeated=is_repeated))

    async def head(self) -> Head | None:
        return await self._run(_read_head)

    async def page(self, after: int, limit: int) -> list[Row]:
        return await self._run(partial(_read_page, after=after, limit=limit))

    async def row(self, number: int) -> Row | None:
        return await self._run(partial(_read_row, number=number))

    async def newest_number(self) -> int:
        newest = await self._run(_read_newest)
        return 0 if newest is None else newest.number

    async def purge(self, before: float, limit: int, tell: PurgeEntry) -> int:
        return await self._run(partial(self._purge, before=before, limit=limit, tell=tell))

    async def _run(self, job: Callable[[Connection], Awaitable[T]]) -> T:
        if not self._is_open:
            raise AuditUnavailableError("The audit log is not open; await open() first.")
        async with self._turn:
            try:
                connection = self._connection
                if connection is None or connection.is_closed():
                    connection = self._connection = await self._connect()
                return await job(connection)
            except DRIVER_ERRORS as error:
                await self._drop()
                raise AuditUnavailableError(
                    f"The audit log cannot be used: {summary_of(error)}", is_damaged=isinstance(error, _DAMAGED)
                ) from None
            except asyncio.CancelledError:
                # The answer may still be on its way: the connection is not used again.
                if self._connection is not None:
                    self._connection.terminate()
                    self._connection = None
                raise

    async def _connect(self) -> Connection:
        settings = settings_for(is_read_only=self._is_read_only, lock_seconds=_SECONDS, statement_seconds=_SECONDS)
        # Who waited for the head has to see what the other one wrote.
        settings |= {"synchronous_commit": "on", "default_transaction_isolation": "read committed"}
        try:
            return await connect(self._address, settings)
        except DRIVER_ERRORS as error:
            raise AuditUnavailableError(f"The audit log cannot be opened: {connect_help(error)}") from None

    async def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await _close(connection)

    async def _append(self, connection: Connection, *, entries: Sequence[Entry], is_repeated: bool) -> Extension:
        async with connection.transaction():
            head = await _read_head(connection, locks=True)
            if is_repeated:
                known = {row[0] for row in await connection.fetch(_KNOWN, [entry.id for entry in entries])}
                entries = [entry for entry in entries if entry.id not in known]
            return await self._extend(connection, head, entries)

    async def _extend(self, connection: Connection, head: Head | None, entries: Sequence[Entry]) -> Extension:
        extension = extend(self._keyring, head, await _read_newest(connection), entries, self._tell_fault)
        if extension.rows:
            await connection.execute(_INSERT, *map(list, zip(*extension.rows, strict=True)))
        await connection.execute(_SET_HEAD, *extension.head)
        return extension

    async def _purge(self, connection: Connection, *, before: float, limit: int, tell: PurgeEntry) -> int:
        async with connection.transaction():
            head = await _read_head(connection, locks=True)
            rows = await _read_page(connection, after=BEFORE_ALL, limit=limit)
            count = count_removable(rows, before)
            if count < 0:
                raise AuditDamagedError("The oldest rows of the audit log do not verify, so none is removed.")
            if count:
                last = rows[count - 1]
                await self._extend(connection, head, [tell(last.number, last.link)])
                await connection.execute(_DELETE, last.number)
            return count


async def _make_tables(connection: Connection) -> None:
    if await connection.fetchval(_HAS_TABLES):
        return
    async with connection.transaction():
        # Workers start together; the second one finds the tables when it has the lock.
        await connection.execute(_LOCK_TABLES, _LOCK)
        if await connection.fetchval(_HAS_TABLES):
            return
        # An administrator may have made the schema for an account that may make none.
        if not await connection.fetchval(_HAS_SCHEMA):
            if told := await schema_help(connection, "fastness_audit"):
                raise AuditUnavailableError(f"The audit log cannot be made: {told}")
            await connection.execute("CREATE SCHEMA fastness_audit")
        for statement in _TABLES:
            await connection.execute(statement)


async def _require_tables(connection: Connection) -> None:
    if not await connection.fetchval(_HAS_TABLES):
        raise AuditUnavailableError("There is no audit log in this database. It is made when the app starts.")


async def _read_head(connection: Connection, *, locks: bool = False) -> Head | None:
    if locks:
        await connection.execute(_MAKE_HEAD)
    row = await connection.fetchrow(f"{_HEAD} FOR UPDATE" if locks else _HEAD)
    # An empty link is the head before the first row.
    return None if row is None or not (row[1] or row[2] or row[0]) else head_of(row)


async def _read_newest(connection: Connection) -> Row | None:
    row = await connection.fetchrow(_NEWEST)
    return None if row is None else row_of(row)


async def _read_row(connection: Connection, *, number: int) -> Row | None:
    row = await connection.fetchrow(_ROW, number)
    return None if row is None else row_of(row)


async def _read_page(connection: Connection, *, after: int, limit: int) -> list[Row]:
    return [row_of(row) for row in await connection.fetch(_PAGE, after, limit)]


async def _close(connection: Connection) -> None:
    try:
        await connection.close(timeout=_CLOSE_SECONDS)
    except DRIVER_ERRORS:
        connection.terminate()
    except TimeoutError:
        connection.terminate()
