"""Bodies are counted and timed as they arrive.

Content-Length only allows an early no: what is believed is what came (CVE-2026-33034). The limit is read from the exchange at
each chunk, so that a route found later can raise or lower it. Pieces are counted as well as bytes: a body sent byte by byte
costs its sender little, and the server a turn of the event loop for each. A body that dawdles is cut off: everybody gets some
seconds, and what has arrived earns more at the slowest accepted rate. One timer looks after all bodies that are under way,
because a timer for each costs more than reading a short form.

The gates have decided when the headers came, and a body may take hours after them. Somebody whose session is about to be ended
could hold back the last byte of any request, and send it then. So a body that did not come at once is taken only if the session
still holds.

A body that nobody reads, because the request was refused before, is read and dropped before the answer. A server that closes the
connection while somebody still sends takes their answer away (RFC 9112 §9.6): a browser shows a broken connection instead of the
page that says what is wrong with the upload. HTTP/2 has a word for it (RFC 9113 §8.1), which clients take for an error, too.
What does not come in time ends the connection, and the answer says so. Servers that cannot find the next request do the same, but
not always with a word: then the request of somebody else, which a proxy sends behind this one, is lost. ASVS 5.0 V4.2.1, V7.4.1,
V15.2.2.
"""

import asyncio
import contextlib
from typing import Final

from fastness.kernel.limits import LimitReason, LimitRules, decide_content_length
from fastness.kernel.verdicts import Deny
from fastness.web.exchange import Exchange, Message, Receive
from fastness.web.refusals import BodyTimeoutError, BodyTooLargeError, MalformedRequestError, SignInRequiredError

SOON_SECONDS: Final = 1.0
"""A body that has come within this time came with its headers."""
PIECE_BYTES: Final = 512
"""What the pieces of a body have at least on the whole; a network that cuts smaller is hard to find (RFC 9293 §3.7.1)."""
FREE_PIECES: Final = 1000
"""So many may be smaller. Each takes a turn of the event loop, whatever is in it."""
DROPPED_TIMES: Final = 10
"""How many times the limit is read of a body that nobody wants, so that whoever sends it hears why."""
SILENCE_SECONDS: Final = 1.0
"""How long whoever sends such a body may pause."""


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

    __slots__ = ("deadline", "exchange", "is_done", "pieces", "receive", "rules", "watch")

    def __init__(self, receive: Receive, exchange: Exchange, rules: LimitRules, watch: Watch) -> None:
        self.receive = receive
        self.exchange = exchange
        self.rules = rules
        self.watch = watch
        self.deadline = 0.0
        self.is_done = False
        self.pieces = 0

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
            raise BodyTimeoutError("body_timeout") from None
        finally:
            watch.leave(task)
        if message["type"] == "http.request":
            self.count(message)
            if exchange.received_body_bytes > exchange.max_body_bytes:
                raise BodyTooLargeError("body_too_large")
            if self.is_crumbled():
                raise BodyTooLargeError("body_in_crumbs", "The body comes in pieces of a few bytes. Send larger ones.")
            if not message.get("more_body", False):
                self.is_done = True
                exchange.drop_unread = None
                if loop.time() - self.deadline + self.rules.body_timeout_seconds > SOON_SECONDS:
                    await require_living_session(exchange)
        return message

    def count(self, message: Message) -> None:
        """Another piece has come."""
        self.pieces += 1
        self.exchange.received_body_bytes += len(message.get("body", b""))

    def is_crumbled(self) -> bool:
        """Whether it comes in so many pieces that receiving them costs more than what they bring."""
        return self.pieces > FREE_PIECES + self.exchange.received_body_bytes // PIECE_BYTES

    async def drop_rest(self) -> None:
        """Read what still comes, for as long as the body would have had, and keep nothing of it."""
        exchange, loop = self.exchange, asyncio.get_running_loop()
        if b"expect" in exchange.headers and not self.pieces:
            return  # they send nothing before they hear that they may
        end = self.deadline or loop.time() + self.rules.body_timeout_seconds
        most_bytes = DROPPED_TIMES * exchange.max_body_bytes
        with contextlib.suppress(TimeoutError):
            while exchange.received_body_bytes < most_bytes and not self.is_crumbled():
                async with asyncio.timeout_at(min(end, loop.time() + SILENCE_SECONDS)):
                    message = await self.receive()
                if message["type"] != "http.request":
                    return
                if not message.get("more_body", False):
                    exchange.drop_unread = None
                    return
                self.count(message)


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
        raise BodyTooLargeError("parsed_body_too_large")


def refuse_declared_length(exchange: Exchange) -> None:
    """An early no for an honest client that announces too much; the count does the rest."""
    declared = exchange.headers.get(b"content-length")
    if declared is None:
        return
    length = decide_content_length(declared, max_body_bytes=exchange.max_body_bytes)
    if isinstance(length, Deny):
        if length.reason is LimitReason.BODY_TOO_LARGE:
            raise BodyTooLargeError("declared_body_too_large")
        raise MalformedRequestError(length.reason)
