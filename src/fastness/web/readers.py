"""Single values from JSON and from text: numbers, truth values, ids, times, secrets.

Each type has one spelling. JSON's own types are never taken for each other; what JSON has no type for is text. The texts of a
query or a form are capped before they are parsed, and parsed by what they must be, not by what Python's constructors put up
with (`int("1_0")`, `UUID("{…}")`, week dates). ASVS 5.0 V2.2.1, V15.3.5.
"""

import math
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Final, NamedTuple, TypeAlias
from uuid import UUID

from fastness.kernel.formats import decide_number
from fastness.kernel.secret import Secret
from fastness.kernel.texts import Text
from fastness.kernel.values import dataclass
from fastness.kernel.verdicts import Deny
from fastness.web.validators import MAX_EXACT

MAX_PROBLEMS: Final = 20
"""Enough to mend a document; a hostile one shall not be answered with its own length."""

FromJSON: TypeAlias = Callable[[object], object]
FromTexts: TypeAlias = Callable[[list[str]], object]
FromText: TypeAlias = Callable[[str], object]


class Problem(NamedTuple):
    """One thing that is wrong: where, which rule, and the sentence for people."""

    path: tuple[str | int, ...]
    rule: str
    message: str


class RefusedValueError(Exception):
    """What is wrong with a value, seen from the value; whoever holds it puts its own place in front."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__()
        self.problems = problems

    def below(self, step: str | int) -> list[Problem]:
        """The same, seen from one level up."""
        return [Problem((step, *problem.path), problem.rule, problem.message) for problem in self.problems]


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads values of one annotation."""

    from_json: FromJSON
    from_texts: FromTexts | None
    """All values that were sent under one name; `None` where text cannot say it."""


_MAX_TIME_LENGTH: Final = 40
_UUID: Final = re.compile("[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_DATE: Final = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME: Final = re.compile(r"[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?")
_DATETIME: Final = re.compile(
    _DATE.pattern + "T" + r"[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})"
)


def refused(rule: str, message: str) -> RefusedValueError:
    """One problem with the value itself."""
    return RefusedValueError([Problem((), rule, message)])


def leaf_reader(from_json: FromJSON, from_text: FromText) -> Reader:
    """A reader of one value."""

    def from_texts(values: list[str]) -> object:
        if len(values) != 1:
            raise refused("repeated", Text("One value, sent once."))
        return from_text(values[0])

    return Reader(from_json, from_texts)


def text_reader(from_text: FromText) -> Reader:
    """A reader of what JSON, too, has no type of its own for, and tells as text."""

    def from_json(value: object) -> object:
        if type(value) is not str:
            raise refused("type", Text("Text is expected."))
        return from_text(value)

    return leaf_reader(from_json, from_text)


def text_from_text(value: str) -> str:
    """Itself."""
    return value


def whole_from_json(value: object) -> int:
    """1, not 1.0, not true."""
    if type(value) is not int:
        raise refused("type", Text("A whole number is expected."))
    return value


def whole_from_text(value: str) -> int:
    """Digits, and a minus sign."""
    if isinstance(decide_number(value), Deny) or "." in value:
        raise refused("number", Text("A whole number, written with digits."))
    return int(value)


def float_from_json(value: object) -> float:
    """JSON has one kind of number: 2 is as good as 2.0, where the double is exact."""
    if type(value) is int and -MAX_EXACT <= value <= MAX_EXACT:
        return float(value)
    if type(value) is not float or not math.isfinite(value):
        raise refused("type", Text("A number is expected."))
    return value


def float_from_text(value: str) -> float:
    """Digits with a point."""
    return float(decimal_from_text(value))


def decimal_from_json(value: object) -> Decimal:
    """Digits as text, or a whole number. What JSON writes with a point has been a double on the way, and 0.1 is none."""
    if type(value) is int:
        return Decimal(value)
    if type(value) is not str:
        raise refused("type", Text('A number as text is expected, such as "12.50".'))
    return decimal_from_text(value)


def decimal_from_text(value: str) -> Decimal:
    """Digits with a point."""
    if isinstance(decide_number(value), Deny):
        raise refused("number", Text("A number, written with digits and a point."))
    return Decimal(value)


def bool_from_json(value: object) -> bool:
    """True or false: 1, "true" and "on" are none."""
    if type(value) is not bool:
        raise refused("type", Text("true or false is expected."))
    return value


def bool_from_text(value: str) -> bool:
    """The two words."""
    if value not in {"true", "false"}:
        raise refused("choice", Text("One of: {choices}.", choices="true, false"))
    return value == "true"


def uuid_from_text(value: str) -> UUID:
    """The one form of RFC 9562 §4: Python would take braces, a URN and no hyphens, too."""
    if len(value) != 36 or _UUID.fullmatch(value) is None:
        raise refused("uuid", Text("An id of 32 hex digits in five groups."))
    return UUID(value)


def datetime_from_text(value: str) -> datetime:
    """RFC 3339 with an offset; without one nobody knows which moment is meant."""
    try:
        if len(value) > _MAX_TIME_LENGTH or _DATETIME.fullmatch(value) is None:
            raise ValueError  # noqa: TRY301 - one answer for all that is none
        return datetime.fromisoformat(value).astimezone(UTC)
    except (ValueError, OverflowError):
        raise refused("datetime", Text("A date and time with offset, such as 2026-02-28T13:00:00Z.")) from None


def date_from_text(value: str) -> date:
    """Year, month and day: Python would take week dates, too."""
    try:
        if len(value) != 10 or _DATE.fullmatch(value) is None:
            raise ValueError  # noqa: TRY301 - as above
        return date.fromisoformat(value)
    except ValueError:
        raise refused("date", Text("A date, such as 2026-02-28.")) from None


def time_from_text(value: str) -> time:
    """A time of the day, as clocks show it, and as `<input type=time>` sends it."""
    try:
        if len(value) > _MAX_TIME_LENGTH or _TIME.fullmatch(value) is None:
            raise ValueError  # noqa: TRY301 - as above
        return time.fromisoformat(value)
    except ValueError:
        raise refused("time", Text("A time, such as 13:00.")) from None


def secret_from_text(value: str) -> Secret:
    """A password or token, which no log shows from here on."""
    if not value:
        raise refused("too_short", Text("At least {count} character.", "At least {count} characters.", count=1))
    return Secret(value)


LEAVES: Final[dict[type, Reader]] = {
    str: text_reader(text_from_text),
    int: leaf_reader(whole_from_json, whole_from_text),
    float: leaf_reader(float_from_json, float_from_text),
    bool: leaf_reader(bool_from_json, bool_from_text),
    Decimal: leaf_reader(decimal_from_json, decimal_from_text),
    UUID: text_reader(uuid_from_text),
    datetime: text_reader(datetime_from_text),
    date: text_reader(date_from_text),
    time: text_reader(time_from_text),
    Secret: text_reader(secret_from_text),
}
"""The reader of each type."""
