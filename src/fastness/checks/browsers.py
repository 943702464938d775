"""What is left of the protection that browsers give: framing, headers, cookies, other sites.

Each of these was loosened on purpose, with a reason where the rules ask for one. The findings put the exits and their
reasons before a reviewer; nothing here was done by accident, but much of it was done long ago.

ASVS 5.0: V3.3.1 (cookies), V3.4.6 (framing), V3.4.5 and V3.4.8 (headers), V3.5.1 (other sites), V7.1.1, V15.1.5.
"""

from collections.abc import Iterator
from typing import Final

from fastness.checks.check import Deployment
from fastness.kernel.findings import Finding, Notice, Severity, Topic
from fastness.kernel.origins import parse_origin
from fastness.sessions.context import Reaction

FRAMING: Final = Notice(
    id="FST-HEADERS-003",
    severity=Severity.LOW,
    title="Every page may be framed",
    why="A page in somebody's frame can be clicked by a visitor who sees something else.",
    fix="Set the framing on the routes that need it (framing=…) and leave FASTNESS_HEADERS_FRAMING at its default.",
    topic=Topic.DESIGN,
    asvs=("V3.4.6",),
)
COOKIE: Final = Notice(
    id="FST-SESSIONS-001",
    severity=Severity.HIGH,
    title="The session cookie can be set by a neighbour or sent over http",
    why="Only a Secure cookie whose name begins with __Host- belongs to this host alone.",
    fix="Deploy with FASTNESS_PROFILE=production.",
    topic=Topic.AUTHENTICATION,
    asvs=("V3.3.1",),
)
LONG_SESSIONS: Final = Notice(
    id="FST-SESSIONS-002",
    severity=Severity.LOW,
    title="Sessions live longer than the default",
    why="A screen left alone, or a stolen cookie, stays signed in.",
    fix="Lower FASTNESS_SESSION_IDLE_SECONDS and FASTNESS_SESSION_ABSOLUTE_SECONDS, or write down why they fit.",
    topic=Topic.AUTHENTICATION,
    asvs=("V7.1.1",),
)
TOO_LONG_SESSIONS: Final = Notice(
    id="FST-SESSIONS-003",
    severity=Severity.MEDIUM,
    title="Sessions live longer than the guidelines allow",
    why="For accounts with a second factor NIST SP 800-63B asks for a new sign-in after an hour without use and a day in all; "
    "for the lowest level after 30 days.",
    fix="Lower FASTNESS_SESSION_IDLE_SECONDS, FASTNESS_SESSION_ABSOLUTE_SECONDS or FASTNESS_SESSION_REMEMBER_SECONDS, or "
    "write down why they fit and accept the finding with that reason.",
    topic=Topic.AUTHENTICATION,
    asvs=("V7.1.1", "V7.3.1", "V7.3.2"),
)
UNWATCHED_SESSIONS: Final = Notice(
    id="FST-SESSIONS-004",
    severity=Severity.LOW,
    title="A stolen session is not noticed",
    why="A cookie that turns up in another browser is served as if nothing had happened.",
    fix="Leave FASTNESS_SESSION_BROWSER_CHANGE and FASTNESS_SESSION_NETWORK_CHANGE at their defaults.",
    topic=Topic.AUTHENTICATION,
    asvs=("V7.1.1",),
)
LOOSE_HEADERS: Final = Notice(
    id="FST-HEADERS-005",
    severity=Severity.LOW,
    title="A header that keeps other sites at a distance is loosened",
    why="Other sites learn where visitors come from, keep a hand on our windows, or load our files into their pages.",
    fix="Leave FASTNESS_HEADERS_REFERRER_POLICY, _COOP and _CORP at their defaults, or write down what needs it.",
    topic=Topic.MISCONFIGURATION,
    asvs=("V3.4.5", "V3.4.8", "V3.5.8"),
)
TRUSTED_ORIGINS: Final = Notice(
    id="FST-SITES-001",
    severity=Severity.INFO,
    title="Another site may act in a visitor's name",
    why="Its pages can send every unsafe request with the visitor's cookies; so can whoever finds a hole in it.",
    fix="Trust an origin on the routes that need it (trusted_origins=…) and not for the whole site.",
    topic=Topic.ACCESS_CONTROL,
    asvs=("V3.5.1",),
)
PLAIN_ORIGIN: Final = Notice(
    id="FST-SITES-002",
    severity=Severity.HIGH,
    title="A site without TLS may act in a visitor's name",
    why="Who is on the way writes its pages, and with them acts here as the visitor.",
    fix="Trust its https:// origin instead.",
    topic=Topic.CRYPTOGRAPHY,
    asvs=("V3.5.1", "V12.2.1"),
)

