"""The connections of a `PostgresStore`: a few, made when they are needed, given back after one statement.

The driver's own pool costs as much as a point read: it wraps each connection for each use, and resets what a statement of
ours leaves untouched. Waiting for a connection ends; a connection whose statement was cancelled is not used again, since
the answer may still be on its way; the server is told to stop, not left to find out.

ASVS 5.0: V13.1.2 (connection limits and what happens at them), V15.4.3 (waiting ends).
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias, TypeVar

import asyncpg

from fastness.stores.store import StoreUnavailableError

T = TypeVar("T")
Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

_CLOSE_SECONDS: Final = 2


class Connections:
    """At most `size` connections; the one used last is used next, so that few stay warm."""

    def __init__(self, connect: Callable[[], Awaitable[Connection]], *, size: int, wait_seconds: float) -> None:
        self._connect = connect
        self._wait_seconds = wait_seconds
        self._size = size
        self._free = asyncio.Semaphore(size)
        self._idle: list[Connection] = []
        self._closing: set[asyncio.Task[None]] = set()

    async def run(self, statement: Callable[[Connection], Awaitable[T]]) -> T:
        """Run one statement on a connection of its own for that time.

        Raises:
            StoreUnavailableError: no connection came free in time.
        """
        if self._free.locked():
            try:
                async with asyncio.timeout(self._wait_seconds):
                    await self._free.acquire()
            except TimeoutError:
                raise StoreUnavailableError("No connection of the store came free in time.") from None
        else:
            await self._free.acquire()
        try:
            connection = await self._take()
            try:
                result = await statement(connection)
            except asyncpg.PostgresError:
                # The server has answered, so the connection is as good as before, unless that answer was goodbye.
                self._give_back(connection)
                raise
            except asyncio.CancelledError:
                self._drop(connection)
                raise
            except BaseException:
                # What broke this one broke the others too, and they may not have noticed yet.
                self._drop(connection)
                self._drop_idle()
                raise
            self._give_back(connection)
            return result
        finally:
            self._free.release()

    async def close(self) -> None:
        """Let statements that run come to their end, and close everything."""
        for _ in range(self._size):
            await self._free.acquire()
        self._drop_idle()
        await asyncio.gather(*self._closing)

    async def _take(self) -> Connection:
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed():
                return connection
        return await self._connect()

    def _give_back(self, connection: Connection) -> None:
        if connection.is_closed():
            self._drop_idle()
        else:
            self._idle.append(connection)

    def _drop_idle(self) -> None:
        while self._idle:
            self._drop(self._idle.pop())

    def _drop(self, connection: Connection) -> None:
        # In a task, because whoever asked may have been cancelled: the server is asked to stop, then left.
        task = asyncio.create_task(_close(connection))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


async def _close(connection: Connection) -> None:
    try:
        await connection.close(timeout=_CLOSE_SECONDS)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError):
        connection.terminate()
