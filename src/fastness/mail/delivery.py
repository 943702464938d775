"""Delivery: takes mails out of the outbox and hands them to the mailer, on any number of workers.

A worker takes a mail by moving its due time behind the end of a lease, in one statement that only one of two can win; what it
writes afterwards counts only while nobody else has taken the mail since. If it dies, even between two bytes, the lease ends and
another one sends the mail: nothing is lost, and a mail may come twice (under the same Message-ID) if the worker dies after the
server took it and before the row is gone. Nothing better exists between a database and a mail server. If the
database is away at that moment, the worker removes the row as soon as it is back.

A mail that fails waits longer each time and lets the others pass. One that is refused, or older than it may be, is emptied and
told of in an event. One that cannot be read or made (a key or a template that is missing) waits as well: what a deployment
broke, the next one repairs.

Nobody outside chooses anything here but addresses and values. Events and log lines hold neither.

ASVS 5.0: V2.3.3, V6.3.8 (whether a mail is sent at all is decided here, off the request), V13.2.6 (retries, parallel
connections), V15.4.2 (no race between check and use), V16.3.4 (failures of other systems).
"""

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Protocol
from uuid import UUID

from sqlalchemy import ColumnElement, Update, and_, delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from fastness.db.engine import Database
from fastness.db.errors import TransactionConflictError
from fastness.db.unit import run_in_unit
from fastness.kernel.clock import Clock
from fastness.kernel.errors import TamperedError, UnavailableError
from fastness.kernel.events import EventName, EventSink, SecurityEvent
from fastness.kernel.languages import LANGUAGE
from fastness.kernel.values import dataclass
from fastness.mail.errors import MailDelayedError, MailRefusedError
from fastness.mail.mail import Mail
from fastness.mail.mailers import Mailer
from fastness.mail.messages import Messages
from fastness.mail.outbox import SEAL_PURPOSE, QueuedMail, Seals
from fastness.mail.rules import MailRules

MAX_DOUBLINGS: Final = 20
_LEASE_MARGIN_SECONDS: Final = 30
_FORGOTTEN_AFTER: Final = timedelta(days=30)
_LOG: Final = logging.getLogger("fastness.mail")


class Resolver(Protocol):
    """Decides on the mails of one kind, in the worker and in a transaction of its own: what the request must not show.

    A reset asked for an unknown address ends here: the request has written the same row for both. It is asked once, and
    what it returns is kept in place of what was queued; `None` means that nothing is sent.
    """

    def __call__(self, db: AsyncSession, mail: Mail, /) -> Awaitable[Mail | None]:
        """The mail to send, which may have another template and other values."""
        ...


class _End(StrEnum):
    SENT = "sent"
    FAILED = "failed"
    AWAY = "away"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Taken:
    """A mail that this worker has, for as long as the row says `attempts`."""

    id: UUID
    kind: str
    sealed: str
    is_settled: bool
    attempts: int
    created_at: datetime
    expires_at: datetime
    last_reason: str

    @classmethod
    def of(cls, row: QueuedMail) -> "_Taken":
        return cls(
            id=row.id,
            kind=row.kind,
            sealed=row.sealed,
            is_settled=row.is_settled,
            attempts=row.attempts,
            created_at=row.created_at,
            expires_at=row.expires_at,
            last_reason=row.last_reason,
        )


