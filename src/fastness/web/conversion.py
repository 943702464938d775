"""From JSON values and from texts to typed values, strictly: nothing becomes another type on the way.

An annotation is compiled once, when its class is made, into a `Reader`: one function for JSON values, one for what a query or
a form sends, which is always text. A JSON text is never read as a number, a number never as a truth value, and a text has one
spelling for each number, time and id: where a check and a use read one value in two ways is where attackers get between them
(CWE-843, CWE-20). Every text and list has a bound, its own or the default.

What is refused is told by place and rule. A place holds names of fields that the class declares and positions in lists, never
a name that was sent. ASVS 5.0 V2.2.1, V15.3.5.
"""

import types
from collections.abc import Callable
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Final, Literal, NewType, Union, get_args, get_origin

from fastness.kernel import texts
from fastness.kernel.errors import ConfigError
from fastness.kernel.secret import Secret
from fastness.web.readers import (
    LEAVES,
    MAX_PROBLEMS,
    Problem,
    Reader,
    RefusedValueError,
    leaf_reader,
    refused,
    text_reader,
    whole_from_text,
)
from fastness.web.validators import AsText, Items, Number, RuleBrokenError, Text, Validator, Whole


def unwrapped(annotation: Any) -> tuple[Any, tuple[Any, ...]]:  # noqa: ANN401 - annotations have no common type
    """The annotation without `Annotated`, `NewType` and `type` aliases, and what was annotated."""
    extras: tuple[Any, ...] = ()
    while True:
        if get_origin(annotation) is Annotated:
            annotation, *more = get_args(annotation)
            extras = (*more, *extras)
        elif isinstance(annotation, NewType):
            annotation = annotation.__supertype__
        elif type(annotation).__name__ == "TypeAliasType":
            annotation = annotation.__value__
        else:
            return annotation, extras


def reader_of(annotation: Any, where: str) -> Reader:  # noqa: ANN401 - as above
    """The reader of an annotation. Raises `ConfigError` for one that says too little or cannot be told from JSON."""
    kind, extras = unwrapped(annotation)
    validators = [extra for extra in extras if isinstance(extra, Validator)]
    if get_origin(kind) in {Union, types.UnionType}:
        inner = [member for member in get_args(kind) if member is not types.NoneType]
        if len(inner) != 1 or len(inner) == len(get_args(kind)):
            raise ConfigError(
                f"{where} may be one type, or one type and None; JSON does not say which of two is meant."
            )
        return optional(reader_of(Annotated[(inner[0], *extras)] if extras else inner[0], where))
    is_text = any(isinstance(extra, AsText) for extra in extras)
    if is_text and kind is not int:
        raise ConfigError(f"{where}: AsText() is for whole numbers.")
    reader = digits_reader() if is_text else plain_reader(kind, where)
    return validated(reader, with_default(kind, validators, where))


def plain_reader(kind: Any, where: str) -> Reader:  # noqa: ANN401 - as above
    """The reader of a type, before its rules."""
    leaf = LEAVES.get(kind) if isinstance(kind, type) else None
    if leaf is not None:
        return leaf
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Literal:
        return choice_reader({(type(value), value): value for value in arguments}, where)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return choice_reader({(type(member.value), member.value): member for member in kind}, where)
    if origin in _SEQUENCES and arguments and (origin is not tuple or arguments[1:] == (Ellipsis,)):
        return sequence_reader(origin, reader_of(arguments[0], where))
    if origin is dict and unwrapped(arguments[0])[0] is str:
        return mapping_reader(reader_of(arguments[0], where), reader_of(arguments[1], where))
    nested = getattr(kind, "fastness_reader", None)
    if isinstance(kind, type) and callable(nested):
        reader = nested()
        if isinstance(reader, Reader):
            return reader
    raise ConfigError(
        f"{where} has a type that cannot be read strictly. Use str, int, float, bool, Decimal, UUID, datetime, date, time, "
        "Secret, an Enum, Literal[…], list[…], tuple[…, ...], frozenset[…], dict[str, …], another Input, or one of them and None."
    )


def with_default(kind: Any, validators: list[Validator[Any]], where: str) -> list[Validator[Any]]:  # noqa: ANN401
    """The rules of a field: its own, checked against the type, and the bound that every text, number and list has."""
    origin = get_origin(kind) or kind
    base = str if origin is Secret else origin
    for validator in validators:
        if not (isinstance(base, type) and (issubclass(base, validator.takes) or object in validator.takes)):
            raise ConfigError(f"{where}: {type(validator).__name__}() is not for values of this type.")
    default = _DEFAULTS.get(base) if isinstance(base, type) else None
    if default is None or any(object not in validator.takes for validator in validators):
        return validators
    return [default, *validators]


