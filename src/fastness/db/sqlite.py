"""SQLite for the async engine, without a thread for each connection.

A hop to another thread costs more than a short query. So a SELECT runs on the event loop itself, as long as it is
short: other requests have a turn before it, unless its transaction keeps other writers waiting, and after a few
milliseconds SQLite is interrupted and the query starts again on a thread. Everything that writes runs on a thread from
the start, since a commit waits for the disk. No statement ever waits for a lock on the loop or on a thread: it is
tried, and tried again after a sleep that other requests use. The attacker can ask for slow pages and hang up at any
moment: the loop is held for the cap at most, and a statement on a thread is interrupted and has ended before the
cancellation goes on, so a connection never comes back to the pool with work under way. A scan on a cold disk can
exceed the cap by one read.

ASVS 5.0: V15.4.3 (waiting for locks cannot go on for ever), V15.2.2 (one demanding request does not stop the others).
"""

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Executor
from functools import partial
from time import perf_counter
from typing import Final, TypeVar

from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.base import SQLiteExecutionContext
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor
from sqlalchemy.util.concurrency import await_, in_greenlet

from fastness.db.watched import Watched

T = TypeVar("T")

DRIVER: Final = "sqlite+fastness"
_LOOP_SECONDS: Final = 0.005
"""How long a query may hold the loop. The last moment it is looked at is a thousand of SQLite's instructions later."""
_INSTRUCTIONS: Final = 1000
_RETRY_SECONDS: Final = 0.002
_ON_LOOP: Final = ("SELECT", "BEGIN ")
_BUSY: Final = 5
_INTERRUPT: Final = 9


class SQLiteConnection(Watched, sqlite3.Connection):
    """A connection that knows where to run what; `prepare` makes it so, before that it blocks."""

    file_id: tuple[int, int] | None = None
    """Which file it has opened, whatever its name is by now."""
    _executor: Executor | None = None
    _busy_seconds = 0.0
    _stop_at = float("inf")

    def prepare(self, executor: Executor, *, busy_seconds: float) -> None:
        """Say which threads to use and how long to wait for a lock; called once, when the pool connects."""
        self._executor = executor
        self._busy_seconds = busy_seconds
        self.set_progress_handler(self._is_over_time, _INSTRUCTIONS)

    def cursor(self, *_arguments: object) -> "SQLiteCursor":  # type: ignore[override]
        return super().cursor(SQLiteCursor)

    # The base class has these three make a cursor of its own, past the one above.
    def execute(self, sql: str, parameters: Sequence[object] = ()) -> "SQLiteCursor":  # type: ignore[override]
        return self.cursor().execute(sql, parameters)

    def executemany(self, sql: str, parameters: Iterable[Sequence[object]]) -> "SQLiteCursor":  # type: ignore[override]
        return self.cursor().executemany(sql, parameters)

    def executescript(self, sql: str) -> "SQLiteCursor":
        return self.cursor().executescript(sql)

    def commit(self) -> None:
        if self.in_transaction:
            self._on_thread(super().commit, on_cancel=_leave)

    def rollback(self) -> None:
        if self.in_transaction:
            super().rollback()

    def close(self) -> None:
        # While somebody, say a traceback, still holds a cursor that was not read to its end, SQLite closes in name only:
        # an open transaction would keep the file locked (https://www.sqlite.org/c3ref/close.html).
        try:
            self.rollback()
        finally:
            super().close()

    def run(self, sql: str, work: Callable[[], T]) -> T:
        """Run a statement where it belongs, again after a while if the file is locked."""
        if self._executor is None:
            return work()
        is_short = sql.startswith(_ON_LOOP)
        give_up_at = 0.0
        while True:
            try:
                return self._on_loop(work) if is_short else self._on_thread(work, on_cancel=self.interrupt)
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode == _INTERRUPT and is_short:
                    is_short = False
                    continue
                # Inside a transaction a second try meets the same stale snapshot (SQLITE_BUSY_SNAPSHOT).
                if error.sqlite_errorcode & 0xFF != _BUSY or self.in_transaction or not in_greenlet():
                    raise
                give_up_at = give_up_at or perf_counter() + self._busy_seconds
                if perf_counter() >= give_up_at:
                    raise
                await_(asyncio.sleep(_RETRY_SECONDS))

    def _on_loop(self, work: Callable[[], T]) -> T:
        if in_greenlet():
            # A page may ask a dozen short questions on end: before each, whoever waits has a turn. Not while the writer's
            # lock is held, which other processes wait for. (AsyncConnection refuses a driver that never awaits.)
            await_(_NOTHING if self.in_transaction else _TURN)
        self._stop_at = perf_counter() + _LOOP_SECONDS
        try:
            return work()
        finally:
            self._stop_at = float("inf")

    def _on_thread(self, work: Callable[[], T], *, on_cancel: Callable[[], None]) -> T:
        if self._executor is None or not in_greenlet():
            return work()
        future = asyncio.get_running_loop().run_in_executor(self._executor, self._unwatched, work)
        return await_(_finished(future, on_cancel))

    def _unwatched(self, work: Callable[[], T]) -> T:
        # The watch would ask for the interpreter's lock a thousand times a second, against the loop.
        self.set_progress_handler(None, 0)
        try:
            return work()
        finally:
            self.set_progress_handler(self._is_over_time, _INSTRUCTIONS)

    def _is_over_time(self) -> bool:
        return perf_counter() > self._stop_at


