"""The outermost stage: every response that leaves carries the security headers, whoever made it.

A handler, a mounted app, an error page and a refusal of the first gate all pass here. Names in `OWNED` are ours: what an app
sets under them is dropped, because one forgotten `X-Frame-Options: ALLOWALL` in a mounted app would undo the site's policy; a
route that needs other framing says `framing=…` and gets a profile of its own. A name or value that holds CR, LF or NUL ends
the response instead of splitting it (CWE-113). A response for which session or user was read, or that sets a cookie, is never
stored (RFC 9111 §5.2.2.5; ASVS 5.0 V14.3.2), whatever the handler said about caching it publicly.

Also here: the finishers (commit, session save) run before the first byte, so that a failed commit becomes an error page and
not a success that was never true; what could still refuse the response is looked at before them. Serves ASVS 5.0 V3.4.1 to
V3.4.6, V3.4.8 and V14.3.2.
"""

from collections.abc import Iterable
from typing import Final, TypeAlias

from fastness.kernel.csp import API_CSP, CompiledCSP
from fastness.kernel.errors import FastnessError
from fastness.kernel.texts import Text
from fastness.web.auditing import settle_events
from fastness.web.exchange import SCOPE_KEY, ASGIApp, Exchange, Message, Receive, Scope, Send, is_http1, root_address_of
from fastness.web.site import Site

HeaderList: TypeAlias = tuple[tuple[bytes, bytes], ...]

OWNED: Final = frozenset(
    {
        b"content-security-policy",
        b"content-security-policy-report-only",
        b"cross-origin-opener-policy",
        b"cross-origin-resource-policy",
        b"permissions-policy",
        b"referrer-policy",
        b"server",
        b"strict-transport-security",
        b"x-content-type-options",
        b"x-frame-options",
        b"x-powered-by",
        b"x-xss-protection",
    }
)
_DOCUMENT_ONLY: Final = frozenset({b"permissions-policy", b"x-xss-protection"})
_NOT_MODIFIED: Final = 304
_STARTS: Final = frozenset({"http.response.start", "websocket.http.response.start"})
_PLAIN_NAMES: Final = frozenset(
    {b"content-disposition", b"content-encoding", b"content-length", b"etag", b"last-modified", b"location", b"vary"}
)
"""Names that need no look at their letters."""
_CR: Final = 0x0D
_LF: Final = 0x0A
_NUL: Final = 0x00
_CSP: Final = b"content-security-policy"
_REPORTS: Final = b"; report-uri /"
_CACHE_CONTROL: Final = b"cache-control"
_NO_STORE: Final = (_CACHE_CONTROL, b"no-store")
_KEPT_PRIVATE: Final = frozenset({b"no-store", b"private"})
_API_CSP_HEADER: Final = (_CSP, API_CSP)
_DOCUMENT_TYPES: Final = (b"text/html", b"application/xhtml+xml", b"image/svg+xml", b"text/xml", b"application/xml")


class SplitHeaderError(FastnessError):
    """An app tried to send a header that holds a line break."""

    code = "split_header"
    status = 500
    public: str = Text("Something went wrong here.")


class HeaderProfile:
    """The precomputed headers of a route: for documents and for data, over plain HTTP and with HSTS; and the page's policy."""

    __slots__ = ("csp", "for_data", "for_documents")

    def __init__(self, *, plain: HeaderList, with_hsts: HeaderList, csp: CompiledCSP) -> None:
        self.for_documents = (plain, with_hsts)
        self.for_data = (without_document_headers(plain), without_document_headers(with_hsts))
        self.csp = csp


def without_document_headers(headers: HeaderList) -> HeaderList:
    """What is left for data: browser features and the old script filter are matters of documents."""
    return tuple(pair for pair in headers if pair[0] not in _DOCUMENT_ONLY)


