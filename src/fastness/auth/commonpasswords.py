"""The passwords that everybody tries first, kept so that this file teaches nobody any.

Protects against guessing from the lists that every attacker has: about 55 000 passwords of published breaches, as marks of four
bytes (the head of a SHA-256), in order, in one file beside this one. Looking one password up costs about ten microseconds and
needs no network. Two texts share a mark by chance once in 77 000 look-ups, and then a good password is refused for nothing; a
listed one is never missed. Compared is without regard to case and to the written form (NFKC, folded), while the password that
is kept stays exactly as it was typed. The file is read when the first password is set.

A long password is no better for a common one inside it, so what a guessing program makes of the list is refused too: the same
again and again, up to eight digits and signs in front or behind, characters in the order of the keyboard or the alphabet.

ASVS 5.0: V6.2.4 (common passwords), V6.2.12 (breached ones, of those that the list holds).
"""

import hashlib
import sys
import unicodedata
from array import array
from bisect import bisect_left
from functools import lru_cache
from pathlib import Path
from typing import Final

_FILE: Final = Path(__file__).with_name("common_passwords.bin")
_MARK_BYTES: Final = 4
_MOST_PADDING: Final = 8
_SHORTEST_CORE: Final = 4
_LONGEST: Final = 1024
"""Longer texts are not looked at; the rules refuse them before."""
_ROWS: Final = (
    "abcdefghijklmnopqrstuvwxyz",
    "1234567890",
    "0123456789",
    "qwertyuiopasdfghjklzxcvbnm",
    "qwertzuiopasdfghjklyxcvbnm",
    "azertyuiopqsdfghjklmwxcvbn",
    "йцукенгшщзхъфывапролджэячсмитьбю",
)


def is_common(password: str) -> bool:
    """Whether a password is one that everybody tries, or a small change of one."""
    if len(password) > _LONGEST:
        return False
    text = normalise(password)
    if not text or _is_listed(text) or _is_walk(text):
        return True
    unit = _unit(text)
    if unit != text and (len(unit) < _SHORTEST_CORE or _is_listed(unit) or _is_walk(unit)):
        return True
    start, end = _letters(text)
    core, padding = text[start:end], text[:start] + text[end:]
    if core == text or len(core) < _SHORTEST_CORE or not (_is_listed(core) or _is_listed(_unit(core))):
        return False
    return len(padding) <= _MOST_PADDING or _is_walk(padding) or _unit(padding) != padding


def normalise(text: str) -> str:
    """The form in which two passwords are compared."""
    return unicodedata.normalize("NFKC", text).casefold()


def mark(text: str) -> int:
    """What the list keeps of a normalised password."""
    digest = hashlib.sha256(text.encode(errors="surrogatepass")).digest()
    return int.from_bytes(digest[:_MARK_BYTES], "big")


def _is_listed(text: str) -> bool:
    marks = _marks()
    wanted = mark(text)
    place = bisect_left(marks, wanted)
    return place < len(marks) and marks[place] == wanted


@lru_cache(maxsize=1)
def _marks() -> "array[int]":
    marks = array("I")
    marks.frombytes(_FILE.read_bytes())
    if sys.byteorder == "little":
        marks.byteswap()
    return marks


def _unit(text: str) -> str:
    """What a text repeats, or the text itself."""
    # Shifted by its period a text lies inside itself doubled; str.find is linear (two-way search).
    return text[: (text + text).find(text, 1)]


def _is_walk(text: str) -> bool:
    """Whether the characters follow each other as on a keyboard or in the alphabet, in either direction, round and round."""
    for row in _ROWS:
        rounds = row * (len(text) // len(row) + 2)
        if text in rounds or text in rounds[::-1]:
            return True
    return False


def _letters(text: str) -> tuple[int, int]:
    """Where the first letter is, and the end of the last."""
    places = [place for place, character in enumerate(text) if character.isalpha()]
    return (places[0], places[-1] + 1) if places else (0, len(text))
