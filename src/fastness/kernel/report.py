"""What one tool has to say: its findings, what a team has accepted of them, and what the tool could not look at.

A finding is accepted by its id with a reason, in `[tool.fastness.accepted]` of pyproject.toml, where a review sees it. An
id that no tool knows is refused: a typing mistake there would leave the real one open. An id that silences nothing is a
finding: the next one of its kind would pass unseen, under a reason that was given for something else.

What could not be checked is no pass: an audit that found no vulnerable package because it could not ask has said nothing.
ASVS 5.0: V15.1.5 (dangerous functionality is documented).
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Final

from fastness.kernel.because import Because
from fastness.kernel.errors import ConfigError
from fastness.kernel.findings import Finding, Notice, Severity, Topic
from fastness.kernel.values import dataclass

NEEDLESS_ACCEPTANCE: Final = Notice(
    id="FST-ACCEPTED-001",
    severity=Severity.LOW,
    title="A finding is accepted that is not there",
    why="The next finding of this kind would pass unseen, under a reason that was given for another.",
    fix="Take the line out of [tool.fastness.accepted] in pyproject.toml.",
    topic=Topic.MISCONFIGURATION,
    asvs=("V15.1.5",),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unchecked:
    """One thing that a tool could not look at."""

    what: str
    """The package, the file, the address."""
    why: str
    """What was in the way, and what to do about it."""
    topic: Topic | None = None
    """What could have been found there; None for anything that the tool looks for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was found, gravest first."""

    tool: str
    """"check", "audit", "probe"."""
    findings: tuple[Finding, ...] = ()
    accepted: tuple[tuple[Finding, Because], ...] = ()
    """Findings that the team lives with, and why."""
    unchecked: tuple[Unchecked, ...] = ()

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that stop the start."""
        return tuple(finding for finding in self.findings if finding.is_error)

    @property
    def is_passed(self) -> bool:
        """Whether there is no error and nothing was left unchecked."""
        return not self.errors and not self.unchecked


def make_report(
    tool: str,
    findings: Iterable[Finding],
    accepted: Mapping[str, Because],
    known_ids: Collection[str],
    unchecked: Iterable[Unchecked] = (),
) -> Report:
    """Sort findings, and set apart the accepted ones; `known_ids` are those that the tool can find.

    Raises `ConfigError` where `accepted` names another. Where something was left unchecked nothing is said about needless
    acceptances: what they are for may lie there.
    """
    refuse_unknown(accepted, known_ids)
    found, left_out = list(findings), tuple(unchecked)
    if not left_out:
        there = {finding.id for finding in found}
        found += [
            NEEDLESS_ACCEPTANCE.found(where=f"{name}: {reason.text}")
            for name, reason in accepted.items()
            if name not in there
        ]
    # Stable: among equals the order of the catalogue stays.
    ordered = sorted(found, key=lambda finding: -finding.severity.rank)
    return Report(
        tool=tool,
        findings=tuple(finding for finding in ordered if finding.id not in accepted),
        accepted=tuple((finding, accepted[finding.id]) for finding in ordered if finding.id in accepted),
        unchecked=left_out,
    )


def refuse_unknown(accepted: Iterable[str], known_ids: Collection[str]) -> None:
    """Raise `ConfigError` where an accepted id is none of these."""
    if unknown := sorted(set(accepted).difference(known_ids)):
        raise ConfigError(
            f"[tool.fastness.accepted] names {', '.join(unknown)}, which nothing can find; "
            "docs/reference/checks.md lists all ids."
        )
