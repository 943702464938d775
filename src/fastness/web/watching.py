"""An open WebSocket ends with what let it in, and a handler that sends ends with the other side.

The gates decide once, before `accept()`, and a socket may stay open for days. So a socket of somebody who is signed in is asked
after every few seconds (`SessionRules.socket_check_seconds`): is the session still alive, is its user still active, does the rule
of the route still admit them? If not, it is closed with 1008 and its handler is cancelled, also one that waits for something
else than the socket. Until then at most that many seconds pass. With the store away nobody can answer, and it is closed with
1013, "try again later". What comes over a socket is not taken for use of the session: an idle session ends as it does elsewhere.
ASVS 5.0 V7.4.1, V7.4.2, V8.3.2, V16.5.3.
"""

import asyncio
import logging
from typing import Final

from starlette.websockets import WebSocketDisconnect

from fastness.kernel.cookies import find_cookie
from fastness.kernel.errors import UnavailableError
from fastness.kernel.events import EventName, SecurityEvent
from fastness.kernel.verdicts import Allow
from fastness.web.access import AccessFacts, decide_access
from fastness.web.exchange import SCOPE_KEY, ASGIApp, Exchange, Message, Receive, Scope, Send
from fastness.web.lookahead import LookAhead
from fastness.web.recording import record, request_id
from fastness.web.refusals import TokenRefusedError
from fastness.web.tokens import admit_token, bearer_token

_LOG: Final = logging.getLogger("fastness.sockets")
_POLICY_VIOLATION: Final = 1008
_TRY_AGAIN_LATER: Final = 1013


class Silence:
    """Takes events that mean nothing here: that a session has ended is why the socket is closed, not an attack."""

    def emit(self, event: SecurityEvent) -> None:
        """Drop the event."""


class Watch:
    """One socket under watch."""

    __slots__ = ("_code", "_exchange", "_handler", "_receive", "_send", "is_over")

    def __init__(self, exchange: Exchange, receive: Receive, send: Send, handler: "asyncio.Task[object]") -> None:
        self._exchange = exchange
        self._receive = receive
        self._send = send
        self._handler = handler
        self.is_over = False
        self._code = _POLICY_VIOLATION

    async def run(self) -> None:
        """Ask again and again; end the socket at the first no."""
        try:
            while True:
                await asyncio.sleep(self._exchange.site.sessions.socket_check_seconds)
                code = await self._ask()
                if code:
                    break
        except Exception:  # noqa: BLE001 - any of them
            # An error of ours must not leave a door open that nobody looks after.
            _LOG.exception("a socket could not be watched", extra={"request_id": request_id(self._exchange)})
            code = _POLICY_VIOLATION
        self.is_over = True
        self._code = code
        # First: a server may hold back what is sent while the handler waits for the next message.
        self._handler.cancel()

    async def close(self) -> None:
        """Tell the other end, once the handler is gone."""
        if self.is_over and not self._exchange.has_ended:
            await self._send({"type": "websocket.close", "code": self._code})

    async def receive(self) -> Message:
        """The next message; a disconnect once the socket is over."""
        if self.is_over:
            return {"type": "websocket.disconnect", "code": _POLICY_VIOLATION}
        return await self._receive()

    async def send(self, message: Message) -> None:
        """Send, unless the socket is over."""
        if self.is_over:
            raise WebSocketDisconnect(_POLICY_VIOLATION)
        await self._send(message)

    async def _ask(self) -> int:
        """0, or the code to close with."""
        exchange = self._exchange
        try:
            reason = await refusal(exchange)
        except UnavailableError:
            _LOG.warning("a socket was closed: the store is away", extra={"request_id": request_id(exchange)})
            return _TRY_AGAIN_LATER
        if reason is None:
            return 0
        _LOG.info("a socket was closed: %s", reason, extra={"request_id": request_id(exchange)})
        return _POLICY_VIOLATION


async def refusal(exchange: Exchange) -> str | None:
    """Why the person of this socket may not go on; brings `exchange.session` up to date where they may."""
    site = exchange.site
    if exchange.token_id:
        return await token_refusal(exchange)
    former = None if exchange.session is None else exchange.session.identity
    cookie = find_cookie(exchange.headers.get(b"cookie", b""), site.session_cookie.name.encode())
    session = await site.sessions.load(cookie, events=Silence())
    if session.identity is not None and session.identity_is_stale:
        await site.sessions.refresh_identity(session, await site.load_identity(session.identity))
    identity = session.identity
    if former is None or identity is None or identity.id != former.id:
        return "session_over"
    session.make_read_only()
    exchange.session = session
    route = exchange.route
    facts = AccessFacts(identity=identity, client_ip=exchange.client_ip, now=site.clock.epoch())
    if route is None:
        return "no_route"
    verdict = decide_access(route.access, facts)
    if isinstance(verdict, Allow):
        return None
    record(exchange, EventName.AUTHZ_FAIL, verdict.reason)
    return verdict.reason


async def token_refusal(exchange: Exchange) -> str | None:
    """Why the token of this socket may not go on."""
    try:
        await admit_token(exchange, bearer_token(exchange) or "")
    except TokenRefusedError as error:
        return error.reason
    session, route = exchange.session, exchange.route
    if session is None or route is None:
        return "no_route"
    facts = AccessFacts(identity=session.identity, client_ip=exchange.client_ip, now=exchange.site.clock.epoch())
    verdict = decide_access(route.access, facts)
    return None if isinstance(verdict, Allow) else verdict.reason


def watched(app: ASGIApp) -> ASGIApp:
    """An app whose sockets end when their session does."""

    async def under_watch(scope: Scope, receive: Receive, send: Send) -> None:
        exchange: Exchange = scope[SCOPE_KEY]
        if not exchange.is_websocket:
            await app(scope, receive, send)
            return
        ahead = LookAhead(receive, send)
        try:
            await while_allowed(exchange, scope, ahead.receive, ahead.send)
        finally:
            ahead.close()

    async def while_allowed(exchange: Exchange, scope: Scope, receive: Receive, send: Send) -> None:
        session = exchange.session
        task = asyncio.current_task()
        if session is None or session.identity is None or task is None:
            await app(scope, receive, send)
            return
        watch = Watch(exchange, receive, send, task)
        watcher = asyncio.create_task(watch.run())
        try:
            await app(scope, watch.receive, watch.send)
        except asyncio.CancelledError:
            # A server that goes down at the same moment cancels too, and that cancellation goes on.
            if not watch.is_over or task.uncancel() > 0:
                raise
        except WebSocketDisconnect:
            if not watch.is_over:
                raise
        finally:
            watcher.cancel()
        await watch.close()

    return under_watch
