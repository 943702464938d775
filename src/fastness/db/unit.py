"""The unit of work: one transaction for one request, decided before the first byte of the response.

Protects against half-done work: a status below 400 commits, everything else, an exception or a cancelled request
rolls back. Protects against writes by safe methods: a read-only unit refuses a flush before the database refuses the
statement. Nothing may use the session afterwards, so a background task cannot write into a transaction that nobody
will commit. It does not cover work done elsewhere meanwhile: a mail sent inside the request is not taken back by a
rollback.

ASVS 5.0: V2.3.3 (business logic operations succeed as a whole or not at all).
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from types import TracebackType
from typing import Self, TypeVar, cast

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session, SessionTransaction, UOWTransaction

from fastness.db.engine import Database
from fastness.db.errors import READ_ONLY_HELP, ClosedUnitError, ReadOnlyError, TransactionConflictError
from fastness.kernel.causes import start

T = TypeVar("T")

_CLOSED_HELP = (
    "the unit of work has ended: it commits or rolls back before the first byte of the response. Do the work inside "
    "the handler; a task or a streamed body opens its own: async with Unit(database, is_read_only=True) as unit"
)


class UnitSession(Session):
    """The synchronous session inside the AsyncSession of a unit; it ends with its unit."""

    is_read_only: bool = False
    has_ended: bool = False

    def _autobegin_t(self, begin: bool = False) -> SessionTransaction:  # noqa: FBT001, FBT002
        if self.has_ended:
            raise ClosedUnitError(_CLOSED_HELP)
        return super()._autobegin_t(begin)


class Unit:
    """A unit of work on a database; the session opens at its first use.

    As a context manager it commits at the end of the block and rolls back on any exception; a request uses finish().
    """

    __slots__ = ("_database", "_has_ended", "_session", "is_read_only")

    def __init__(self, database: Database, *, is_read_only: bool) -> None:
        self._database = database
        self._session: AsyncSession | None = None
        self._has_ended = False
        self.is_read_only = is_read_only

    @property
    def session(self) -> AsyncSession:
        """The session; the first statement, not this property, takes a connection. Raises `ClosedUnitError` after the end."""
        if self._has_ended:
            raise ClosedUnitError(_CLOSED_HELP)
        if self._session is None:
            engine = self._database.engine_for_units(is_read_only=self.is_read_only)
            # Objects stay readable after the commit: a response is rendered from them, and an expired one would query.
            session = AsyncSession(engine, sync_session_class=UnitSession, expire_on_commit=False)
            _sync(session).is_read_only = self.is_read_only
            self._session = session
        return self._session

    @property
    def is_open(self) -> bool:
        """Whether a session exists that finish() has to end."""
        return self._session is not None and not self._has_ended

    async def commit(self) -> None:
        """Commit what was done so far and go on in a new transaction. Raises `ClosedUnitError` after the end."""
        if self._has_ended:
            raise ClosedUnitError(_CLOSED_HELP)
        if self._session is not None:
            await _uncancelled(self._session.commit())

    async def rollback(self) -> None:
        """Undo what was done since the last commit and go on in a new transaction. Raises `ClosedUnitError` after the end."""
        if self._has_ended:
            raise ClosedUnitError(_CLOSED_HELP)
        if self._session is not None:
            await _uncancelled(self._session.rollback())

    async def finish(self, status: int) -> None:
        """End the unit: commit for a status below 400, roll back otherwise. Later calls do nothing."""
        if self._has_ended:
            return
        self._has_ended = True
        if self._session is not None:
            if self.is_read_only:
                await _end_reading(self._session, is_success=status < 400)
            else:
                await _uncancelled(_end(self._session, commit=status < 400))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.finish(200 if error is None else 500)


async def run_in_unit(database: Database, work: Callable[[AsyncSession], Awaitable[T]], *, is_read_only: bool) -> T:
    """Do the work in a unit of its own and commit; once more, in a second one, if the database undid the first.

    The work has to be such that a second run does no harm: it gets a new session and shares nothing with the first.
    """
    try:
        async with Unit(database, is_read_only=is_read_only) as unit:
            return await work(unit.session)
    except TransactionConflictError:
        pass
    async with Unit(database, is_read_only=is_read_only) as unit:
        return await work(unit.session)


async def _end_reading(session: AsyncSession, *, is_success: bool) -> None:
    sync = _sync(session)
    try:
        # A change that nobody flushed would be lost without a word: the flush refuses it.
        if is_success and (sync.new or sync.deleted or sync.dirty):
            await session.flush()
    finally:
        try:
            await session.close()
        finally:
            sync.has_ended = True


async def _end(session: AsyncSession, *, commit: bool) -> None:
    try:
        if commit:
            await session.commit()
    finally:
        try:
            # close() rolls back whatever was not committed and gives the connection back.
            await session.close()
        finally:
            _sync(session).has_ended = True


def _sync(session: AsyncSession) -> UnitSession:
    return cast("UnitSession", session.sync_session)


async def _uncancelled(work: Coroutine[object, object, None]) -> None:
    """Run to the end even if the request is cancelled meanwhile, then let the cancellation go on.

    A client that hangs up during the COMMIT must not leave a connection in the pool whose transaction is still open.
    """
    task = start(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as error:
            cancelled = error
        except Exception:  # noqa: BLE001 - raised below, from the task itself
            break
    if cancelled is not None and not task.cancelled():
        task.exception()
        raise cancelled
    task.result()


@event.listens_for(UnitSession, "before_flush")
def _refuse_flush(session: Session, _context: UOWTransaction, _instances: object) -> None:
    if not isinstance(session, UnitSession) or not session.is_read_only:
        return
    changed = [*session.new, *session.deleted, *(item for item in session.dirty if session.is_modified(item))]
    if changed:
        names = ", ".join(sorted({type(item).__name__ for item in changed}))
        raise ReadOnlyError(f"{names} was added, changed or deleted, but {READ_ONLY_HELP}")
