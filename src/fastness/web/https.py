"""Nothing but TLS where TLS is asked for, and no loop where a proxy was forgotten.

A page load over plain HTTP is sent to https; an API call gets an error instead, because its token has already crossed the wire
in clear text and a redirect would let the mistake live on (ASVS 5.0 V4.1.2). A request that says it came over TLS by way of a
proxy nobody declared would be redirected for ever: it gets a page that names the setting. HSTS (V3.4.1) is decided here for
each host: browsers ignore it for addresses, and on localhost it would lock developers out of their other projects.
"""

from collections.abc import Awaitable

from fastness.kernel.headers import hsts_applies
from fastness.kernel.paths import PathReason
from fastness.web.exchange import (
    HTTPS,
    SCOPE_KEY,
    ASGIApp,
    Exchange,
    Receive,
    Scope,
    Send,
    raw_path_of,
    sent_address_of,
)
from fastness.web.refusals import MalformedRequestError, PlainHTTPError, UndeclaredProxyError


class HTTPSStage:
    """Redirects page loads to https, refuses the rest of plain HTTP."""

    __slots__ = ("app", "is_required", "known_hsts")

    def __init__(self, app: ASGIApp, *, is_required: bool, exact_hosts: tuple[str, ...]) -> None:
        self.app = app
        self.is_required = is_required
        self.known_hsts = frozenset(host for host in exact_hosts if not host.startswith(".") and hsts_applies(host))

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        exchange: Exchange = scope[SCOPE_KEY]
        if exchange.scheme == "https":
            host = exchange.host
            exchange.has_hsts = host in self.known_hsts or hsts_applies(host)
        elif self.is_required:
            return self._refuse(scope, exchange, send)
        exchange.stamps |= HTTPS
        return self.app(scope, receive, send)

    async def _refuse(self, scope: Scope, exchange: Exchange, send: Send) -> None:
        forwarded = exchange.headers.get(b"x-forwarded-proto", b"").strip().lower()
        if forwarded == b"https" or b"proto=https" in exchange.headers.get(b"forwarded", b"").lower():
            raise UndeclaredProxyError(
                "undeclared_proxy",
                "A proxy that is not declared forwards TLS requests to this process. Name its network in "
                "FASTNESS_PROXY_TRUSTED (for example 10.0.0.0/8), so that its X-Forwarded-Proto counts.",
            )
        if exchange.method not in {"GET", "HEAD"} or not exchange.wants_page:
            raise PlainHTTPError(
                "plain_http", "This site answers over https only.", headers={"upgrade": "TLS/1.2, HTTP/1.1"}
            )
        if not raw_path_of(scope).startswith(b"/"):
            # "GET @evil.example/" would make this host the user name of another in the redirect.
            raise MalformedRequestError(PathReason.NOT_ABSOLUTE)
        location = b"https://" + without_port(exchange.host).encode("latin-1") + sent_address_of(scope)
        await send(
            {
                "type": "http.response.start",
                "status": 308,
                "headers": [(b"location", location), (b"content-length", b"0"), (b"cache-control", b"no-store")],
            }
        )
        await send({"type": "http.response.body", "body": b""})


def without_port(host: str) -> str:
    """The name or bracketed address of an accepted Host header."""
    if host.startswith("["):
        return host[: host.index("]") + 1]
    return host.partition(":")[0]
