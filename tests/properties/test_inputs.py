"""Typed values there and back: what an Output writes, the Input of the same fields reads as the same values."""

import json
from dataclasses import field
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from fastness import Input, InputRefusedError, Output
from fastness.kernel.limits import parse_json
from fastness.web.responses import encode_json
from fastness.web.validators import MAX_EXACT, MAX_INT64, AsText, Text

LINES = st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"]), max_size=50)


class PartIn(Input):
    name: Annotated[str, Text(multiline=True)]
    count: int


class PartOut(Output):
    name: str
    count: int


class WholeIn(Input):
    id: UUID
    text: str | None
    number: Annotated[int, AsText()]
    ratio: float
    price: Decimal
    is_open: bool
    at: datetime
    day: date
    clock: time
    state: Literal["open", "closed", 7]
    parts: list[PartIn]
    by_name: dict[str, int]
    tags: tuple[str, ...] = ()


class WholeOut(Output):
    id: UUID
    text: str | None
    number: Annotated[int, AsText()]
    ratio: float
    price: Decimal
    is_open: bool
    at: datetime
    day: date
    clock: time
    state: Literal["open", "closed", 7]
    parts: list[PartOut]
    by_name: dict[str, int]
    tags: tuple[str, ...]


EXACT = st.integers(-MAX_EXACT, MAX_EXACT)
VALUES = st.fixed_dictionaries(
    {
        "id": st.uuids(),
        "text": st.none() | LINES,
        "number": st.integers(-MAX_INT64 - 1, MAX_INT64),
        "ratio": st.floats(allow_nan=False, allow_infinity=False),
        "price": st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=0, max_value=10**9),
        "is_open": st.booleans(),
        "at": st.datetimes(timezones=st.just(UTC)),
        "day": st.dates(),
        "clock": st.times(),
        "state": st.sampled_from(["open", "closed", 7]),
        "by_name": st.dictionaries(LINES, EXACT, max_size=5),
        "tags": st.lists(LINES, max_size=5).map(tuple),
    }
)
PARTS = st.lists(st.tuples(LINES, EXACT), max_size=3)
DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)
NAMES = ["id", "text", "number", "ratio", "price", "is_open", "at", "day", "clock", "state", "parts", "by_name", "tags"]


def errors_of(read, sent):
    """What is wrong, if something is: any other exception is a defect."""
    try:
        read(sent)
    except InputRefusedError as error:
        return error.errors
    return ()


@given(values=VALUES, parts=PARTS)
def test_what_is_written_is_read_back(values, parts):
    written = encode_json(WholeOut(**values, parts=[PartOut(name=name, count=count) for name, count in parts]))
    found = WholeIn.from_json(parse_json(written.encode(), max_depth=8))
    assert {name: getattr(found, name) for name in values} == values
    assert [(part.name, part.count) for part in found.parts] == parts
    assert json.loads(written).keys() == found.given().keys()


@given(document=DOCUMENTS | st.dictionaries(st.sampled_from(NAMES), DOCUMENTS))
def test_any_document_is_read_or_refused_without_its_values(document):
    errors = errors_of(WholeIn.from_json, document)
    assert {one.field.partition("[")[0].partition(".")[0] for one in errors} <= {"", *NAMES}
    assert len(errors) <= 20


class QueryIn(Input):
    number: int = 0
    price: Decimal = Decimal(0)
    day: date | None = None
    is_open: bool = False
    tags: list[str] = field(default_factory=list)


@given(
    number=st.integers(-MAX_INT64 - 1, MAX_INT64),
    day=st.none() | st.dates(),
    is_open=st.booleans(),
    tags=st.lists(LINES, max_size=5),
)
def test_what_a_form_sends_is_read_back(number, day, is_open, tags):
    pairs = [("number", str(number)), ("day", day.isoformat() if day else ""), ("is_open", str(is_open).lower())]
    found = QueryIn.from_pairs([*pairs, *(("tags", tag) for tag in tags)])
    assert (found.number, found.day, found.is_open, found.tags) == (number, day, is_open, tags)


@given(
    pairs=st.lists(st.tuples(st.sampled_from(["number", "price", "day", "is_open", "tags", "x"]), st.text(max_size=9)))
)
def test_any_pairs_are_read_or_refused(pairs):
    errors = errors_of(QueryIn.from_pairs, pairs)
    assert {one.field.partition("[")[0] for one in errors} <= {"", "number", "price", "day", "is_open", "tags"}
