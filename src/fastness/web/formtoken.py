"""Form bodies carry this session's token.

The cross-site stage already refuses what another site's page sends, on the browser's word. The token is the second wall, for
the day when that word is missing or wrong: an old browser, a proxy that strips headers, a page of ours that was injected into.
It is asked for where a request that crosses sites without a preflight could act for a signed-in person: urlencoded, multipart
and text/plain bodies, those of pings and policy reports, and bodies without a type, of a request that has a session. It comes
in `X-CSRF-Token` (or Django's `X-CSRFToken`) or as the first field; only that field is read here, at most `peek_bytes`, and
the bytes are replayed, so that no file is spooled for a request that is refused.

A form that was rendered before its person signed in elsewhere is not lost: the answer is a page that holds what was typed and
asks to send it again. Nobody else's page can make a browser show that page with their values, because the cross-site stage
stands before it. ASVS 5.0 V3.5.1.
"""

import re
from collections.abc import Awaitable
from typing import Final

from starlette.requests import ClientDisconnect

from fastness.kernel.csrf import FIELD_NAME, HEADER_NAMES, check_token, make_token
from fastness.kernel.limits import SAFE_METHODS
from fastness.kernel.verdicts import Allow
from fastness.web.bodies import URLENCODED, own_fields
from fastness.web.exchange import FORM_TOKEN, SCOPE_KEY, ASGIApp, Exchange, Message, Receive, Scope, Send
from fastness.web.refusals import FormTokenError

ANONYMOUS: Final = bytes(32)
"""What a token is bound to on a page for somebody without a session. No session's hash is this."""

_FORM_TYPES: Final = (
    URLENCODED,
    b"multipart/form-data",
    b"text/plain",
    # What `<a ping>` and `report-uri` of any page send, without a preflight too (HTML §4.6.5, CSP3 §5.5).
    b"text/ping",
    b"application/csp-report",
)
_FIELD: Final = FIELD_NAME.encode()
_FIELD_START: Final = _FIELD + b"="
_FIRST_PART: Final = re.compile(
    rb'\A--[^\r\n]{1,200}\r\nContent-Disposition: form-data; name="'
    + _FIELD
    + rb'"\r\n\r\n([A-Za-z0-9_=-]{1,200})\r\n',
    re.IGNORECASE,
)


class FormTokenStage:
    """Asks form bodies for their token."""

    __slots__ = ("app", "peek_bytes")

    def __init__(self, app: ASGIApp, *, peek_bytes: int) -> None:
        self.app = app
        self.peek_bytes = peek_bytes

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        exchange: Exchange = scope[SCOPE_KEY]
        if exchange.method not in SAFE_METHODS and is_token_needed(exchange):
            return self._pass_checked(scope, receive, send)
        exchange.stamps |= FORM_TOKEN
        return self.app(scope, receive, send)

    async def _pass_checked(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange: Exchange = scope[SCOPE_KEY]
        receive = await self._check(exchange, receive)
        exchange.stamps |= FORM_TOKEN
        await self.app(scope, receive, send)

    async def _check(self, exchange: Exchange, receive: Receive) -> Receive:
        session = exchange.session
        # A session that has just gained a privilege gets a new id with this response; its forms have the one from before.
        id_hash = session.received_id_hash if session is not None and session.has_id else ANONYMOUS
        keyring = exchange.site.keyring
        headers = exchange.headers
        for name in HEADER_NAMES:
            if name in headers:
                verdict = check_token(keyring, id_hash, headers[name].decode("latin-1"))
                if not isinstance(verdict, Allow):
                    raise FormTokenError(verdict.reason)
                return receive
        peeked = PeekedBody(receive)
        token = await peeked.find_token(headers.get(b"content-type", b""), self.peek_bytes)
        verdict = check_token(keyring, id_hash, token)
        if isinstance(verdict, Allow):
            return peeked
        fields = await own_fields(exchange, peeked)
        if fields is not None:
            raise StaleFormError(verdict.reason, fields=fields)
        raise FormTokenError(
            verdict.reason,
            f"Put {{{{ csrf_field() }}}} first in the form, or send the token in X-CSRF-Token. Reason: {verdict.reason}.",
        )


class StaleFormError(FormTokenError):
    """A form of this site whose token is not (or no longer) this session's; the answer keeps its fields."""

    code = "stale_form"

    def __init__(self, reason: str, *, fields: list[tuple[str, str]]) -> None:
        super().__init__(reason)
        self.fields = fields


def is_token_needed(exchange: Exchange) -> bool:
    """Whether this unsafe request must show a token."""
    if exchange.token_id:
        # Nothing that a browser adds by itself lets this request in.
        return False
    if exchange.needs_form_token:
        return True
    route = exchange.route
    if route is None:
        return True
    if route.insecure_skip_csrf is not None or route.insecure_cross_site is not None or exchange.is_trusted_cross_site:
        return False
    if exchange.is_websocket:
        return False
    if route.csrf == "always":
        return True
    session = exchange.session
    if session is None or not session.has_id:
        return False
    content_type = exchange.headers.get(b"content-type", b"").lstrip().lower()
    return not content_type or content_type.startswith(_FORM_TYPES)


def token_for(exchange: Exchange) -> str:
    """A token for the forms of this response, masked anew for each call (BREACH)."""
    exchange.is_private = True
    session = exchange.session
    if session is None or not (session.has_id or session.is_changed):
        return make_token(exchange.site.keyring, ANONYMOUS)
    # A session that this very response creates needs its id now: the form comes back with it.
    id_hash = session.require_id()
    return make_token(exchange.site.keyring, id_hash)


class PeekedBody:
    """A `receive` that was read ahead a little, and gives those bytes again."""

    __slots__ = ("body", "has_more", "is_replayed", "receive")

    def __init__(self, receive: Receive) -> None:
        self.receive = receive
        self.body = b""
        self.has_more = True
        self.is_replayed = False

    async def __call__(self) -> Message:
        if not self.is_replayed:
            self.is_replayed = True
            return {"type": "http.request", "body": self.body, "more_body": self.has_more}
        return await self.receive()

    async def find_token(self, content_type: bytes, limit: int) -> str | None:
        """The first field's value if it is the token; reads until that is known, or `limit` bytes are in."""
        is_multipart = content_type.lstrip()[:10].lower() == b"multipart/"
        while self.has_more and len(self.body) < limit:
            message = await self.receive()
            if message["type"] != "http.request":
                # What came so far must not pass for a whole body: half a form means something else.
                raise ClientDisconnect
            self.body += message.get("body", b"")
            self.has_more = message.get("more_body", False)
            token = first_part(self.body) if is_multipart else first_pair(self.body, is_complete=not self.has_more)
            if token is not None:
                return token.decode("ascii", "replace")
        return None


def first_pair(body: bytes, *, is_complete: bool) -> bytes | None:
    """The token of a urlencoded or text/plain body that starts with it."""
    if not body.startswith(_FIELD_START):
        return None
    end = body.find(b"&", len(_FIELD_START))
    line_end = body.find(b"\r\n", len(_FIELD_START))
    if line_end != -1 and (end == -1 or line_end < end):
        end = line_end
    if end == -1:
        return body[len(_FIELD_START) :] if is_complete else None
    return body[len(_FIELD_START) : end]


def first_part(body: bytes) -> bytes | None:
    """The token of a multipart body whose first part is the token field."""
    match = _FIRST_PART.match(body)
    return None if match is None else match.group(1)
