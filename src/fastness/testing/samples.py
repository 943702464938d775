"""What the author of an app says of a route, so that the matrix can try it: one request that must succeed, and for whom.

    Sample(owner="maren", other="idris", params={"case_id": ObjectID(marens_case.id, idris_case.id)}, form={"text": "Hello"})

A refusal proves nothing as long as nobody has seen the same request succeed: a wrong address is refused too. So each sample
names an owner, for whom it works, and wherever it names an object it names one of somebody else's as well, for whom that one
works. What looks like an object's id and is not marked as one is refused, because it would be the place that nobody tried.
"""

import re
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import field
from typing import Final, TypeAlias
from uuid import UUID

from fastness.kernel.because import Because
from fastness.kernel.values import dataclass

ANONYMOUS: Final = "anonymous"
"""The name of whoever is not signed in."""
SIGNED_IN: Final = "signed in"
"""In `allowed`: everybody who is signed in."""
PEOPLE: Final = frozenset({SIGNED_IN})
"""For `allowed`: everybody who is signed in."""
EVERYBODY: Final = frozenset({ANONYMOUS, SIGNED_IN})
"""For `allowed`: whoever comes."""
DEFAULT_REFUSALS: Final = frozenset({401, 403, 404})

_UUID: Final = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}", re.IGNORECASE)
_ID_NAME: Final = re.compile(r"(?:.*[_-])?ids?|.*[a-z]I[Dd]s?")

_KINDS: Final = {"path": "path parameter", "query": "query parameter", "form": "form field", "json": "JSON"}

Place: TypeAlias = tuple[str | int, ...]
"""Where a value stands: ("path", "case_id"), ("json", "lines", 0, "id")."""


@dataclass(frozen=True, slots=True)
class ObjectID:
    """An id in a request: an object of the sample's owner, and one of the same kind that belongs to `other`."""

    mine: object
    theirs: object


@dataclass(frozen=True, slots=True)
class Plain:
    """A value that names nobody's object, though it stands where one could."""

    value: object


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A request that succeeds for some and is refused to everybody else."""

    owner: str
    """Who sends it and must succeed: a name among the people, or `ANONYMOUS`."""
    other: str | None = None
    """Whose the second object of each `ObjectID` is. They succeed with theirs, and not with the owner's."""
    allowed: Collection[str] = frozenset()
    """Who else must succeed with the very same request: names, `PEOPLE`, `EVERYBODY`."""
    method: str | None = None
    """Needed where the route answers to any."""
    params: Mapping[str, object] = field(default_factory=dict)
    """The path's parameters."""
    query: Mapping[str, object] = field(default_factory=dict)
    form: Mapping[str, object] | None = None
    """Fields of a form; a list gives a field several times. The token is added."""
    json: object = None
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int | None = None
    """What success looks like; without it any status below 400 that does not lead to the sign-in page."""
    refusals: Collection[int] = DEFAULT_REFUSALS
    """The statuses that are refusals; add 422 where a form offers a choice of objects. Only nobody may be answered 401."""
    lacking: Collection[str] = frozenset()
    """Who is refused for want of a second factor or a fresh sign-in, and for nothing else."""
    private: tuple[str, ...] = ()
    """Texts that the owner's answer shows, and nobody's else: finds what a list shows too much."""
    shown_to: Collection[str] = frozenset()
    """Who else may see the private texts."""


@dataclass(frozen=True, slots=True)
class Untested:
    """A route that is not walked, and why not."""

    because: Because


SampleMaker: TypeAlias = Callable[[], Awaitable[Sample]]
"""Makes the objects and the sample anew for each request that must succeed: for what can be done only once."""
Declaration: TypeAlias = Sample | SampleMaker | Untested | Sequence[Sample | SampleMaker]


def filled(sample: Sample, *, theirs: Collection[Place] | None = ()) -> Sample:
    """The sample with plain values: the owner's objects, but at the places of `theirs`; with `None` the other's everywhere."""

    def fill(value: object, place: Place) -> object:
        match value:
            case ObjectID():
                return value.theirs if theirs is None or place in theirs else value.mine
            case Plain():
                return value.value
            case Mapping():
                return {key: fill(one, (*place, key)) for key, one in value.items()}
            case list() | tuple():
                return [fill(one, (*place, index)) for index, one in enumerate(value)]
        return value

    def fill_all(values: Mapping[str, object], kind: str) -> dict[str, object]:
        return {name: fill(value, (kind, name)) for name, value in values.items()}

    return Sample(
        owner=sample.owner,
        method=sample.method,
        params=fill_all(sample.params, "path"),
        query=fill_all(sample.query, "query"),
        form=None if sample.form is None else fill_all(sample.form, "form"),
        json=fill(sample.json, ("json",)),
        headers=sample.headers,
        status=sample.status,
    )


def places_of(sample: Sample) -> list[Place]:
    """Where the sample names objects."""
    return [place for place, value in values_in(sample) if isinstance(value, ObjectID)]


def unmarked(sample: Sample) -> list[Place]:
    """Where something stands that may be an object's id, and is marked neither as one nor as none."""
    return [
        place
        for place, value in values_in(sample)
        if not isinstance(value, ObjectID | Plain) and (place[0] == "path" or looks_like_an_id(place, value))
    ]


def looks_like_an_id(place: Place, value: object) -> bool:
    """A UUID, or whatever is called one."""
    if isinstance(value, UUID) or (isinstance(value, str) and _UUID.fullmatch(value)):
        return True
    name = next((part for part in reversed(place[1:]) if isinstance(part, str)), "")
    return value is not None and value != "" and _ID_NAME.fullmatch(name) is not None


def values_in(sample: Sample) -> Iterator[tuple[Place, object]]:
    """Every value of the request with its place."""
    for kind, values in (("path", sample.params), ("query", sample.query), ("form", sample.form or {})):
        for name, value in values.items():
            yield from leaves((kind, name), value)
    yield from leaves(("json",), sample.json)


def leaves(place: Place, value: object) -> Iterator[tuple[Place, object]]:
    """The values inside a value."""
    if isinstance(value, Mapping):
        for key, one in value.items():
            yield from leaves((*place, key), one)
    elif isinstance(value, list | tuple):
        for index, one in enumerate(value):
            yield from leaves((*place, index), one)
    else:
        yield place, value


def text_of(place: Place) -> str:
    """A place as a message names it: form field case_id, JSON lines[0].id."""
    kind, *rest = place
    text = ""
    for part in rest:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return f"{_KINDS[str(kind)]} {text}".rstrip()
