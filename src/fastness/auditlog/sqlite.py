"""An audit log in a SQLite file of its own, shared by all worker processes of a machine.

One thread per process does all the work. `BEGIN IMMEDIATE` takes the file's one write lock before the chain's end is read, so
processes append one after the other; everything that waits goes into one transaction, which is one wait for the disk.

ASVS 5.0: V15.4.2, V16.4.2.
"""

import asyncio
import os
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

from fastness.auditlog import sqlite_file
from fastness.auditlog.chain import Entry, Extension, Fault, Head, Row, count_removable, extend, head_of, row_of
from fastness.auditlog.errors import AuditDamagedError, AuditUnavailableError
from fastness.auditlog.ledger import BEFORE_ALL, PurgeEntry
from fastness.kernel.signing import Keyring

T = TypeVar("T")

# An extended code keeps the primary one in its low byte.
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_IOERR})
_ROWS = "SELECT number, id, at, body, previous, link, seal FROM entry"
_INSERT = "INSERT INTO entry (number, id, at, body, previous, link, seal) VALUES (?, ?, ?, ?, ?, ?, ?)"
_SET_HEAD = "INSERT OR REPLACE INTO head (one, number, link, seal) VALUES (1, ?, ?, ?)"


class SQLiteLedger:
    """`Ledger` over one file. Open it in the process that uses it, never before a fork."""

    def __init__(
        self, path: Path, keyring: Keyring, *, tell_fault: Callable[[Fault], Entry], busy_seconds: float = 5.0
    ) -> None:
        self.path = Path(path).absolute()
        self._keyring = keyring
        self._tell_fault = tell_fault
        self._busy_seconds = busy_seconds
        self._executor: ThreadPoolExecutor | None = None
        self._connection: sqlite3.Connection | None = None
        self._file_id = (0, 0)
        self._process_id = 0
        self._is_read_only = False

    async def open(self, *, is_read_only: bool = False) -> None:
        if self._executor is not None:
            return
        self._is_read_only = is_read_only
        self._process_id = os.getpid()
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="fastness-audit")
        try:
            await self._run(lambda _: None)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        executor, self._executor = self._executor, None
        if executor is not None:
            await asyncio.get_running_loop().run_in_executor(executor, self._drop)
            executor.shutdown()

    async def append(self, entries: Sequence[Entry], *, is_repeated: bool) -> Extension:
        return await self._run(partial(self._append, entries=entries, is_repeated=is_repeated))

    async def head(self) -> Head | None:
        return await self._run(_head)

    async def page(self, after: int, limit: int) -> list[Row]:
        return await self._run(partial(_page, after=after, limit=limit))

    async def row(self, number: int) -> Row | None:
        return await self._run(partial(_row, number=number))

    async def newest_number(self) -> int:
        newest = await self._run(_newest)
        return 0 if newest is None else newest.number

    async def purge(self, before: float, limit: int, tell: PurgeEntry) -> int:
        return await self._run(partial(self._purge, before=before, limit=limit, tell=tell))

    async def _run(self, job: Callable[[sqlite3.Connection], T]) -> T:
        # A forked child has the object but not its thread, and would wait for an answer for ever.
        if self._executor is None or self._process_id != os.getpid():
            raise AuditUnavailableError(f"The audit log {self.path} is not open in this process; await open() first.")
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._do, job)

    def _do(self, job: Callable[[sqlite3.Connection], T]) -> T:
        """Run a job on the thread; a connection that failed is made anew for the next one."""
        try:
            connection = self._connection or self._connect()
            self._check_file()
            return job(connection)
        except (sqlite3.Error, OSError) as error:
            self._drop()
            is_damaged = getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGED
            raise AuditUnavailableError(
                f"The audit log {self.path} cannot be used: {error}", is_damaged=is_damaged
            ) from error
        except AuditUnavailableError:
            self._drop()
            raise

    def _connect(self) -> sqlite3.Connection:
        if self._is_read_only:
            connection = sqlite_file.connect_reader(self.path, busy_seconds=self._busy_seconds)
        else:
            connection = sqlite_file.connect(self.path, busy_seconds=self._busy_seconds)
        self._connection = connection
        status = os.lstat(self.path)
        self._file_id = (status.st_dev, status.st_ino)
        return connection

    def _check_file(self) -> None:
        """Refuse to write into a file that was removed or replaced: nobody would find the event there."""
        status = os.lstat(self.path)
        if (status.st_dev, status.st_ino) != self._file_id:
            raise AuditUnavailableError(f"The audit log {self.path} was replaced while it was in use.")

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _append(self, connection: sqlite3.Connection, *, entries: Sequence[Entry], is_repeated: bool) -> Extension:
        with _Transaction(connection):
            if is_repeated:
                entries = [entry for entry in entries if not _is_known(connection, entry.id)]
            return self._extend(connection, entries)

    def _extend(self, connection: sqlite3.Connection, entries: Sequence[Entry]) -> Extension:
        extension = extend(self._keyring, _head(connection), _newest(connection), entries, self._tell_fault)
        connection.executemany(_INSERT, extension.rows)
        connection.execute(_SET_HEAD, extension.head)
        return extension

    def _purge(self, connection: sqlite3.Connection, *, before: float, limit: int, tell: PurgeEntry) -> int:
        with _Transaction(connection):
            rows = _page(connection, after=BEFORE_ALL, limit=limit)
            count = count_removable(rows, before)
            if count < 0:
                raise AuditDamagedError("The oldest rows of the audit log do not verify, so none is removed.")
            if count:
                last = rows[count - 1]
                # The row that tells of it comes first: there is no moment at which the chain begins nowhere.
                self._extend(connection, [tell(last.number, last.link)])
                connection.execute("DELETE FROM entry WHERE number <= ?", (last.number,))
            return count


class _Transaction:
    """`BEGIN IMMEDIATE` to `COMMIT`, or to `ROLLBACK` where something is raised."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __enter__(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._connection.execute("COMMIT")
        elif self._connection.in_transaction:
            self._connection.execute("ROLLBACK")


def _head(connection: sqlite3.Connection) -> Head | None:
    row = connection.execute("SELECT number, link, seal FROM head").fetchone()
    return None if row is None else head_of(row)


def _newest(connection: sqlite3.Connection) -> Row | None:
    row = connection.execute(f"{_ROWS} ORDER BY number DESC LIMIT 1").fetchone()
    return None if row is None else row_of(row)


def _row(connection: sqlite3.Connection, *, number: int) -> Row | None:
    row = connection.execute(f"{_ROWS} WHERE number = ?", (number,)).fetchone()
    return None if row is None else row_of(row)


def _page(connection: sqlite3.Connection, *, after: int, limit: int) -> list[Row]:
    found = connection.execute(f"{_ROWS} WHERE number > ? ORDER BY number LIMIT ?", (after, limit))
    return [row_of(row) for row in found]


def _is_known(connection: sqlite3.Connection, entry_id: str) -> bool:
    return connection.execute("SELECT 1 FROM entry WHERE id = ?", (entry_id,)).fetchone() is not None
