"""Events of what was committed: an event that tells of a change is written when the change is in the database, or never.

What is rolled back did not happen, and must not stand in the log as if it had; what is committed must not be missing there.
Rolling back to a savepoint takes back the events from inside it. Events of refusals do not come here: they are written at once.

ASVS 5.0: V16.3.3, V16.4.2.
"""

from typing import Final, NamedTuple

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session, SessionTransaction

from fastness.kernel.events import EventSink, SecurityEvent

_KEY: Final = "fastness_events_after_commit"


class _Waiting(NamedTuple):
    transaction: SessionTransaction | None
    sink: EventSink
    record: SecurityEvent


def emit_after_commit(db: AsyncSession, sink: EventSink, record: SecurityEvent) -> None:
    """Write the event when the session's transaction is committed."""
    session = db.sync_session
    waiting: list[_Waiting] | None = session.info.get(_KEY)
    if waiting is None:
        waiting = session.info[_KEY] = []
        event.listen(session, "after_commit", _emit)
        event.listen(session, "after_soft_rollback", _forget)
    waiting.append(_Waiting(session.get_nested_transaction() or session.get_transaction(), sink, record))


def _emit(session: Session) -> None:
    if session.in_nested_transaction():
        return
    waiting: list[_Waiting] = session.info[_KEY]
    done, waiting[:] = tuple(waiting), []
    for one in done:
        one.sink.emit(one.record)


def _forget(session: Session, ended: SessionTransaction) -> None:
    waiting: list[_Waiting] = session.info[_KEY]
    waiting[:] = [one for one in waiting if not _is_inside(one.transaction, ended)]


def _is_inside(transaction: SessionTransaction | None, ended: SessionTransaction) -> bool:
    """Whether the transaction is the one that ended, or lies in it."""
    while transaction is not None and transaction is not ended:
        transaction = transaction.parent
    return transaction is ended
