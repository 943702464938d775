"""Filters of a list: what a request may ask for, column by column.

Protects against a request that chooses what is compared and how: keyword arguments taken from a request reached private
options and columns nobody meant to show (CVE-2025-64459, CVE-2026-15307). Here a filter is declared with its column, its
comparison and so its type; from the request comes one text, which is read strictly, bounded before it is looked at, and
bound. A filter on a column that the page does not show still tells something about it, so declare none on a secret.

ASVS 5.0: V1.2.4 (values are bound), V2.2.1 (positive validation), V8.2.3 (field-level access), V15.3.3 (no mass assignment).
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum as PythonEnum
from enum import StrEnum
from types import MappingProxyType
from typing import ClassVar, Final
from urllib.parse import quote, unquote
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Enum,
    Integer,
    SmallInteger,
    SQLColumnExpression,
    String,
    literal,
    or_,
)
from sqlalchemy.types import TypeDecorator, TypeEngine

from fastness.db.errors import UnknownChoiceError
from fastness.db.keyset import element_of
from fastness.kernel.errors import ConfigError, InvalidInputError
from fastness.kernel.texts import Text
from fastness.kernel.values import dataclass

MAX_TEXT_LENGTH: Final = 200
"""Characters of a value; far more than a name, far less than what makes LIKE slow."""
MAX_VALUES: Final = 50
"""Values of one filter that takes several."""
MAX_WORDS: Final = 8
"""Words of a search; each is a scan of its columns."""

_DIGITS: Final = re.compile(r"-?[0-9]{1,19}")
_DECIMAL: Final = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_BOOLEANS: Final = MappingProxyType({"true": True, "false": False})


class ListParameterError(InvalidInputError):
    """A parameter of a list that is unknown, given twice, too long or of the wrong kind."""

    code: ClassVar[str] = "list_parameter"
    public: str = Text("The address asks for something that this list does not have.")


class Comparison(StrEnum):
    """How a filter compares."""

    EQUAL = "equal"
    AT_LEAST = "at_least"
    AT_MOST = "at_most"
    CONTAINS = "contains"
    ONE_OF = "one_of"
    """The parameter may be given several times."""


@dataclass(frozen=True, slots=True)
class Filter:
    """A column that a request may filter by.

    The type of the column says how the text is read: whole numbers within the column's range, `true` and `false`, ISO
    dates, points in time with their zone, UUIDs, values of an enum, and text.
    """

    column: SQLColumnExpression[object]
    comparison: Comparison = Comparison.EQUAL
    choices: tuple[str, ...] = ()
    """The only texts that are taken, as the page offers them; those of an enum and of a boolean need not be listed."""
    read: Callable[[str], object] = field(init=False, repr=False)
    """Turns the text into the value that is bound; raises ListParameterError."""

    def __post_init__(self) -> None:
        # A column of another file may be anything; what is wrong with it should be known at the start, not at a request.
        if not hasattr(self.column, "type"):
            raise ConfigError("Filter(…) takes a column, such as Filter(Case.status)")
        if self.comparison is Comparison.CONTAINS and not isinstance(self.column.type, String):
            raise ConfigError("a filter that looks for a part of a text needs a text column")
        read, own = reader_of(self.column.type)
        object.__setattr__(self, "read", read)
        object.__setattr__(self, "choices", self.choices or own)
        for choice in self.choices:
            read(choice)

    def condition(self, texts: tuple[str, ...]) -> ColumnElement[bool]:
        """The condition for the texts of the request, of which there is one unless the filter takes several."""
        for text in texts:
            check_text(text)
            if self.choices and text not in self.choices:
                raise UnknownChoiceError("a filter was given a value that is none of its choices")
        column = element_of(self.column)
        if self.comparison is Comparison.CONTAINS:
            return contains(column, texts[0])
        values = [literal(self.read(text), column.type) for text in texts]
        if self.comparison is Comparison.ONE_OF:
            return or_(*(column == value for value in values))
        if self.comparison is Comparison.AT_LEAST:
            return column >= values[0]
        if self.comparison is Comparison.AT_MOST:
            return column <= values[0]
        return column == values[0]


def contains(column: ColumnElement[object], text: str) -> ColumnElement[bool]:
    """Whether the text occurs, in any case. `%`, `_` and the escape character stand for themselves; backslash always does."""
    return column.icontains(text, autoescape=True)


def search_condition(columns: Iterable[SQLColumnExpression[object]], text: str) -> tuple[ColumnElement[bool], ...]:
    """For each word of a search, that one of the columns contains it."""
    check_text(text)
    words = text.split()
    if len(words) > MAX_WORDS:
        raise ListParameterError(f"a search has at most {MAX_WORDS} words")
    elements = [element_of(column) for column in columns]
    return tuple(or_(*(contains(element, word) for element in elements)) for word in words)


def check_text(text: str) -> None:
    """Refuse what is too long, and control characters: PostgreSQL takes no NUL, and no name or word holds the others.

    Raises:
        ListParameterError: it is.
    """
    if len(text) > MAX_TEXT_LENGTH:
        raise ListParameterError(f"a value has at most {MAX_TEXT_LENGTH} characters")
    if any(character < " " or "\x7f" <= character <= "\x9f" or "\ud800" <= character <= "\udfff" for character in text):
        raise ListParameterError("a value has control characters")


def read_id(text: str, kinds: Sequence[TypeEngine[object]]) -> tuple[object, ...]:
    """The primary key that an address names; raises ListParameterError."""
    parts = text.split(",")
    if len(parts) != len(kinds):
        raise ListParameterError("the address names a row by something else than its id")
    return tuple(reader_of(kind)[0](unquote(part)) for part, kind in zip(parts, kinds, strict=True))


def write_id(values: Iterable[object]) -> str:
    """The primary key as it stands in an address."""
    return ",".join(quote(_write(value), safe="") for value in values)


def _write(value: object) -> str:
    if isinstance(value, date):
        return value.isoformat()
    return str(value.value) if isinstance(value, PythonEnum) else str(value)


def reader_of(kind: TypeEngine[object]) -> tuple[Callable[[str], object], tuple[str, ...]]:
    """What reads a text for a column of this type, and the texts there are if they can be counted.

    Raises:
        ConfigError: a request cannot filter by such a column.
    """
    if isinstance(kind, Enum) and kind.enum_class is not None:
        members = {str(member.value): member for member in kind.enum_class}
        return _read_member(members), tuple(members)
    if isinstance(kind, String):
        return _read_text, ()
    if isinstance(kind, Integer):
        bits = 16 if isinstance(kind, SmallInteger) else 64 if isinstance(kind, BigInteger) else 32
        return _read_whole_number(2 ** (bits - 1)), ()
    python_type = kind.impl_instance.python_type if isinstance(kind, TypeDecorator) else kind.python_type
    if python_type is bool:
        return _read_member(_BOOLEANS), tuple(_BOOLEANS)
    for known, read in _READERS.items():
        if python_type is known:
            return read, ()
    raise ConfigError(f"a list cannot filter by a column of type {type(kind).__name__}; give named conditions instead")


def _read_member(members: Mapping[str, object]) -> Callable[[str], object]:
    def read(text: str) -> object:
        if text not in members:
            raise UnknownChoiceError("a filter was given a value that is none of its choices")
        return members[text]

    return read


def _read_text(text: str) -> str:
    return text


def _read_whole_number(limit: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not _DIGITS.fullmatch(text) or not -limit <= int(text) < limit:
            raise ListParameterError("a filter was given something else than a whole number in its column's range")
        return int(text)

    return read


def _read_decimal(text: str) -> Decimal:
    if not _DECIMAL.fullmatch(text):
        raise ListParameterError("a filter was given something else than a number such as 12.50")
    return Decimal(text)


def _read_float(text: str) -> float:
    return float(_read_decimal(text))


def _read_date(text: str) -> date:
    try:
        if _DATE.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise ListParameterError("a filter was given something else than a date such as 2026-11-30")


def _read_datetime(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
        if found.tzinfo is not None:
            # In the first and the last hours of the calendar there is no UTC.
            return found.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise ListParameterError("a filter was given something else than a point in time such as 2026-11-30T12:00:00Z")


def _read_uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise ListParameterError("a filter was given something else than a UUID") from None


_READERS: Final[Mapping[type, Callable[[str], object]]] = MappingProxyType(
    {Decimal: _read_decimal, float: _read_float, date: _read_date, datetime: _read_datetime, UUID: _read_uuid}
)
