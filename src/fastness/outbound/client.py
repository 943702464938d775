"""The one way in which an app asks other servers: `await request.outbound.get("https://api.example.com/rates")`.

Server-side request forgery is the app being made to ask what the attacker cannot reach: the cloud's metadata, an admin page on
loopback, a database that speaks lines. Trusted is who writes the settings; the URL, the answers to name lookups, redirects and
whole servers may be the attacker's. Each request is decided on by what is written (`targets.py`), by the address that the name
led to, which is then the one that is connected to (`pinning.py`), and again for each redirect. An answer has a size and a time.

Nothing of the environment is used: no proxies, no `.netrc`, no cookies from one request to the next. Certificates are checked,
always. A caller's headers cannot say where a message ends or whom it is for.

Not covered: what a listed server does, and what the app makes of its answer. Who needs the network itself to hold puts a
firewall around the process as well.

ASVS 5.0: V1.3.6 (server-side request forgery), V13.2.4, V13.2.5 (allow-list), V12.3.1, V12.3.2 (verified TLS), V13.2.6 (limits),
V15.3.2 (redirects).
"""

import asyncio
import json as json_library
import ssl
from collections.abc import Mapping
from dataclasses import replace
from typing import Final
from urllib.parse import urlencode

import httpcore2

from fastness.kernel.clock import Clock
from fastness.kernel.errors import ConfigError
from fastness.kernel.events import EventName, EventSink, SecurityEvent
from fastness.kernel.headers import check_header_name, check_header_value
from fastness.kernel.limits import JSONValue
from fastness.kernel.verdicts import Allow
from fastness.outbound.answers import Answer, headers_of, read_bounded
from fastness.outbound.errors import (
    OutboundFailedError,
    OutboundReason,
    OutboundRefusedError,
    OutboundTimeoutError,
)
from fastness.outbound.pinning import PinnedBackend, Resolver, resolve_by_system
from fastness.outbound.rules import OutboundRules
from fastness.outbound.targets import REDIRECTS, Call, Target, decide_target, parse_target, redirected

