"""The first gate: requests that no browser sends, and bodies that never end.

One pass over the headers leaves them as a dict in the exchange, one value each, for all stages below. What could be read in
two ways is refused here, because two readers that disagree are how requests are smuggled past a check: a repeated Host, both
Content-Length and Transfer-Encoding (RFC 9112 §6.1), a name with `_` that becomes its `-` twin in a CGI-shaped environment
(CVE-2026-3902), a control character in a value.

The body is counted and timed as it is received (`web/receiving.py`). Serves ASVS 5.0 V4.2.1 and V4.2.4.
"""

from collections.abc import Awaitable
from typing import Final

from fastness.kernel.limits import LimitRules, decide_method
from fastness.kernel.verdicts import Deny
from fastness.web.exchange import LIMITS, SCOPE_KEY, ASGIApp, Exchange, Receive, Scope, Send, is_http1
from fastness.web.receiving import CountedBody, Watch
from fastness.web.refusals import (
    HeadersTooLargeError,
    MalformedRequestError,
    MethodRefusedError,
)

_VALUE_BYTES: Final = bytes(code for code in range(256) if code == 0x09 or (code >= 0x20 and code != 0x7F))
"""What a header value may hold: everything but control characters; a tab is white space (RFC 9110 §5.5)."""
_COMMON_NAMES: Final = frozenset(
    {
        b"accept",
        b"accept-encoding",
        b"accept-language",
        b"authorization",
        b"cache-control",
        b"connection",
        b"content-length",
        b"content-type",
        b"cookie",
        b"dnt",
        b"host",
        b"if-modified-since",
        b"if-none-match",
        b"keep-alive",
        b"origin",
        b"pragma",
        b"priority",
        b"referer",
        b"sec-ch-ua",
        b"sec-ch-ua-mobile",
        b"sec-ch-ua-platform",
        b"sec-fetch-dest",
        b"sec-fetch-mode",
        b"sec-fetch-site",
        b"sec-fetch-user",
        b"sec-gpc",
        b"te",
        b"transfer-encoding",
        b"upgrade-insecure-requests",
        b"user-agent",
        b"x-csrf-token",
        b"x-csrftoken",
        b"x-forwarded-for",
        b"x-forwarded-proto",
    }
)
"""Names that need no look at their letters. One set comparison clears nearly every request."""
_UNDERSCORE: Final = 0x5F
"""As a number: a search for one byte goes straight to memchr."""
_SINGLE: Final = frozenset(
    {
        b"authorization",
        b"content-length",
        b"content-type",
        b"host",
        b"origin",
        b"sec-fetch-dest",
        b"sec-fetch-mode",
        b"sec-fetch-site",
        b"sec-fetch-user",
        b"transfer-encoding",
        b"x-csrf-token",
        b"x-csrftoken",
        b"x-forwarded-proto",
    }
)
"""Headers with one meaning only: a second one is refused, even an equal one."""


class LimitsStage:
    """Refuses what is malformed, collects the headers, and counts the body."""

    __slots__ = ("app", "rules", "watch")

    def __init__(self, app: ASGIApp, *, rules: LimitRules) -> None:
        self.app = app
        self.rules = rules
        self.watch = Watch(tick_seconds=min(1.0, rules.body_timeout_seconds / 2))

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        exchange: Exchange = scope[SCOPE_KEY]
        rules = self.rules
        # Whoever is refused here is known by the other end of the connection; the proxy stage may know better.
        client = scope.get("client")
        exchange.client_ip = exchange.peer_ip = client[0] if client else ""
        if scope["type"] == "http":
            method = exchange.method = scope["method"]
            verdict = decide_method(method)
            if isinstance(verdict, Deny):
                exchange.method = "(unknown)"
                raise MethodRefusedError(
                    verdict.reason, headers={"allow": "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"}
                )
        else:
            exchange.is_websocket = True
            exchange.method = "WEBSOCKET"
        headers = exchange.headers = collect_headers(scope, rules)
        if len(scope.get("raw_path") or b"") + len(scope.get("query_string") or b"") > rules.max_url_bytes:
            raise MalformedRequestError("url_too_long")
        exchange.max_body_bytes = rules.max_body_bytes
        if not exchange.is_websocket and has_body(scope, headers):
            receive = body = CountedBody(receive, exchange, rules, self.watch)
            length = headers.get(b"content-length")
            if length != b"0" and (length is not None or is_http1(scope)):
                exchange.drop_unread = body.drop_rest
        exchange.stamps |= LIMITS
        return self.app(scope, receive, send)


def collect_headers(scope: Scope, rules: LimitRules) -> dict[bytes, bytes]:
    """The request's headers as a dict, or a refusal.

    Also replaces `scope["headers"]` where a header was dropped, so that a mounted app sees the same headers as the gates.
    """
    pairs = scope["headers"]
    headers = dict(pairs)
    count = len(pairs)
    if count > rules.max_header_count:
        raise HeadersTooLargeError("too_many_headers")
    values = b"".join([value for _, value in pairs])
    if len(values) > rules.max_header_bytes:
        raise HeadersTooLargeError("header_bytes")
    if values.translate(None, _VALUE_BYTES):
        raise MalformedRequestError("control_character_in_header")
    if count != len(headers) or not headers.keys() <= _COMMON_NAMES:
        if sum(map(len, headers)) + len(values) > rules.max_header_bytes:
            raise HeadersTooLargeError("header_bytes")
        names = b"\n".join(headers)
        if count != len(headers) or _UNDERSCORE in names or not names.islower():
            headers = untangled(scope, pairs)
    if b"transfer-encoding" in headers and b"content-length" in headers:
        # What this stage refuses ends the connection (RFC 9112 §6.1), or what follows in it could be the request that was to
        # be smuggled in.
        raise MalformedRequestError("length_and_transfer_encoding")
    return headers


def untangled(scope: Scope, pairs: list[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """The slow way: repeated headers are joined where HTTP allows a list, and refused where it does not."""
    headers: dict[bytes, list[bytes]] = {}
    kept: list[tuple[bytes, bytes]] = []
    names = {name.lower() for name, _ in pairs}
    for raw_name, value in pairs:
        name = raw_name.lower()
        if _UNDERSCORE in name:
            twin = name.replace(b"_", b"-")
            if (
                twin in names
                or twin in _SINGLE
                or twin.startswith((b"x-forwarded", b"forwarded", b"x-real", b"cookie"))
            ):
                raise MalformedRequestError("underscore_twin")
            # Servers and frameworks disagree on what such a name is: nobody below shall see it.
            continue
        if name in headers and name in _SINGLE:
            raise MalformedRequestError("repeated_header", f"{name.decode('latin-1')} was sent more than once")
        headers.setdefault(name, []).append(value)
        kept.append((name, value))
    scope["headers"] = kept
    # RFC 9113 §8.2.3: HTTP/2 may split Cookie into several fields, joined with "; " and not with a comma.
    return {
        name: values[0] if len(values) == 1 else (b"; " if name == b"cookie" else b", ").join(values)
        for name, values in headers.items()
    }


def has_body(scope: Scope, headers: dict[bytes, bytes]) -> bool:
    """Whether body bytes can follow. HTTP/2 and HTTP/3 carry bodies without any header that says so."""
    return b"content-length" in headers or b"transfer-encoding" in headers or not is_http1(scope)
