"""What one part of the audit has to say; the parts are put together into one report."""

from collections.abc import Iterable

from fastness.kernel.because import Because
from fastness.kernel.findings import Finding
from fastness.kernel.report import Unchecked
from fastness.kernel.values import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Findings, those that a line of the source accepts with its reason, and what could not be looked at."""

    findings: tuple[Finding, ...] = ()
    accepted: tuple[tuple[Finding, Because], ...] = ()
    unchecked: tuple[Unchecked, ...] = ()


def joined(outcomes: Iterable[Outcome]) -> Outcome:
    """Several parts as one, in their order."""
    parts = tuple(outcomes)
    return Outcome(
        findings=tuple(each for part in parts for each in part.findings),
        accepted=tuple(each for part in parts for each in part.accepted),
        unchecked=tuple(each for part in parts for each in part.unchecked),
    )
