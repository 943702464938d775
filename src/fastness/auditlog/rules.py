"""Where the audit log lies and how long it is kept.

ASVS 5.0: V16.2.3 (logs go where they are documented to go), V14.2.4 (retention).
"""

from dataclasses import field

from fastness.kernel.errors import ConfigError
from fastness.kernel.values import dataclass

AUTOMATIC = "auto"
OFF = "off"
MAX_KEEP_DAYS = 36_500


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRules:
    """The table of security events, beside the lines of the log."""

    url: str = field(default=AUTOMATIC, repr=False)
    """Where the events are kept: "sqlite:///path/to/audit.sqlite3", the address of a PostgreSQL database, or "off". "auto" is
    the app's database where that is PostgreSQL, else audit.sqlite3 beside the store; with a store in memory it is off."""
    keep_days: int | None = 400
    """Events older than this are removed; what remains still verifies."""
    checkpoint_seconds: int = 300
    """At most so long after an event the log has a line with the chain's end, by which a cut tail shows."""
    spool: str = AUTOMATIC
    """The file that takes events while the table is away. "auto" is beside the log where that is a SQLite file, else
    audit.spool beside the store's, else var/audit.spool."""

    def __post_init__(self) -> None:
        if self.keep_days is not None and not 1 <= self.keep_days <= MAX_KEEP_DAYS:
            raise ConfigError(
                f"AuditRules.keep_days must be between 1 and {MAX_KEEP_DAYS}, or none to keep all events."
            )
        if not 1 <= self.checkpoint_seconds <= 86_400:
            raise ConfigError("AuditRules.checkpoint_seconds must be between 1 and 86400.")
        if not self.spool:
            raise ConfigError("AuditRules.spool is the path of a file.")