class Postman:
    """Empties the outbox."""

    def __init__(
        self,
        *,
        database: Database,
        mailer: Callable[[], Mailer],
        messages: Callable[[], Messages],
        seals: Seals,
        rules: MailRules,
        events: EventSink,
        clock: Clock,
        resolvers: Mapping[str, Resolver] | None = None,
    ) -> None:
        """Args: `resolvers` decide on the mails of the kinds that they stand under."""
        self._database = database
        self._mailer = mailer
        self._messages = messages
        self._seals = seals
        self._rules = rules
        self._events = events
        self._clock = clock
        self._resolvers = resolvers or {}
        self._turn = asyncio.Lock()
        self._handed_over: dict[UUID, _Taken] = {}
        """Mails that the server has, and the database not yet: they must not be sent again when it is back."""
        self._is_stopping = False

    def stop(self) -> None:
        """Take no further mail; one that is being handed over is handed over."""
        self._is_stopping = True

    @property
    def lease_seconds(self) -> float:
        """How long a worker has a mail: longer than any attempt can take."""
        return 2 * self._rules.timeout_seconds + _LEASE_MARGIN_SECONDS

    async def deliver_due(self) -> int:
        """Send what is due, and return how many were sent; ends early where the server is away."""
        async with self._turn:
            await self._remove_handed_over()
            runners = (self._run() for _ in range(self._rules.connections))
            # All of them to their end: the turn is over, and the database may be closed, when nobody hands over a mail any more.
            ends = await asyncio.gather(*runners, return_exceptions=True)
        for end in ends:
            if isinstance(end, BaseException):
                raise end
        return sum(end for end in ends if not isinstance(end, BaseException))

    async def _run(self) -> int:
        sent = 0
        while not self._is_stopping:
            end = await self._deliver_one()
            sent += end is _End.SENT
            if end in {_End.AWAY, _End.NOTHING}:
                break
        return sent

    async def _deliver_one(self) -> _End:
        try:
            taken = await self._take()
        except TransactionConflictError:
            # PostgreSQL's way of saying that another worker took it at this moment; there may be more.
            return _End.FAILED
        if taken is None:
            return _End.NOTHING
        if not self._clock.now() < taken.expires_at:
            await self._give_up(taken, "expired")
            return _End.FAILED
        try:
            mail = await self._settle(taken)
            if mail is None:
                return _End.FAILED
            message = self._messages().make(mail, mail_id=taken.id, created_at=taken.created_at)
            await self._mailer().send(message)
        except MailDelayedError as error:
            await self._delay(taken, error.reason)
            return _End.AWAY if error.is_server_away else _End.FAILED
        except MailRefusedError as error:
            await self._give_up(taken, error.reason)
            return _End.FAILED
        except TamperedError:
            await self._delay(taken, "unreadable")
            return _End.FAILED
        except UnavailableError:
            raise  # the database itself: the lease ends by and by
        except Exception as error:  # noqa: BLE001 - a mail that cannot be made must not stop the others
            # The text of an error of a template may hold a value.
            _LOG.error("the mail %s of kind %s cannot be made: %s", taken.id, taken.kind, type(error).__name__)
            await self._delay(taken, "not_made")
            return _End.FAILED
        self._handed_over[taken.id] = taken
        await self._remove_handed_over()
        return _End.SENT

    async def _take(self) -> _Taken | None:
        """The mail that is due longest, if this worker is the one that gets it."""
        now = self._clock.now()
        lease_end = now + timedelta(seconds=self.lease_seconds)
        due = select(QueuedMail).where(QueuedMail.due_at <= now).order_by(QueuedMail.due_at).limit(1)

        async def look(db: AsyncSession) -> bool:
            return await db.scalar(due) is not None

        async def take(db: AsyncSession) -> _Taken | None:
            row = await db.scalar(due.with_for_update(skip_locked=True))
            if row is None:
                return None
            taken = replace(_Taken.of(row), attempts=row.attempts + 1)
            won = await db.execute(
                update(QueuedMail)
                .where(QueuedMail.id == row.id, QueuedMail.attempts == row.attempts, QueuedMail.due_at <= now)
                .values(attempts=taken.attempts, due_at=lease_end)
                .returning(QueuedMail.id)
                .execution_options(synchronize_session=False)
            )
            return taken if won.scalar() is not None else None

        # Looking first keeps SQLite's one writer out of it while nothing waits.
        if not await run_in_unit(self._database, look, is_read_only=True):
            return None
        return await run_in_unit(self._database, take, is_read_only=False)

    async def _settle(self, taken: _Taken) -> Mail | None:
        """The mail to send. A mail whose kind has a resolver is decided on once, and what was decided is kept."""
        mail = Mail.from_text(self._seals.open(SEAL_PURPOSE, str(taken.id), taken.sealed), kind=taken.kind)
        resolver = self._resolvers.get(taken.kind)
        if resolver is None or taken.is_settled:
            return mail

        async def settle(db: AsyncSession) -> Mail | None:
            # What it queues itself is written in the language of whoever asked, too.
            former = LANGUAGE.set(mail.language)
            try:
                decided = await resolver(db, mail)
            finally:
                LANGUAGE.reset(former)
            if decided is None:
                await db.execute(delete(QueuedMail).where(_mine(taken)).execution_options(synchronize_session=False))
                return None
            decided = replace(decided, language=decided.language or mail.language)
            sealed = self._seals.seal(SEAL_PURPOSE, str(taken.id), decided.to_text())
            changes: dict[str, object] = {"sealed": sealed, "is_settled": True}
            if decided.lives_for is not None:
                changes["expires_at"] = min(taken.expires_at, self._clock.now() + decided.lives_for)
            still_mine = await db.execute(_change(taken, changes).returning(QueuedMail.id))
            if still_mine.scalar() is None:
                raise MailDelayedError("lease_lost")  # undoes what the resolver did; who has the mail now does it again
            return decided

        return await run_in_unit(self._database, settle, is_read_only=False)

    async def _remove_handed_over(self) -> None:
        for taken in [*self._handed_over.values()]:
            await self._remove(taken)
            self._handed_over.pop(taken.id, None)

    async def _remove(self, taken: _Taken) -> None:
        async def remove(db: AsyncSession) -> None:
            await db.execute(delete(QueuedMail).where(_mine(taken)).execution_options(synchronize_session=False))

        await run_in_unit(self._database, remove, is_read_only=False)

    async def _delay(self, taken: _Taken, reason: str) -> None:
        pause = self._pause(taken.attempts)
        due_at = min(self._clock.now() + timedelta(seconds=pause), taken.expires_at)
        if taken.attempts == 1:
            _LOG.warning("the mail %s of kind %s waits: %s", taken.id, taken.kind, reason)
        await self._write(taken, {"due_at": due_at, "last_reason": reason[:64]})

    async def _give_up(self, taken: _Taken, reason: str) -> None:
        await self._write(taken, {"due_at": None, "sealed": "", "last_reason": reason[:64]})
        detail = {"mail": str(taken.id), "kind": taken.kind, "attempts": str(taken.attempts), "last": taken.last_reason}
        self._events.emit(
            SecurityEvent(name=EventName.MAIL_ABANDONED, at=self._clock.now(), reason=reason, detail=detail)
        )

    async def _write(self, taken: _Taken, changes: Mapping[str, object]) -> None:
        async def write(db: AsyncSession) -> None:
            await db.execute(_change(taken, changes))

        await run_in_unit(self._database, write, is_read_only=False)

    async def forget(self) -> None:
        """Remove what is left of mails that were given up a month ago."""
        before = self._clock.now() - _FORGOTTEN_AFTER

        async def forget(db: AsyncSession) -> None:
            old = delete(QueuedMail).where(QueuedMail.due_at.is_(None), QueuedMail.expires_at < before)
            await db.execute(old.execution_options(synchronize_session=False))

        await run_in_unit(self._database, forget, is_read_only=False)

    def _pause(self, attempts: int) -> float:
        rules = self._rules
        longest = min(rules.retry_seconds << min(attempts - 1, MAX_DOUBLINGS), rules.max_retry_seconds)
        # Between half of it and all of it, so that many mails that failed together do not come back together.
        return longest * (0.5 + secrets.randbelow(1_000) / 2_000)


def _mine(taken: _Taken) -> ColumnElement[bool]:
    """True for the row as long as no other worker has taken it since."""
    return and_(QueuedMail.id == taken.id, QueuedMail.attempts == taken.attempts)


def _change(taken: _Taken, changes: Mapping[str, object]) -> Update:
    return update(QueuedMail).where(_mine(taken)).values(**changes).execution_options(synchronize_session=False)
