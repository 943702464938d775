"""Typed output: which of a model's values leave the server, as a class.

    class CaseOut(Output, model=Case):
        id: UUID
        title: str
        notes: list[NoteOut]
        note_count: int = derived(lambda case: len(case.notes))

    return JSONResponse(CaseOut.of(case))

A model has columns that nobody outside may see, and tomorrow it has one more; so a model is never serialised, only a class that
names each field (CWE-201, CWE-359). The class is compared with its model when it is made: a name that the model does not have,
another type, and a column that is hidden (`db/columns.py`), also inside an expression, stop the start. What a function given to
`derived` returns is the author's: it is not looked into. Which objects a person may see is the policies' subject.
ASVS 5.0 V14.2.6, V15.3.1.
"""

import dataclasses
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from typing import Any, ClassVar, Final, NamedTuple, Self, TypeVar, Union, dataclass_transform, get_args, get_origin
from uuid import UUID

from sqlalchemy import ColumnElement, inspect
from sqlalchemy.exc import NoInspectionAvailable
from sqlalchemy.orm import ColumnProperty, Mapper, RelationshipProperty, SynonymProperty

from fastness.db.columns import is_hidden
from fastness.kernel.errors import ConfigError, FastnessError
from fastness.kernel.secret import Secret
from fastness.web.conversion import unwrapped
from fastness.web.validators import MAX_EXACT, AsText, Name

ValueT = TypeVar("ValueT")
Encode = Callable[[Any], object]

_UNIONS: Final = frozenset({Union, types.UnionType})
_DERIVED: Final = "fastness_derived"
_PLAIN: Final = frozenset({str, int, float, bool, Decimal, UUID, datetime, date, time})


class OutputSchemaError(ConfigError):
    """An output class does not fit its model."""

    code = "output_schema"


class HiddenColumnError(OutputSchemaError):
    """An output class names a column that is never shown."""

    code = "hidden_column"


class UnsafeIntegerError(FastnessError):
    """A whole number that JavaScript would read as another one."""

    code = "unsafe_integer"
    status = 500


class OutputField(NamedTuple):
    """How one field is written."""

    name: str
    outside: str
    read: Callable[[Any], Any]
    encode: Encode | None


def derived(function: Callable[[Any], ValueT]) -> ValueT:
    """A field that `function` makes of the object, instead of a column or relationship of the same name."""
    field: Any = dataclasses.field(metadata={_DERIVED: function})
    value: ValueT = field
    return value


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(derived,))
class Output:
    """The base class. Its annotations are the fields; `model` is what they are compared with and filled from.

    Without `model` the objects are made by calling the class.
    """

    fastness_plan: ClassVar[tuple[OutputField, ...]] = ()
    fastness_model: ClassVar[type | None] = None

    def __init_subclass__(cls, *, model: type | None = None, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        cls.fastness_model = model or cls.fastness_model
        dataclass(frozen=True, kw_only=True, repr=False)(cls)
        cls.fastness_plan = plan_of(cls)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(field.name for field in self.fastness_plan)})"

    @classmethod
    def of(cls, item: object) -> Self:
        """What of `item`, an object of the model, is shown."""
        model = cls.fastness_model
        if model is None or not isinstance(item, model):
            expected = "Name the model: class …(Output, model=…)." if model is None else f"It takes {model.__name__}."
            raise OutputSchemaError(f"{cls.__qualname__}.of() got {type(item).__name__}. {expected}")
        made = object.__new__(cls)
        made.__dict__.update({field.name: field.read(item) for field in cls.fastness_plan})
        return made

    @classmethod
    def all_of(cls, items: Iterable[object]) -> list[Self]:
        """The same for each of several."""
        return [cls.of(item) for item in items]

    def fastness_json(self) -> dict[str, object]:
        """The JSON object; `JSONResponse` asks for it."""
        values = self.__dict__
        return {
            field.outside: values[field.name] if field.encode is None else field.encode(values[field.name])
            for field in self.fastness_plan
        }


