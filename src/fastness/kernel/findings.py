"""What a check found: the one shape that every checker yields.

Deployment checks, the source rules, the dependency audit and the outside-in probe all produce `Finding`s, so that one
report, one exit code and one ASVS map serve them all. Ids are `FST-<PART>-NNN` and never reused: teams put them into
ignore lists, and a reused number would silently ignore something else.

A finding's texts go into terminals, HTML and CI logs. They are written by us and must not quote a secret. The ASVS ids
of a finding are its own; this module serves none by itself.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from fastness.kernel.errors import ConfigError

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
