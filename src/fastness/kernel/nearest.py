"""Which known names are like one that is not known, for the hint of a message."""

from collections.abc import Iterable
from typing import Final

ALIKE: Final = 0.6
"""How much of two names is the same where one may be meant for the other, from 0 to 1."""


def nearest(name: str, known: Iterable[str], *, most: int = 1, alike: float = ALIKE) -> list[str]:
    """The known names that are like this one, the most alike first, at most so many."""
    from difflib import get_close_matches  # noqa: PLC0415 - few processes ever have such a message to write

    return get_close_matches(name, list(known), n=most, cutoff=alike)
