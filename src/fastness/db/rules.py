"""How the database is used: numbers and modes, without the library that does the work.

They are a file of their own so that settings can be read without loading SQLAlchemy. Waiting is bounded everywhere, so that a
visitor gets an answer and a slow writer cannot collect the requests of all others.

ASVS 5.0: V13.1.2 (connection limits and what happens at them), V15.4.3 (waiting for locks ends).
"""

from enum import StrEnum

from fastness.kernel.because import Because
from fastness.kernel.errors import ConfigError
from fastness.kernel.values import dataclass


class Isolation(StrEnum):
    """How much a transaction on PostgreSQL sees of others that run at the same time."""

    READ_COMMITTED = "read committed"
    """Each statement sees what is committed by then: of two that read a value, add to it and write it, one is lost."""
    REPEATABLE_READ = "repeatable read"
    """All statements see one moment; who would overwrite a change made since is undone."""
    SERIALIZABLE = "serializable"
    """As if one ran after the other; who would notice the difference is undone, which under load are many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseRules:
    """How many connections there are and how long a request waits for one."""

    read_connections: int = 8
    """Reading connections a process keeps."""
    write_connections: int = 8
    """Writing connections a process keeps on PostgreSQL. SQLite has one writer."""
    busy_seconds: float = 15.0
    """How long a writer waits for the lock of another one before 503."""
    queue_seconds: float = 30.0
    """How long a request waits for a connection of its own process before 503."""
    statement_seconds: float = 60.0
    """How long PostgreSQL works on one statement, and waits for the next one of an open transaction, before 503."""
    isolation: Isolation = Isolation.REPEATABLE_READ
    """How much a transaction on PostgreSQL sees of others. On SQLite one writes after the other."""
    insecure_unverified_tls: Because | None = None
    """Why a PostgreSQL on another machine may be talked to without knowing that it is the right one: an address with
    sslmode=require or sslmode=disable is refused without it."""
    is_power_cut_safe: bool = True
    """Whether a commit waits until the disk has it. Without, a power cut may take the last commits back (never half of
    one), and the file stays whole: a closed account could be open again."""

    def __post_init__(self) -> None:
        if not 1 <= self.read_connections <= 256 or not 1 <= self.write_connections <= 256:
            raise ConfigError("read_connections and write_connections must be between 1 and 256")
        if not 0 < self.busy_seconds <= 300 or not 0 < self.queue_seconds <= 300:
            raise ConfigError("busy_seconds and queue_seconds must be above 0 and at most 300")
        if not 0 < self.statement_seconds <= 3600:
            raise ConfigError("statement_seconds must be above 0 and at most 3600")
        if self.isolation not in set(Isolation):
            raise ConfigError("isolation must be one of " + ", ".join(Isolation))
        if self.insecure_unverified_tls is not None and not isinstance(self.insecure_unverified_tls, Because):
            raise ConfigError('insecure_unverified_tls takes a reason: Because("…")')