def plan_of(cls: type[Output]) -> tuple[OutputField, ...]:
    """How objects of the class are filled and written. Raises `OutputSchemaError` where that cannot be."""
    try:
        hints = typing.get_type_hints(cls, localns={cls.__name__: cls}, include_extras=True)
    except NameError as error:
        raise OutputSchemaError(
            f"{cls.__qualname__} names the type {error.name!r}, which is not known where the class is made: define it above, "
            "and at the level of the module."
        ) from None
    mapper = mapper_of(cls)
    plan = []
    for field in dataclasses.fields(cls):  # type: ignore[arg-type]  # made one in __init_subclass__
        where = f"{cls.__qualname__}.{field.name}"
        annotation = hints[field.name]
        if field.name in _RESERVED or field.name.startswith("_"):
            raise OutputSchemaError(
                f"{where} cannot be the name of a field; name it otherwise, and outside with Name(…)."
            )
        outside = [extra.text for extra in unwrapped(annotation)[1] if isinstance(extra, Name)]
        encode = encoder_of(annotation, where)
        function = field.metadata.get(_DERIVED)
        if function is None and mapper is not None:
            check_column(mapper, field.name, annotation, where)
        read = function or reader_of(field.name, annotation)
        plan.append(OutputField(field.name, outside[-1] if outside else field.name, read, encode))
    return tuple(plan)


def mapper_of(cls: type[Output]) -> Mapper[Any] | None:
    """The model's columns and relationships."""
    if cls.fastness_model is None:
        return None
    try:
        found: object = inspect(cls.fastness_model)
    except NoInspectionAvailable:
        found = None
    if not isinstance(found, Mapper):
        raise OutputSchemaError(f"{cls.__qualname__}: model=… is a class that derives from Model.")
    return found


def check_column(mapper: Mapper[Any], name: str, annotation: Any, where: str) -> None:  # noqa: ANN401 - any annotation
    """Compare a field with what the model has under its name."""
    model = mapper.class_.__name__
    # Nothing here configures the mappers: models that this one refers to may not be imported yet.
    prop: object = getattr(getattr(mapper.class_, name), "prop", None) if mapper.has_property(name) else None
    while isinstance(prop, SynonymProperty):
        prop = getattr(mapper.class_, prop.name).prop
    if isinstance(prop, RelationshipProperty):
        if nested_of(annotation) is None:
            raise OutputSchemaError(
                f"{where}: {model}.{name} is a relationship; annotate it with an Output, or a list of one."
            )
        return
    if not isinstance(prop, ColumnProperty):
        raise OutputSchemaError(
            f"{where}: {model} has no column or relationship of that name. For what is computed write "
            f"{name} = derived(lambda {model.lower()}: …)."
        )
    expression: object = prop.expression
    if not isinstance(expression, ColumnElement):
        raise OutputSchemaError(f"{where}: {model}.{name} is no single column; write it with derived(…).")
    if is_hidden(expression):
        raise HiddenColumnError(f"{where}: {model}.{name} is hidden; no output may show it. Leave the field out.")
    kind, allows_none = without_none(annotation)
    if any(getattr(column, "nullable", False) for column in prop.columns) and not allows_none:
        raise OutputSchemaError(f"{where}: {model}.{name} may be empty; annotate it with … | None.")
    try:
        stored = expression.type.python_type
    except NotImplementedError:
        return
    if stored in _PLAIN and kind in _PLAIN and stored is not kind:
        raise OutputSchemaError(f"{where} is {kind.__name__} and {model}.{name} is {stored.__name__}.")


def reader_of(name: str, annotation: Any) -> Callable[[Any], Any]:  # noqa: ANN401 - any annotation
    """How the value is taken from the model: as it is, or through the Output of what it refers to."""
    nested = nested_of(annotation)
    if nested is None:
        return lambda item: getattr(item, name)
    output, is_many = nested

    def read(item: object) -> object:
        value = getattr(item, name)
        if is_many:
            return output.all_of(value)
        return None if value is None else output.of(value)

    return read


