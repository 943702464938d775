"""Bodies are counted and timed as they arrive.

Content-Length only allows an early no: what is believed is what came (CVE-2026-33034). The limit is read from the exchange at
each chunk, so that a route found later can raise or lower it. A body that dawdles is cut off: everybody gets some seconds, and
what has arrived earns more at the slowest accepted rate. One timer looks after all bodies that are under way, because a timer
for each costs more than reading a short form.

The gates have decided when the headers came, and a body may take hours after them. Somebody whose session is about to be ended
could hold back the last byte of any request, and send it then. So a body that did not come at once is taken only if the session
still holds. ASVS 5.0 V4.2.1, V7.4.1, V15.2.2.
"""

import asyncio
from typing import Final

from fastness.kernel.limits import LimitReason, LimitRules, decide_content_length
from fastness.kernel.verdicts import Deny
from fastness.web.exchange import Exchange, Message, Receive
from fastness.web.refusals import BodyTimeoutError, BodyTooLargeError, MalformedRequestError, SignInRequiredError

SOON_SECONDS: Final = 1.0
"""A body that has come within this time came with its headers."""


class Watch:
    """Cancels the tasks that wait for an overdue body; they find themselves in `overdue`."""

    __slots__ = ("_handle", "_tick_seconds", "_waiting", "overdue")

    def __init__(self, *, tick_seconds: float) -> None:
        self._tick_seconds = tick_seconds
        self._waiting: dict[asyncio.Task[object], float] = {}
        self._handle: asyncio.TimerHandle | None = None
        self.overdue: set[asyncio.Task[object]] = set()

    def enter(self, task: asyncio.Task[object], deadline: float, loop: asyncio.AbstractEventLoop) -> None:
        """Look after a task until `leave`; the deadline is in the loop's time."""
        self._waiting[task] = deadline
        if self._handle is None:
            self._handle = loop.call_later(self._tick_seconds, self._look, loop)

    def leave(self, task: asyncio.Task[object]) -> None:
        """Its chunk has come, or it was cancelled."""
        del self._waiting[task]
        self.overdue.discard(task)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        for task, deadline in self._waiting.items():
            if deadline <= now and task not in self.overdue:
                self.overdue.add(task)
                task.cancel()
        self._handle = loop.call_later(self._tick_seconds, self._look, loop) if self._waiting else None


class CountedBody:
    """A `receive` that counts and times what arrives, and stops at the limit that holds at that moment."""

    __slots__ = ("deadline", "exchange", "is_done", "receive", "rules", "watch")

    def __init__(self, receive: Receive, exchange: Exchange, rules: LimitRules, watch: Watch) -> None:
        self.receive = receive
        self.exchange = exchange
        self.rules = rules
        self.watch = watch
        self.deadline = 0.0
        self.is_done = False

    async def __call__(self) -> Message:
        if self.is_done:
            # After the body only a disconnect is left, and waiting for that has no limit.
            return await self.receive()
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("A body is received outside of any task.")
        exchange, watch, loop = self.exchange, self.watch, task.get_loop()
        if not self.deadline:
            self.deadline = loop.time() + self.rules.body_timeout_seconds
            refuse_declared_length(exchange)
        earned_seconds = exchange.received_body_bytes / self.rules.min_body_bytes_per_second
        watch.enter(task, self.deadline + earned_seconds, loop)
        try:
            message = await self.receive()
        except asyncio.CancelledError:
            # A visitor who hangs up at the same moment cancels too, and that cancellation goes on.
            if task not in watch.overdue or task.uncancel() > 0:
                raise
            raise BodyTimeoutError("body_timeout", headers={"connection": "close"}) from None
        finally:
            watch.leave(task)
        if message["type"] == "http.request":
            exchange.received_body_bytes += len(message.get("body", b""))
            if exchange.received_body_bytes > exchange.max_body_bytes:
                raise BodyTooLargeError("body_too_large", headers={"connection": "close"})
            if not message.get("more_body", False):
                self.is_done = True
                if loop.time() - self.deadline + self.rules.body_timeout_seconds > SOON_SECONDS:
                    await require_living_session(exchange)
        return message


async def require_living_session(exchange: Exchange) -> None:
    """Refuse a request whose session was ended, or whose person was changed, after the gates had let it in."""
    session = exchange.session
    if session is not None and not await exchange.site.sessions.holds(session):
        raise SignInRequiredError("session_over", "The session or its person changed while the body was on its way.")


def hold_to_parsed_size(exchange: Exchange) -> None:
    """From here on the body may have no more bytes than a document that becomes objects in memory at once."""
    route = exchange.route
    if route is None or route.max_body_bytes is None:
        exchange.max_body_bytes = min(exchange.max_body_bytes, exchange.site.limits.max_parsed_bytes)
    if exchange.received_body_bytes > exchange.max_body_bytes:
        raise BodyTooLargeError("parsed_body_too_large", headers={"connection": "close"})


def refuse_declared_length(exchange: Exchange) -> None:
    """An early no for an honest client that announces too much; the count does the rest."""
    declared = exchange.headers.get(b"content-length")
    if declared is None:
        return
    length = decide_content_length(declared, max_body_bytes=exchange.max_body_bytes)
    if isinstance(length, Deny):
        if length.reason is LimitReason.BODY_TOO_LARGE:
            raise BodyTooLargeError("declared_body_too_large", headers={"connection": "close"})
        raise MalformedRequestError(length.reason)
