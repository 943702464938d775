"""The name that a request says it is for: only the site's own, said once, and by nobody but the connection itself.

A name that the site did not choose ends up in links, mails and caches. Two names in one request are read differently by a proxy
and the app behind it. ASVS 5.0: V4.1.3, V4.2.1.
"""

from collections.abc import AsyncIterator
from typing import Final

from fastness.kernel.findings import Finding, Notice, Severity, Topic
from fastness.probe.check import FOREIGN_HOST, NOWHERE, found_at
from fastness.probe.client import PAGE_ACCEPT
from fastness.probe.scan import Scan
from fastness.probe.wire import Answer, request_bytes

FORGED_HOST: Final = Notice(
    id="FST-PROBE-020",
    severity=Severity.HIGH,
    title="The site answers to names that are not its own",
    why="Links in mails and pages can be made to point elsewhere, and caches filled with them.",
    fix="Name the site's hosts in FASTNESS_HOSTS, and pass Host on unchanged in the proxy.",
    topic=Topic.MISCONFIGURATION,
    asvs=("V4.1.3",),
)
FORWARDED_HOST: Final = Notice(
    id="FST-PROBE-021",
    severity=Severity.HIGH,
    title="The site believes anybody who says which host was asked for",
    why="X-Forwarded-Host and its like come from whoever sends the request, and show up in an address here.",
    fix="Build addresses by name with request.address or redirect; take these headers out in the proxy.",
    topic=Topic.MISCONFIGURATION,
    asvs=("V4.1.3",),
)
TWO_HOSTS: Final = Notice(
    id="FST-PROBE-022",
    severity=Severity.HIGH,
    title="A request that names no host, or two, is answered",
    why="The proxy reads one name and the app the other: checks and caches of the one do not hold for the other.",
    fix="Refuse such requests with 400 in whatever stands in front; the framework does.",
    topic=Topic.MISCONFIGURATION,
    asvs=("V4.2.1",),
)

NOTICES: Final = (FORGED_HOST, FORWARDED_HOST, TWO_HOSTS)

_SAID_BY_HEADER: Final = {
    "X-Forwarded-Host": FOREIGN_HOST,
    "X-Forwarded-Server": FOREIGN_HOST,
    "X-Forwarded-Prefix": f"//{FOREIGN_HOST}",
    "X-Host": FOREIGN_HOST,
    "X-Original-Host": FOREIGN_HOST,
    "Forwarded": f"host={FOREIGN_HOST}",
}


async def check_hosts(scan: Scan) -> AsyncIterator[Finding]:
    """Ask under names that are not the site's."""
    own, host = scan.target.address.authority, scan.target.address.host
    forged = (
        FOREIGN_HOST,
        f"{host}.{FOREIGN_HOST}",
        f"{FOREIGN_HOST}:80",
        f"{own}@{FOREIGN_HOST}",
        f"{FOREIGN_HOST}#{host}",
        f"{host},{FOREIGN_HOST}",
    )
    places = []
    for name in forged:
        answer = await scan.client.ask(scan.front, headers={"Host": name}, may_hang_up=True)
        if answer.is_success or names_foreign(answer):
            places.append(f"GET {scan.front} with Host: {name} ({answer.status})")
    for finding in found_at(FORGED_HOST, places):
        yield finding
    for finding in found_at(TWO_HOSTS, [place async for place in ambiguous(scan)]):
        yield finding


async def ambiguous(scan: Scan) -> AsyncIterator[str]:
    """The requests with no host or two that were answered like any other."""
    own = scan.target.address.authority
    path = scan.target.address.base + scan.front
    rest = [("Accept", PAGE_ACCEPT), ("Connection", "close")]
    tries = {
        "without Host": (f"GET {path}", []),
        "with another Host behind the right one": (f"GET {path}", [("Host", own), ("Host", FOREIGN_HOST)]),
        "with another Host before the right one": (f"GET {path}", [("Host", FOREIGN_HOST), ("Host", own)]),
        "with another host in the request line": (f"GET http://{FOREIGN_HOST}{path}", [("Host", own)]),
        "with a host in the request line and another in Host": (f"GET http://{own}{path}", [("Host", FOREIGN_HOST)]),
        "with a second Host that begins with a space": (f"GET {path}", [("Host", own), (" Host", FOREIGN_HOST)]),
    }
    for what, (line, hosts) in tries.items():
        found = await scan.client.send(request_bytes(line, [*hosts, *rest]), label=f"GET {scan.front}")
        # A redirect that names no foreign host is the proxy's way of saying no. Where Host has the right name, the line may
        # name another: the app went by the right one unless the other shows.
        is_by_host = hosts == [("Host", own)]
        if found and ((found[0].is_success and not is_by_host) or names_foreign(found[0])):
            yield f"GET {scan.front} {what} ({found[0].status})"


async def check_forwarded_hosts(scan: Scan) -> AsyncIterator[Finding]:
    """Say by header which host was asked for, and look for it in addresses."""
    places = []
    paths = [route.sample for route in scan.pages() if not route.is_hidden][:20]
    for path in dict.fromkeys([scan.front, *paths, NOWHERE]):
        answer = await scan.client.ask(path, headers=_SAID_BY_HEADER)
        if names_foreign(answer):
            places.append(f"GET {path}")
    for finding in found_at(FORWARDED_HOST, places):
        yield finding


def names_foreign(answer: Answer) -> bool:
    """Whether the foreign name stands in a header or in the page."""
    return FOREIGN_HOST in answer.text or any(FOREIGN_HOST in value for _, value in answer.headers)
