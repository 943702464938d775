"""Amounts of money: whole cents, since a fraction in binary loses some; and how people write and read them."""

import re
from typing import Final

MOST_CENTS: Final = 1_000_000
"""No single fee is higher than this."""

_AMOUNT: Final = re.compile(r"(?P<whole>[0-9]{1,7})(?:[.,](?P<part>[0-9]{1,2}))?")


def parse_amount(text: str) -> int:
    """Read an amount such as 12.50, 12,5 or 12 into cents.

    Raises:
        ValueError: it is none, or not a fee's; the message is for people.
    """
    match = _AMOUNT.fullmatch(text)
    if match is None:
        raise ValueError("Enter an amount like 12.50.")
    cents = int(match["whole"]) * 100 + int((match["part"] or "").ljust(2, "0"))
    if not 0 < cents <= MOST_CENTS:
        raise ValueError(f"A fee is between {amount_text(1)} and {amount_text(MOST_CENTS)}.")
    return cents


def amount_text(cents: int) -> str:
    """Write an amount for people: € 1,234.50."""
    return f"€\N{NO-BREAK SPACE}{cents // 100:,}.{cents % 100:02}"
