"""Headers by which a proxy tells what it knows: from anybody else they must mean nothing.

Probed is the address that visitors use. A proxy in front sets these headers itself; what the probe sends must neither reach the
app nor, where there is no proxy, be believed. Run from a machine whose address the settings name as a proxy, and past that
proxy, these checks find what is meant to be so. ASVS 5.0: V4.1.3, V15.3.4.
"""

from collections.abc import AsyncIterator
from typing import Final

from fastness.kernel.findings import Finding, Notice, Severity, Topic
from fastness.probe.check import NOWHERE, found_at
from fastness.probe.scan import Scan
from fastness.probe.wire import Answer

SPOOFED_ADDRESS: Final = Notice(
    id="FST-PROBE-023",
    severity=Severity.HIGH,
    title="Whoever says they come from inside is let in",
    why="A rule by network, a throttle and the log all follow a header that anybody can write.",
    fix="Name your proxies in FASTNESS_PROXY_TRUSTED and nobody else, and have them overwrite the header.",
    topic=Topic.ACCESS_CONTROL,
    asvs=("V4.1.3", "V15.3.4"),
)
SPOOFED_SCHEME: Final = Notice(
    id="FST-PROBE-024",
    severity=Severity.MEDIUM,
    title="Whoever says so is taken to come over another scheme",
    why="Redirects, HSTS and the flags of cookies follow a header that anybody can write.",
    fix="Have the proxy overwrite X-Forwarded-Proto and Forwarded, and drop header names with an underscore.",
    topic=Topic.MISCONFIGURATION,
    asvs=("V4.1.3",),
)
REWRITTEN_PATH: Final = Notice(
    id="FST-PROBE-025",
    severity=Severity.HIGH,
    title="A header replaces the path that was asked for",
    why="What the proxy in front forbids by path is reached under another one.",
    fix="Take X-Original-URL, X-Rewrite-URL and their like out in the proxy, and do not route by them.",
    topic=Topic.ACCESS_CONTROL,
    asvs=("V4.1.3",),
)

NOTICES: Final = (SPOOFED_ADDRESS, SPOOFED_SCHEME, REWRITTEN_PATH)

_MAX_ROUTES: Final = 30
_ADDRESS_HEADERS: Final = (
    "X-Forwarded-For", "X-Real-IP", "X-Client-IP", "X-Originating-IP", "X-Remote-Addr", "True-Client-IP", "CF-Connecting-IP",
)  # fmt: skip
_PATH_HEADERS: Final = ("X-Original-URL", "X-Rewrite-URL", "X-Original-URI", "X-Forwarded-URI", "X-Override-URL")


async def check_spoofed_addresses(scan: Scan) -> AsyncIterator[Finding]:
    """Ask for what is refused in the name of this machine and of a private network."""
    places = []
    for route in [one for one in scan.pages() if one.is_refused][:_MAX_ROUTES]:
        for address in ("127.0.0.1", "10.0.0.1"):
            headers = {**dict.fromkeys(_ADDRESS_HEADERS, address), "Forwarded": f"for={address}"}
            answer = await scan.client.ask(route.sample, headers=headers)
            if answer.is_success:
                plain = await scan.client.ask(route.sample)
                if not plain.is_success:
                    places.append(f"GET {route.sample} as {address}")
    for finding in found_at(SPOOFED_ADDRESS, places):
        yield finding


async def check_spoofed_schemes(scan: Scan) -> AsyncIterator[Finding]:
    """Say that the connection is another one than it is."""
    said = "http" if scan.target.address.is_tls else "https"
    plain = await scan.client.ask(scan.front)
    places = []
    for name, value in (
        ("X-Forwarded-Proto", said),
        ("X-Forwarded-Scheme", said),
        ("X-Forwarded-Ssl", "on" if said == "https" else "off"),
        ("Front-End-Https", "on"),
        ("Forwarded", f"proto={said}"),
        ("X_Forwarded_Proto", said),
        ("X-Forwarded_Proto", said),
    ):
        answer = await scan.client.ask(scan.front, headers={name: value})
        if scheme_signs(answer) != scheme_signs(plain) and answer.status < 400:
            places.append(f"GET {scan.front} with {name}: {value} ({plain.status} became {answer.status})")
    for finding in found_at(SPOOFED_SCHEME, places):
        yield finding


def scheme_signs(answer: Answer) -> tuple[object, ...]:
    """What an answer shows of the scheme it takes the request to have come by."""
    cookies = [line.lower() for line in answer.all("set-cookie")]
    return answer.status, bool(answer.header("strict-transport-security")), ["secure" in line for line in cookies]


async def check_rewritten_paths(scan: Scan) -> AsyncIterator[Finding]:
    """Ask for nothing, and name a page by header."""
    nothing = await scan.client.ask(NOWHERE)
    answer = await scan.client.ask(NOWHERE, headers=dict.fromkeys(_PATH_HEADERS, scan.front))
    if answer.status != nothing.status and answer.is_success:
        yield REWRITTEN_PATH.found(where=f"GET {NOWHERE} with {', '.join(_PATH_HEADERS)}: {scan.front}")
