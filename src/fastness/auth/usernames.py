"""What may be a user name, and when two of them are the same.

Protects against a name that only looks like somebody else's (spaces, invisible and direction-changing characters,
letters of two alphabets), against names that break a log line or a page, and against two accounts that a person cannot
tell apart. The visitor chooses the name; nobody is trusted. It does not catch a name written wholly in another alphabet
that resembles a Latin one: show a picture or an address beside the name where that matters.

The rules, in this order:
1. at most 254 characters before any work (long input made NFKC slow: CVE-2025-64458, CVE-2026-25673); spaces at both
   ends are dropped;
2. letters, marks, digits, punctuation, symbols and single ASCII spaces; nothing else: no control, format (zero-width,
   bidirectional), private or unassigned character, no surrogate, no other white space; no mark at the start;
3. NFKC (Unicode UAX 15), which turns full-width and styled letters into plain ones; rules 1 and 2 again on the result;
4. Latin, Greek and Cyrillic letters are not mixed (UTS 39 §5.2, single script);
5. the key, under which a name is unique, is the case-folded name, folded until it no longer changes.

ASVS 5.0: V2.2.1 (input is validated against an allowed form), V6.3.8 (the same answer for every name).
"""

import unicodedata
from enum import StrEnum

from fastness.auth.errors import UsernameError

MAX_LENGTH = 254
_ALPHABETS = ("LATIN", "GREEK", "CYRILLIC")
# Letters, marks, numbers, punctuation, symbols: the general categories (Unicode §4.5) of visible characters.
_VISIBLE = frozenset("LMNPS")
_MAX_FOLDS = 4


class UsernameReason(StrEnum):
    """Why a user name was refused."""

    EMPTY = "empty"
    TOO_LONG = "too_long"
    CHARACTER = "character"
    SPACES = "spaces"
    MIXED_ALPHABETS = "mixed_alphabets"


def parse_username(text: str) -> tuple[str, str]:
    """Return the name to show and the key to compare.

    Raises:
        UsernameError: with the reason; never with the text.
    """
    if len(text) > MAX_LENGTH:
        raise UsernameError(UsernameReason.TOO_LONG)
    name = text.strip(" ")
    _check_characters(name)
    name = unicodedata.normalize("NFKC", name).strip(" ")
    _check_characters(name)
    if len({alphabet for character in name if (alphabet := _alphabet(character))}) > 1:
        raise UsernameError(UsernameReason.MIXED_ALPHABETS)
    return name, _fold(name)


def try_username_key(text: str) -> str | None:
    """Return the key of what somebody typed, or None if nobody can have that name."""
    try:
        return parse_username(text)[1]
    except UsernameError:
        return None


def shown_name(text: str) -> str:
    """The name that others see, as somebody typed it, on one line.

    It need not be theirs alone. What cannot be seen, or turns the direction of what stands behind it, becomes a space.
    """
    line = "".join(character if character.isprintable() else " " for character in text)
    return " ".join(line.split())[:MAX_LENGTH].rstrip()


def _check_characters(name: str) -> None:
    if not name:
        raise UsernameError(UsernameReason.EMPTY)
    if len(name) > MAX_LENGTH:
        # NFKC makes one character of the Arabic presentation forms into eighteen.
        raise UsernameError(UsernameReason.TOO_LONG)
    if "  " in name:
        raise UsernameError(UsernameReason.SPACES)
    if unicodedata.category(name[0])[0] == "M" or not all(
        character == " " or unicodedata.category(character)[0] in _VISIBLE for character in name
    ):
        raise UsernameError(UsernameReason.CHARACTER)


def _alphabet(character: str) -> str:
    if unicodedata.category(character)[0] != "L":
        return ""
    script = unicodedata.name(character, "").partition(" ")[0]
    return script if script in _ALPHABETS else ""


def _fold(name: str) -> str:
    for _ in range(_MAX_FOLDS):
        folded = unicodedata.normalize("NFKC", name.casefold())
        if folded == name:
            return name
        name = folded
    # No assigned character needs more than two rounds; one that did could give a name two keys.
    raise UsernameError(UsernameReason.CHARACTER)
