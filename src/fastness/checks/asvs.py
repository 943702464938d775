"""The requirements of ASVS 5.0: who meets each, which tests prove it, and what of that holds for one app.

The list is data of this package. Its words are ours; the standard says more. A requirement that the framework meets by
default is *proved* only if a test names it and that test fails once a small patch takes the protection away; what a build of
the framework proved is listed in `asvs_tests.json`. A finding of `check` that names a requirement says that this app
configured it away, in part at least. Nothing here looks at what the app's own handlers do.

ASVS 5.0: V15.1.5 (what is loosened is known).
"""

import json
from collections.abc import Iterable, Mapping
from enum import StrEnum
from importlib.resources import files
from typing import Final

from fastness.kernel.findings import Finding
from fastness.kernel.values import dataclass

LEVELS: Final = (1, 2, 3)
CHAPTERS: Final[Mapping[str, str]] = {
    "V1": "Encoding",
    "V2": "Validation and business logic",
    "V3": "Browsers",
    "V4": "HTTP and APIs",
    "V5": "Files",
    "V6": "Authentication",
    "V7": "Sessions",
    "V8": "Authorization",
    "V9": "Self-contained tokens",
    "V10": "OAuth and OpenID Connect",
    "V11": "Cryptography",
    "V12": "Transport",
    "V13": "Configuration",
    "V14": "Data protection",
    "V15": "Architecture and code",
    "V16": "Logging and errors",
    "V17": "WebRTC",
}
"""What each chapter is about, in our words."""


class Who(StrEnum):
    """Who meets a requirement."""

    DEFAULT = "framework-default"
    """The framework, without being asked."""
    SUPPORT = "framework-support"
    """The app, by the framework's means."""
    APP = "app"
    OPERATIONS = "ops"


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """One row of the standard."""

    id: str
    level: int
    who: Who
    area: str
    words: str
    """What it asks, in short."""
    how: str
    """How the framework meets it, or what its people have to do."""
    tests: tuple[str, ...] = ()
    """The framework's tests that name it."""
    is_patched: bool = False
    """Whether a patch is kept that makes them fail."""

    @property
    def chapter(self) -> str:
        """Return "V6" for "V6.2.1"."""
        return self.id.partition(".")[0]

    @property
    def is_proved(self) -> bool:
        """Whether the framework's tests prove that it meets this by default."""
        return self.who is Who.DEFAULT and self.is_patched and bool(self.tests)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loosened:
    """A requirement that this app configured away, and the findings that say so."""

    requirement: Requirement
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """The requirements of a level and of those below it, each in one place."""

    level: int
    proved: tuple[Requirement, ...]
    unproved: tuple[Requirement, ...]
    """Met by default as far as it exists, without a test that would notice."""
    loosened: tuple[Loosened, ...]
    left: tuple[Requirement, ...]
    """What the app's people and those who run it have to see to."""

    @property
    def total(self) -> int:
        """Return how many requirements there are."""
        return len(self.proved) + len(self.unproved) + len(self.loosened) + len(self.left)


def load_requirements() -> tuple[Requirement, ...]:
    """Read the list that this package holds."""
    folder = files("fastness.checks")
    rows = json.loads((folder / "asvs.json").read_text(encoding="utf-8"))
    proofs = json.loads((folder / "asvs_tests.json").read_text(encoding="utf-8"))
    return requirements_from(rows, tests=proofs["tests"], patched=proofs["patched"])


def requirements_from(
    rows: Iterable[Mapping[str, str | int]], *, tests: Mapping[str, Iterable[str]], patched: Iterable[str]
) -> tuple[Requirement, ...]:
    """Make the requirements from data."""
    with_patch = frozenset(patched)
    return tuple(
        Requirement(
            id=(name := str(row["id"])),
            level=int(row["level"]),
            who=Who(str(row["who"])),
            area=str(row["area"]),
            words=str(row["words"]),
            how=str(row["how"]),
            tests=tuple(tests.get(name, ())),
            is_patched=name in with_patch,
        )
        for row in rows
    )


def cover(requirements: Iterable[Requirement], findings: Iterable[Finding], *, level: int) -> Coverage:
    """Sort the requirements up to a level by what holds for an app with these findings, accepted ones included."""
    proved, unproved, loosened, left = [], [], [], []
    known = tuple(findings)
    for requirement in requirements:
        if requirement.level > level:
            continue
        if against := tuple(finding for finding in known if requirement.id in finding.asvs):
            loosened.append(Loosened(requirement=requirement, findings=against))
        elif requirement.is_proved:
            proved.append(requirement)
        elif requirement.who is Who.DEFAULT:
            unproved.append(requirement)
        else:
            left.append(requirement)
    return Coverage(
        level=level,
        proved=tuple(proved),
        unproved=tuple(unproved),
        loosened=tuple(loosened),
        left=tuple(left),
    )
