"""From the text of a variable to the value of a field, by the field's type.

The author of the environment is trusted but makes mistakes; a mistake must not turn into a weaker setting. So nothing
is guessed: "maybe" is not false, "1e3" is not a number of bytes, an empty list is empty and an empty number an error.
A failure says what is expected and never what was found.

Lists are separated by commas. "none" stands for no value where a field may have none. A field that takes a
`Because` takes the reason itself. ASVS 5.0: V2.2.1 (positive validation), V16.2.5.
"""

import math
from enum import StrEnum
from types import NoneType, UnionType
from typing import Final, Literal, Union, get_args, get_origin

from fastness.kernel.because import MIN_TEXT_LENGTH, Because
from fastness.kernel.errors import ConfigError
from fastness.kernel.secret import Secret
from fastness.kernel.values import dataclass

MAX_DIGITS: Final = 15

_BOOLEANS: Final = (frozenset({"false", "no", "off", "0"}), frozenset({"true", "yes", "on", "1"}))


@dataclass(frozen=True, slots=True)
class Unreadable:
    """The text is no value of the type; `expected` says what would be one."""

    expected: str


def read_value(kind: object, text: str) -> object:
    """Return the value that `text` stands for in a field annotated with `kind`, or `Unreadable`."""
    text = text.strip()
    origin = get_origin(kind)
    if origin in {Union, UnionType}:
        return _read_union(get_args(kind), text)
    if origin is Literal:
        choices = get_args(kind)
        return text if text in choices else Unreadable(describe(kind))
    if origin is tuple:
        return _read_list(get_args(kind)[0], text)
    return _read_plain(kind, text)


def describe(kind: object) -> str:
    """Say what a field of this type expects, for messages and the reference."""
    origin = get_origin(kind)
    if origin in {Union, UnionType}:
        # None last, whatever the order in the annotation: "a whole number, or none".
        kinds = [each for each in get_args(kind) if each is not NoneType]
        return ", or ".join([*map(describe, kinds), *(["none"] if NoneType in get_args(kind) else [])])
    if origin is Literal:
        return "one of " + ", ".join(str(choice) for choice in get_args(kind))
    if origin is tuple:
        return f"{_PLURALS.get(get_args(kind)[0], 'texts')}, separated by commas"
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return "one of " + ", ".join(kind)
    return _SINGULARS.get(kind, "a text")


_SINGULARS: Final[dict[object, str]] = {
    str: "a text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    Secret: "a secret",
    Because: f"a reason of at least {MIN_TEXT_LENGTH} characters that a reviewer can judge",
}
_PLURALS: Final[dict[object, str]] = {str: "texts", int: "whole numbers", Secret: "secrets"}


def _read_union(kinds: tuple[object, ...], text: str) -> object:
    if NoneType in kinds and text.lower() == "none":
        return None
    for kind in kinds:
        # A list takes any text, so it is tried behind the literal it stands beside.
        value = Unreadable("") if kind is NoneType else read_value(kind, text)
        if not isinstance(value, Unreadable):
            return value
    return Unreadable(describe(Union[kinds]))  # noqa: UP007 - built from a tuple at run time


def _read_list(kind: object, text: str) -> object:
    if not text:
        return ()
    values = tuple(_read_plain(kind, entry.strip()) for entry in text.split(","))
    if any(isinstance(value, Unreadable) or value == "" for value in values):
        return Unreadable(f"{describe(tuple[kind, ...])}, none of them empty")  # type: ignore[valid-type]
    return values


def _read_plain(kind: object, text: str) -> object:
    if kind is str:
        return text
    if kind is bool:
        return _read_boolean(text)
    if kind is int:
        return _read_whole_number(text)
    if kind is float:
        return _read_number(text)
    if kind is Secret:
        return Secret(text) if text else Unreadable("a secret, not an empty text")
    if kind is Because:
        return _read_reason(text)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return kind(text) if text in set(kind) else Unreadable(describe(kind))
    # A field of another type was added to the rules and nobody said how to write it as text.
    raise ConfigError(f"A setting of type {kind!r} cannot be read from text.")


def _read_boolean(text: str) -> object:
    lowered = text.lower()
    for value, spellings in zip((False, True), _BOOLEANS, strict=True):
        if lowered in spellings:
            return value
    return Unreadable(describe(bool))


def _read_whole_number(text: str) -> object:
    digits = text.removeprefix("-").replace("_", "")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= MAX_DIGITS):
        return Unreadable(describe(int))
    return -int(digits) if text.startswith("-") else int(digits)


def _read_number(text: str) -> object:
    try:
        value = float(text)
    except ValueError:
        return Unreadable(describe(float))
    return value if math.isfinite(value) else Unreadable(describe(float))


def _read_reason(text: str) -> object:
    try:
        return Because(text)
    except ConfigError:
        return Unreadable(describe(Because))
