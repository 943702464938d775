"""Every `insecure_…` that a setting takes, with its reason.

Where a check of its own says more about one, that check tells of it; this one tells of all others, those included that
somebody adds to the settings later, so that a reviewer reads one list and nothing is missing from it.

ASVS 5.0: V15.1.5 (dangerous functionality is documented).
"""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Final

from fastness.checks.check import Deployment
from fastness.kernel.because import Because
from fastness.kernel.findings import Finding, Notice, Severity, Topic

EXIT: Final = Notice(
    id="FST-SETTINGS-006",
    severity=Severity.INFO,
    title="A setting takes a protection away",
    why="Its reason was given once.",
    fix="Read the reason: does it still hold?",
    topic=Topic.MISCONFIGURATION,
    asvs=("V15.1.5",),
)

NOTICES: Final = (EXIT,)

TOLD_ELSEWHERE: Final = frozenset(
    {
        "csp.insecure_inline",
        "csp.insecure_eval",
        "csp.insecure_wildcards",
        "csp.insecure_no_trusted_types",
        "database.insecure_unverified_tls",
        "mail.insecure_plaintext",
        "outbound.insecure_any_host",
        "outbound.insecure_plaintext",
        "second_factors.insecure_unenforced",
        "tripwires.insecure_off",
    }
)
PREFIX: Final = "insecure_"


def check_exits(deployment: Deployment) -> Iterator[Finding]:
    """The exits that no other check tells of."""
    settings = deployment.settings
    for group in fields(settings):
        rules = getattr(settings, group.name)
        if not is_dataclass(rules) or isinstance(rules, type):
            continue
        for each in fields(rules):
            name, reason = f"{group.name}.{each.name}", getattr(rules, each.name)
            if each.name.startswith(PREFIX) and isinstance(reason, Because) and name not in TOLD_ELSEWHERE:
                yield EXIT.found(where=name, detail=f"The reason given: {reason.text}")
