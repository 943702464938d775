"""How much of ASVS is proved, configured away or left to people, counted by level and by chapter.

The sorting is that of `fastness check --asvs`; here it is only counted. ASVS 5.0: V15.1.5.
"""

from collections.abc import Collection, Iterable

from fastness.checks.asvs import CHAPTERS, LEVELS, Coverage, Loosened, cover, load_requirements
from fastness.kernel.findings import Finding
from fastness.kernel.values import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """Some requirements of the standard, each counted once."""

    title: str
    proved: int
    unproved: int
    """Met by default as far as the feature is there, without a proof."""
    loosened: int
    """Configured away."""
    left: int
    """Left to people."""

    @property
    def total(self) -> int:
        """Return how many there are."""
        return self.proved + self.unproved + self.loosened + self.left


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """The counts, and what was configured away by name."""

    levels: tuple[Share, ...]
    chapters: tuple[Share, ...]
    loosened: tuple[Loosened, ...]


def shares_of(findings: Iterable[Finding]) -> Shares:
    """Count all levels for an app with these findings, accepted ones included."""
    known = load_requirements()
    coverage = cover(known, findings, level=max(LEVELS))
    return Shares(
        levels=tuple(
            _share(f"Level {level}", coverage, {one.id for one in known if one.level == level}) for level in LEVELS
        ),
        chapters=tuple(
            _share(f"{chapter} {title}", coverage, {one.id for one in known if one.chapter == chapter})
            for chapter, title in CHAPTERS.items()
        ),
        loosened=coverage.loosened,
    )


def _share(title: str, coverage: Coverage, ids: Collection[str]) -> Share:
    return Share(
        title=title,
        proved=sum(one.id in ids for one in coverage.proved),
        unproved=sum(one.id in ids for one in coverage.unproved),
        loosened=sum(one.requirement.id in ids for one in coverage.loosened),
        left=sum(one.id in ids for one in coverage.left),
    )
