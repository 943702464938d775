"""Runs the checks and reports what they found.

ASVS 5.0: V15.1.5 (dangerous functionality is documented).
"""

from collections.abc import Iterable, Mapping
from typing import Final

from fastness.checks.catalogue import CHECKS, NOTICES
from fastness.checks.check import Deployment
from fastness.checks.transport import NO_TLS
from fastness.kernel.because import Because
from fastness.kernel.findings import Finding
from fastness.kernel.report import Report, make_report

TOOL: Final = "check"
KNOWN_IDS: Final = frozenset(notice.id for notice in NOTICES)


def run_checks(deployment: Deployment, *, accepted: Mapping[str, Because] | None = None) -> Report:
    """Run the checks; raises `ConfigError` where `accepted` names an id that no check has."""
    findings = [finding for check in CHECKS for finding in check(deployment)]
    return make_report(TOOL, findings, _looked_for(deployment, accepted or {}, findings), KNOWN_IDS)


def _looked_for(
    deployment: Deployment, accepted: Mapping[str, Because], findings: Iterable[Finding]
) -> Mapping[str, Because]:
    """Without those for which nobody looked here: they are not needless."""
    there = {finding.id for finding in findings}
    if deployment.settings.is_development:  # reasons are given for what is deployed
        silent = KNOWN_IDS - there
    else:
        silent = frozenset({NO_TLS.id} if deployment.has_tls is None else ()) - there
    return {name: reason for name, reason in accepted.items() if name not in silent}
