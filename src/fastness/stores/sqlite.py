"""A store in one SQLite file, shared by all worker processes of a machine.

Point reads run on the event loop: in WAL mode they wait for no writer, and a thread hop would cost five times the
read. All writes run on one thread per process, in `BEGIN IMMEDIATE` transactions, so that the loop never waits for
another process's lock. The file has to be the store's own: a write during another request's long transaction would
wait for its end.

What a crash can lose: nothing when a process dies. When the machine loses power, writes of the last moments (a
session, a counter), because ordinary writes do not wait for the disk; but never a revocation (delete, delete_owned,
bump_epoch, a durable put), which is on disk before the call returns.

ASVS 5.0: V7.4.1, V7.4.2, V15.4.1, V15.4.2, V15.4.3.
"""

import asyncio
import os
import sqlite3
import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeAlias, TypeVar

from fastness.db.private_file import is_busy
from fastness.kernel.clock import Clock
from fastness.stores import sqlite_file, sqlite_writes
from fastness.stores.store import Increment, StoredValue, StoreUnavailableError, check_key, is_live

_Result = TypeVar("_Result")
_Job: TypeAlias = Callable[[sqlite3.Connection, float], _Result]

_GET = """SELECT entry.value, entry.version, entry.expires_at, entry.owner, coalesce(owner_epoch.epoch, 0)
    FROM entry LEFT JOIN owner_epoch ON owner_epoch.owner = entry.owner WHERE entry.key = ?"""
_LOOK_SECONDS = 1
_EPOCH = "SELECT epoch FROM owner_epoch WHERE owner = ?"


class _Writers(NamedTuple):
    """Used by the writer's thread only. Two, because `PRAGMA synchronous` may act when a statement is prepared, and
    prepared statements are kept: one connection that changes its mind could silently stay with the weaker mode.
    """

    ordinary: sqlite3.Connection
    durable: sqlite3.Connection


