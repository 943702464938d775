"""What a check found: the one shape that every checker yields.

Deployment checks, the source rules, the dependency audit and the outside-in probe all produce `Finding`s, so that one
report, one exit code and one ASVS map serve them all. Ids are `FST-<PART>-NNN` and never reused: teams put them into
ignore lists, and a reused number would silently ignore something else.

A `Notice` is one kind of finding, with everything about it that is the same each time: the lists of notices are the
catalogue. A finding's texts go into terminals, HTML and CI logs. They are written by us and must not quote a secret. The
ASVS ids of a finding are its own; this module serves none by itself.
"""

import re
from enum import StrEnum
from typing import Final

from fastness.kernel.errors import ConfigError
from fastness.kernel.values import dataclass

_ID: Final = re.compile(r"FST-[A-Z][A-Z0-9]{1,15}-[0-9]{3}")
_REQUIREMENT: Final = re.compile(r"V[0-9]{1,2}\.[0-9]{1,2}\.[0-9]{1,2}")


class Severity(StrEnum):
    """How bad it is; `is_error` findings stop `fastness serve` and fail `fastness check`."""

    INFO = "info"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0 for info to 4 for critical, for sorting and thresholds."""
        return _RANKS.index(self)

    @property
    def is_error(self) -> bool:
        """Whether a finding of this severity stops the start."""
        return self.rank >= Severity.HIGH.rank


_RANKS: Final = tuple(Severity)


class Topic(StrEnum):
    """What a finding is about, in the words that both editions of the OWASP Top 10 can be counted by."""

    ACCESS_CONTROL = "access_control"
    MISCONFIGURATION = "misconfiguration"
    COMPONENTS = "components"
    CRYPTOGRAPHY = "cryptography"
    INJECTION = "injection"
    DESIGN = "design"
    AUTHENTICATION = "authentication"
    INTEGRITY = "integrity"
    LOGGING = "logging"
    SSRF = "ssrf"
    ERRORS = "errors"

    @property
    def owasp_2021(self) -> str:
        """The category of the edition of 2021, such as "A01:2021"."""
        return f"{_CATEGORIES[self][0]}:2021"

    @property
    def owasp_2025(self) -> str:
        """The category of the edition of 2025, such as "A01:2025"."""
        return f"{_CATEGORIES[self][1]}:2025"


_CATEGORIES: Final = {
    Topic.ACCESS_CONTROL: ("A01", "A01"),
    Topic.MISCONFIGURATION: ("A05", "A02"),
    Topic.COMPONENTS: ("A06", "A03"),
    Topic.CRYPTOGRAPHY: ("A02", "A04"),
    Topic.INJECTION: ("A03", "A05"),
    Topic.DESIGN: ("A04", "A06"),
    Topic.AUTHENTICATION: ("A07", "A07"),
    Topic.INTEGRITY: ("A08", "A08"),
    Topic.LOGGING: ("A09", "A09"),
    Topic.SSRF: ("A10", "A01"),
    # 2021 has no category of its own for errors and counts what they reveal (CWE-209) as insecure design.
    Topic.ERRORS: ("A04", "A10"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong, where, and what to do about it."""

    id: str
    """`FST-<PART>-NNN`, stable and never reused."""
    severity: Severity
    title: str
    """One line, no full stop."""
    detail: str
    """Why it matters here."""
    fix: str
    """What to write or run instead."""
    topic: Topic
    """What it is about, for the OWASP Top 10."""
    where: str | None = None
    """A file and line, a setting, a route."""
    asvs: tuple[str, ...] = ()
    """ASVS 5.0 requirements, such as "V3.5.1"."""

    def __post_init__(self) -> None:
        # fullmatch: `$` would accept a trailing newline (CVE-2026-53878).
        if _ID.fullmatch(self.id) is None:
            raise ConfigError(f"A finding's id looks like FST-WEB-012, not {self.id!r}.")
        for name, text in (("title", self.title), ("detail", self.detail), ("fix", self.fix)):
            if not text.strip():
                raise ConfigError(f"Finding {self.id} has no {name}.")
        if "\n" in self.title:
            raise ConfigError(f"The title of finding {self.id} is one line.")
        for requirement in self.asvs:
            if _REQUIREMENT.fullmatch(requirement) is None:
                raise ConfigError(f"Finding {self.id} names {requirement!r}; a requirement looks like V3.5.1.")

    @property
    def is_error(self) -> bool:
        """Whether this finding stops the start."""
        return self.severity.is_error


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One kind of finding: everything about it that is the same each time."""

    id: str
    severity: Severity
    title: str
    why: str
    fix: str
    topic: Topic
    asvs: tuple[str, ...] = ()

    def found(self, *, where: str | None = None, detail: str | None = None) -> Finding:
        """Make the finding; `detail` takes the place of the general reason."""
        return Finding(
            id=self.id,
            severity=self.severity,
            title=self.title,
            detail=detail or self.why,
            fix=self.fix,
            topic=self.topic,
            where=where,
            asvs=self.asvs,
        )
