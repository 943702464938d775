"""Charts as numbers: where the parts of a bar or of a ring begin and how long they are, in hundredths.

The template draws them as SVG with a title and a description, and each stands beside the table it is made of: no library, no
script, nothing fetched, so that they work under the strictest policy and without seeing them.
"""

from collections.abc import Iterable

from fastness.kernel.values import dataclass
from fastness.reports.coverage import Share


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part of a chart."""

    kind: str
    """The class that gives it its colour."""
    label: str
    count: int
    start: float
    length: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A bar or a ring."""

    name: str
    """Unique in the page, for ids."""
    title: str
    parts: tuple[Part, ...]

    @property
    def description(self) -> str:
        """Return what is seen, in words."""
        return ", ".join(f"{part.count} {part.label}" for part in self.parts) or "nothing"


def chart_of(name: str, title: str, counts: Iterable[tuple[str, str, int]], *, whole: int = 0) -> Chart:
    """Make a chart of kinds, labels and counts; `whole` is what a full bar stands for, their sum without one."""
    shown = [(kind, label, count) for kind, label, count in counts if count]
    full = max(whole, sum(count for _, _, count in shown), 1)
    parts: list[Part] = []
    before = 0
    for kind, label, count in shown:
        parts.append(
            Part(
                kind=kind,
                label=label,
                count=count,
                start=round(100 * before / full, 3),
                length=round(100 * count / full, 3),
            )
        )
        before += count
    return Chart(name=name, title=title, parts=tuple(parts))


def share_chart(name: str, share: Share) -> Chart:
    """How the requirements of a level or chapter are met."""
    return chart_of(
        name,
        f"{share.title}: {share.total} requirements",
        (
            ("proved", "proved", share.proved),
            ("unproved", "met without proof", share.unproved),
            ("loosened", "configured away", share.loosened),
            ("left", "left to people", share.left),
        ),
    )
