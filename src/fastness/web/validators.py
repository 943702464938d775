"""What a value has to be, beyond its type: written once, used in `Input` classes and in WTForms' forms.

    title: Annotated[str, Text(max=200)]                    # in an Input
    title = StringField(validators=[Text(max=200)])         # in a form

Each looks at the length first and needs time in proportion to it, so that no text is slow to refuse (CWE-1333). What a broken
rule says names the rule and never the value: messages are shown, logged and sent to other people (ASVS 5.0 V16.5.1). A form's
field that was left empty passes; that something must be there is WTForms' `InputRequired`. The decisions are
`kernel/formats.py`'s. ASVS 5.0 V2.2.1, V1.3.12.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence, Sized
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar, Final, Generic, Protocol, TypeVar

from fastness.kernel import texts
from fastness.kernel.errors import ConfigError, InvalidInputError
from fastness.kernel.formats import (
    MAX_EMAIL_LENGTH,
    MAX_FILE_NAME_LENGTH,
    MAX_SLUG_LENGTH,
    MAX_URL_LENGTH,
    FormatReason,
    decide_email,
    decide_file_name,
    decide_host_name,
    decide_number,
    decide_slug,
    decide_text,
    decide_url,
)
from fastness.kernel.hosts import MAX_NAME_LENGTH
from fastness.kernel.verdicts import Deny, Verdict
from fastness.web.inputerrors import at_most

ValueT_contra = TypeVar("ValueT_contra", contravariant=True)

MAX_INT64: Final = 2**63 - 1
"""The largest integer of both databases."""
MAX_EXACT: Final = 2**53 - 1
"""The largest integer that JavaScript reads as it was written (RFC 7493 §2.2)."""


class RuleBrokenError(InvalidInputError):
    """A value is not what a rule asks for; `rule` is its code, `message` the sentence for people. Neither holds the value."""

    code = "rule_broken"
    status = 422
    public: str = texts.Text("A value is not what its field asks for.")

    def __init__(self, rule: str, message: str) -> None:
        super().__init__(message)
        self.rule = rule
        self.message = message


class BoundField(Protocol):
    """What a validator needs to know of a form's field."""

    data: Any
    raw_data: Any
    errors: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Validator(ABC, Generic[ValueT_contra]):
    """The base: `check` raises `RuleBrokenError`, and calling it does the same for a form's field."""

    takes: ClassVar[tuple[type, ...]] = (str,)
    """Types of the values that it can look at."""
    message: str = ""
    """Said instead of the usual sentence."""

    @abstractmethod
    def check(self, value: ValueT_contra) -> None:
        """Raise `RuleBrokenError` where the value breaks the rule."""

    @property
    def field_flags(self) -> Mapping[str, int]:
        """Attributes that WTForms gives the field, so that a browser knows the bounds, too."""
        return {}

    def broken(self, rule: str, message: str) -> RuleBrokenError:
        """The error, with this field's own sentence if it has one."""
        return RuleBrokenError(rule, self.message or message)

    def __call__(self, _form: object, field: BoundField) -> None:
        """Put the message beside the field (WTForms calls its validators so)."""
        value = field.data
        if value is None or value == "":
            return
        try:
            self.check_field(field)
        except RuleBrokenError as error:
            field.errors = [*field.errors, error.message]

    def check_field(self, field: BoundField) -> None:
        """Look at the value of a form's field."""
        is_of_type = isinstance(field.data, self.takes)
        if not is_of_type:
            raise self.broken("type", texts.Text("This is not the kind of value that belongs here."))
        self.check(field.data)


