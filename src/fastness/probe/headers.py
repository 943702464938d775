"""The security headers of every answer that was seen, whatever its status.

An error page without a policy is as good a place for a script as any other page. Looked at are all answers of the whole scan,
those of the server itself among them where they carry a body. ASVS 5.0: V3.4.3 to V3.4.8, V4.1.1, V13.4.6.
"""

import re
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Final

from fastness.kernel.findings import Finding, Notice, Severity, Topic
from fastness.kernel.headers import OPENER_POLICIES, REFERRER_POLICIES
from fastness.probe.check import found_at
from fastness.probe.client import Seen
from fastness.probe.scan import Scan

NO_POLICY: Final = Notice(
    id="FST-PROBE-001",
    severity=Severity.HIGH,
    title="A page comes without a Content-Security-Policy",
    why="Whatever gets into such a page as markup runs as a script of the site.",
    fix="Let every answer pass the framework's headers stage; nothing in front of it may take headers away.",
    topic=Topic.MISCONFIGURATION,
    asvs=("V3.4.3",),
)
WEAK_POLICY: Final = Notice(
    id="FST-PROBE-002",
    severity=Severity.HIGH,
    title="A Content-Security-Policy lets foreign or inline scripts run",
    why="With inline scripts, eval, whole schemes or * allowed, or without object-src and base-uri, it stops nothing.",
    fix="Serve scripts by nonce, with base-uri 'none' and object-src 'none', which is the framework's default.",
    topic=Topic.MISCONFIGURATION,
    asvs=("V3.4.3",),
)
KNOWN_NONCE: Final = Notice(
    id="FST-PROBE-003",
    severity=Severity.HIGH,
    title="The nonce of scripts is short, or the same in two answers",
    why="Whoever knows the next nonce can write a script that the policy lets run.",
    fix="Let each answer have its own nonce; do not cache pages in front of the app.",
    topic=Topic.MISCONFIGURATION,
    asvs=("V3.4.3",),
)
SNIFFED: Final = Notice(
    id="FST-PROBE-004",
    severity=Severity.MEDIUM,
    title="An answer comes without X-Content-Type-Options: nosniff",
    why="Old rules let browsers take data for a script or a page.",
    fix="Let every answer pass the framework's headers stage.",
    topic=Topic.MISCONFIGURATION,
    asvs=("V3.4.4",),
)
FRAMED: Final = Notice(
    id="FST-PROBE-005",
    severity=Severity.HIGH,
    title="A page may be shown in a frame of any site",
    why="Visitors can be made to click on it while they see something else.",
    fix="Send frame-ancestors 'none'; name partners with framing= on the route.",
    topic=Topic.MISCONFIGURATION,
    asvs=("V3.4.6",),
)
REFERRER: Final = Notice(
    id="FST-PROBE-006",
    severity=Severity.MEDIUM,
    title="A page tells other sites its whole address",
    why="Addresses hold names and ids, and sometimes a token.",
    fix="Send Referrer-Policy: same-origin, which is the framework's default.",
    topic=Topic.MISCONFIGURATION,
    asvs=("V3.4.5",),
)
OPENER: Final = Notice(
    id="FST-PROBE-007",
    severity=Severity.LOW,
    title="A page comes without Cross-Origin-Opener-Policy",
    why="A window that opened it keeps a handle to it.",
    fix="Send Cross-Origin-Opener-Policy: same-origin, which is the framework's default.",
    topic=Topic.MISCONFIGURATION,
    asvs=("V3.4.8",),
)
UNTYPED: Final = Notice(
    id="FST-PROBE-008",
    severity=Severity.MEDIUM,
    title="A body comes without its content type or character set",
    why="The browser guesses, and what it guesses can be steered by what stands in the body.",
    fix="Give the response a media_type; for text one with charset=utf-8.",
    topic=Topic.MISCONFIGURATION,
    asvs=("V4.1.1",),
)
VERSION: Final = Notice(
    id="FST-PROBE-009",
    severity=Severity.LOW,
    title="An answer tells which software made it",
    why="A version is looked up in the lists of known weaknesses.",
    fix="Take Server and X-Powered-By out, in the app and in the proxy before it.",
    topic=Topic.MISCONFIGURATION,
    asvs=("V13.4.6",),
)