class SQLiteCursor(sqlite3.Cursor):
    """A cursor that has all its rows after execute(): nothing is read from the file between two awaits of a handler."""

    connection: SQLiteConnection

    def __init__(self, connection: sqlite3.Connection) -> None:
        super().__init__(connection)
        self._rows: deque[tuple[object, ...]] = deque()

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> "SQLiteCursor":  # type: ignore[override]
        self.connection.watch(sql)
        self._rows = self.connection.run(sql, partial(self._execute, sql, parameters))
        return self

    def executemany(self, sql: str, parameters: Iterable[Sequence[object]]) -> "SQLiteCursor":  # type: ignore[override]
        self.connection.watch(sql)
        self.connection.run(sql, partial(super().executemany, sql, parameters))
        return self

    def executescript(self, sql: str) -> "SQLiteCursor":
        self.connection.watch(sql)
        super().executescript(sql)
        return self

    def fetchone(self) -> tuple[object, ...] | None:
        return self._rows.popleft() if self._rows else None

    def fetchmany(self, size: int | None = None) -> list[tuple[object, ...]]:
        return [self._rows.popleft() for _ in range(min(size or self.arraysize, len(self._rows)))]

    def fetchall(self) -> list[tuple[object, ...]]:
        rows = list(self._rows)
        self._rows.clear()
        return rows

    def _execute(self, sql: str, parameters: Sequence[object]) -> deque[tuple[object, ...]]:
        super().execute(sql, parameters)
        return deque(super().fetchall() if self.description else ())

    async def _async_soft_close(self) -> None:
        """Nothing is open once the rows are here."""


class _Turn:
    def __await__(self) -> Generator[None, None, None]:
        # What asyncio.sleep(0) does, without a coroutine.
        yield


class _Nothing:
    def __await__(self) -> Generator[None, None, None]:
        yield from ()


_TURN: Final = _Turn()
_NOTHING: Final = _Nothing()


def _leave() -> None:
    """Nothing stops a commit that has begun."""


async def _finished(future: asyncio.Future[T], on_cancel: Callable[[], None]) -> T:
    """Wait until a thread is through, whatever happens to the request meanwhile."""
    cancelled: asyncio.CancelledError | None = None
    while not future.done():
        try:
            await asyncio.wait((future,), timeout=None if cancelled is None else _RETRY_SECONDS)
        except asyncio.CancelledError as error:
            cancelled = error
        if cancelled is not None and not future.done():
            # Nobody waits for the answer: a visitor who hangs up must not keep a thread busy for minutes. More than once,
            # as SQLite forgets an interrupt that comes before the statement.
            on_cancel()
    if cancelled is not None:
        future.exception()
        raise cancelled
    return future.result()


class _ExecutionContext(SQLiteExecutionContext):
    def create_server_side_cursor(self) -> DBAPICursor:
        # stream() works, from rows that are here already.
        return self._dbapi_connection.cursor()


class SQLiteLoopDialect(SQLiteDialect_pysqlite):
    """SQLAlchemy's own dialect for sqlite3, offered to the async engine."""

    driver = DRIVER.partition("+")[2]
    is_async = True
    has_terminate = True
    supports_statement_cache = True
    supports_server_side_cursors = True
    execution_ctx_cls = _ExecutionContext

    def do_terminate(self, dbapi_connection: DBAPIConnection) -> None:
        dbapi_connection.close()


registry.register(DRIVER.replace("+", "."), __name__, SQLiteLoopDialect.__name__)
