"""The hand-written application's perimeter: what a person writes who does every check and nothing else.

Limits, host, cross-site decision, session and user, form token, headers: the same work that Fastness does, without
routing objects, rules, events or messages. It is the lower limit that the benchmark divides by, not an example to copy:
nothing here can be configured, and a mistake in one line would be seen by nobody.
"""

import base64
import hashlib
import hmac
import os
import sqlite3
import time
from typing import NamedTuple

from bench import data
from bench.apps.raw_store import SESSION_QUERY

COOKIE_NAME = b"__Host-session"
TOKEN_NAME = "csrf_token"

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_HOSTS = frozenset({data.HOST_NAME.encode()})
_ORIGINS = frozenset({b"http://" + data.HOST_NAME.encode()})
_MAX_HEADERS = 100
_MAX_BODY_BYTES = 2_000_000
_TOKEN_BYTES = 32

_CSP_HEAD = b"default-src 'none'; script-src 'nonce-"
_CSP_MIDDLE = b"' 'strict-dynamic'; style-src 'self' 'nonce-"
_CSP_TAIL = (
    b"'; img-src 'self' data:; font-src 'self'; connect-src 'self'; media-src 'self'; manifest-src 'self';"
    b" worker-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; object-src 'none';"
    b" require-trusted-types-for 'script'"
)
_FIXED_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=(), fullscreen=(self)"),
]
API_HEADERS = [
    *_FIXED_HEADERS,
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'; sandbox"),
    (b"content-type", b"application/json"),
]
PRIVATE_HEADERS = [*_FIXED_HEADERS, (b"cache-control", b"no-store"), (b"vary", b"cookie")]

_keyed = hmac.new(data.SECRET_KEY.encode(), b"form token\0", hashlib.sha256)


class RefusedError(Exception):
    """The request is refused with this status and these words."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


class Facts(NamedTuple):
    """What one pass over the headers found."""

    cookie: bytes
    content_type: bytes
    content_length: int


class Visitor(NamedTuple):
    """The session and the user behind it."""

    session_key: bytes
    user_id: int
    display_name: str


def check_request(scope: dict) -> Facts:
    """Limits, host and cross-site decision in one pass over the headers."""
    method = scope["method"]
    if method not in _METHODS:
        raise RefusedError(405, "method")
    host = cookie = content_type = content_length = origin = site = None
    is_chunked = False
    if len(scope["headers"]) > _MAX_HEADERS:
        raise RefusedError(431, "too many headers")
    for name, value in scope["headers"]:
        if b"_" in name:
            raise RefusedError(400, "header name")
        if name == b"host":
            if host is not None:
                raise RefusedError(400, "two hosts")
            host = value
        elif name == b"cookie":
            cookie = value if cookie is None else cookie + b"; " + value
        elif name == b"origin":
            origin = value
        elif name == b"sec-fetch-site":
            site = value
        elif name == b"content-type":
            content_type = value
        elif name == b"content-length":
            if content_length is not None or not value.isdigit():
                raise RefusedError(400, "content length")
            content_length = int(value)
        elif name == b"transfer-encoding":
            is_chunked = True
    if is_chunked and content_length is not None:
        raise RefusedError(400, "two lengths")
    if host not in _HOSTS:
        raise RefusedError(400, "host")
    path = scope["raw_path"] or b""
    if not path.startswith(b"/") or b"//" in path or b"/." in path or b"%" in path or b"\\" in path:
        raise RefusedError(400, "path")
    if method not in SAFE_METHODS and not _is_same_site(site, origin):
        raise RefusedError(403, "cross-site")
    return Facts(cookie or b"", content_type or b"", content_length or 0)


def _is_same_site(site: bytes | None, origin: bytes | None) -> bool:
    if site is not None:
        return site in (b"same-origin", b"none")
    return origin is not None and origin in _ORIGINS


def find_visitor(database: sqlite3.Connection, cookie: bytes) -> Visitor | None:
    """The visitor whose session cookie this is; one read of the store."""
    start = cookie.find(COOKIE_NAME + b"=")
    if start < 0 or (start and cookie[start - 1] not in b"; "):
        return None
    end = cookie.find(b";", start)
    value = cookie[start + len(COOKIE_NAME) + 1 : end if end >= 0 else None]
    key = hashlib.sha256(value).digest()
    row = database.execute(SESSION_QUERY, (key, time.time())).fetchone()
    if row is None:
        return None
    return Visitor(key, row[1], row[2])


def make_token(session_key: bytes) -> str:
    """A form token bound to the session, masked so that it differs on each page (BREACH)."""
    digest = int.from_bytes(_token_digest(session_key), "big")
    mask = os.urandom(_TOKEN_BYTES)
    masked = (digest ^ int.from_bytes(mask, "big")).to_bytes(_TOKEN_BYTES, "big")
    return base64.urlsafe_b64encode(mask + masked).decode()


def is_token(session_key: bytes, token: str) -> bool:
    """Whether this token was made for this session."""
    try:
        raw = base64.urlsafe_b64decode(token)
    except ValueError:
        return False
    if len(raw) != 2 * _TOKEN_BYTES:
        return False
    digest = int.from_bytes(raw[:_TOKEN_BYTES], "big") ^ int.from_bytes(raw[_TOKEN_BYTES:], "big")
    return hmac.compare_digest(digest.to_bytes(_TOKEN_BYTES, "big"), _token_digest(session_key))


def _token_digest(session_key: bytes) -> bytes:
    state = _keyed.copy()
    state.update(session_key)
    return state.digest()


def make_nonce() -> str:
    """A nonce of 128 bits for one response."""
    return base64.b64encode(os.urandom(16)).decode()


def csp_header(nonce: str) -> tuple[bytes, bytes]:
    """The content security policy with this response's nonce in it."""
    value = nonce.encode()
    return b"content-security-policy", b"".join((_CSP_HEAD, value, _CSP_MIDDLE, value, _CSP_TAIL))


async def read_body(receive, facts: Facts) -> bytes:
    """The body, counted as it arrives."""
    if facts.content_length > _MAX_BODY_BYTES:
        raise RefusedError(413, "body")
    message = await receive()
    body = message.get("body", b"")
    while message.get("more_body"):
        message = await receive()
        body += message.get("body", b"")
        if len(body) > _MAX_BODY_BYTES:
            raise RefusedError(413, "body")
    return body