NOTICES: Final = (
    NO_POLICY, WEAK_POLICY, KNOWN_NONCE, SNIFFED, FRAMED, REFERRER, OPENER, UNTYPED, VERSION,
)  # fmt: skip

_OPEN_SOURCES: Final = frozenset({"*", "http:", "https:", "data:", "blob:", "'unsafe-eval'"})
_NONCE: Final = re.compile(r"'nonce-([^']*)'")
_MIN_NONCE_CHARACTERS: Final = 22
"""128 bits in base64."""
_TELLING: Final = ("server", "x-powered-by", "x-aspnet-version", "x-generator", "x-runtime", "via")


async def check_headers(scan: Scan) -> AsyncIterator[Finding]:
    """Look at all answers."""
    faults: dict[Notice, list[str]] = {}
    nonces: Counter[str] = Counter()
    for seen in scan.client.seen:
        for notice in faults_of(seen):
            faults.setdefault(notice, []).append(seen.where)
        nonces.update(set(_NONCE.findall(seen.answer.header("content-security-policy"))))
    known = [nonce for nonce, times in nonces.items() if times > 1 or len(nonce) < _MIN_NONCE_CHARACTERS]
    if known:
        faults[KNOWN_NONCE] = [
            seen.where
            for seen in scan.client.seen
            if any(nonce in seen.answer.header("content-security-policy") for nonce in known)
        ]
    for notice in NOTICES:
        for finding in found_at(notice, faults.get(notice, ())):
            yield finding


def faults_of(seen: Seen) -> Iterator[Notice]:
    """What is wrong with one answer."""
    answer = seen.answer
    if any(any(map(str.isdigit, answer.header(name))) for name in _TELLING) or answer.header("x-powered-by"):
        yield VERSION
    if answer.status in {0, 101} or seen.is_by_server:
        return
    if answer.header("x-content-type-options").lower() != "nosniff":
        yield SNIFFED
    if answer.body and not answer.media_type:
        yield UNTYPED
    if not answer.is_document:
        return
    if "charset" not in answer.header("content-type").lower():
        yield UNTYPED
    if answer.header("cross-origin-opener-policy").lower() not in OPENER_POLICIES:
        yield OPENER
    policies = {one.strip().lower() for one in answer.header("referrer-policy").split(",")}
    if policies.isdisjoint(REFERRER_POLICIES) or "unsafe-url" in policies:
        yield REFERRER
    policy = policy_in(answer.header("content-security-policy"))
    if not policy:
        yield NO_POLICY
    elif is_weak(policy):
        yield WEAK_POLICY
    ancestors = policy.get("frame-ancestors")
    is_framed = ancestors is None or bool(_OPEN_SOURCES & set(ancestors))
    if is_framed and (ancestors is not None or answer.header("x-frame-options").lower() not in {"deny", "sameorigin"}):
        yield FRAMED


def policy_in(header: str) -> Mapping[str, tuple[str, ...]]:
    """The directives of a policy; the first of a name counts (CSP3 §2.2.1)."""
    found: dict[str, tuple[str, ...]] = {}
    for directive in header.split(";"):
        name, *values = directive.split()[:64] or [""]
        if name:
            found.setdefault(name.lower(), tuple(values))
    return found


def is_weak(policy: Mapping[str, tuple[str, ...]]) -> bool:
    """Whether the policy lets in what it is there to keep out."""
    if "sandbox" in policy and "allow-scripts" not in policy["sandbox"]:
        return False
    default = policy.get("default-src")
    scripts = policy.get("script-src", default)
    if scripts is None or policy.get("object-src", default) not in {("'none'",), ("'self'",)}:
        return True
    if scripts != ("'none'",) and policy.get("base-uri") not in {("'none'",), ("'self'",)}:
        return True
    by_proof = any(one.startswith(("'nonce-", "'sha256-", "'sha384-", "'sha512-")) for one in scripts)
    # Beside a nonce or hash browsers pass over 'unsafe-inline', and with 'strict-dynamic' over hosts and schemes too.
    passed_over = {"*", "http:", "https:", "data:", "blob:"} if by_proof and "'strict-dynamic'" in scripts else set()
    return bool((_OPEN_SOURCES - passed_over) & set(scripts)) or ("'unsafe-inline'" in scripts and not by_proof)
