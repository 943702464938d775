"""One client address and one scheme, from the peer and the declared proxies alone.

Who may set `X-Forwarded-For` decides who may choose the address that throttles and logs see (ASVS 5.0 V4.1.3). The kernel walks
the list from the right and stops at the first hop that was not declared; with no proxy declared the headers are not read.
"""

from collections.abc import Awaitable

from fastness.kernel.proxies import ProxyRules, resolve_client
from fastness.web.exchange import PROXY, SCOPE_KEY, ASGIApp, Exchange, Receive, Scope, Send
from fastness.web.traffic import Traffic

_SCHEMES = {"ws": "http", "wss": "https", "http": "http", "https": "https"}


class ProxyStage:
    """Writes `client_ip` and `scheme` into the exchange."""

    __slots__ = ("app", "is_direct", "rules", "traffic")

    def __init__(self, app: ASGIApp, *, rules: ProxyRules, traffic: Traffic | None = None) -> None:
        self.app = app
        self.rules = rules
        self.traffic = traffic
        self.is_direct = not rules.trusted and rules.hop_count is None

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        exchange: Exchange = scope[SCOPE_KEY]
        scheme = _SCHEMES.get(scope.get("scheme", "http"), "http")
        if self.is_direct:
            exchange.scheme = scheme
        else:
            address = resolve_client(
                self.rules,
                peer=exchange.peer_ip or None,
                x_forwarded_for=exchange.text(b"x-forwarded-for"),
                x_forwarded_proto=exchange.text(b"x-forwarded-proto"),
                forwarded=exchange.text(b"forwarded"),
                scheme=scheme,
            )
            exchange.client_ip = address.ip or ""
            exchange.scheme = address.scheme
            # What a mounted app builds links from must not differ from what the gates decided on.
            client = scope.get("client")
            scope["client"] = (exchange.client_ip, client[1] if client else 0)
            scope["scheme"] = address.scheme.replace("http", "ws") if exchange.is_websocket else address.scheme
        traffic = self.traffic
        if traffic is not None:
            traffic.left -= 1
            if not traffic.left:
                traffic.look(exchange)
        exchange.stamps |= PROXY
        return self.app(scope, receive, send)
