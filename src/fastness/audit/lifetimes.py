"""Series of dependencies whose authors have ended their security repairs, with the day and where they said so.

Only what a web project of this kind meets, and only what its authors have published a date for; the rest is left to
advisories. Read 2026-11-22.

ASVS 5.0: V15.2.1 (no component past its time).
"""

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Final

from packaging.version import InvalidVersion, Version

from fastness.audit.dependencynotices import UNSUPPORTED
from fastness.audit.pins import Dependency
from fastness.kernel.findings import Finding
from fastness.kernel.values import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """Everything below a version of one package."""

    name: str
    below: str
    on: date
    source: str


ENDED: Final = (
    Ended(name="django", below="4.2", on=date(2024, 4, 1), source="Django's list of supported versions (3.2 LTS)"),
    Ended(name="django", below="5.2", on=date(2026, 4, 30), source="Django's list of supported versions (4.2 LTS)"),
    # Pallets keep the newest feature release only.
    Ended(name="jinja2", below="3.0", on=date(2021, 5, 11), source="Jinja's changes, 3.0.0"),
    Ended(
        name="werkzeug", below="3.0", on=date(2023, 11, 8), source="Werkzeug's changes, 2.3.8, the last of its series"
    ),
    Ended(name="flask", below="3.0", on=date(2023, 9, 30), source="Flask's changes, 3.0.0"),
)


def unsupported(dependencies: Iterable[Dependency], *, today: date) -> Iterator[Finding]:
    """Which of these get no repairs any more."""
    for dependency in dependencies:
        ended = next((each for each in ENDED if _is_below(dependency, each) and today > each.on), None)
        if ended is not None:
            yield UNSUPPORTED.found(
                where=f"{dependency.where}: {dependency.name} {dependency.version}",
                detail=f"Repairs below {ended.below} ended on {ended.on} ({ended.source}). {UNSUPPORTED.why}",
            )


def _is_below(dependency: Dependency, ended: Ended) -> bool:
    try:
        return dependency.name == ended.name and Version(dependency.version) < Version(ended.below)
    except InvalidVersion:
        return False