_KEEP_SECONDS: Final = 15.0
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_OURS: Final = frozenset(
    {
        "accept-encoding",
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""What says where a message ends, how it is packed and whom it is for is not the caller's to say."""


class Outbound:
    """Asks other servers, those that the rules allow."""

    __slots__ = ("_clock", "_events", "_pool", "_rules")

    def __init__(
        self,
        rules: OutboundRules,
        *,
        events: EventSink,
        clock: Clock,
        pool: httpcore2.AsyncConnectionPool | None = None,
    ) -> None:
        self._rules = rules
        self._events = events
        self._clock = clock
        self._pool = pool_for(rules) if pool is None else pool

    def reporting_to(self, events: EventSink) -> "Outbound":
        """The same client, with the same connections, that tells of refusals here."""
        return Outbound(self._rules, events=events, clock=self._clock, pool=self._pool)

    async def get(
        self, url: str, *, params: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Ask for something. Arguments and errors are those of `request`."""
        return await self.request("GET", url, params=params, headers=headers)

    async def post(
        self,
        url: str,
        *,
        json: JSONValue = None,
        form: Mapping[str, str] | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send something. Arguments and errors are those of `request`."""
        return await self.request("POST", url, json=json, form=form, body=body, headers=headers)

    async def request(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        json: JSONValue = None,
        form: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Answer:
        """Send a request and return the whole answer, whatever its status.

        Args:
            method: in capitals.
            url: absolute, with https.
            params: added to the query.
            headers: sent along; on a redirect to another origin only those that tell nothing about us.
            json: sent as the body; or
            form: sent as a urlencoded body; or
            body: sent as it is.

        Raises:
            OutboundRefusedError: the address, or what it leads to, is not one that this app asks.
            OutboundTimeoutError: it took longer than `timeout_seconds`.
            OutboundTooLargeError: the answer is larger than `max_response_bytes`.
            OutboundFailedError: there was no answer that can be used.
        """
        target: Target | None = None
        try:
            target = with_params(parse_target(url), params or {})
            content, kind = encoded(json, form, body)
            call = Call(method=check_method(method), target=target, headers=checked(headers or {}, kind), body=content)
            async with asyncio.timeout(self._rules.timeout_seconds):
                return await self._follow(call)
        except OutboundRefusedError as error:
            self._report(EventName.OUTBOUND_REFUSED, error.reason, target)
            raise
        except OutboundFailedError as error:
            self._report(EventName.OUTBOUND_FAIL, error.code, target)
            raise
        except TimeoutError:
            self._report(EventName.OUTBOUND_FAIL, OutboundTimeoutError.code, target)
            raise OutboundTimeoutError("The answer took too long.") from None

    async def close(self) -> None:
        """Close the connections."""
        await self._pool.aclose()

    async def _follow(self, call: Call) -> Answer:
        rules = self._rules
        verdict = decide_target(rules, call.target)
        if not isinstance(verdict, Allow):
            raise OutboundRefusedError(verdict.reason)
        for _ in range(rules.max_redirects):
            answer = await self._ask(call)
            location = answer.headers.get("location")
            if answer.status not in REDIRECTS or location is None:
                return answer
            call = redirected(rules, call, answer.status, location)
        answer = await self._ask(call)
        if rules.max_redirects and answer.status in REDIRECTS:
            raise OutboundRefusedError(OutboundReason.TOO_MANY_REDIRECTS)
        return answer

    async def _ask(self, call: Call) -> Answer:
        target, rules = call.target, self._rules
        address = httpcore2.URL(
            scheme=target.scheme.encode(),
            host=target.host.strip("[]").encode(),
            port=target.port,
            target=target.path.encode(),
        )
        headers = {**call.headers, "host": target.authority, "accept-encoding": "gzip"}
        has_body = bool(call.body) or call.method in {"POST", "PUT", "PATCH"}
        try:
            async with self._pool.stream(
                call.method,
                address,
                headers=[(name.encode(), value.encode()) for name, value in headers.items()],
                content=call.body if has_body else None,
            ) as response:
                received = headers_of(response.headers)
                coding = received.get("content-encoding", "")
                body = await read_bounded(response.aiter_stream(), coding, rules.max_response_bytes)
        except httpcore2.TimeoutException:
            raise OutboundTimeoutError("The server did not answer in time.") from None
        except (httpcore2.NetworkError, httpcore2.ProtocolError, OSError) as error:
            raise OutboundFailedError(
                f"The server gave no answer that can be read ({type(error).__name__})."
            ) from error
        return Answer(status=response.status, headers=received, body=body, url=str(target))

    def _report(self, name: EventName, reason: str, target: Target | None) -> None:
        detail = {} if target is None else {"host": target.host}
        self._events.emit(SecurityEvent(name=name, at=self._clock.now(), reason=reason, detail=detail))


def pool_for(rules: OutboundRules, resolve: Resolver = resolve_by_system) -> httpcore2.AsyncConnectionPool:
    """Connections that are made as the rules say, and no other way."""
    return httpcore2.AsyncConnectionPool(
        ssl_context=ssl.create_default_context(cafile=rules.ca_file),
        max_connections=rules.connections,
        keepalive_expiry=_KEEP_SECONDS,
        network_backend=PinnedBackend(rules, resolve),
    )


def check_method(method: str) -> str:
    """Refuse what is no method: it would be written into the first line as it is."""
    if method not in _METHODS:
        raise ConfigError(f"The method of an outbound request is one of {', '.join(sorted(_METHODS))}.")
    return method


def with_params(target: Target, params: Mapping[str, str]) -> Target:
    """The address with a longer query."""
    if not params:
        return target
    return replace(target, path=f"{target.path}{'&' if '?' in target.path else '?'}{urlencode(params)}")


def encoded(json: JSONValue, form: Mapping[str, str] | None, body: bytes | None) -> tuple[bytes, str | None]:
    """The bytes of the body, and their type where it is known."""
    if (json is not None) + (form is not None) + (body is not None) > 1:
        raise ConfigError("An outbound request has one body: json, form or body.")
    if json is not None:
        return json_library.dumps(json, allow_nan=False, separators=(",", ":")).encode(), "application/json"
    if form is not None:
        return urlencode(form).encode(), "application/x-www-form-urlencoded"
    return body or b"", None


def checked(headers: Mapping[str, str], kind: str | None) -> dict[str, str]:
    """The headers by lower-case name. Raises `HeaderValueError` for what would begin another header."""
    found: dict[str, str] = {} if kind is None else {"content-type": kind}
    for name, value in headers.items():
        known = check_header_name(name).decode("ascii").lower()
        check_header_value(value)
        if known in _OURS:
            raise ConfigError(f"The header {known} of an outbound request is written by the client.")
        found[known] = value
    return found
