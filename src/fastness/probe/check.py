"""What a check of the probe is, and how what it saw in many places becomes one finding.

A check yields findings as they come. It may send requests through the scan's client, which stops it when the budget is spent;
what it could not look at then is told as unchecked, never as clean.
"""

from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Final, Protocol

from fastness.kernel.findings import Finding, Notice
from fastness.probe.scan import Scan

FOREIGN_HOST: Final = "probe.invalid"
"""A name that no resolver knows (RFC 6761 §6.4): what leads there leads nowhere."""
NOWHERE: Final = "/probe-nothing-is-here"
"""A path that no app has."""
_SHOWN_PLACES: Final = 4


class ProbeCheck(Protocol):
    """One thing to look at."""

    def __call__(self, scan: Scan, /) -> AsyncIterator[Finding]:
        """Yield what is wrong."""
        ...


def found_at(notice: Notice, places: Iterable[str]) -> Iterator[Finding]:
    """One finding for all places, none for no places."""
    unique = list(dict.fromkeys(places))
    if unique:
        more = f" and {len(unique) - _SHOWN_PLACES} more" if len(unique) > _SHOWN_PLACES else ""
        yield notice.found(where=", ".join(unique[:_SHOWN_PLACES]) + more)
