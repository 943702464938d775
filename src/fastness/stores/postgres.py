"""A store in a PostgreSQL database, shared by all workers on all machines.

Every operation is one statement and one round trip, on a connection of the store's own; statements are prepared once a
connection. The tables may lie in the database of the app's data: a request's open transaction holds no row of the store,
and the store's changes do not wait for its end. That also means that they are not undone with it.

What a crash can lose: of an ordinary write (a session, a counter) the last moments before the server's machine or the
server itself fails, as such a write does not wait for the disk; never a revocation (delete, delete_owned, bump_epoch, a
durable put), which is on disk before the call returns. A standby that answers reads late would show sessions that were
revoked: the address has to be the primary's. Times are the workers' clocks, so those have to agree.

ASVS 5.0: V7.4.1, V7.4.2, V12.3.1, V15.4.2, V15.4.3.
"""

import os
from collections.abc import Awaitable, Callable, Collection, Sequence
from functools import partial
from typing import Final, TypeVar

from fastness.db.address import PostgresAddress
from fastness.db.driver import (
    DRIVER_ERRORS,
    Trouble,
    connect,
    connect_help,
    schema_help,
    settings_for,
    summary_of,
    trouble_of,
)
from fastness.kernel.clock import Clock
from fastness.stores import postgres_statements as sql
from fastness.stores.postgres_connections import Connection, Connections
from fastness.stores.store import (
    Increment,
    NotACounterError,
    StaleVersionError,
    StoredValue,
    StoreUnavailableError,
    check_key,
    count_in_turn,
    is_live,
    takable,
)

_Result = TypeVar("_Result")

_CONNECTIONS: Final = 4
_DURABLE_CONNECTIONS: Final = 2
_SECONDS: Final = 5.0
"""How long one operation may take, waiting for a connection and for locks included."""
_MAX_ATTEMPTS: Final = 16
"""Each further one means that a record of the owner was written while it was to be deleted."""
_LOCK: Final = 0x6661_7374_7374_6F72
"""The advisory lock under which the tables are made; any number that nobody else picks."""


class PostgresStore:
    """`Store` over two tables of a database. Open it in the process and on the event loop that use it."""

    def __init__(self, address: PostgresAddress, clock: Clock) -> None:
        self._address = address
        self._clock = clock
        self._ordinary: Connections | None = None
        self._durable: Connections | None = None

    async def open(self) -> None:
        if self._ordinary is not None:
            return
        ordinary = self._connections(_CONNECTIONS, {"synchronous_commit": "off"})
        durable = self._connections(_DURABLE_CONNECTIONS, {"synchronous_commit": "on"})
        try:
            await durable.run(_make_tables)
        except BaseException as error:
            await durable.close()
            if isinstance(error, DRIVER_ERRORS):
                raise StoreUnavailableError(f"The store cannot be opened: {connect_help(error)}") from None
            raise
        self._ordinary, self._durable = ordinary, durable

    async def close(self) -> None:
        both = (self._ordinary, self._durable)
        self._ordinary = self._durable = None
        for connections in both:
            if connections is not None:
                await connections.close()

    async def get(self, key: bytes) -> StoredValue | None:
        row = await self._read(lambda connection: connection.fetchrow(sql.GET, key))
        if row is None or not is_live(row[2], self._clock.epoch()):
            return None
        return StoredValue(*row)

    async def put(
        self,
        key: bytes,
        value: bytes,
        *,
        expires_at: float | None,
        owner: str | None = None,
        if_version: int | None = None,
        durable: bool = False,
    ) -> int:
        entry = (check_key(key), bytes(value), expires_at, owner, _new_version())
        if if_version is None:
            version = await self._write(lambda connection: connection.fetchval(sql.PUT, *entry), durable=durable)
        elif if_version == 0:
            now = self._clock.epoch()
            version = await self._write(
                lambda connection: connection.fetchval(sql.PUT_IF_ABSENT, *entry, now), durable=durable
            )
        else:
            seen = (self._clock.epoch(), if_version)
            version = await self._write(
                lambda connection: connection.fetchval(sql.PUT_IF_VERSION, *entry, *seen), durable=durable
            )
        if version is None:
            raise StaleVersionError("The record changed since it was read.")
        return int(version)

    async def delete(self, key: bytes) -> bool:
        now = self._clock.epoch()
        return bool(await self._write(lambda connection: connection.fetchval(sql.DELETE, key, now), durable=True))

    async def delete_owned(self, owner: str, *, prefix: bytes = b"", except_key: bytes | None = None) -> int:
        arguments = (owner, prefix, except_key, self._clock.epoch())
        count = 0
        for _ in range(_MAX_ATTEMPTS):
            ((deleted, is_whole),) = await self._write(
                lambda connection: connection.fetch(sql.DELETE_OWNED, *arguments), durable=True
            )
            count += int(deleted)
            if is_whole:
                return count
        raise StoreUnavailableError("The records of one owner change faster than they can be deleted.")

    async def list_owned(self, owner: str, *, prefix: bytes = b"") -> list[tuple[bytes, StoredValue]]:
        now = self._clock.epoch()
        rows = await self._read(lambda connection: connection.fetch(sql.LIST_OWNED, owner, prefix, now))
        return [(row[0], StoredValue(*row[1:])) for row in rows]

    async def bump_epoch(self, owner: str) -> int:
        return int(await self._write(lambda connection: connection.fetchval(sql.BUMP_EPOCH, owner), durable=True))

    async def bump_epochs(self, owners: Collection[str]) -> None:
        if owners:
            # In one order: two who raise the same ones must not wait for each other in a circle.
            ordered = sorted(frozenset(owners))
            await self._write(lambda connection: connection.execute(sql.BUMP_EPOCHS, ordered), durable=True)

    async def epoch(self, owner: str) -> int:
        return int(await self._read(lambda connection: connection.fetchval(sql.EPOCH, owner)) or 0)

    async def increment(self, key: bytes, *, amount: int = 1, expires_at: float) -> int:
        arguments = (check_key(key), str(amount), expires_at, _new_version(), self._clock.epoch())
        value = await self._write(lambda connection: connection.fetchval(sql.INCREMENT, *arguments), durable=False)
        if value is None:
            raise NotACounterError(
                "The record under this key is not a counter; give counters a key prefix of their own."
            )
        return int(value)

    async def increment_each(self, increments: Sequence[Increment]) -> list[int]:
        return await count_in_turn(self, increments)

    async def take_each(self, amounts: Sequence[tuple[bytes, int]]) -> list[int]:
        return [await self._take(check_key(key), amount) for key, amount in amounts]

    async def _take(self, key: bytes, amount: int) -> int:
        arguments = (key, str(amount), _new_version(), self._clock.epoch())
        held = await self._write(lambda connection: connection.fetchval(sql.TAKE, *arguments), durable=False)
        return 0 if held is None else takable(held, amount)

    async def purge_expired(self, limit: int = 1000) -> int:
        now = self._clock.epoch()
        return int(await self._write(lambda connection: connection.fetchval(sql.PURGE, now, limit), durable=False))

    async def _read(self, statement: Callable[[Connection], Awaitable[_Result]]) -> _Result:
        # A connection that broke while it was idle is noticed by its next user; a read may be asked again.
        return await _repeated(_opened(self._ordinary), statement, (Trouble.CONFLICT, Trouble.LOST))

    async def _write(self, statement: Callable[[Connection], Awaitable[_Result]], *, durable: bool) -> _Result:
        connections = _opened(self._durable if durable else self._ordinary)
        # What PostgreSQL undid may be done again. Of a write whose connection broke nobody knows whether it was done.
        return await _repeated(connections, statement, (Trouble.CONFLICT,))

    def _connections(self, size: int, more: dict[str, str]) -> Connections:
        settings = settings_for(is_read_only=False, lock_seconds=_SECONDS, statement_seconds=_SECONDS) | more
        return Connections(partial(connect, self._address, settings), size=size, wait_seconds=_SECONDS)


