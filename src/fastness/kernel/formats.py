"""Texts of a known form: an e-mail address, a web address, a host, a file name, a slug, a number.

Anybody may type them, so each is decided in one pass over a text whose length was capped before anything looks at it, and
with no regular expression: a pattern that tries again is how a line of text takes a server's second (CVE-2023-36053, and a
trailing line feed slips past `$`, CVE-2026-53878). What is accepted is a form that the next program reads the same way: the
mailer, the browser, the file system. So the rules are stricter than the RFCs where those allow what nobody uses but an
attacker (quoted local parts, comments, addresses in brackets, user names in URLs).

They say that a text has the form, not that the mailbox, the host or the page exists or is safe to connect to.

ASVS 5.0: V2.2.1 (positive validation of the expected structure), V1.2.2 (only safe URL protocols), V5.3.2 (file names).
"""

import re
from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit

from fastness.kernel.hosts import MAX_HOST_LENGTH, MalformedHostError, parse_host
from fastness.kernel.paths import UnsafePathError, check_file_name
from fastness.kernel.verdicts import ALLOW, Deny, Verdict

MAX_EMAIL_LENGTH: Final = 254
"""RFC 5321 §4.5.3.1.3, without the angle brackets."""
MAX_LOCAL_LENGTH: Final = 64
MAX_URL_LENGTH: Final = 2048
MAX_FILE_NAME_LENGTH: Final = 255
MAX_SLUG_LENGTH: Final = 100
MAX_NUMBER_LENGTH: Final = 64

_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"
_DIGITS: Final = "0123456789"
_LOCAL: Final = frozenset(_LETTERS + _LETTERS.upper() + _DIGITS + "!#$%&'*+-/=?^_`{|}~.")
"""RFC 5322 §3.2.3 atext, and the dot between atoms."""
_URL: Final = frozenset(_LETTERS + _LETTERS.upper() + _DIGITS + "-._~:/?#[]@!$&'()*+,;=%")
"""RFC 3986 §2: anything else is written as an escape."""
_SLUG: Final = frozenset(_LETTERS + _DIGITS + "-")
_HEX: Final = frozenset("0123456789abcdefABCDEF")
_SCHEMES: Final = ("https://", "http://")
_REORDERING: Final = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""They turn "gpj.exe" into "exe.jpg" for the eye."""
_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_CONTROL_BUT_LAYOUT: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class FormatReason(StrEnum):
    """Why a text is not of the form."""

    TOO_LONG = "too_long"
    CONTROL = "control_character"
    EMAIL = "email"
    URL = "url"
    URL_SCHEME = "url_scheme"
    HOST = "host"
    FILE_NAME = "file_name"
    SLUG = "slug"
    NUMBER = "number"


def decide_text(text: str, *, max_length: int, is_multiline: bool) -> Verdict:
    """Decide on any text: its length, and no control characters (but tab and line feed where lines are taken)."""
    if len(text) > max_length:
        return _TOO_LONG
    pattern = _CONTROL_BUT_LAYOUT if is_multiline else _CONTROL
    return ALLOW if pattern.search(text) is None else _CONTROL_CHARACTER


def decide_email(text: str) -> Verdict:
    """Decide on an e-mail address: dot-atom, `@`, a domain name with at least one dot; ASCII (RFC 5321 §4.1.2)."""
    if len(text) > MAX_EMAIL_LENGTH:
        return _TOO_LONG
    local, _, domain = text.rpartition("@")
    if not local or len(local) > MAX_LOCAL_LENGTH or not _LOCAL.issuperset(local) or ".." in f".{local}.":
        return _EMAIL
    name = _try_name(domain)
    # A last dot would be a second spelling of the same mailbox.
    return ALLOW if name is not None and "." in name and not domain.endswith(".") else _EMAIL


def decide_url(text: str, *, https_only: bool = False) -> Verdict:
    """Decide on an address of the web: absolute, http or https, no user name, ASCII (RFC 3986)."""
    if len(text) > MAX_URL_LENGTH:
        return _TOO_LONG
    # The letters first: a browser drops tabs and line feeds, so that "java\nscript:" is a scheme to it and none to us.
    if not _URL.issuperset(text) or not _has_whole_escapes(text):
        return _URL_FORM
    if not text.lower().startswith(_SCHEMES[:1] if https_only else _SCHEMES):
        return _URL_SCHEME
    try:
        parts = urlsplit(text)
        if "@" in parts.netloc:
            return _URL_FORM
        parse_host(parts.netloc)
    except (ValueError, MalformedHostError):
        return _URL_FORM
    # Brackets belong to the host alone.
    rest = text[len(parts.scheme) + 3 + len(parts.netloc) :]
    return _URL_FORM if "[" in rest or "]" in rest or rest.count("#") > 1 else ALLOW


def decide_host_name(text: str) -> Verdict:
    """Decide on the name of a host, without port; an address is none."""
    if len(text) > MAX_HOST_LENGTH:
        return _TOO_LONG
    return _HOST if _try_name(text) is None else ALLOW


def decide_file_name(text: str) -> Verdict:
    """Decide on a file's name: one segment, visible, the same on every system."""
    if len(text) > MAX_FILE_NAME_LENGTH:
        return _TOO_LONG
    if (
        text.startswith((".", " "))
        or "/" in text
        or _CONTROL.search(text) is not None
        or not _REORDERING.isdisjoint(text)
    ):
        return _FILE_NAME
    try:
        check_file_name(text)
    except (UnsafePathError, UnicodeEncodeError):
        return _FILE_NAME
    return ALLOW


def decide_slug(text: str) -> Verdict:
    """Decide on a word for an address: small letters and digits, with single hyphens between them."""
    if len(text) > MAX_SLUG_LENGTH:
        return _TOO_LONG
    return ALLOW if text and _SLUG.issuperset(text) and "--" not in f"-{text}-" else _SLUG_FORM


def decide_number(text: str) -> Verdict:
    """Decide on a decimal number: digits with at most one point and a minus sign, one spelling for each value.

    No exponent (`1e999999999` is a short text and a gigabyte of digits, CVE-2024-41989), no plus sign, no leading zeros, no
    digits of other scripts.
    """
    if len(text) > MAX_NUMBER_LENGTH:
        return _TOO_LONG
    whole, point, fraction = text.removeprefix("-").partition(".")
    if not (text.isascii() and whole.isdigit()) or (whole[0] == "0" and whole != "0"):
        return _NUMBER
    if point and not fraction.isdigit():
        return _NUMBER
    is_zero = not (whole + fraction).strip("0")
    return _NUMBER if is_zero and text[0] == "-" else ALLOW


def _try_name(text: str) -> str | None:
    try:
        host = parse_host(text)
    except MalformedHostError:
        return None
    return None if host.is_address or ":" in text else host.name


def _has_whole_escapes(text: str) -> bool:
    return all(len(piece) >= 2 and _HEX.issuperset(piece[:2]) for piece in text.split("%")[1:])


_TOO_LONG: Final = Deny(FormatReason.TOO_LONG)
_CONTROL_CHARACTER: Final = Deny(FormatReason.CONTROL)
_EMAIL: Final = Deny(FormatReason.EMAIL)
_URL_FORM: Final = Deny(FormatReason.URL)
_URL_SCHEME: Final = Deny(FormatReason.URL_SCHEME)
_HOST: Final = Deny(FormatReason.HOST)
_FILE_NAME: Final = Deny(FormatReason.FILE_NAME)
_SLUG_FORM: Final = Deny(FormatReason.SLUG)
_NUMBER: Final = Deny(FormatReason.NUMBER)
