"""Where input did not fit and how, without a letter of it.

The errors of FastAPI and Pydantic hold the input, messages that quote it, and places that may be names the sender chose (the
keys of a mapping, a field that nobody declared). What leaves here is a place made of declared names and small numbers, the kind
of the error, and a sentence of ours; everything else becomes `*`. ASVS 5.0 V16.5.1, V14.2.1.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, get_args, get_type_hints, is_typeddict

from fastness.web.exchange import Scope
from fastness.web.inputerrors import FieldError

_PLACES: Final = frozenset({"body", "query", "path", "header", "cookie", "response"})
_MAX_ERRORS: Final = 20
"""Enough to mend a document; a hostile one shall not be answered with its own length."""
_MAX_INDEX: Final = 100_000
"""What is larger is no position in a list that fits into a body."""
_UNNAMED: Final = "*"
_MESSAGES: Final[Mapping[str, str]] = {
    "missing": "This value is missing.",
    "extra_forbidden": "This value is not expected.",
    "json_invalid": "This is not JSON.",
    "string_too_short": "This text is too short.",
    "string_too_long": "This text is too long.",
    "greater_than": "This number is too small.",
    "greater_than_equal": "This number is too small.",
    "less_than": "This number is too large.",
    "less_than_equal": "This number is too large.",
}
_ANY_MESSAGE: Final = "This value is not accepted."


def errors_of(error: Any, scope: Scope) -> list[dict[str, Any]]:  # noqa: ANN401 - FastAPI is not imported
    """The errors of a `RequestValidationError` and its like, in FastAPI's own shape."""
    found: Sequence[Mapping[str, Any]] = error.errors()
    names = declared_names(scope)
    return [
        {
            "type": one["type"],
            "loc": [safe_step(step, names) for step in one["loc"]],
            "msg": _MESSAGES.get(one["type"], _ANY_MESSAGE),
        }
        for one in found[:_MAX_ERRORS]
    ]


def field_errors(error: Any, scope: Scope) -> list[FieldError]:  # noqa: ANN401 - FastAPI is not imported
    """The same as for input that our own classes refuse."""
    return [
        FieldError(field=field_at(one["loc"]), rule=one["type"], message=one["msg"]) for one in errors_of(error, scope)
    ]


def field_at(steps: Sequence[str | int]) -> str:
    """A place as text: `body.lines[3].price`."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps).removeprefix(".")


def safe_step(step: object, names: frozenset[str]) -> str | int:
    """One step of a place, if the endpoint's author named it."""
    if isinstance(step, int):
        return step if 0 <= step < _MAX_INDEX else _UNNAMED
    return step if isinstance(step, str) and (step in _PLACES or step in names) else _UNNAMED


def declared_names(scope: Scope) -> frozenset[str]:
    """The names of all parameters and fields that the matched endpoint declares."""
    context = scope.get("fastapi", {}).get("effective_route_context")
    dependant = getattr(context or scope.get("route"), "dependant", None)
    return frozenset() if dependant is None else frozenset(names_below(dependant))


def names_below(dependant: Any) -> Iterator[str]:  # noqa: ANN401 - FastAPI is not imported
    """The names that a dependant and those it depends on declare."""
    seen: set[object] = set()
    for kind in ("path_params", "query_params", "header_params", "cookie_params", "body_params"):
        for param in getattr(dependant, kind, ()):
            yield param.name
            yield param.alias
            yield from names_in(param.field_info.annotation, seen)
    for inner in getattr(dependant, "dependencies", ()):
        yield from names_below(inner)


def names_in(annotation: Any, seen: set[object]) -> Iterator[str]:  # noqa: ANN401 - any type
    """The names of all fields in an annotation and what it is made of."""
    for part in get_args(annotation):
        yield from names_in(part, seen)
    if not isinstance(annotation, type) or annotation in seen:
        return
    seen.add(annotation)
    fields: Mapping[str, Any] = getattr(annotation, "model_fields", {})
    for name, field in fields.items():
        yield name
        yield from (alias for alias in (field.alias, field.validation_alias) if isinstance(alias, str))
        yield from names_in(field.annotation, seen)
    if dataclasses.is_dataclass(annotation) or is_typeddict(annotation):
        for name, hint in get_type_hints(annotation).items():
            yield name
            yield from names_in(hint, seen)
