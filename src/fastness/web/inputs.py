"""Typed input: what a JSON document, a query, a form or a path has to hold, as a class.

    class NewCase(Input):
        title: Annotated[str, Text(max=200)]
        priority: Literal["low", "high"] = "low"

    case = await request.json_as(NewCase)

Anybody sends anything. What a handler gets has every field, each of its type and within its bounds; a field that the class does
not declare is refused, so that a new column of a model is never a new input (mass assignment, CWE-915). The answer to the rest
is 422 with a list of what is wrong, by field and rule. No message, event or log line ever holds a value that was sent, nor a
name: what is unknown is answered by what is known. Values and fields only: whether this person may touch that object is the
policies' subject. ASVS 5.0 V2.2.1, V2.2.2, V15.3.3, V16.5.1.
"""

import dataclasses
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, dataclass
from typing import Any, ClassVar, Final, NamedTuple, Self, TypeVar, dataclass_transform

from fastness.kernel.errors import ConfigError
from fastness.kernel.texts import Text
from fastness.web.conversion import reader_of, unwrapped
from fastness.web.inputerrors import FieldError, InputRefusedError
from fastness.web.readers import MAX_PROBLEMS, FromTexts, Problem, Reader, RefusedValueError, refused
from fastness.web.validators import Name

InputT = TypeVar("InputT", bound="Input")

_GIVEN: Final = "_given"


class FieldPlan(NamedTuple):
    """How one field is read."""

    name: str
    outside: str
    reader: Reader
    is_required: bool


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(dataclasses.field,))
class Input:
    """The base class. Its annotations are the fields; a default makes one optional.

    Objects do not change and do not show their values: what people type does not belong in a log. Called as a constructor,
    from code, nothing is checked.

    Args:
        ignores_unknown: take no offence at fields that are not declared, as a page does whose address other sites extend.
    """

    fastness_plan: ClassVar[tuple[FieldPlan, ...]] = ()
    fastness_ignores_unknown: ClassVar[bool] = False

    def __init_subclass__(cls, *, ignores_unknown: bool = False, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        cls.fastness_ignores_unknown = ignores_unknown or cls.fastness_ignores_unknown
        # What is inherited is a field already: the object made by the class decorator has them all.
        dataclass(frozen=True, kw_only=True, repr=False)(cls)
        cls.fastness_plan = plan_of(cls)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(field.name for field in self.fastness_plan)})"

    def check(self) -> Iterable[FieldError]:
        """Say what is wrong between fields; asked when each of them is right by itself."""
        return ()

    def given(self) -> dict[str, Any]:
        """The fields that were sent, without those that have their defaults; what a PATCH changes."""
        names: frozenset[str] = self.__dict__.get(_GIVEN, frozenset())
        return {field.name: getattr(self, field.name) for field in self.fastness_plan if field.name in names}

    @classmethod
    def fastness_reader(cls) -> Reader:
        """How a field of this class is read in another one."""
        return Reader(lambda value: read_object(cls, value), None)

    @classmethod
    def from_json(cls, value: object) -> Self:
        """An object of a parsed JSON document. Raises `InputRefusedError`."""
        try:
            return read_object(cls, value)
        except RefusedValueError as error:
            raise refusal_of(error) from None

    @classmethod
    def from_pairs(cls, pairs: Iterable[tuple[str, str]]) -> Self:
        """An object of the pairs of a query or a form. Raises `InputRefusedError`."""
        sent: dict[str, list[str]] = {}
        for name, value in pairs:
            sent.setdefault(name, []).append(value)
        try:
            return read_texts(cls, sent)
        except RefusedValueError as error:
            raise refusal_of(error) from None


def plan_of(cls: type[Input]) -> tuple[FieldPlan, ...]:
    """How objects of the class are read. Raises `ConfigError` for an annotation that cannot be."""
    try:
        hints = typing.get_type_hints(cls, localns={cls.__name__: cls}, include_extras=True)
    except NameError as error:
        raise ConfigError(
            f"{cls.__qualname__} names the type {error.name!r}, which is not known where the class is made: define it above, "
            "and at the level of the module."
        ) from None
    plans = []
    for field in dataclasses.fields(cls):  # type: ignore[arg-type]  # made one in __init_subclass__
        annotation = hints[field.name]
        where = f"{cls.__qualname__}.{field.name}"
        if field.name.startswith("_") or field.name in _RESERVED:
            raise ConfigError(f"{where} cannot be the name of a field; name it otherwise, and outside with Name(…).")
        outside = [extra.text for extra in unwrapped(annotation)[1] if isinstance(extra, Name)]
        is_required = field.default is MISSING and field.default_factory is MISSING
        name = outside[-1] if outside else field.name
        plans.append(FieldPlan(field.name, name, reader_of(annotation, where), is_required))
    names = [plan.outside for plan in plans]
    if len(set(names)) != len(names):
        raise ConfigError(f"Two fields of {cls.__qualname__} have the same name outside.")
    return tuple(plans)


def read_object(cls: type[InputT], value: object) -> InputT:
    """An object from what JSON calls one."""
    if type(value) is not dict:
        raise refused("type", Text("An object is expected."))
    return read_fields(cls, value, lambda reader, one: reader.from_json(one))


def read_texts(cls: type[InputT], sent: Mapping[str, list[str]]) -> InputT:
    """An object from texts by name."""
    return read_fields(cls, sent, lambda reader, values: text_way(cls, reader)(values))


def read_fields(cls: type[InputT], sent: Mapping[str, Any], read: Callable[[Reader, Any], object]) -> InputT:
    """Every field by its plan, and nothing beside them; all problems are told at once."""
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    for name, outside, reader, is_required in cls.fastness_plan:
        if outside in sent:
            try:
                values[name] = read(reader, sent[outside])
            except RefusedValueError as error:
                values[name] = None
                problems += error.below(outside)
        elif is_required:
            problems.append(Problem((outside,), "required", Text("This is missing.")))
    if len(sent) > len(values) and not cls.fastness_ignores_unknown:
        known = ", ".join(plan.outside for plan in cls.fastness_plan)
        message = Text("There is a field that is not known here. Known are: {known}.", known=known)
        problems.append(Problem((), "unknown_field", message))
    if problems:
        raise RefusedValueError(problems)
    made = cls(**values)
    object.__setattr__(made, _GIVEN, frozenset(values))
    found = tuple(made.check())
    if found:
        raise RefusedValueError([Problem((error.field,), error.rule, error.message) for error in found])
    return made


def text_way(cls: type[Input], reader: Reader) -> FromTexts:
    """How the field is read from text."""
    if reader.from_texts is None:
        raise ConfigError(
            f"{cls.__qualname__} has a field that a query or form cannot hold; read it with request.json_as."
        )
    return reader.from_texts


def refusal_of(error: RefusedValueError) -> InputRefusedError:
    """The error for whoever sent it: not more than can be read."""
    return InputRefusedError(
        FieldError(place_of(problem.path), problem.rule, problem.message) for problem in error.problems[:MAX_PROBLEMS]
    )


def place_of(path: tuple[str | int, ...]) -> str:
    """A place as people write it."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif step:
            text += f".{step}" if text else step
    return text


_RESERVED: Final = frozenset(
    {"check", "given", "from_json", "from_pairs", "fastness_plan", "fastness_ignores_unknown", "fastness_reader"}
)
