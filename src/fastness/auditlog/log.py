"""The audit log of one process: takes events at once, writes them in groups, and says when an event is kept.

`add` never waits and never fails: the event is in the log already (`AuditSink` writes the line first), and is queued for the
table. One task writes everything that waits in one transaction. Whoever acknowledges something awaits `flush`, which returns
when the events are durable: in the table, or, while the table cannot take them, in the spool file, from which they move into
the chain later. Where neither takes them they stay queued and are tried again, `flush` raises `AuditUnavailableError`, and
`is_broken` says that nothing should be changed now. More events than fit into memory are counted, and the count becomes a row.

Not covered: a process that dies between an event and its flush. Nothing was acknowledged then, and the log has the line.

ASVS 5.0: V16.1.1, V16.4.2, V16.5.3 (fail secure), V16.5.4 (no error ends the process or loses an event).
"""

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Final

from fastness.auditlog.chain import Entry, Extension, Fault, entry_of
from fastness.auditlog.errors import AuditDamagedError, AuditUnavailableError
from fastness.auditlog.ledger import Ledger
from fastness.auditlog.rules import AuditRules
from fastness.auditlog.spool import Spool
from fastness.kernel.causes import cause
from fastness.kernel.clock import Clock
from fastness.kernel.events import EventName, EventSink, SecurityEvent
from fastness.kernel.values import dataclass

LOGGER_NAME: Final = "fastness.audit"
CHECKPOINT: Final = "audit checkpoint"
MAX_WAITING: Final = 10_000
MAX_AT_ONCE: Final = 500
PURGE_AT_ONCE: Final = 1000
RETRY_SECONDS: Final = 1.0
_SERIOUS: Final = ("authn_", "authz_change", "authz_admin", "privilege_", "session_", "user_", "crypt_", "audit_")
"""How names of events begin that belong to authentication or privilege."""
_DAY: Final = 86_400
_LOG: Final = logging.getLogger(LOGGER_NAME)


@dataclass(frozen=True, slots=True)
class Mark:
    """The events of one request or task that are not durable yet."""

    ticket: int
    """The newest one's place in the queue, counted from the start of the process."""
    is_serious: bool
    """One of them belongs to authentication or privilege: without it nothing may be acknowledged."""
    is_lost: bool = False
    """One of those found no room: it is in the log only."""


