"""How the database is used: the numbers, without the library that does the work.

They are a file of their own so that settings can be read without loading SQLAlchemy. Waiting is bounded everywhere, so that a
visitor gets an answer and a slow writer cannot collect the requests of all others.

ASVS 5.0: V13.1.2 (connection limits and what happens at them), V15.4.3 (waiting for locks ends).
"""

from dataclasses import dataclass

from fastness.kernel.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseRules:
    """How many connections there are and how long a request waits for one."""

    read_connections: int = 8
    """Reading connections a process keeps."""
    busy_seconds: float = 15.0
    """How long a writer waits for the writer of another process before 503."""
    queue_seconds: float = 30.0
    """How long a request waits for a connection of its own process before 503."""
    is_power_cut_safe: bool = True
    """Whether a commit waits until the disk has it. Without, a power cut may take the last commits back (never half of
    one), and the file stays whole: a closed account could be open again."""

    def __post_init__(self) -> None:
        if not 1 <= self.read_connections <= 256:
            raise ConfigError("read_connections must be between 1 and 256")
        if not 0 < self.busy_seconds <= 300 or not 0 < self.queue_seconds <= 300:
            raise ConfigError("busy_seconds and queue_seconds must be above 0 and at most 300")
