"""Who is asking: one read of the store, and only where a cookie came with the request.

An id that the store does not know is never adopted (session fixation, CWE-384): the person gets none until something is
stored, and then a new one. The record carries a snapshot of the user; when the user's state, groups or permissions have
changed since it was made, the owner's epoch in the store says so in the same read, and the snapshot is made anew before any
rule looks at it. With the store away nobody is signed in: a public page is still served, everything else answers 503.
ASVS 5.0 V7.2.1, V7.2.4, V7.4.1, V7.4.2.
"""

from collections.abc import Awaitable
from typing import Final

from fastness.kernel.cookies import build_cookie, build_deletion, find_cookie
from fastness.kernel.errors import ConfigError
from fastness.kernel.events import EventName
from fastness.kernel.limits import SAFE_METHODS
from fastness.sessions.identity import Identity
from fastness.sessions.session import RejectReason, Session
from fastness.stores.store import StoreUnavailableError
from fastness.web.access import public
from fastness.web.contexts import compare_context, note_context
from fastness.web.exchange import SCOPE_KEY, SESSION, ASGIApp, Exchange, Receive, Scope, Send
from fastness.web.recording import RequestSink, record
from fastness.web.tokens import admit_token, bearer_token

_NOT_OURS: Final = frozenset({RejectReason.MALFORMED, RejectReason.UNKNOWN})
"""Ids that were planted or guessed, or that are older than what the store remembers."""
_UNDONE: Final = 400
"""From this status on the unit of work is rolled back."""
_FAILED: Final = 500


class SessionStage:
    """Reads the session of the request's cookie and saves it before the response starts."""

    __slots__ = ("app", "cookie_name")

    def __init__(self, app: ASGIApp, *, cookie_name: bytes) -> None:
        self.app = app
        self.cookie_name = cookie_name

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        exchange: Exchange = scope[SCOPE_KEY]
        headers = exchange.headers
        cookies = headers.get(b"cookie")
        if cookies is not None or b"authorization" in headers:
            return self._identify(scope, receive, send, cookies)
        exchange.stamps |= SESSION
        return self.app(scope, receive, send)

    async def _identify(self, scope: Scope, receive: Receive, send: Send, cookies: bytes | None) -> None:
        exchange: Exchange = scope[SCOPE_KEY]
        route = exchange.route
        bearer = bearer_token(exchange)
        if bearer is not None:
            # Who brings a token is who the token says, whatever cookie came along.
            await admit_token(exchange, bearer)
        elif cookies is not None and (route is None or route.read_session):
            value = find_cookie(cookies, self.cookie_name)
            if value is not None:
                await self._load(exchange, value)
        if b"authorization" in exchange.headers:
            # RFC 9111 §3.5: a shared cache may not keep what was answered to credentials.
            exchange.is_private = True
        exchange.stamps |= SESSION
        await self.app(scope, receive, send)

    async def _load(self, exchange: Exchange, value: str) -> None:
        site = exchange.site
        try:
            session = await site.sessions.load(value, events=RequestSink(exchange))
            if session.rejection in _NOT_OURS:
                record(exchange, EventName.SESSION_REJECTED, session.rejection)
            if session.identity_is_stale and session.identity is not None:
                await site.sessions.refresh_identity(session, await site.load_identity(session.identity))
            compare_context(exchange, session)
        except StoreUnavailableError:
            route = exchange.route
            if route is None or route.access is not public or exchange.method not in SAFE_METHODS:
                raise
            exchange.is_session_unavailable = True
            return
        attach_session(exchange, session)


def attach_session(exchange: Exchange, session: Session) -> None:
    """Make `session` the request's, to be saved before the response starts."""
    exchange.session = session
    if exchange.is_websocket:
        session.make_read_only()
    else:
        exchange.before_response(SessionSaver(exchange, session))


def require_session(exchange: Exchange) -> Session:
    """The request's session; an empty one, not yet in the store, where there was none."""
    exchange.is_private = True
    session = exchange.session
    if session is None:
        if exchange.is_session_unavailable:
            raise StoreUnavailableError("The session store is away, so the session can be neither read nor written.")
        route = exchange.route
        if route is not None and not route.read_session:
            # An empty session in the place of the visitor's own would be saved over it and sign them out.
            raise ConfigError(f"The route {route.name} says read_session=False, and its handler uses the session.")
        session = exchange.site.sessions.fresh(events=RequestSink(exchange))
        attach_session(exchange, session)
    return session


def is_new_proof(identity: Identity, former: Identity | None) -> bool:
    """Whether somebody has shown who they are in this request."""
    if former is identity:
        return False
    return former is None or former.id != identity.id or former.authenticated_at != identity.authenticated_at


class SessionSaver:
    """Writes what changed, and puts the cookie on the response.

    The transaction that a handler worked in is rolled back from status 400 on, so a sign-in that this very request made is not
    kept either: it may be that of a user whose row has just been undone. What takes something away is kept: a sign-out even
    where the handler fails after it, and values with every answer below 500, because that is where attempts are counted.
    """

    __slots__ = ("exchange", "former", "session")

    def __init__(self, exchange: Exchange, session: Session) -> None:
        self.exchange = exchange
        self.session = session
        self.former = session.identity
        """Who was signed in when the request came, by the snapshot that the rules were asked about."""

    async def __call__(self, status: int) -> None:
        identity = self.session.identity
        if status >= _UNDONE and identity is not None and identity != self.former:
            return
        if status >= _FAILED and not (identity is None and self.former is not None):
            return
        if self.exchange.is_concealed:
            # An answer about nothing says nothing about the cookie, either.
            return
        exchange = self.exchange
        site = exchange.site
        if identity is not None and is_new_proof(identity, self.former):
            note_context(exchange, self.session)
        saved = await site.sessions.save(self.session)
        if saved.cookie_value is not None:
            cookie = build_cookie(site.session_cookie, saved.cookie_value, max_age_seconds=saved.max_age_seconds)
            exchange.add_response_header(b"set-cookie", cookie)
        elif saved.delete_cookie:
            exchange.add_response_header(b"set-cookie", build_deletion(site.session_cookie))