def validated(reader: Reader, validators: list[Validator[Any]]) -> Reader:
    """The reader, followed by the rules."""
    if not validators:
        return reader
    from_json, from_texts = reader.from_json, reader.from_texts
    sizes = tuple(validator.check for validator in validators if isinstance(validator, Items))
    checks = tuple(validator.check for validator in validators if not isinstance(validator, Items))

    def check(value: Any, rules: tuple[Callable[[Any], None], ...]) -> object:  # noqa: ANN401 - compared with the rules above
        plain = value.reveal() if type(value) is Secret else value
        try:
            for rule in rules:
                rule(plain)
        except RuleBrokenError as error:
            raise refused(error.rule, error.message) from None
        return value

    def json_checked(value: object) -> object:
        if sizes and type(value) in {list, dict}:
            check(value, sizes)
        return check(from_json(value), checks)

    def texts_checked(values: list[str]) -> object:
        if sizes:
            check(values, sizes)
        return check(from_texts(values), checks)  # type: ignore[misc]  # asked for only where it is there

    return Reader(json_checked, None if from_texts is None else texts_checked)


def optional(reader: Reader) -> Reader:
    """The reader, or nothing: JSON's null, and a field of a form that was left empty."""
    from_json, from_texts = reader.from_json, reader.from_texts

    def json_or_none(value: object) -> object:
        return None if value is None else from_json(value)

    def texts_or_none(values: list[str]) -> object:
        return None if values == [""] else from_texts(values)  # type: ignore[misc]  # as above

    return Reader(json_or_none, None if from_texts is None else texts_or_none)


def digits_reader() -> Reader:
    """A reader of whole numbers that are text in JSON."""
    return text_reader(whole_from_text)


def choice_reader(choices: dict[tuple[type, Any], object], where: str) -> Reader:
    """A reader of declared values. Compared with their types: to Python, 1 and True are equal."""
    if not choices or any(kind not in {str, int, bool} for kind, _ in choices):
        raise ConfigError(f"{where}: the choices are texts, whole numbers or truth values.")
    by_text = {str(value).lower() if kind is bool else str(value): chosen for (kind, value), chosen in choices.items()}
    message = texts.Text("One of: {choices}.", choices=", ".join(by_text))

    def from_json(value: object) -> object:
        kind = type(value)
        if kind not in {str, int, bool} or (kind, value) not in choices:
            raise refused("choice", message)
        return choices[kind, value]

    def from_text(value: str) -> object:
        if value not in by_text:
            raise refused("choice", message)
        return by_text[value]

    return leaf_reader(from_json, from_text)


def sequence_reader(kind: type, item: Reader) -> Reader:
    """A reader of lists; their size was looked at before."""
    item_from_json, item_from_texts = item.from_json, item.from_texts

    def collect(values: list[Any], read: Callable[[Any], object]) -> object:
        found: list[object] = []
        problems: list[Problem] = []
        for index, value in enumerate(values):
            try:
                found.append(read(value))
            except RefusedValueError as error:
                problems += error.below(index)
                if len(problems) >= MAX_PROBLEMS:
                    break
        if problems:
            raise RefusedValueError(problems)
        if kind is frozenset and len(set(found)) != len(found):
            raise refused("repeated", texts.Text("Each value once."))
        return found if kind is list else kind(found)

    def from_json(value: object) -> object:
        if type(value) is not list:
            raise refused("type", texts.Text("A list is expected."))
        return collect(value, item_from_json)

    def from_texts(values: list[str]) -> object:
        return collect(values, lambda value: item_from_texts([value]))  # type: ignore[misc]  # as above

    return Reader(from_json, None if item_from_texts is None else from_texts)


def mapping_reader(key: Reader, item: Reader) -> Reader:
    """A reader of objects whose names are data. A problem's place is `*`: the name was sent and may be anything."""
    key_from_json, item_from_json = key.from_json, item.from_json

    def from_json(value: object) -> object:
        if type(value) is not dict:
            raise refused("type", texts.Text("An object is expected."))
        found: dict[object, object] = {}
        problems: list[Problem] = []
        for name, one in value.items():
            try:
                found[key_from_json(name)] = item_from_json(one)
            except RefusedValueError as error:
                problems += error.below("*")
                if len(problems) >= MAX_PROBLEMS:
                    break
        if problems:
            raise RefusedValueError(problems)
        return found

    return Reader(from_json, None)


_SEQUENCES: Final = frozenset({list, tuple, frozenset})
_DEFAULTS: Final[dict[type, Validator[Any]]] = {
    str: Text(),
    int: Whole(),
    float: Number(),
    Decimal: Number(),
    list: Items(),
    tuple: Items(),
    frozenset: Items(),
    dict: Items(),
}
