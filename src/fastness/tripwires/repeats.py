"""How often the same thing is told: at once, and then once a minute with how often it was.

An attacker who found a way to trip a wire could fill the log with it, and what else happened would be hard to find. The number of
places that are remembered is bounded; the oldest is forgotten first, and then told anew. Each wire has a number of its own for a
minute: who has one tripped a thousand times hides no other behind it.

ASVS 5.0: V16.3.3 (attempts to bypass controls are logged), V15.2.2.
"""

import threading
from collections import Counter, OrderedDict
from dataclasses import dataclass
from typing import Final, TypeAlias

QUIET_SECONDS: Final = 60.0
MAX_PLACES: Final = 256
MAX_A_MINUTE: Final = 120
"""For each wire."""

Place: TypeAlias = tuple[str, ...]
"""The wire, and what else makes it the same."""


@dataclass(slots=True)
class _Told:
    at: float
    untold: int = 0


class Repeats:
    """Says whether something is to be told now. For any thread."""

    __slots__ = ("_began", "_guard", "_in_minute", "_places")

    def __init__(self) -> None:
        self._places: OrderedDict[Place, _Told] = OrderedDict()
        self._guard = threading.Lock()
        self._began = float("-inf")
        self._in_minute: Counter[str] = Counter()

    def told(self, place: Place, now: float) -> int | None:
        """How often it happened untold before, if it is to be told now; `None` if not."""
        with self._guard:
            known = self._places.get(place)
            if known is not None and now - known.at < QUIET_SECONDS:
                known.untold += 1
                return None
            if now - self._began >= QUIET_SECONDS:
                self._began = now
                self._in_minute.clear()
            if self._in_minute[place[0]] >= MAX_A_MINUTE:
                return None
            self._in_minute[place[0]] += 1
            self._places.pop(place, None)
            self._places[place] = _Told(now)
            if len(self._places) > MAX_PLACES:
                self._places.popitem(last=False)
            return 0 if known is None else known.untold