async def _repeated(
    connections: Connections, statement: Callable[[Connection], Awaitable[_Result]], again: tuple[Trouble, ...]
) -> _Result:
    """Run a statement, once more where that is right."""
    try:
        return await connections.run(statement)
    except DRIVER_ERRORS as error:
        # A server that did not answer in time would be waited for as long once more.
        if trouble_of(error) not in again or isinstance(error, TimeoutError):
            raise _unavailable(error) from None
    try:
        return await connections.run(statement)
    except DRIVER_ERRORS as error:
        raise _unavailable(error) from None


def _unavailable(error: BaseException) -> StoreUnavailableError:
    trouble = trouble_of(error)
    return StoreUnavailableError(f"The store cannot answer: {trouble or 'PostgreSQL refused'} ({summary_of(error)})")


def _opened(connections: Connections | None) -> Connections:
    if connections is None:
        raise StoreUnavailableError("The store is not open; await open() first.")
    return connections


async def _make_tables(connection: Connection) -> None:
    if not await connection.fetchval(sql.HAS_TABLES):
        async with connection.transaction():
            # Workers start together; the second one finds the tables when it has the lock.
            await connection.execute(sql.LOCK, _LOCK)
            if not await connection.fetchval(sql.HAS_TABLES):
                # An administrator may have made the schema for an account that may make none.
                if not await connection.fetchval(sql.HAS_SCHEMA):
                    if told := await schema_help(connection, "fastness_store"):
                        raise StoreUnavailableError(f"The store cannot be made: {told}")
                    await connection.execute(sql.CREATE_SCHEMA)
                for statement in sql.TABLES:
                    await connection.execute(statement)
                await connection.execute(sql.WRITE_VERSION, sql.SCHEMA_VERSION)
    version = await connection.fetchval(sql.READ_VERSION)
    if version != sql.SCHEMA_VERSION:
        raise StoreUnavailableError(
            f"The store's tables have version {version}, this release knows {sql.SCHEMA_VERSION}; run the release that "
            "made them, or drop the schema fastness_store (everybody is signed out)."
        )


def _new_version() -> int:
    """Random, so that a key deleted and made anew never meets the version somebody read in its former life."""
    return 1 + int.from_bytes(os.urandom(7), "big")
