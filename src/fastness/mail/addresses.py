"""Addresses and the texts of header lines: checked where they enter, so that no line of a mail is written by its content.

ASVS 5.0: V1.3.11 (SMTP injection), V2.2.1.
"""

from typing import Final

from fastness.kernel.formats import decide_email, decide_text
from fastness.kernel.verdicts import Deny
from fastness.mail.errors import MailAddressError, MailError

MAX_HEADER_LENGTH: Final = 200


def check_address(address: str) -> None:
    """Raise `MailAddressError` unless mail can be sent there; an international domain is written as xn--…."""
    if isinstance(decide_email(address), Deny):
        raise MailAddressError("This is no address that mail can be sent to: name@example.com, in ASCII.")


def check_header(text: str, *, what: str) -> None:
    """Raise `MailError` unless the text is one line without control characters: a second one would be a header."""
    if isinstance(decide_text(text, max_length=MAX_HEADER_LENGTH, is_multiline=False), Deny):
        raise MailError(f"{what} is one line of at most {MAX_HEADER_LENGTH} characters, without control characters.")


def domain_of(address: str) -> str:
    """What stands behind the @."""
    return address.rpartition("@")[2]
