"""What no setting shows: that the proxies in front are not those that were declared.

A forgotten proxy makes all visitors one: one address for the throttle to slow down, one for every rate, one in every event.
Nothing fails, so nobody looks. Here one request of a few is looked at, and after some dozens of them it is said, once for
each kind and process, as an event `sys_misconfigured` with the id, what was seen and what to set. It refuses nothing: what
is seen is written by clients, who may write what they like, so it takes nearly all of a window to say something, and what
an attacker can reach is a line in the log.

Memory is one window: a number or two, and a few hashes. ASVS 5.0: V4.1.3 (headers of intermediaries), V16.2.1.
"""

from ipaddress import ip_address
from typing import Final

from fastness.kernel.events import EventName
from fastness.kernel.findings import Notice, Severity, Topic
from fastness.kernel.proxies import ProxyRules
from fastness.web.exchange import Exchange
from fastness.web.recording import record

EVERY: Final = 8
"""One request of so many is looked at."""
WINDOW: Final = 32
"""So many looks make a judgement."""
MOST: Final = 29
"""Nine of ten: health checks and scans come along."""
MIN_BROWSERS: Final = 5
"""So many different browsers at one address are not one person."""

UNDECLARED_PROXY: Final = Notice(
    id="FST-RUNTIME-001",
    severity=Severity.HIGH,
    title="A proxy that is not declared forwards the requests",
    why="Nearly all of them say for whom they were forwarded, and nobody listens: the throttle, the rates and the events take "
    "the proxy for every visitor.",
    fix="Name the network of the proxy in FASTNESS_PROXY_TRUSTED. If there is none, clients are writing these headers.",
    topic=Topic.MISCONFIGURATION,
    asvs=("V4.1.3",),
)
ONE_ADDRESS: Final = Notice(
    id="FST-RUNTIME-002",
    severity=Severity.HIGH,
    title="All clients share one private address",
    why="Different browsers come from it, so it is that of a proxy: one visitor's failed sign-ins slow everybody down.",
    fix="Name the network of the proxy in FASTNESS_PROXY_TRUSTED, and let it write X-Forwarded-For (or Forwarded, with "
    "FASTNESS_PROXY_HEADERS=forwarded).",
    topic=Topic.MISCONFIGURATION,
    asvs=("V4.1.3",),
)
OTHER_HEADER: Final = Notice(
    id="FST-RUNTIME-003",
    severity=Severity.HIGH,
    title="The proxies write another header than the one that is read",
    why="The address of the visitor is in it, and the one that is read is missing: the proxy is taken for every visitor.",
    fix="Set FASTNESS_PROXY_HEADERS to what they write: x-forwarded or forwarded. Let them overwrite it, and drop the other.",
    topic=Topic.MISCONFIGURATION,
    asvs=("V4.1.3",),
)

NOTICES: Final = (UNDECLARED_PROXY, ONE_ADDRESS, OTHER_HEADER)


class Traffic:
    """One window of requests; `left` counts down to the next look, in the proxy stage."""

    __slots__ = (
        "_address",
        "_browsers",
        "_forwarded",
        "_has_proxies",
        "_looks",
        "_other",
        "_shared",
        "_told",
        "_wanted",
        "left",
    )

    def __init__(self, rules: ProxyRules) -> None:
        self._has_proxies = bool(rules.trusted) or rules.hop_count is not None
        self._wanted = b"forwarded" if rules.headers == "forwarded" else b"x-forwarded-for"
        self._told: set[str] = set()
        self._begin()

    def look(self, exchange: Exchange) -> None:
        """Look at a request whose address is known; say something at the end of a window."""
        self.left = EVERY
        headers, address = exchange.headers, exchange.client_ip
        if not self._looks:
            self._address = address
        self._looks += 1
        if b"x-forwarded-for" in headers or b"forwarded" in headers:
            self._forwarded += 1
            self._other += self._wanted not in headers
        if address == self._address:
            self._shared += 1
            if len(self._browsers) < MIN_BROWSERS:
                self._browsers.add(hash(headers.get(b"user-agent", b"")))
        if self._looks == WINDOW:
            self._judge(exchange)
            self._begin()

    def _begin(self) -> None:
        self.left = EVERY
        self._looks = self._forwarded = self._other = self._shared = 0
        self._address = ""
        self._browsers: set[int] = set()

    def _judge(self, exchange: Exchange) -> None:
        if not self._has_proxies and self._forwarded >= MOST:
            self._tell(exchange, UNDECLARED_PROXY)
        elif self._has_proxies and self._other >= MOST:
            self._tell(exchange, OTHER_HEADER)
        elif self._shared >= MOST and len(self._browsers) >= MIN_BROWSERS and _is_private(self._address):
            self._tell(exchange, ONE_ADDRESS)

    def _tell(self, exchange: Exchange, notice: Notice) -> None:
        if notice.id not in self._told:
            self._told.add(notice.id)
            record(exchange, EventName.SYS_MISCONFIGURED, notice.id, title=notice.title, fix=notice.fix)


def _is_private(address: str) -> bool:
    """Also for a Unix socket, which has none."""
    try:
        return not address or not ip_address(address).is_global
    except ValueError:
        return False
