"""Runs the checks and sorts what they found; what a team has accepted stays visible and no longer fails.

A finding is accepted by its id with a reason, in `[tool.fastness.accepted]` of pyproject.toml, where a review sees it. An
id that no check knows is refused: a typing mistake there would leave the real one open, and an id that was dropped
would lie around.

ASVS 5.0: V15.1.5 (dangerous functionality is documented).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from fastness.checks.catalogue import CHECKS, NOTICES
from fastness.checks.check import Check, Deployment
from fastness.kernel.because import Because
from fastness.kernel.errors import ConfigError
from fastness.kernel.findings import Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was found, gravest first."""

    findings: tuple[Finding, ...] = ()
    accepted: tuple[tuple[Finding, Because], ...] = ()
    """Findings that the team lives with, and why."""

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that stop the start."""
        return tuple(finding for finding in self.findings if finding.is_error)


def run_checks(
    deployment: Deployment, *, accepted: Mapping[str, Because] | None = None, checks: Iterable[Check] = CHECKS
) -> Report:
    """Run the checks; raises `ConfigError` where `accepted` names an id that no check has."""
    return make_report((finding for check in checks for finding in check(deployment)), accepted or {})


def make_report(findings: Iterable[Finding], accepted: Mapping[str, Because]) -> Report:
    """Sort findings, and set apart the accepted ones."""
    known = {notice.id for notice in NOTICES}
    if unknown := sorted(accepted.keys() - known):
        raise ConfigError(
            f"[tool.fastness.accepted] names {', '.join(unknown)}, which no check has; docs/reference/checks.md lists them."
        )
    # Stable: among equals the order of the catalogue stays.
    ordered = sorted(findings, key=lambda finding: -finding.severity.rank)
    return Report(
        findings=tuple(finding for finding in ordered if finding.id not in accepted),
        accepted=tuple((finding, accepted[finding.id]) for finding in ordered if finding.id in accepted),
    )
