"""Formats: any text is decided, what is accepted is read the same by others, and long texts cost their length."""

import sys
from datetime import UTC, datetime
from decimal import Decimal
from email.headerregistry import Address
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastness.kernel.formats import (
    decide_email,
    decide_file_name,
    decide_host_name,
    decide_number,
    decide_slug,
    decide_text,
    decide_url,
)
from fastness.kernel.verdicts import ALLOW, Deny
from fastness.web.readers import LEAVES, RefusedValueError

DECISIONS = [decide_email, decide_url, decide_host_name, decide_file_name, decide_slug, decide_number]
CLOSE = st.text(alphabet="aA0-_.:/@[]%#?&+ \n\0\u202eé٣²1eE", max_size=40)
LONG = [
    text * 100_000
    for text in ("a", "a.", "@", "a@", "-", "%4", "[", "1", ":", "/", "..", "\u202e", "é", "a" * 63 + ".")
]


@pytest.mark.parametrize("decide", DECISIONS)
@given(text=st.one_of(st.text(), CLOSE))
def test_any_text_is_decided(decide, text):
    assert decide(text) is ALLOW or isinstance(decide(text), Deny)


@given(text=st.one_of(CLOSE, st.emails(), st.text(alphabet="ab.@-+", max_size=20)))
def test_an_accepted_address_is_one_for_the_mailer_and_stays_on_its_line(text):
    if decide_email(text) is ALLOW:
        parsed = Address(addr_spec=text)
        assert f"{parsed.username}@{parsed.domain}" == text
        assert text.isprintable()
        assert text.isascii()


@given(text=st.one_of(CLOSE, st.tuples(st.sampled_from(["https://", "http://a.example/"]), CLOSE).map("".join)))
def test_an_accepted_url_is_read_as_its_parts_everywhere(text):
    if decide_url(text) is ALLOW:
        parts = urlsplit(text)
        assert parts.scheme in {"http", "https"}
        assert parts.username is None
        assert parts.hostname
        assert not set(text) & set(" \t\r\n\\\"<>'\0") - {"'"}


@given(text=CLOSE)
def test_an_accepted_file_name_is_one_segment(text):
    if decide_file_name(text) is ALLOW:
        assert not set(text) & set("/\\\0\n:")
        assert text not in {".", ".."}
        assert len(text.encode()) <= 255


@given(value=st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**12), max_value=10**12))
def test_every_decimal_has_a_spelling_that_is_read_back(value):
    text = format(value, "f")
    if text.startswith("-") and not Decimal(text):
        text = text[1:]
    assert decide_number(text) is ALLOW
    assert LEAVES[Decimal].from_json(text) == value


@given(text=st.text(alphabet="0123456789-.+eE_ ", max_size=20))
def test_what_is_no_number_to_us_may_be_one_to_python_and_never_the_other_way(text):
    if decide_number(text) is ALLOW:
        assert str(Decimal(text)) == text or Decimal(text) == Decimal(str(Decimal(text)))
        assert text == text.strip("+_ ")


@pytest.mark.parametrize("kind", LEAVES, ids=lambda kind: kind.__name__)
@given(
    value=st.one_of(CLOSE, st.integers(), st.floats(), st.booleans(), st.none(), st.lists(st.integers(), max_size=1))
)
def test_any_value_is_read_or_refused(kind, value):
    found = read_or_refused(LEAVES[kind].from_json, value)
    assert type(found) in {kind, RefusedValueError}


@pytest.mark.parametrize("kind", LEAVES, ids=lambda kind: kind.__name__)
@given(text=CLOSE)
def test_any_text_is_read_or_refused(kind, text):
    found = read_or_refused(LEAVES[kind].from_texts, [text])
    assert type(found) in {kind, RefusedValueError}


def read_or_refused(read, value):
    """The value, or the refusal: any other exception is a defect."""
    try:
        return read(value)
    except RefusedValueError as error:
        return error


@given(moment=st.datetimes(timezones=st.just(UTC)))
def test_every_moment_is_read_back(moment):
    assert LEAVES[datetime].from_json(moment.isoformat()) == moment


def steps_of(work) -> int:
    """How many of our lines the work takes: what runs in C is linear, and a loop would be seen here."""
    count = 0

    def trace(frame, event, _argument):
        nonlocal count
        if not frame.f_globals.get("__name__", "").startswith("fastness."):
            return None  # the collector may call anything at any time
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize("decide", DECISIONS)
def test_a_text_longer_than_its_cap_is_not_walked_through(decide):
    for text in LONG:
        assert isinstance(decide(text), Deny)
        assert steps_of(lambda text=text: decide(text)) < 10


@pytest.mark.parametrize("decide", DECISIONS)
def test_a_text_within_its_cap_takes_steps_in_proportion(decide):
    for text in LONG:
        assert steps_of(lambda text=text: decide(text[:2048])) < 10_000


def test_a_text_of_any_kind_is_searched_once():
    assert decide_text("a" * 10**6, max_length=10**6, is_multiline=True) is ALLOW
    assert isinstance(decide_text("a" * 10**6 + "\0", max_length=10**7, is_multiline=True), Deny)
