"""Time as a parameter, so that expiry can be tested and never depends on a naive datetime.

Everything that expires asks a `Clock`. `epoch()` is what records store (seconds, UTC by definition); `now()` is what
people and logs read. Whoever can set the machine's clock can extend or end every lifetime: that is the operator, who is
trusted. It is not a monotonic clock: lifetimes have to hold across processes and restarts.

ASVS 5.0: V16.2.2 (time sources are synchronised and in UTC).
"""

from datetime import UTC, datetime, timedelta
from time import time
from typing import Final, Protocol

from fastness.kernel.errors import ConfigError

MANUAL_START: Final = datetime(2030, 1, 1, tzinfo=UTC)


class Clock(Protocol):
    """Tells the time, in UTC."""

    def now(self) -> datetime:
        """The time as an aware datetime in UTC."""
        ...

    def epoch(self) -> float:
        """The time as seconds since 1970-01-01T00:00:00Z."""
        ...


class SystemClock:
    """The machine's clock."""

    __slots__ = ()

    def now(self) -> datetime:
        return datetime.now(UTC)

    def epoch(self) -> float:
        return time()


class ManualClock:
    """A clock that stands still until told to move."""

    __slots__ = ("_now",)

    def __init__(self, start: datetime = MANUAL_START) -> None:
        self._now = _aware(start)

    def now(self) -> datetime:
        return self._now

    def epoch(self) -> float:
        return self._now.timestamp()

    def advance(self, seconds: float) -> None:
        """Move forward; a clock that runs backwards has to be asked for with `set`."""
        if not seconds >= 0:
            raise ConfigError("ManualClock.advance takes seconds >= 0; to step back, use ManualClock.set(moment).")
        self._now += timedelta(seconds=seconds)

    def set(self, moment: datetime) -> None:
        """Jump to a moment, also into the past (as a time server may do to a real clock)."""
        self._now = _aware(moment)


def _aware(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ConfigError("A naive datetime has no place in time; write datetime(..., tzinfo=UTC).")
    return moment.astimezone(UTC)