class SQLiteStore:
    """`Store` over one file. Open it in the process and on the event loop's thread that use it, never before a fork."""

    def __init__(self, path: Path, clock: Clock, *, busy_timeout_seconds: float = 5.0) -> None:
        self._path = Path(path).absolute()
        self._file = sqlite_file.store_file(self._path)
        self._busy_timeout_seconds = busy_timeout_seconds
        self._clock = clock
        self._reader: sqlite3.Connection | None = None
        self._writers: _Writers | None = None
        self._executor: ThreadPoolExecutor | None = None
        self._process_id = 0
        self._file_id = (0, 0)
        self._gave_up_at = float("-inf")
        self._look_at = float("-inf")

    async def open(self) -> None:
        if self._executor is not None:
            return
        executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="fastness-store")
        try:
            await asyncio.get_running_loop().run_in_executor(executor, self._open_writers)
            # On the event loop: it never waits for a lock.
            self._reader = self._file.connect_reader(busy_seconds=0)
        except sqlite3.Error as error:
            await self._close_writers(executor)
            raise StoreUnavailableError(f"Cannot open the store file {self._path}: {error}") from error
        except BaseException:
            await self._close_writers(executor)
            raise
        self._process_id = os.getpid()
        self._executor = executor

    async def close(self) -> None:
        executor, self._executor = self._executor, None
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.close()
        if executor is not None:
            await self._close_writers(executor)

    async def get(self, key: bytes) -> StoredValue | None:
        reader = self._reader
        if reader is None:
            raise self._not_open()
        if time.monotonic() >= self._look_at:
            self._look()
        try:
            row = reader.execute(_GET, (key,)).fetchone()
        except sqlite3.Error as error:
            row = await self._read_again(_GET, key, error)
        if row is None or not is_live(row[2], self._clock.epoch()):
            return None
        return StoredValue._make(row)

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
        entry = sqlite_writes.Entry(check_key(key), value, expires_at, owner)
        return await self._write(partial(sqlite_writes.put, entry=entry, if_version=if_version), durable=durable)

    async def delete(self, key: bytes) -> bool:
        return await self._write(partial(sqlite_writes.delete, key=key), durable=True)

    async def delete_owned(self, owner: str, *, prefix: bytes = b"", except_key: bytes | None = None) -> int:
        job = partial(sqlite_writes.delete_owned, owner=owner, prefix=prefix, except_key=except_key)
        return await self._write(job, durable=True)

    async def list_owned(self, owner: str, *, prefix: bytes = b"") -> list[tuple[bytes, StoredValue]]:
        # Not a point read, so it does not run on the loop.
        return await self._write(partial(sqlite_writes.list_owned, owner=owner, prefix=prefix))

    async def bump_epoch(self, owner: str) -> int:
        return await self._write(partial(sqlite_writes.bump_epoch, owner=owner), durable=True)

    async def bump_epochs(self, owners: Collection[str]) -> None:
        if owners:
            await self._write(partial(sqlite_writes.bump_epochs, owners=frozenset(owners)), durable=True)

    async def epoch(self, owner: str) -> int:
        if self._reader is None:
            raise self._not_open()
        self._check_file()
        try:
            row = self._reader.execute(_EPOCH, (owner,)).fetchone()
        except sqlite3.Error as error:
            row = await self._read_again(_EPOCH, owner, error)
        return 0 if row is None else int(row[0])

    async def increment(self, key: bytes, *, amount: int = 1, expires_at: float) -> int:
        job = partial(sqlite_writes.increment, key=check_key(key), amount=amount, expires_at=expires_at)
        return await self._write(job)

    async def increment_each(self, increments: Sequence[Increment]) -> list[int]:
        for each in increments:
            check_key(each.key)
        return await self._write(partial(sqlite_writes.increment_each, increments=increments))

    async def take_each(self, amounts: Sequence[tuple[bytes, int]]) -> list[int]:
        for key, _ in amounts:
            check_key(key)
        return await self._write(partial(sqlite_writes.take_each, amounts=amounts))

    async def purge_expired(self, limit: int = 1000) -> int:
        return await self._write(partial(sqlite_writes.purge_expired, limit=limit))

    async def _read_again(self, statement: str, key: bytes | str, error: sqlite3.Error) -> tuple[object, ...] | None:
        """Read on the writer's thread, where waiting is allowed, if a lock was in the way on the loop.

        A WAL reader meets a lock only while another process repairs the log after a crash.
        """
        if not is_busy(error):
            raise StoreUnavailableError(f"Cannot read the store file {self._path}: {error}") from error
        return await self._write(lambda connection, _: connection.execute(statement, (key,)).fetchone())

    async def _write(self, job: _Job[_Result], *, durable: bool = False) -> _Result:
        # A forked child has the object but not its thread, and would wait for an answer for ever.
        if self._executor is None or self._process_id != os.getpid():
            raise self._not_open()
        run = partial(self._transact, job, asked_at=time.monotonic(), durable=durable)
        return await asyncio.get_running_loop().run_in_executor(self._executor, run)

    def _transact(self, job: _Job[_Result], *, asked_at: float, durable: bool) -> _Result:
        """Run one job in one transaction; on the writer's thread."""
        if self._writers is None:
            raise self._not_open()
        if asked_at + self._busy_timeout_seconds <= self._gave_up_at:
            # It has waited as long behind one that waited for a lock. One after the other, the last would wait for minutes.
            raise StoreUnavailableError(f"Cannot write the store file {self._path}: another process keeps it locked.")
        self._check_file()
        connection = self._writers.durable if durable else self._writers.ordinary
        try:
            connection.execute("BEGIN IMMEDIATE")
            try:
                result = job(connection, self._clock.epoch())
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            if is_busy(error):
                self._gave_up_at = time.monotonic()
            raise StoreUnavailableError(f"Cannot write the store file {self._path}: {error}") from error
        return result

    def _look(self) -> None:
        """Look now and then, as each look costs a fifth of a read, whether the file is still the one that others revoke in."""
        self._check_file()
        self._look_at = time.monotonic() + _LOOK_SECONDS

    def _check_file(self) -> None:
        """Refuse a file that was removed or replaced: one worker would not see what another one revokes."""
        try:
            status = os.lstat(self._path)
        except OSError as error:
            raise StoreUnavailableError(f"The store file {self._path} is gone: {error.strerror}.") from error
        if (status.st_dev, status.st_ino) != self._file_id:
            raise StoreUnavailableError(f"The store file {self._path} was replaced while it was in use; restart.")

    def _open_writers(self) -> None:
        self._file.make()
        connect = partial(
            sqlite_file.connect_writer,
            self._file,
            now=self._clock.epoch(),
            busy_timeout_seconds=self._busy_timeout_seconds,
        )
        ordinary = connect(durable=False)
        try:
            durable = connect(durable=True)
        except BaseException:
            ordinary.close()
            raise
        self._writers = _Writers(ordinary, durable)
        status = os.lstat(self._path)
        self._file_id = (status.st_dev, status.st_ino)

    async def _close_writers(self, executor: ThreadPoolExecutor) -> None:
        # Queued behind the writes that were accepted already: they are done, and shutdown() has nothing to wait for.
        await asyncio.get_running_loop().run_in_executor(executor, self._drop_writers)
        executor.shutdown()

    def _drop_writers(self) -> None:
        writers, self._writers = self._writers, None
        for connection in writers or ():
            connection.close()

    def _not_open(self) -> StoreUnavailableError:
        return StoreUnavailableError(f"The store file {self._path} is not open in this process; await open() first.")