class AuditLog:
    """The chain's appender in this process."""

    def __init__(self, ledger: Ledger, spool: Spool, *, rules: AuditRules, clock: Clock) -> None:
        self.ledger = ledger
        self.spool = spool
        self.marks: dict[object, Mark] = {}
        """By request id and by task; empty nearly always, which is all that a request without events asks."""
        self.is_broken = False
        """The last events could be kept nowhere but in memory."""
        self._rules = rules
        self._clock = clock
        self._guard = threading.Lock()
        self._waiting: deque[tuple[int, Entry]] = deque()
        self._waiters: list[tuple[int, asyncio.Future[None]]] = []
        self._added = 0
        self._durable = 0
        self._lost = 0
        self._newest = 0
        self._may_be_spooled = False
        self._has_told_spool = False
        self._is_repeated = False
        self._last_checkpoint = float("-inf")
        self._end: Extension | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Open the table; raises `AuditUnavailableError`, so that nothing is served that would leave no trace."""
        if self._task is not None:
            return
        await self.ledger.open()
        self._loop = asyncio.get_running_loop()
        self._wake = asyncio.Event()
        # What was queued before a fork is queued in every worker.
        self._is_repeated = True
        # Of this process or of one that died.
        self._may_be_spooled = True
        self._wake.set()
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Write what waits, and let go."""
        task, self._task = self._task, None
        if task is None:
            return
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        self._is_repeated = True
        await self._write_waiting()
        if self._waiting:
            _LOG.error("%d events are in the log only: the audit log could not be written", len(self._waiting))
            self._settle(self._added, AuditUnavailableError("The audit log was closed before it could be written."))
        self._tell_end()
        self._loop = None
        await self.ledger.close()

    def add(self, event: SecurityEvent) -> None:
        """Queue an event for the table. From any thread."""
        entry = entry_of(event)
        with self._guard:
            is_serious = event.name.value.startswith(_SERIOUS)
            is_lost = len(self._waiting) >= MAX_WAITING
            if is_lost:
                self._lost += 1
                if not is_serious:
                    return
            else:
                self._added += 1
                self._waiting.append((self._added, entry))
            mark = Mark(self._added, is_serious, is_lost)
            for key in (event.request_id, cause()):
                if key:
                    former = self.marks.pop(key, None)
                    self.marks[key] = mark if former is None else _joined((former, mark))
        self._call()

    def mark_of(self, request_id: str) -> Mark | None:
        """What of the request's events, or of the running task's, is not durable yet."""
        marks = [mark for key in (request_id, cause()) if key and (mark := self.marks.get(key)) is not None]
        return _joined(marks) if marks else None

    def forget(self, request_id: str) -> None:
        """Take the request's and the running task's mark away: somebody was told that its events are not durable."""
        with self._guard:
            self.marks.pop(request_id, None)
            self.marks.pop(cause(), None)

    async def flush(self, mark: Mark | None = None) -> None:
        """Wait until the events are durable, those of the mark or all; raises `AuditUnavailableError` where they cannot be."""
        if mark is not None and mark.is_lost:
            raise AuditUnavailableError(
                "The audit log has more to write than it can hold, and this event found no room."
            )
        ticket = self._added if mark is None else mark.ticket
        if ticket <= self._durable:
            return
        if self._loop is None:
            raise AuditUnavailableError("The audit log is not open; await open() first.")
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append((ticket, waiter))
        self._wake.set()
        await waiter

    async def purge(self) -> int:
        """Remove what is older than the rules say; how many events."""
        if self._rules.keep_days is None or self._task is None:
            return 0
        before = self._clock.epoch() - self._rules.keep_days * _DAY
        total = 0
        while True:
            try:
                count = await self.ledger.purge(before, PURGE_AT_ONCE, self._purged)
            except AuditDamagedError as error:
                _LOG.error("%s `fastness auditlog verify` names them.", error.detail)
                return total
            total += count
            if count < PURGE_AT_ONCE:
                return total

    def _purged(self, number: int, link: bytes) -> Entry:
        detail = {"through": str(number), "link": link.hex()}
        return entry_of(SecurityEvent(name=EventName.AUDIT_PURGED, at=self._clock.now(), reason="age", detail=detail))

    def _call(self) -> None:
        loop = self._loop
        if loop is None or loop.is_closed():
            return
        if _running_loop() is loop:
            self._wake.set()
        else:
            loop.call_soon_threadsafe(self._wake.set)

    async def _run(self) -> None:
        while True:
            try:
                async with asyncio.timeout(RETRY_SECONDS if self.is_broken or self._may_be_spooled else None):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()
            asked = self._added
            try:
                away = await self._absorb() if self._may_be_spooled else None
                await self._write_waiting(asked, away)
            except Exception as error:  # noqa: BLE001 - of any kind: without this task every request would wait for ever
                _LOG.exception("the audit log could not be written")
                self.is_broken = self._is_repeated = True
                self._settle(self._added, AuditUnavailableError(f"The audit log failed: {type(error).__name__}"))

    async def _write_waiting(self, asked: int = 0, away: AuditUnavailableError | None = None) -> None:
        """Write what waits.

        Args:
            asked: the newest event when the table was asked.
            away: what it said then, if it is not to be asked again.
        """
        while self._waiting:
            batch = list(islice(self._waiting, MAX_AT_ONCE))
            entries = [entry for _, entry in batch]
            if away is None:
                asked = self._added
                away = await self._append(entries)
            if away is not None and not await self._spool_instead(entries, away):
                self._settle(asked, away)
                return
            with self._guard:
                for _ in batch:
                    self._waiting.popleft()
            self._durable = batch[-1][0]
            self.is_broken = False
            self._settle(self._durable, None)
            self._tell_lost()

    async def _append(self, entries: list[Entry]) -> AuditUnavailableError | None:
        try:
            self._note(await self.ledger.append(entries, is_repeated=self._is_repeated))
        except AuditUnavailableError as error:
            # The transaction may have been committed before the connection broke.
            self._is_repeated = True
            return error
        self._is_repeated = False
        return None

    async def _spool_instead(self, entries: list[Entry], error: AuditUnavailableError) -> bool:
        try:
            await asyncio.to_thread(self.spool.write, entries)
        except OSError as failure:
            if not self.is_broken:
                _LOG.error(
                    "the audit log takes no events, nothing is changed until it does: %s Nor does %s: %s",
                    error.detail,
                    self.spool.path,
                    failure.strerror,
                )
            self.is_broken = True
            return False
        if not self._may_be_spooled:
            _LOG.error("events wait in %s: %s", self.spool.path, error.detail)
        self._may_be_spooled = True
        return True

    async def _absorb(self) -> AuditUnavailableError | None:
        """Move what waits in the spool into the chain; what the table says where it is away."""
        if not await asyncio.to_thread(self.spool.has_lines):
            self._may_be_spooled = False
            return None
        try:
            # Asked before the spool is locked: others, who want to write into it, would wait as long as the table does.
            self._note(await self.ledger.append([], is_repeated=False))
            taken = await asyncio.to_thread(self.spool.take)
        except AuditUnavailableError as error:
            return error
        except OSError as error:
            if not self._has_told_spool:
                _LOG.error("%s cannot be read: %s", self.spool.path, error.strerror)
            self._has_told_spool = True
            return None
        try:
            for start in range(0, len(taken.entries), MAX_AT_ONCE):
                self._note(await self.ledger.append(taken.entries[start : start + MAX_AT_ONCE], is_repeated=True))
            taken.empty()
        except AuditUnavailableError as error:
            return error
        except OSError as error:
            if not self._has_told_spool:
                _LOG.error("%s cannot be emptied: %s", self.spool.path, error.strerror)
            self._has_told_spool = True
            return None
        finally:
            taken.close()
        self._may_be_spooled = self._has_told_spool = False
        if taken.unreadable:
            self._report("spool_forged", taken.unreadable)
        _LOG.warning("%d events moved from %s into the audit log", len(taken.entries), self.spool.path)
        return None

    def _tell_lost(self) -> None:
        with self._guard:
            lost, self._lost = self._lost, 0
        if lost:
            self._report("only_in_log", lost)

    def _report(self, reason: str, count: int) -> None:
        _LOG.error("audit log: %s, %d events", reason, count)
        self.add(
            SecurityEvent(name=EventName.AUDIT_FAIL, at=self._clock.now(), reason=reason, detail={"count": str(count)})
        )

    def _settle(self, ticket: int, error: AuditUnavailableError | None) -> None:
        due = [waiter for wanted, waiter in self._waiters if wanted <= ticket]
        self._waiters = [pair for pair in self._waiters if pair[0] > ticket]
        for waiter in due:
            if waiter.done():
                continue
            if error is None:
                waiter.set_result(None)
            else:
                waiter.set_exception(AuditUnavailableError(error.detail))
        if error is None:
            with self._guard:
                for key in [key for key, mark in self.marks.items() if mark.ticket <= ticket]:
                    del self.marks[key]

    def _note(self, extension: Extension) -> None:
        if extension.fault is not None:
            _LOG.error(
                "the audit log was tampered with (%s): `fastness auditlog verify` says where", extension.fault.value
            )
        if extension.head.number < self._newest:
            # The table was emptied or replaced, its head with it: only who wrote into it before can know.
            self._report("chain_restarted", self._newest)
        self._newest = extension.head.number
        self._end = extension
        now = self._clock.epoch()
        # A clock that was set back must not keep it from being written until the old time has come again.
        if not 0 <= now - self._last_checkpoint < self._rules.checkpoint_seconds:
            self._tell_end()

    def _tell_end(self) -> None:
        """A line in the log that a later look at the chain is held against."""
        end, self._end = self._end, None
        if end is not None:
            self._last_checkpoint = self._clock.epoch()
            head = end.head
            _LOG.info(CHECKPOINT, extra={"row": head.number, "link": head.link.hex(), "seal": head.seal.hex()})


class AuditSink:
    """Writes the line first, then queues the event: what the table cannot take is in the log."""

    __slots__ = ("audit", "lines")

    def __init__(self, lines: EventSink, audit: AuditLog) -> None:
        self.lines = lines
        self.audit = audit

    def emit(self, event: SecurityEvent) -> None:
        """Take one event."""
        self.lines.emit(event)
        self.audit.add(event)


def fault_teller(clock: Clock) -> Callable[[Fault], Entry]:
    """What makes the row that tells of a chain whose end was not right."""
    return lambda fault: entry_of(SecurityEvent(name=EventName.AUDIT_FAIL, at=clock.now(), reason=fault.value))


def _joined(marks: Iterable[Mark]) -> Mark:
    tickets, seriousness, losses = zip(*((mark.ticket, mark.is_serious, mark.is_lost) for mark in marks), strict=True)
    return Mark(max(tickets), any(seriousness), any(losses))


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
