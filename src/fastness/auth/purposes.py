"""What one-time links are for, and where they lead: the words, without the table.

A link leads to an address that the request's checked host makes, never one that a visitor writes: a Host header that got into a
mail would send the token elsewhere (CWE-644).

ASVS 5.0: V6.6.2 (bound to what it was made for).
"""

from enum import StrEnum
from typing import Final

from fastness.kernel.values import dataclass

RESET_REQUEST: Final = "password-reset-request"
"""The kind of the row that is written in the outbox for every address that asks."""
SIGN_UP_REQUEST: Final = "sign-up"
"""The same of sign-ups."""
SLOWED_REQUEST: Final = "sign-in-slowed"
"""The same of many sign-ins that failed."""


class Purpose(StrEnum):
    """What a link is for."""

    RESET = "password-reset"
    INVITE = "invite"
    CONFIRM = "email-confirm"
    """Shows that the address of the account is its owner's."""
    CHANGE = "email-change"
    """Shows that the new address is; the link carries it."""
    SIGN_UP = "sign-up"
    """Shows that an address is somebody's who has no account yet; the link carries it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a link leads: the page that takes its token, and what the site is called."""

    page: str
    """Address of the page without the token, with a slash at its end: "https://example.com/account/reset/"."""
    site: str
    """The name of its host."""
