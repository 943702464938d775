"""What is written into scripts and comments, and what has no form there."""

import enum
import json

import pytest

from fastness.html import encoders
from fastness.html.errors import UnencodableValueError


class Number(enum.IntEnum):
    LARGE = 2**60


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(2**53 - 1, id="largest"),
        pytest.param(-(2**53) + 1, id="smallest"),
        pytest.param(2.0**80, id="float"),
        pytest.param(1234567890.123456789, id="long-float"),
        pytest.param("9007199254740993", id="text"),
        pytest.param({9007199254740993: "a key is text"}, id="key"),
        pytest.param([True, {"a": ["12345678901234567890", 7]}], id="text-inside"),
    ],
)
def test_numbers_that_a_browser_keeps(value):
    assert json.loads(encoders.json_text(value)) == json.loads(json.dumps(value))


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(2**53, id="one-more"),
        pytest.param(-(2**53), id="one-less"),
        pytest.param([{"a": ({"b": 2**64},)}], id="inside"),
        pytest.param(Number.LARGE, id="enumeration"),
    ],
)
def test_numbers_that_a_browser_would_round(value):
    with pytest.raises(UnencodableValueError, match=r"str\(number\)") as caught:
        encoders.json_text(value)
    assert str(2**64) not in str(caught.value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param({"__proto__": 1}, '{["__proto__"]:1}', id="key"),
        pytest.param({"a": 1, "__proto__": {"__proto__": 2}}, '{"a":1,["__proto__"]:{["__proto__"]:2}}', id="keys"),
        pytest.param(["__proto__", {"a": "__proto__"}], '["__proto__",{"a":"__proto__"}]', id="values"),
        pytest.param({',"__proto__":': 1}, '{",\\"__proto__\\":":1}', id="inside-a-key"),
        pytest.param({'\\,"__proto__': 1}, '{"\\\\,\\"__proto__":1}', id="end-of-a-key"),
        pytest.param('{"__proto__":1}', '"{\\"__proto__\\":1}"', id="inside-a-text"),
    ],
)
def test_no_key_chooses_a_prototype(value, expected):
    assert encoders.js_text(value) == expected
