"""The two gates that count requests: by client before the session is read, by user and by session after it.

Only an app whose routes declare such rates has these stages (`fastness.web.rates`), and only those routes touch the store. A
request is counted before anything is done for it, and one that is refused costs a write and nothing more. Who is counted is a
digest in the store, not an address.

With the store away a route with a rate answers 503: the rate is there because the route is worth protecting, and an attacker
who can take the store away must not be rid of it. ASVS 5.0 V2.4.1, V15.4.2 (one atomic step), V16.3.3.
"""

from collections.abc import Awaitable
from math import ceil
from typing import Final, Literal, TypeAlias

from fastness.kernel.addresses import counted_as
from fastness.kernel.signing import Keyring
from fastness.web.exchange import RATE_CLIENT, RATE_USER, SCOPE_KEY, ASGIApp, Exchange, Receive, Scope, Send
from fastness.web.rates import By, Rate
from fastness.web.refusals import RateLimitedError

Kind: TypeAlias = Literal["client", "user", "session", "token"]

_PURPOSE: Final = "fastness.web.rate"
_PREFIX: Final = b"rate:"
_KEY_BYTES: Final = 20


class ClientRateStage:
    """Counts by address: what it refuses costs no read of a session."""

    __slots__ = ("app",)

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        exchange: Exchange = scope[SCOPE_KEY]
        route = exchange.route
        if route is not None and route.client_rates:
            return self._count(scope, receive, send, route.client_rates)
        exchange.stamps |= RATE_CLIENT
        return self.app(scope, receive, send)

    async def _count(self, scope: Scope, receive: Receive, send: Send, rates: tuple[Rate, ...]) -> None:
        exchange: Exchange = scope[SCOPE_KEY]
        for rate in rates:
            await count(exchange, rate)
        exchange.stamps |= RATE_CLIENT
        await self.app(scope, receive, send)


class UserRateStage:
    """Counts by user and by session."""

    __slots__ = ("app",)

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        exchange: Exchange = scope[SCOPE_KEY]
        route = exchange.route
        if route is not None and route.user_rates:
            return self._count(scope, receive, send, route.user_rates)
        exchange.stamps |= RATE_USER
        return self.app(scope, receive, send)

    async def _count(self, scope: Scope, receive: Receive, send: Send, rates: tuple[Rate, ...]) -> None:
        exchange: Exchange = scope[SCOPE_KEY]
        for rate in rates:
            await count(exchange, rate)
        exchange.stamps |= RATE_USER
        await self.app(scope, receive, send)


async def count(exchange: Exchange, rate: Rate) -> None:
    """Count a request; raises `RateLimitedError` for one too many."""
    site = exchange.site
    kind, who = counted_by(exchange, rate.by)
    key = key_of(site.keyring, rate, kind, who)
    now = site.clock.epoch()
    if await site.store.increment(key, expires_at=now + rate.seconds) <= rate.requests:
        return
    found = await site.store.get(key)
    left = 1 if found is None or found.expires_at is None else max(1, ceil(found.expires_at - now))
    raise RateLimitedError(f"rate_by_{rate.by}", f"more than {rate}", headers={"retry-after": str(left)})


def key_of(keyring: Keyring, rate: Rate, kind: Kind, who: bytes) -> bytes:
    """Under which name the store counts what somebody sends."""
    parts = (rate.scope.encode(), str(rate).encode(), kind.encode(), who)
    return _PREFIX + keyring.mac(_PURPOSE, *parts)[:_KEY_BYTES]


def counted_by(exchange: Exchange, by: By) -> tuple[Kind, bytes]:
    """Whose request this is, as `by` sees it; the client's where there is nobody."""
    session = exchange.session
    if by is By.USER and session is not None and session.identity is not None:
        return "user", session.identity.id.bytes
    if by is By.SESSION:
        if exchange.token_id:
            return "token", exchange.token_id.encode()
        if session is not None and session.has_id:
            return "session", session.id_hash
    return "client", counted_as(exchange.client_ip)
