"""What is left of the protection that browsers give: policy, framing, cookies, other sites.

Each of these was loosened on purpose, with a reason where the rules ask for one. The findings put the exits and their
reasons before a reviewer; nothing here was done by accident, but much of it was done long ago.

ASVS 5.0: V3.3.1 (cookies), V3.4.3 and V3.4.6 (policy and framing), V3.5.1 (other sites), V15.1.5.
"""

from collections.abc import Iterator
from typing import Final

from fastness.checks.check import Deployment
from fastness.kernel.findings import Finding, Notice, Severity, Topic

_FIX_POLICY: Final = "Give scripts and styles the nonce instead, and take the setting out."

CSP_INLINE: Final = Notice(
    id="FST-CSP-001",
    severity=Severity.HIGH,
    title="The policy allows inline scripts or styles",
    why="Injected markup can run.",
    fix=_FIX_POLICY,
    topic=Topic.INJECTION,
    asvs=("V3.4.3",),
)
CSP_EVAL: Final = Notice(
    id="FST-CSP-002",
    severity=Severity.MEDIUM,
    title="The policy allows text to become code",
    why="A value that reaches eval or Function runs.",
    fix="Use a build of the library that needs no eval (Alpine has one), and take the setting out.",
    topic=Topic.INJECTION,
    asvs=("V3.4.3",),
)
CSP_WILDCARDS: Final = Notice(
    id="FST-CSP-003",
    severity=Severity.MEDIUM,
    title="The policy allows sources that anybody can write to",
    why="A wildcard or a whole scheme holds the attacker's host too.",
    fix="Name the hosts, and take the setting out.",
    topic=Topic.INJECTION,
    asvs=("V3.4.3",),
)
CSP_NO_TRUSTED_TYPES: Final = Notice(
    id="FST-CSP-004",
    severity=Severity.LOW,
    title="Own scripts may write strings into the page",
    why="Without Trusted Types a value that reaches innerHTML becomes markup.",
    fix="Set FASTNESS_CSP_TRUSTED_HTML=server for libraries that insert HTML from the server, or use textContent.",
    topic=Topic.INJECTION,
    asvs=("V3.4.3",),
)
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
TRUSTED_ORIGINS: Final = Notice(
    id="FST-SITES-001",
    severity=Severity.INFO,
    title="Another site may act in a visitor's name",
    why="Its pages can send every unsafe request with the visitor's cookies; so can whoever finds a hole in it.",
    fix="Trust an origin on the routes that need it (trusted_origins=…) and not for the whole site.",
    topic=Topic.ACCESS_CONTROL,
    asvs=("V3.5.1",),
)

NOTICES: Final = (
    CSP_INLINE,
    CSP_EVAL,
    CSP_WILDCARDS,
    CSP_NO_TRUSTED_TYPES,
    FRAMING,
    COOKIE,
    LONG_SESSIONS,
    TRUSTED_ORIGINS,
)

DEFAULT_IDLE_SECONDS: Final = 1_800
DEFAULT_ABSOLUTE_SECONDS: Final = 43_200


def check_policy(deployment: Deployment) -> Iterator[Finding]:
    """The ways out of the Content-Security-Policy, with their reasons."""
    csp = deployment.settings.csp
    for notice, name, reason in (
        (CSP_INLINE, "FASTNESS_CSP_INSECURE_INLINE", csp.insecure_inline),
        (CSP_EVAL, "FASTNESS_CSP_INSECURE_EVAL", csp.insecure_eval),
        (CSP_WILDCARDS, "FASTNESS_CSP_INSECURE_WILDCARDS", csp.insecure_wildcards),
        (CSP_NO_TRUSTED_TYPES, "FASTNESS_CSP_INSECURE_NO_TRUSTED_TYPES", csp.insecure_no_trusted_types),
    ):
        if reason is not None:
            yield notice.found(where=name, detail=f"{notice.why} The reason given: {reason.text}")


def check_framing(deployment: Deployment) -> Iterator[Finding]:
    """Whether the whole site may be framed."""
    if deployment.settings.headers.framing != "deny":
        yield FRAMING.found(where="FASTNESS_HEADERS_FRAMING")


def check_sessions(deployment: Deployment) -> Iterator[Finding]:
    """The session's cookie and life."""
    settings = deployment.settings
    cookie = settings.session_cookie
    if not settings.is_development and not (cookie.secure and cookie.http_only and cookie.name.startswith("__Host-")):
        yield COOKIE.found(where=cookie.name)
    rules = settings.session
    if rules.idle_seconds > DEFAULT_IDLE_SECONDS or rules.absolute_seconds > DEFAULT_ABSOLUTE_SECONDS:
        yield LONG_SESSIONS.found(where=f"idle {rules.idle_seconds} s, absolute {rules.absolute_seconds} s")


def check_other_sites(deployment: Deployment) -> Iterator[Finding]:
    """The origins that the whole site trusts."""
    for origin in deployment.settings.cross_site.trusted_origins:
        yield TRUSTED_ORIGINS.found(where=f"FASTNESS_CROSS_SITE_TRUSTED_ORIGINS: {origin}")
