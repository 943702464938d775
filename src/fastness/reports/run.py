"""One run of a tool, as a report tells of it: what was found, when, of what, and with which packages.

ASVS 5.0: V15.1.2 (an inventory).
"""

from datetime import datetime

from fastness.kernel.report import Report
from fastness.kernel.values import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """One package in one version that the audit looked at."""

    name: str
    version: str
    where: str
    """The file that pins it, or "installed"."""
    has_hash: bool = False
    licence: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What a tool said, and when."""

    report: Report
    made_at: datetime
    """Aware, in UTC."""
    subject: str = ""
    """What was looked at: a project, an address."""
    profile: str | None = None
    """The profile of the app's settings, where they could be read."""
    packages: tuple[Package, ...] = ()
    """The audit's inventory."""
