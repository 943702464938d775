"""The flags of every cookie that was set, and what caches may keep.

A cookie that crosses the wire in clear, or that a script can read, is the session of whoever finds it; an answer that a shared
cache keeps is everybody's. ASVS 5.0: V3.3.1 to V3.3.4, V14.3.2.
"""

from collections.abc import AsyncIterator, Iterator
from typing import Final

from fastness.kernel.findings import Finding, Notice, Severity, Topic
from fastness.probe.check import found_at
from fastness.probe.client import Seen
from fastness.probe.scan import Scan
from fastness.probe.wire import Answer

OPEN_COOKIE: Final = Notice(
    id="FST-PROBE-010",
    severity=Severity.HIGH,
    title="A cookie can be read by scripts, or leaves in clear text",
    why="One script that should not be there, or one request over http, gives the session away.",
    fix="Set cookies with CookieRules, which are HttpOnly and Secure.",
    topic=Topic.MISCONFIGURATION,
    asvs=("V3.3.1", "V3.3.4"),
)
CROSS_SITE_COOKIE: Final = Notice(
    id="FST-PROBE-011",
    severity=Severity.MEDIUM,
    title="A cookie is sent along from other sites",
    why="Requests that other sites start carry it.",
    fix="Set SameSite=Lax or Strict, which CookieRules does.",
    topic=Topic.ACCESS_CONTROL,
    asvs=("V3.3.2",),
)
SHARED_COOKIE: Final = Notice(
    id="FST-PROBE-012",
    severity=Severity.LOW,
    title="A cookie may be set or read by other hosts of the domain",
    why="A sibling host can plant a session, or read one. Only the prefix __Host- rules that out.",
    fix="Name the cookie __Host-…, without Domain and with Path=/.",
    topic=Topic.MISCONFIGURATION,
    asvs=("V3.3.1", "V3.3.3"),
)
STORED_PRIVATE: Final = Notice(
    id="FST-PROBE-013",
    severity=Severity.HIGH,
    title="A page for one person may be stored",
    why="A shared cache hands it to the next one who asks; a browser shows it after signing out.",
    fix="Leave Cache-Control to the framework, which sends no-store as soon as the session was read.",
    topic=Topic.MISCONFIGURATION,
    asvs=("V14.3.2",),
)
STORED_COOKIE: Final = Notice(
    id="FST-PROBE-014",
    severity=Severity.HIGH,
    title="An answer that sets a cookie may be stored",
    why="A cache that keeps it gives one visitor's cookie to all others.",
    fix="Send Cache-Control: no-store with every Set-Cookie; the framework does.",
    topic=Topic.MISCONFIGURATION,
    asvs=("V14.3.2",),
)
STORED_ERROR: Final = Notice(
    id="FST-PROBE-015",
    severity=Severity.MEDIUM,
    title="An error may be stored by caches",
    why="One malformed request takes a page down for everybody who comes after (cache poisoning).",
    fix="Send Cache-Control: no-store with every error; the framework does.",
    topic=Topic.MISCONFIGURATION,
    asvs=("V14.3.2",),
)

NOTICES: Final = (OPEN_COOKIE, CROSS_SITE_COOKIE, SHARED_COOKIE, STORED_PRIVATE, STORED_COOKIE, STORED_ERROR)

_KEPT_BY_DEFAULT: Final = frozenset({404, 405, 410, 414, 501})
"""Errors that caches may keep unless told otherwise (RFC 9110 §15.1)."""


async def check_cookies(scan: Scan) -> AsyncIterator[Finding]:
    """Look at the cookies of all answers, each name once for each fault."""
    faults: dict[Notice, list[str]] = {}
    for seen in scan.client.seen:
        for line in seen.answer.all("set-cookie"):
            name = line.partition("=")[0].strip()
            for notice in faults_of_cookie(line, is_tls=scan.target.address.is_tls):
                faults.setdefault(notice, []).append(f"the cookie {name}")
    for notice in (OPEN_COOKIE, CROSS_SITE_COOKIE, SHARED_COOKIE):
        for finding in found_at(notice, faults.get(notice, ())):
            yield finding


def faults_of_cookie(line: str, *, is_tls: bool) -> Iterator[Notice]:
    """What is wrong with one cookie; one that is being deleted holds nothing."""
    pair, *parts = [part.strip() for part in line.split(";")]
    attributes = {name.lower(): value.lower() for name, _, value in (part.partition("=") for part in parts)}
    if attributes.get("max-age", "1").startswith(("0", "-")):
        return
    if "httponly" not in attributes or (is_tls and "secure" not in attributes):
        yield OPEN_COOKIE
    if attributes.get("samesite") not in {"lax", "strict"}:
        yield CROSS_SITE_COOKIE
    if "domain" in attributes or (is_tls and not pair.startswith("__Host-")):
        yield SHARED_COOKIE


async def check_caching(scan: Scan) -> AsyncIterator[Finding]:
    """Look at what caches may keep."""
    private = [f"GET {page.path}" for person in scan.people for page in person.private_pages() if is_kept(page.answer)]
    for finding in found_at(STORED_PRIVATE, private):
        yield finding
    seen = scan.client.seen
    for finding in found_at(
        STORED_COOKIE, [one.where for one in seen if one.answer.all("set-cookie") and is_kept(one.answer)]
    ):
        yield finding
    for finding in found_at(STORED_ERROR, [one.where for one in seen if is_kept_error(one)]):
        yield finding


def is_kept(answer: Answer) -> bool:
    """Whether a cache that several people share may keep it."""
    return not {"no-store", "private"} & directives_of(answer)


def is_kept_error(seen: Seen) -> bool:
    """Whether an error stays in a cache."""
    answer = seen.answer
    if answer.status < 400 or seen.is_by_server:
        return False
    directives = directives_of(answer)
    if {"no-store", "no-cache", "private"} & directives:
        return False
    return answer.status in _KEPT_BY_DEFAULT or any(
        one.startswith(("public", "max-age", "s-maxage")) for one in directives
    )


def directives_of(answer: Answer) -> set[str]:
    """The directives of Cache-Control."""
    return {one.strip().lower() for one in answer.header("cache-control").split(",")}