def nested_of(annotation: Any) -> tuple[type[Output], bool] | None:  # noqa: ANN401 - any annotation
    """The Output in an annotation, and whether it is a list of them."""
    kind, _ = without_none(annotation)
    is_many = get_origin(kind) is list
    if is_many:
        kind, _ = unwrapped(get_args(kind)[0])
    return (kind, is_many) if isinstance(kind, type) and issubclass(kind, Output) else None


def without_none(annotation: Any) -> tuple[Any, bool]:  # noqa: ANN401 - any annotation
    """The type beside None, and whether None was there."""
    kind, _ = unwrapped(annotation)
    if get_origin(kind) in _UNIONS:
        inner = [member for member in get_args(kind) if member is not types.NoneType]
        if len(inner) == 1:
            return unwrapped(inner[0])[0], True
    return kind, False


def encoder_of(annotation: Any, where: str) -> Encode | None:  # noqa: ANN401 - any annotation
    """What makes the value one that JSON knows; `None` where it is one. Raises for types that are never shown."""
    kind, extras = unwrapped(annotation)
    origin, arguments = get_origin(kind), get_args(kind)
    inner = [member for member in arguments if member is not types.NoneType] if origin in _UNIONS else []
    if len(inner) == 1:
        encode = encoder_of(typing.Annotated[(inner[0], *extras)] if extras else inner[0], where)
        return None if encode is None else lambda value: None if value is None else encode(value)
    if any(isinstance(extra, AsText) for extra in extras):
        return str
    if kind in _ENCODERS:
        return _ENCODERS[kind]
    if origin is typing.Literal:
        return None
    if origin in {list, tuple, frozenset} and arguments:
        return items_encoder(encoder_of(arguments[0], where))
    if origin is dict and arguments[0] is str:
        return mapping_encoder(encoder_of(arguments[1], where))
    if isinstance(kind, type) and issubclass(kind, Enum):
        return lambda value: value.value
    if isinstance(kind, type) and issubclass(kind, Output):
        return kind.fastness_json
    if kind is Secret:
        raise HiddenColumnError(f"{where} is a Secret; no output may show it. Leave the field out.")
    raise OutputSchemaError(
        f"{where} has a type that is not written to JSON. Use str, int, float, bool, Decimal, UUID, datetime, date, time, an "
        "Enum, Literal[…], list[…], dict[str, …], another Output, or one of them and None."
    )


def items_encoder(encode: Encode | None) -> Encode:
    """For lists, tuples and sets."""
    return list if encode is None else lambda values: [encode(value) for value in values]


def mapping_encoder(encode: Encode | None) -> Encode | None:
    """For objects whose names are data."""

    def encode_values(values: Mapping[str, Any]) -> object:
        return values if encode is None else {name: encode(value) for name, value in values.items()}

    return encode_values


def encode_whole(value: int) -> int:
    """The number, if JavaScript reads the same one (RFC 7493 §2.2)."""
    if -MAX_EXACT <= value <= MAX_EXACT:
        return value
    raise UnsafeIntegerError(
        "A whole number above 2^53 would be rounded by every reader that has doubles only. Annotate the field with "
        "Annotated[int, AsText()], so that it travels as text."
    )


def encode_decimal(value: Decimal) -> str:
    """Digits as text, without an exponent."""
    return format(value, "f")


_ENCODERS: Final[dict[object, Encode | None]] = {
    str: None,
    bool: None,
    float: None,
    int: encode_whole,
    Decimal: encode_decimal,
    UUID: str,
    datetime: datetime.isoformat,
    date: date.isoformat,
    time: time.isoformat,
}
_RESERVED: Final = frozenset({"of", "all_of", "fastness_plan", "fastness_model", "fastness_json"})