class HeadersStage:
    """Opens the exchange, and finishes its response."""

    __slots__ = ("app", "profile", "site")

    def __init__(self, app: ASGIApp, *, site: Site, profile: HeaderProfile) -> None:
        self.app = app
        self.site = site
        self.profile = profile

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = scope[SCOPE_KEY] = Exchange(self.site, self.profile)
        audit = self.site.audit
        root = scope.get("root_path")
        if root:
            exchange.root_path = root_address_of(root)
        held: Message | None = None

        async def secured(message: Message) -> None:
            nonlocal held
            kind = message["type"]
            if kind in _STARTS:
                status = exchange.status = message["status"]
                own = message.get("headers", ())
                if type(own) is not list:
                    own = list(own)
                finishers = exchange.finishers
                if finishers is not None:
                    refuse_split(own)
                    exchange.finishers = None
                    for finish in finishers:
                        await finish(status)
                if audit is not None and audit.marks:
                    await settle_events(exchange, audit)
                message["headers"] = secured_headers(exchange, own)
                if exchange.drop_unread is not None:
                    # What follows tells whether anybody will still read the body.
                    held = message
                    return
                exchange.has_started = True
            elif held is not None:
                start, held = held, None
                await settle_body(scope, start, is_whole=is_whole(start, message))
                exchange.has_started = True
                await send(start)
            elif exchange.is_websocket:
                await note_socket(exchange, message)
            await send(message)

        try:
            await self.app(scope, receive, secured)
        finally:
            # Session and body know their exchange: left as a circle, every request would wait for the collector.
            exchange.session = None
            exchange.drop_unread = None


async def note_socket(exchange: Exchange, message: Message) -> None:
    """What a message to a WebSocket means for the exchange."""
    if message["type"] == "websocket.accept":
        refuse_split(message.get("headers") or ())
        audit = exchange.site.audit
        if audit is not None and audit.marks:
            await settle_events(exchange, audit)
        exchange.has_started = True
    elif message["type"] == "websocket.close":
        exchange.has_ended = True


async def settle_body(scope: Scope, start: Message, *, is_whole: bool) -> None:
    """Before an answer to a body of which nobody has read the end: read it after all, or end what is a connection for it alone.

    An answer that is streamed may be made from the body. One that is whole is not: the rest goes nowhere.
    """
    exchange: Exchange = scope[SCOPE_KEY]
    if exchange.drop_unread is not None and is_whole:
        await exchange.drop_unread()
    if exchange.drop_unread is not None and is_http1(scope):
        start["headers"].append((b"connection", b"close"))


def is_whole(start: Message, message: Message) -> bool:
    """Whether an answer's first piece is all of it: by its word, or by the length that its headers tell.

    Starlette's `BaseHTTPMiddleware` streams whatever answer comes through it.
    """
    if not message.get("more_body", False):
        return True
    return (b"content-length", b"%d" % len(message.get("body", b""))) in start["headers"]


def policy_of(exchange: Exchange) -> bytes:
    """The page's policy, with its nonce and the address for reports."""
    policy = exchange.profile.csp.header(exchange.nonce)
    if exchange.root_path:
        return policy.replace(_REPORTS, _REPORTS[:-1] + exchange.address("/").encode("ascii"))
    return policy


def refuse_split(headers: Iterable[tuple[bytes, bytes]]) -> None:
    """Raise for a name or value that would end its line."""
    for name, value in headers:
        line = name + value
        # Numbers, not bytes: a search for one byte goes straight to memchr.
        if _LF in line or _CR in line or _NUL in line:
            raise SplitHeaderError(f"The response header {name!r} holds a line break or NUL. Encode the value.")


def secured_headers(exchange: Exchange, own: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """The headers of a response: the app's own but for `OWNED`, then ours."""
    profile = exchange.profile
    headers: list[tuple[bytes, bytes]] = []
    added = exchange.response_headers
    if added is not None:
        headers += added
    is_private = exchange.is_private or added is not None
    is_document = False
    cache_control = b""
    for pair in own:
        name, value = pair
        if _LF in value or _CR in value or _NUL in value:
            refuse_split((pair,))
        if name == b"content-type":
            is_document = value.startswith(_DOCUMENT_TYPES)
        elif name == _CACHE_CONTROL:
            cache_control = value
            continue
        elif name not in _PLAIN_NAMES:
            refuse_split((pair,))
            if name != name.lower():
                # ASGI asks for lower case; an app that ignores it must not slip a header past these comparisons.
                return secured_headers(exchange, [(name.lower(), value) for name, value in own])
            if name in OWNED:
                continue
            is_private = is_private or name == b"set-cookie"
        headers.append(pair)
    # The first directive, whole: `private="a-field"` lets a shared cache keep all the rest (RFC 9111 §5.2.2.7).
    if is_private and cache_control.partition(b",")[0].strip().lower() not in _KEPT_PRIVATE:
        headers.append(_NO_STORE)
    elif cache_control:
        headers.append((_CACHE_CONTROL, cache_control))
    headers += (profile.for_documents if is_document else profile.for_data)[exchange.has_hsts]
    # What is not modified keeps the policy that it was stored with (RFC 9111 §3.2): its nonce is the one in the page.
    if exchange.status != _NOT_MODIFIED:
        headers.append((_CSP, policy_of(exchange)) if is_document else _API_CSP_HEADER)
    return headers
