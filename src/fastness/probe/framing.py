"""Where a request ends: two readers must agree on it, and nothing may be larger than it needs to be.

A proxy and an app that disagree on the end of a body take the rest of it for the next request, which is then somebody else's
(request smuggling). The body here is a request; that it gets an answer shows that it was read as one. Sizes are announced or sent
once, far beyond what any page needs. ASVS 5.0: V4.2.1, V15.2.2.
"""

from collections.abc import AsyncIterator, Mapping
from typing import Final

from fastness.kernel.findings import Finding, Notice, Severity, Topic
from fastness.probe.check import found_at
from fastness.probe.scan import Scan
from fastness.probe.wire import request_bytes

AMBIGUOUS_LENGTH: Final = Notice(
    id="FST-PROBE-110",
    severity=Severity.HIGH,
    title="A request with two lengths is answered",
    why="A proxy that believes the other length takes part of the body for the next visitor's request.",
    fix="Put a server in front that refuses such requests; the framework answers 400 and closes the connection.",
    topic=Topic.INTEGRITY,
    asvs=("V4.2.1",),
)
NO_SIZE_LIMIT: Final = Notice(
    id="FST-PROBE-111",
    severity=Severity.MEDIUM,
    title="Requests may be as large as they like",
    why="A few of them fill memory or disk.",
    fix="Keep LimitRules near their defaults, and set the proxy's limits as well.",
    topic=Topic.DESIGN,
    asvs=("V15.2.2",),
)

NOTICES: Final = (AMBIGUOUS_LENGTH, NO_SIZE_LIMIT)

_LINES: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    "Content-Length and Transfer-Encoding": (("Content-Length", "{size}"), ("Transfer-Encoding", "chunked")),
    "Transfer-Encoding and Content-Length": (("Transfer-Encoding", "chunked"), ("Content-Length", "{size}")),
    "two Content-Length": (("Content-Length", "5"), ("Content-Length", "{size}")),
    "a Content-Length that is a list": (("Content-Length", "5, {size}"),),
    "a Content-Length with a sign": (("Content-Length", "+5"),),
    "a Content-Length and an unknown Transfer-Encoding": (("Content-Length", "{size}"), ("Transfer-Encoding", "xchunked")),
    "two Transfer-Encoding": (
        ("Content-Length", "{size}"), ("Transfer-Encoding", "identity"), ("Transfer-Encoding", "chunked"),
    ),
    "a Transfer-Encoding with a space before the colon": (("Content-Length", "{size}"), ("Transfer-Encoding ", "chunked")),
    "a Transfer-Encoding after a tab": (("Content-Length", "{size}"), ("Transfer-Encoding", "\x0bchunked")),
}  # fmt: skip
_ANSWERED_ONCE: Final = frozenset({"Content-Length and Transfer-Encoding", "Transfer-Encoding and Content-Length"})
"""May be answered if the connection is closed then (RFC 9112 §6.3)."""
_REFUSED: Final = frozenset({400, 411, 413, 417, 431, 501, 505})
_PATIENCE_SECONDS: Final = 3
"""For the second answer, which is not to come."""
_HUGE_BYTES: Final = 20_000_000_000
_MANY: Final = 5_000


async def check_lengths(scan: Scan) -> AsyncIterator[Finding]:
    """Send bodies that end in two places."""
    address, front = scan.target.address, scan.front
    places = []
    for what, lines in _LINES.items():
        inner = request_bytes(f"GET {address.base}/probe-smuggled", [("Host", address.authority)])
        body = b"0\r\n\r\n" + inner
        pairs = [(name, value.format(size=len(body))) for name, value in lines]
        head = [("Host", address.authority), ("Content-Type", "text/plain"), *pairs]
        data = request_bytes(f"POST {address.base}{front}", head, body)
        found = await scan.client.send(data, label=f"POST {front}", answers=2, patience_seconds=_PATIENCE_SECONDS)
        if len(found) == 2:
            places.append(f"POST {front} with {what}, whose body is read as another request")
        elif found and found[0].status not in _REFUSED and what not in _ANSWERED_ONCE:
            places.append(f"POST {front} with {what} ({found[0].status})")
    for finding in found_at(AMBIGUOUS_LENGTH, places):
        yield finding


async def check_sizes(scan: Scan) -> AsyncIterator[Finding]:
    """Announce a body without end, and send a head and an address that are far too long."""
    ask, front = scan.client.ask, scan.front
    places = []
    if (await ask(f"{front}?probe={'a' * 60_000}", may_hang_up=True)).is_success:
        places.append(f"GET {front} with an address of 60000 bytes")
    if (await ask(front, headers={"X-Probe": "a" * 60_000}, may_hang_up=True)).is_success:
        places.append(f"GET {front} with a header of 60000 bytes")
    if (await ask(front, headers={f"X-Probe-{number}": "a" for number in range(_MANY)}, may_hang_up=True)).is_success:
        places.append(f"GET {front} with {_MANY} headers")
    path = scan.target.sign_in_path
    if path is not None and any(one.path == path and "POST" in one.methods for one in scan.routes):
        address = scan.target.address
        head = [
            ("Host", address.authority),
            ("Origin", address.origin),
            ("Sec-Fetch-Site", "same-origin"),
            ("Content-Type", "application/x-www-form-urlencoded"),
            ("Content-Length", str(_HUGE_BYTES)),
        ]
        found = await scan.client.send(request_bytes(f"POST {address.base}{path}", head, b"a=b"), label=f"POST {path}")
        if not found:
            places.append(f"POST {path} waits for a body of {_HUGE_BYTES} bytes")
    for finding in found_at(NO_SIZE_LIMIT, places):
        yield finding
