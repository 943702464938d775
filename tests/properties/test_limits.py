"""parse_json against the standard parser: what both read they read the same, and what one refuses never raises anything else."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastness.kernel.limits import JSONReason, MalformedJSONError, decide_content_length, parse_json
from fastness.kernel.verdicts import Deny

TEXTS = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=8) | st.text(
    alphabet='[]{}"\\,:u', max_size=12
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)


def depth_of(value):
    if isinstance(value, list):
        return 1 + max(map(depth_of, value), default=0)
    if isinstance(value, dict):
        return 1 + max(map(depth_of, value.values()), default=0)
    return 0


@given(VALUES, st.booleans(), st.sampled_from([None, 0, 2]))
def test_every_document_is_read_as_it_was_written(value, ensure_ascii, indent):
    data = json.dumps(value, ensure_ascii=ensure_ascii, indent=indent).encode()
    assert parse_json(data, max_depth=40) == value


@given(VALUES, st.integers(0, 6))
def test_depth_is_judged_exactly(value, max_depth):
    data = json.dumps(value).encode()
    if depth_of(value) <= max_depth:
        assert parse_json(data, max_depth=max_depth) == value
    else:
        with pytest.raises(MalformedJSONError) as caught:
            parse_json(data, max_depth=max_depth)
        assert caught.value.reason == JSONReason.TOO_DEEP


@given(st.binary(max_size=40) | st.text(alphabet='[]{}":,\\u0019dD-.eEtrufalsnNI \n', max_size=60).map(str.encode))
def test_anything_is_read_or_refused_with_our_error(data):
    try:
        value = parse_json(data, max_depth=4)
    except MalformedJSONError:
        return
    assert depth_of(value) <= 4
    assert json.loads(data) == value
    # What was accepted can be written back: no NaN, no infinity, no lone surrogate.
    json.dumps(value, allow_nan=False, ensure_ascii=False).encode()


@given(VALUES, VALUES, st.sampled_from(["a", "\u00e4", ""]))
def test_a_name_twice_is_refused(first, second, name):
    text = f"{{{json.dumps(name)}: {json.dumps(first)}, {json.dumps(name, ensure_ascii=False)}: {json.dumps(second)}}}"
    with pytest.raises(MalformedJSONError) as caught:
        parse_json(text.encode(), max_depth=40)
    assert caught.value.reason == JSONReason.DUPLICATE_NAME


@given(st.binary(max_size=20) | st.text(alphabet="0123456789+-_ .e", max_size=18).map(str.encode))
def test_content_length_is_digits_and_nothing_else(value):
    is_digits = 0 < len(value) <= 15 and set(value) <= set(b"0123456789")
    length = decide_content_length(value)
    assert isinstance(length, Deny) is not is_digits
    if is_digits:
        assert length == int(value)
