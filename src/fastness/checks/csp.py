"""What the Content-Security-Policy still stops.

A policy is easily written that looks strict and stops nothing: one list of hosts with a foreign file store in it is enough
(Weichselbaum et al., "CSP Is Dead, Long Live CSP!", 2016). The exits with a reason are listed, and what the rules allow
without asking is looked at in the way an evaluator of policies does.

ASVS 5.0: V3.4.3 (policy), V3.4.6 (framing), V3.4.7 (reports), V15.1.5.
"""

from collections.abc import Iterator
from typing import Final

from fastness.checks.check import Deployment
from fastness.checks.suffixes import EVERYBODYS_SCRIPTS, is_below
from fastness.kernel.csp import NONCE, CSPRules
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
NO_NONCE: Final = Notice(
    id="FST-CSP-005",
    severity=Severity.MEDIUM,
    title="Scripts are believed by where they come from",
    why="Whatever can be made to lie at one of these addresses runs: an uploaded file, an answer that repeats its query.",
    fix="Leave FASTNESS_CSP_SCRIPT_SRC at its default: templates give scripts the nonce by themselves.",
    topic=Topic.INJECTION,
    asvs=("V3.4.3",),
)
EVERYBODYS_HOST: Final = Notice(
    id="FST-CSP-006",
    severity=Severity.MEDIUM,
    title="Scripts may come from a host that serves everybody's",
    why="It serves any package, any user's files, or answers that call a function of the asker's choice: the attacker's too.",
    fix="Keep the file among your own static files, or give its script element the nonce.",
    topic=Topic.INJECTION,
    asvs=("V3.4.3",),
)
PLAIN_SOURCE: Final = Notice(
    id="FST-CSP-007",
    severity=Severity.LOW,
    title="The policy names a source without TLS",
    why="Who is on the way decides what comes from there.",
    fix="Write https:// or wss://, or the host without a scheme.",
    topic=Topic.CRYPTOGRAPHY,
    asvs=("V3.4.3", "V12.2.1"),
)
GAP: Final = Notice(
    id="FST-CSP-008",
    severity=Severity.MEDIUM,
    title="The policy leaves a way round it open",
    why="A base element turns the page's relative addresses to another host, a form sends what is typed there, a plug-in or a "
    "foreign frame shows what it likes.",
    fix="Leave default_src, object_src, base_uri, form_action and frame_ancestors at their defaults, or name what is needed.",
    topic=Topic.INJECTION,
    asvs=("V3.4.3", "V3.4.6"),
)
NO_REPORTS: Final = Notice(
    id="FST-CSP-009",
    severity=Severity.LOW,
    title="Browsers do not report what the policy stopped",
    why="An injection that was stopped stays unknown, and so does the page that breaks.",
    fix="Leave FASTNESS_CSP_REPORT_PATH at its default.",
    topic=Topic.LOGGING,
    asvs=("V3.4.7",),
)

NOTICES: Final = (
    CSP_INLINE,
    CSP_EVAL,
    CSP_WILDCARDS,
    CSP_NO_TRUSTED_TYPES,
    NO_NONCE,
    EVERYBODYS_HOST,
    PLAIN_SOURCE,
    GAP,
    NO_REPORTS,
)

_NONE: Final = ("'none'",)
_FETCHED: Final = (
    "default_src",
    "script_src",
    "style_src",
    "img_src",
    "font_src",
    "connect_src",
    "media_src",
    "manifest_src",
    "worker_src",
    "frame_src",
    "form_action",
    "form_action_hosts",
)


def check_policy(deployment: Deployment) -> Iterator[Finding]:
    """The ways out of the policy, with their reasons."""
    csp = deployment.settings.csp
    for notice, name, reason in (
        (CSP_INLINE, "FASTNESS_CSP_INSECURE_INLINE", csp.insecure_inline),
        (CSP_EVAL, "FASTNESS_CSP_INSECURE_EVAL", csp.insecure_eval),
        (CSP_WILDCARDS, "FASTNESS_CSP_INSECURE_WILDCARDS", csp.insecure_wildcards),
        (CSP_NO_TRUSTED_TYPES, "FASTNESS_CSP_INSECURE_NO_TRUSTED_TYPES", csp.insecure_no_trusted_types),
    ):
        if reason is not None:
            yield notice.found(where=name, detail=f"{notice.why} The reason given: {reason.text}")


def check_policy_quality(deployment: Deployment) -> Iterator[Finding]:
    """What the policy's own words leave open."""
    csp = deployment.settings.csp
    scripts = csp.script_src or csp.default_src
    if scripts != _NONE and NONCE not in scripts and not any(source.startswith("'sha") for source in scripts):
        yield NO_NONCE.found(where=f"FASTNESS_CSP_SCRIPT_SRC: {', '.join(scripts) or 'anything'}")
    for source in scripts:
        if is_below(_host_of(source), EVERYBODYS_SCRIPTS):
            yield EVERYBODYS_HOST.found(where=f"FASTNESS_CSP_SCRIPT_SRC: {source}")
    for name in _FETCHED:
        for source in getattr(csp, name):
            if source.lower().startswith(("http:", "ws:")):
                yield PLAIN_SOURCE.found(where=f"FASTNESS_CSP_{name.upper()}: {source}")
    for name in _gaps(csp):
        yield GAP.found(where=f"FASTNESS_CSP_{name.upper()}")
    if csp.report_path is None:
        yield NO_REPORTS.found(where="FASTNESS_CSP_REPORT_PATH")


def _gaps(csp: CSPRules) -> Iterator[str]:
    if not csp.default_src:
        yield "default_src"
    if (csp.object_src or csp.default_src) != _NONE:
        yield "object_src"
    # These three have no fallback: left out, everything is allowed (CSP3 §6.3 and §6.4).
    if csp.base_uri not in {_NONE, ("'self'",)}:
        yield "base_uri"
    if not csp.form_action and not csp.form_action_hosts:
        yield "form_action"
    if not csp.frame_ancestors or any(source in {"*", "http:", "https:"} for source in csp.frame_ancestors):
        yield "frame_ancestors"


def _host_of(source: str) -> str:
    return (source.partition("://")[2] or source).partition("/")[0].partition(":")[0].removeprefix("*.").lower()