@dataclass(frozen=True, slots=True, kw_only=True)
class Text(Validator[str]):
    """Any text of one line, or of several; no control characters. A text in an `Input` without a rule is `Text()`."""

    max: int = 255
    """Characters."""
    min: int = 0
    """Characters; from 1 on, blanks alone are not enough."""
    multiline: bool = False
    """Take line feeds and tabs."""

    def __post_init__(self) -> None:
        refuse_bounds(self.min, self.max)
        if self.min < 0:
            raise ConfigError("Text(min=…) is 0 or more.")

    @property
    def field_flags(self) -> Mapping[str, int]:
        return {"maxlength": self.max, "minlength": self.min} if self.min else {"maxlength": self.max}

    def check(self, value: str) -> None:
        verdict = decide_text(value, max_length=self.max, is_multiline=self.multiline)
        if isinstance(verdict, Deny):
            if verdict.reason is FormatReason.TOO_LONG:
                raise self.broken("too_long", at_most(self.max))
            if self.multiline:
                raise self.broken("control_character", texts.Text("No control characters."))
            raise self.broken("control_character", texts.Text("One line, without control characters."))
        if len(value) < self.min or (self.min and not value.strip()):
            raise self.broken(
                "too_short", texts.Text("At least {count} character.", "At least {count} characters.", count=self.min)
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Formed(Validator[str]):
    """A text of a known form."""

    max: ClassVar[int]
    rule: ClassVar[str]
    says: ClassVar[str]

    @property
    def field_flags(self) -> Mapping[str, int]:
        return {"maxlength": self.max}

    @abstractmethod
    def decide(self, value: str) -> Verdict:
        """Ask the kernel."""

    def check(self, value: str) -> None:
        if len(value) > self.max:
            raise self.broken("too_long", at_most(self.max))
        if isinstance(self.decide(value), Deny):
            raise self.broken(self.rule, self.says)


@dataclass(frozen=True, slots=True, kw_only=True)
class Email(Formed):
    """An e-mail address."""

    max: ClassVar[int] = MAX_EMAIL_LENGTH
    rule: ClassVar[str] = "email"
    says: ClassVar[str] = texts.Text("An e-mail address, such as name@example.com.")

    def decide(self, value: str) -> Verdict:
        return decide_email(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class URL(Formed):
    """An address of the web: http or https, so that it may stand in a link. Says nothing of fetching it from the server."""

    https_only: bool = False

    max: ClassVar[int] = MAX_URL_LENGTH
    rule: ClassVar[str] = "url"
    says: ClassVar[str] = texts.Text("A web address, such as https://example.com/page.")

    def decide(self, value: str) -> Verdict:
        return decide_url(value, https_only=self.https_only)


@dataclass(frozen=True, slots=True, kw_only=True)
class Host(Formed):
    """The name of a host, without port; international names as xn--…."""

    max: ClassVar[int] = MAX_NAME_LENGTH
    rule: ClassVar[str] = "host"
    says: ClassVar[str] = texts.Text("The name of a host, such as www.example.com.")

    def decide(self, value: str) -> Verdict:
        return decide_host_name(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileName(Formed):
    """The name of a file to show and to send with a download; on disk a file gets a name of ours."""

    max: ClassVar[int] = MAX_FILE_NAME_LENGTH
    rule: ClassVar[str] = "file_name"
    says: ClassVar[str] = texts.Text("The name of a file, such as report.pdf.")

    def decide(self, value: str) -> Verdict:
        return decide_file_name(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slug(Formed):
    """A word for an address: small letters, digits and single hyphens."""

    max: ClassVar[int] = MAX_SLUG_LENGTH
    rule: ClassVar[str] = "slug"
    says: ClassVar[str] = texts.Text("Small letters, digits and hyphens, such as spring-sale.")

    def decide(self, value: str) -> Verdict:
        return decide_slug(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole(Validator[int]):
    """A whole number; without bounds what a database's 64-bit integer holds."""

    takes: ClassVar[tuple[type, ...]] = (int,)
    min: int = -MAX_INT64 - 1
    max: int = MAX_INT64

    def __post_init__(self) -> None:
        refuse_bounds(self.min, self.max)

    def check(self, value: int) -> None:
        check_range(self, value, self.min, self.max)

    def check_field(self, field: BoundField) -> None:
        # int() takes "1_0", " 1" and digits of every script.
        text = raw_text(field)
        if text is not None and (isinstance(decide_number(text), Deny) or "." in text):
            raise self.broken("number", texts.Text("A whole number, written with digits."))
        Validator.check_field(self, field)


@dataclass(frozen=True, slots=True, kw_only=True)
class Number(Validator[Decimal | float]):
    """A decimal number: a `Decimal` or a `float`."""

    takes: ClassVar[tuple[type, ...]] = (Decimal, float)
    min: int | Decimal | None = None
    max: int | Decimal | None = None
    places: int | None = None
    """Digits after the point, at most; for `Decimal`."""

    def __post_init__(self) -> None:
        if self.min is not None and self.max is not None:
            refuse_bounds(self.min, self.max)

    def check(self, value: Decimal | float) -> None:
        check_range(self, value, self.min, self.max)
        if self.places is not None and isinstance(value, Decimal):
            exponent = value.as_tuple().exponent
            if not isinstance(exponent, int) or -exponent > self.places:
                said = texts.Text(
                    "At most {count} digit after the point.",
                    "At most {count} digits after the point.",
                    count=self.places,
                )
                raise self.broken("places", said)

    def check_field(self, field: BoundField) -> None:
        text = raw_text(field)
        if text is not None and isinstance(decide_number(text), Deny):
            raise self.broken("number", texts.Text("A number, written with digits and a point."))
        Validator.check_field(self, field)


@dataclass(frozen=True, slots=True, kw_only=True)
class Items(Validator[Sized]):
    """How many a list or a mapping may hold; without one at most 100."""

    takes: ClassVar[tuple[type, ...]] = (list, tuple, frozenset, dict)
    min: int = 0
    max: int = 100

    def __post_init__(self) -> None:
        refuse_bounds(self.min, self.max)

    def check(self, value: Sized) -> None:
        if len(value) > self.max:
            raise self.broken("too_many", texts.Text("At most {bound}.", bound=self.max))
        if len(value) < self.min:
            raise self.broken("too_few", texts.Text("At least {bound}.", bound=self.min))


@dataclass(frozen=True, slots=True)
class Must(Validator[Any]):
    """A rule of your own: `Must(is_working_day, "working_day", "A working day.")`."""

    takes: ClassVar[tuple[type, ...]] = (object,)
    holds: Callable[[Any], bool]
    rule: str
    says: str

    def check(self, value: object) -> None:
        if not self.holds(value):
            raise self.broken(self.rule, self.says)


@dataclass(frozen=True, slots=True)
class Name:
    """The name of a field outside, where it is not the one in Python: `Annotated[str, Name("firstName")]`."""

    text: str


@dataclass(frozen=True, slots=True)
class AsText:
    """A whole number that travels as JSON text, because JavaScript rounds above 2^53 (RFC 7493 §2.2)."""


def check_range(
    validator: Validator[Any], value: Decimal | float, smallest: int | Decimal | None, largest: int | Decimal | None
) -> None:
    """Raise where a number is outside its bounds. NaN is smaller and larger than nothing, so it is refused by name."""
    if value != value:  # noqa: PLR0124 - only NaN is unequal to itself
        raise validator.broken("number", texts.Text("A number."))
    if smallest is not None and value < smallest:
        raise validator.broken("too_small", texts.Text("At least {bound}.", bound=smallest))
    if largest is not None and value > largest:
        raise validator.broken("too_large", texts.Text("At most {bound}.", bound=largest))


def raw_text(field: BoundField) -> str | None:
    """What was typed into a form's field, if a form was submitted."""
    raw = field.raw_data
    return raw[0] if raw and isinstance(raw[0], str) else None


def refuse_bounds(smallest: int | Decimal, largest: int | Decimal) -> None:
    """Refuse a rule that no value keeps."""
    if smallest > largest:
        raise ConfigError(f"min={smallest} is above max={largest}: no value would pass.")
