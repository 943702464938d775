"""A grade for each category of the OWASP Top 10, by one rule that a reader can check.

The grade is the worst finding that is open in the category. Accepted findings are counted beside it: somebody gave a reason
for them. Where nothing is open the grade is A only if every tool that looks for something in this category ran and left nothing
out there; with some of them it is *incomplete*, with none *not checked*. An A says that none of these mistakes was found, not
that there is none.
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Final

from fastness.kernel.findings import Finding, Notice, Severity, Topic
from fastness.kernel.values import dataclass
from fastness.reports.run import Run

EDITIONS: Final[Mapping[str, Mapping[str, str]]] = {
    "2025": {
        "A01": "Broken access control",
        "A02": "Security misconfiguration",
        "A03": "Software supply chain failures",
        "A04": "Cryptographic failures",
        "A05": "Injection",
        "A06": "Insecure design",
        "A07": "Authentication failures",
        "A08": "Software or data integrity failures",
        "A09": "Security logging and alerting failures",
        "A10": "Mishandling of exceptional conditions",
    },
    "2021": {
        "A01": "Broken access control",
        "A02": "Cryptographic failures",
        "A03": "Injection",
        "A04": "Insecure design",
        "A05": "Security misconfiguration",
        "A06": "Vulnerable and outdated components",
        "A07": "Identification and authentication failures",
        "A08": "Software and data integrity failures",
        "A09": "Security logging and monitoring failures",
        "A10": "Server-side request forgery",
    },
}


class Grade(StrEnum):
    """The worst that is open, or that nobody looked."""

    A = "A"
    B = "B"
    C = "C"
    D = "D"
    F = "F"
    INCOMPLETE = "incomplete"
    NOT_CHECKED = "not checked"


BY_SEVERITY: Final[Mapping[Severity, Grade]] = {
    Severity.CRITICAL: Grade.F,
    Severity.HIGH: Grade.D,
    Severity.MEDIUM: Grade.C,
    Severity.LOW: Grade.B,
    Severity.INFO: Grade.A,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Category:
    """One category of one edition."""

    id: str
    title: str
    grade: Grade
    open: Mapping[Severity, int]
    """How many findings are open, gravest first, none left out."""
    accepted: int
    missing: tuple[str, ...]
    """The tools that look for something here and did not run, or left something out."""


def categories_of(runs: Sequence[Run], catalogue: Mapping[str, Sequence[Notice]], edition: str) -> tuple[Category, ...]:
    """Grade every category of an edition; `catalogue` is what each tool can find."""
    return tuple(
        _category(f"{number}:{edition}", title, runs, catalogue) for number, title in EDITIONS[edition].items()
    )


def grade_of(worst: Severity | None, *, has_run: bool, is_complete: bool) -> Grade:
    """The rule: what is found counts whoever looked; that nothing is found counts only if everybody did."""
    grade = Grade.A if worst is None else BY_SEVERITY[worst]
    if grade is not Grade.A:
        return grade
    if not has_run:
        return Grade.NOT_CHECKED
    return Grade.A if is_complete else Grade.INCOMPLETE


def _category(name: str, title: str, runs: Sequence[Run], catalogue: Mapping[str, Sequence[Notice]]) -> Category:
    looking = [tool for tool, notices in catalogue.items() if any(is_in(name, notice.topic) for notice in notices)]
    ran = {run.report.tool for run in runs}
    partly = {
        run.report.tool for run in runs for one in run.report.unchecked if one.topic is None or is_in(name, one.topic)
    }
    found = [finding for run in runs for finding in run.report.findings if is_in(name, finding.topic)]
    missing = tuple(tool for tool in looking if tool not in ran or tool in partly)
    worst = max((finding.severity for finding in found), key=lambda severity: severity.rank, default=None)
    return Category(
        id=name,
        title=title,
        grade=grade_of(worst, has_run=any(tool in ran for tool in looking), is_complete=not missing),
        open=counted(found),
        accepted=sum(is_in(name, finding.topic) for run in runs for finding, _ in run.report.accepted),
        missing=missing,
    )


def counted(findings: Iterable[Finding]) -> Mapping[Severity, int]:
    """How many there are of each severity, gravest first."""
    known = tuple(findings)
    return {severity: sum(one.severity is severity for one in known) for severity in reversed(Severity)}


def is_in(category: str, topic: Topic) -> bool:
    """Whether a topic is counted there."""
    return category in {topic.owasp_2021, topic.owasp_2025}