NOTICES: Final = (
    FRAMING,
    COOKIE,
    LONG_SESSIONS,
    TOO_LONG_SESSIONS,
    UNWATCHED_SESSIONS,
    LOOSE_HEADERS,
    TRUSTED_ORIGINS,
    PLAIN_ORIGIN,
)

DEFAULT_IDLE_SECONDS: Final = 1_800
DEFAULT_ABSOLUTE_SECONDS: Final = 43_200
MAX_IDLE_SECONDS: Final = 3_600
"""NIST SP 800-63B-4 §2.2.3, for accounts with two factors; so the next."""
MAX_ABSOLUTE_SECONDS: Final = 86_400
MAX_REMEMBER_SECONDS: Final = 30 * 86_400
"""§2.1.3, for the lowest level."""

_DISTANT_REFERRERS: Final = frozenset({"same-origin", "no-referrer"})


def check_framing(deployment: Deployment) -> Iterator[Finding]:
    """Whether the whole site may be framed."""
    if deployment.settings.headers.framing != "deny":
        yield FRAMING.found(where="FASTNESS_HEADERS_FRAMING")


def check_headers(deployment: Deployment) -> Iterator[Finding]:
    """What other sites can see and hold."""
    headers = deployment.settings.headers
    if headers.referrer_policy not in _DISTANT_REFERRERS:
        yield LOOSE_HEADERS.found(where=f"FASTNESS_HEADERS_REFERRER_POLICY: {headers.referrer_policy}")
    if headers.coop != "same-origin":
        yield LOOSE_HEADERS.found(where=f"FASTNESS_HEADERS_COOP: {headers.coop}")
    if headers.corp != "same-origin":
        yield LOOSE_HEADERS.found(where=f"FASTNESS_HEADERS_CORP: {headers.corp}")


def check_sessions(deployment: Deployment) -> Iterator[Finding]:
    """The session's cookie and life."""
    settings = deployment.settings
    cookie = settings.session_cookie
    if not settings.is_development and not (cookie.secure and cookie.http_only and cookie.name.startswith("__Host-")):
        yield COOKIE.found(where=cookie.name)
    rules = settings.session
    times = f"idle {rules.idle_seconds} s, absolute {rules.absolute_seconds} s, remembered {rules.remember_seconds} s"
    if (
        rules.idle_seconds > MAX_IDLE_SECONDS
        or rules.absolute_seconds > MAX_ABSOLUTE_SECONDS
        or rules.remember_seconds > MAX_REMEMBER_SECONDS
    ):
        yield TOO_LONG_SESSIONS.found(where=times)
    elif rules.idle_seconds > DEFAULT_IDLE_SECONDS or rules.absolute_seconds > DEFAULT_ABSOLUTE_SECONDS:
        yield LONG_SESSIONS.found(where=times)
    if rules.browser_change is Reaction.OFF:
        yield UNWATCHED_SESSIONS.found(where="FASTNESS_SESSION_BROWSER_CHANGE")


def check_other_sites(deployment: Deployment) -> Iterator[Finding]:
    """The origins that the whole site trusts."""
    for origin in deployment.settings.cross_site.trusted_origins:
        yield TRUSTED_ORIGINS.found(where=f"FASTNESS_CROSS_SITE_TRUSTED_ORIGINS: {origin}")
    trusted = [
        ("FASTNESS_CROSS_SITE_TRUSTED_ORIGINS", origin) for origin in deployment.settings.cross_site.trusted_origins
    ]
    trusted += [(route.path, origin) for route in deployment.routes for origin in route.trusted_origins]
    if not deployment.settings.is_development:
        for where, origin in trusted:
            if parse_origin(origin).scheme != "https":
                yield PLAIN_ORIGIN.found(where=f"{where}: {origin}")
