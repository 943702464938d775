import json
import sys
from typing import Any

import pytest

from fastness.kernel.errors import ConfigError, InvalidInputError
from fastness.kernel.limits import (
    KNOWN_METHODS,
    MAX_CONTENT_LENGTH_DIGITS,
    MAX_NUMBER_LENGTH,
    SAFE_METHODS,
    JSONReason,
    LimitReason,
    LimitRules,
    MalformedJSONError,
    decide_content_length,
    decide_method,
    parse_json,
)
from fastness.kernel.verdicts import ALLOW, Deny


class TestRules:
    def test_the_defaults(self):
        rules = LimitRules()
        assert (rules.max_body_bytes, rules.max_parsed_bytes) == (2_000_000, 500_000)
        assert (rules.max_fields, rules.max_field_characters, rules.max_files) == (1000, 10_000, 20)
        assert (rules.max_json_depth, rules.max_header_count, rules.max_header_bytes) == (32, 100, 32_768)
        assert (rules.max_url_bytes, rules.body_timeout_seconds, rules.peek_bytes) == (8192, 30, 8192)
        assert rules.min_body_bytes_per_second == 500

    @pytest.mark.parametrize("name", LimitRules.__slots__)
    def test_each_limit_is_a_number_above_zero(self, name):
        assert getattr(LimitRules(**{name: 1}), name) == 1
        wrong_values: tuple[Any, ...] = (0, -1, True, "5", None, float("inf"), float("nan"))
        for wrong in wrong_values:
            with pytest.raises(ConfigError) as caught:
                LimitRules(**{name: wrong})
            assert name in caught.value.detail

    def test_they_do_not_change(self):
        with pytest.raises(AttributeError):
            LimitRules().max_files = 21  # type: ignore[misc]


class TestMethod:
    @pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
    def test_known(self, method):
        assert decide_method(method) is ALLOW

    @pytest.mark.parametrize(
        "method",
        ["TRACE", "TRACK", "CONNECT", "DEBUG", "PROPFIND", "get", "Get", "", "GET ", " GET", "GET\n", "GETS", "G", "*"],
    )
    def test_unknown(self, method):
        assert decide_method(method) == Deny(LimitReason.UNKNOWN_METHOD)

    def test_the_safe_ones_are_those_of_http(self):
        assert {"GET", "HEAD", "OPTIONS"} == SAFE_METHODS < KNOWN_METHODS


class TestContentLength:
    @pytest.mark.parametrize(
        ("value", "length"),
        [
            pytest.param(b"0", 0, id="zero"),
            pytest.param(b"1", 1, id="one"),
            pytest.param(b"007", 7, id="leading zeros are in the grammar"),
            pytest.param(b"9" * MAX_CONTENT_LENGTH_DIGITS, 10**MAX_CONTENT_LENGTH_DIGITS - 1, id="the longest"),
        ],
    )
    def test_digits(self, value, length):
        assert decide_content_length(value) == length

    @pytest.mark.parametrize(
        "value",
        [
            pytest.param(b"", id="empty"),
            pytest.param(b"+5", id="plus"),
            pytest.param(b"-5", id="minus"),
            pytest.param(b"5 ", id="space after"),
            pytest.param(b" 5", id="space before"),
            pytest.param(b"5\n", id="newline"),
            pytest.param(b"5_0", id="underscore"),
            pytest.param(b"0x5", id="hexadecimal"),
            pytest.param(b"5.0", id="fraction"),
            pytest.param(b"5e3", id="exponent"),
            pytest.param(b"5, 5", id="list"),
            pytest.param("٥".encode(), id="digit of another script"),
            pytest.param(b"\xb2", id="superscript in latin-1"),
            pytest.param(b"9" * (MAX_CONTENT_LENGTH_DIGITS + 1), id="too long"),
            pytest.param(b"9" * 1_000_000, id="a million digits"),
        ],
    )
    def test_anything_else(self, value):
        assert decide_content_length(value) == Deny(LimitReason.MALFORMED_CONTENT_LENGTH)

    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            pytest.param(b"99", 99, id="below"),
            pytest.param(b"100", 100, id="at the limit"),
            pytest.param(b"101", Deny(LimitReason.BODY_TOO_LARGE), id="over"),
            pytest.param(b"x", Deny(LimitReason.MALFORMED_CONTENT_LENGTH), id="malformed"),
        ],
    )
    def test_against_a_limit(self, value, expected):
        assert decide_content_length(value, max_body_bytes=100) == expected

    def test_a_limit_of_zero_is_a_limit(self):
        assert decide_content_length(b"0", max_body_bytes=0) == 0
        assert decide_content_length(b"1", max_body_bytes=0) == Deny(LimitReason.BODY_TOO_LARGE)


def reason_for(data, *, max_depth=32):
    with pytest.raises(MalformedJSONError) as caught:
        parse_json(data, max_depth=max_depth)
    return caught.value.reason


class TestJSON:
    @pytest.mark.parametrize(
        "text",
        [
            pytest.param("null", id="null"),
            pytest.param("true", id="true"),
            pytest.param("0", id="number"),
            pytest.param("-12.5e-3", id="float"),
            pytest.param('"a"', id="string"),
            pytest.param("[]", id="array"),
            pytest.param("{}", id="object"),
            pytest.param(' {"a": [1, {"b": null}], "c": "d"} \r\n\t', id="nested, with space"),
            pytest.param('{"a": {"a": 1}}', id="one name on two levels"),
            pytest.param('{"a": 1, "A": 2}', id="names differ in case"),
            pytest.param('"ä \\u00e4 \\ud83d\\ude00 \U0001f600"', id="unicode, escaped and not"),
            pytest.param('"\\\\ud800"', id="an escaped backslash before ud800"),
            pytest.param("18446744073709551615", id="unsigned 64 bits"),
            pytest.param("1.7976931348623157e308", id="greatest double"),
            pytest.param("1e-999", id="underflow is zero"),
            pytest.param("9" * MAX_NUMBER_LENGTH, id="longest integer"),
            pytest.param("0." + "1" * (MAX_NUMBER_LENGTH - 2), id="longest fraction"),
            pytest.param('"[[[["', id="brackets in a string"),
        ],
    )
    def test_what_the_standard_parser_reads_is_read_the_same(self, text):
        assert parse_json(text.encode(), max_depth=3) == json.loads(text)

    @pytest.mark.asvs("V1.5.3")
    @pytest.mark.parametrize(
        ("data", "reason"),
        [
            pytest.param(b"", JSONReason.SYNTAX, id="empty"),
            pytest.param(b" ", JSONReason.SYNTAX, id="space"),
            pytest.param(b"{", JSONReason.SYNTAX, id="open object"),
            pytest.param(b"[1,]", JSONReason.SYNTAX, id="trailing comma"),
            pytest.param(b"{'a': 1}", JSONReason.SYNTAX, id="single quotes"),
            pytest.param(b"{} {}", JSONReason.SYNTAX, id="two documents"),
            pytest.param(b"[1] // x", JSONReason.SYNTAX, id="comment"),
            pytest.param(b'"a\nb"', JSONReason.SYNTAX, id="raw newline in a string"),
            pytest.param(b'"\x00"', JSONReason.SYNTAX, id="raw nul in a string"),
            pytest.param(b"01", JSONReason.SYNTAX, id="leading zero"),
            pytest.param(b"+1", JSONReason.SYNTAX, id="plus"),
            pytest.param(b"]", JSONReason.SYNTAX, id="closing first"),
            pytest.param(b"[}", JSONReason.SYNTAX, id="mismatch"),
            pytest.param("٥".encode(), JSONReason.SYNTAX, id="digit of another script"),
            pytest.param(b"\xef\xbb\xbf{}", JSONReason.SYNTAX, id="byte order mark"),
            pytest.param(b"\xff", JSONReason.NOT_UTF8, id="not UTF-8"),
            pytest.param(b'"\xc0\xaf"', JSONReason.NOT_UTF8, id="overlong"),
            pytest.param(b'"\xed\xa0\x80"', JSONReason.NOT_UTF8, id="raw surrogate"),
            pytest.param(b'"\xe4"', JSONReason.NOT_UTF8, id="latin-1"),
            pytest.param('{"a": 1}'.encode("utf-16-le"), JSONReason.SYNTAX, id="UTF-16"),
            pytest.param('{"a": 1}'.encode("utf-16"), JSONReason.NOT_UTF8, id="UTF-16 with a mark"),
            pytest.param(b'{"a": 1, "a": 2}', JSONReason.DUPLICATE_NAME, id="a name twice"),
            pytest.param(b'{"a": 1, "a": 1}', JSONReason.DUPLICATE_NAME, id="equal ones too"),
            pytest.param(b'{"a": 1, "\\u0061": 2}', JSONReason.DUPLICATE_NAME, id="once escaped"),
            pytest.param(b'[{"b": {"a": 1, "a": 2}}]', JSONReason.DUPLICATE_NAME, id="further in"),
            pytest.param(b"NaN", JSONReason.NOT_A_NUMBER, id="NaN"),
            pytest.param(b"[Infinity]", JSONReason.NOT_A_NUMBER, id="Infinity"),
            pytest.param(b'{"a": -Infinity}', JSONReason.NOT_A_NUMBER, id="-Infinity"),
            pytest.param(b"nan", JSONReason.SYNTAX, id="nan in small letters"),
            pytest.param(b"1e999", JSONReason.NUMBER_TOO_LARGE, id="becomes infinity"),
            pytest.param(b"[-1e999]", JSONReason.NUMBER_TOO_LARGE, id="becomes -infinity"),
            pytest.param(b"9" * (MAX_NUMBER_LENGTH + 1), JSONReason.NUMBER_TOO_LONG, id="one digit too many"),
            pytest.param(b"0." + b"1" * (MAX_NUMBER_LENGTH - 1), JSONReason.NUMBER_TOO_LONG, id="long fraction"),
            pytest.param(b"[" + b"9" * 1_000_000 + b"]", JSONReason.NUMBER_TOO_LONG, id="a million digits"),
            pytest.param(b"1e" + b"9" * 1_000_000, JSONReason.NUMBER_TOO_LONG, id="a million digits of exponent"),
            pytest.param(b'"\\ud800"', JSONReason.LONE_SURROGATE, id="high surrogate"),
            pytest.param(b'"\\uDFFF"', JSONReason.LONE_SURROGATE, id="low surrogate in capitals"),
            pytest.param(b'"\\ude00\\ud83d"', JSONReason.LONE_SURROGATE, id="pair in the wrong order"),
            pytest.param(b'{"\\ud800": 1}', JSONReason.LONE_SURROGATE, id="in a name"),
            pytest.param(b'[["\\ud800"]]', JSONReason.LONE_SURROGATE, id="further in"),
        ],
    )
    def test_refused(self, data, reason):
        assert reason_for(data) == reason

    @pytest.mark.parametrize("depth", [1, 2, 32])
    @pytest.mark.parametrize(
        ("opening", "closing"),
        [pytest.param(b"[", b"]", id="arrays"), pytest.param(b'{"a":', b"}", id="objects")],
    )
    def test_depth_is_counted_exactly(self, depth, opening, closing):
        inside = b"1"
        parse_json(opening * depth + inside + closing * depth, max_depth=depth)
        assert (
            reason_for(opening * (depth + 1) + inside + closing * (depth + 1), max_depth=depth) == JSONReason.TOO_DEEP
        )

    @pytest.mark.parametrize(
        "data",
        [
            pytest.param(b"[[],[],[],[],[]]", id="side by side"),
            pytest.param(b'[{"a":[]},{"b":{}},{}]', id="mixed"),
            pytest.param(b'["[[[[", "{{{{", "]]"]', id="in strings"),
            pytest.param(b'["\\"[[[[", "\\\\", "[[", "\\\\\\"[["]', id="in strings with escapes"),
            pytest.param(b'{"[[[[": "\\u005b[[[\\\\"}', id="in names"),
        ],
    )
    def test_breadth_is_not_depth(self, data):
        assert parse_json(data, max_depth=3) == json.loads(data)

    @pytest.mark.parametrize(
        "data",
        [
            pytest.param(b'["\\\\",[[[]]]]', id="behind a string that ends in a backslash"),
            pytest.param(b'["\\"",[[[]]]]', id="behind an escaped quote"),
            pytest.param(b'["]]]]",[[[]]]]', id="behind closing brackets in a string"),
            pytest.param(b"[[],[],[[[]]]]", id="behind shallow ones"),
            pytest.param(b'{"a":{"b":[{}]}}', id="mixed"),
        ],
    )
    def test_depth_is_seen_behind_anything(self, data):
        assert json.loads(data)
        assert reason_for(data, max_depth=3) == JSONReason.TOO_DEEP
        assert parse_json(data, max_depth=4) == json.loads(data)

    @pytest.mark.parametrize(
        "data",
        [
            pytest.param(b"[" * 100_000, id="arrays, never closed"),
            pytest.param(b"[" * 100_000 + b"]" * 100_000, id="arrays"),
            pytest.param(b'{"a":' * 100_000, id="objects, never closed"),
            pytest.param(b'{"a":' * 100_000 + b"1" + b"}" * 100_000, id="objects"),
            pytest.param(b'[{"a":' * 100_000, id="both"),
        ],
    )
    def test_deep_nesting_is_refused_before_the_recursive_parser_sees_it(self, data):
        assert reason_for(data) == JSONReason.TOO_DEEP

    @pytest.mark.parametrize(
        "data",
        [
            pytest.param(b'"' + b'\\"' * 500_000, id="quotes, never closed"),
            pytest.param(b'"' + b'\\"' * 500_000 + b"\\", id="ends in a backslash"),
            pytest.param(b'["' + b"[" * 100_000, id="in a string that never ends"),
            pytest.param(b"]" * 100_000 + b"[" * 100_000, id="closed before opened"),
            pytest.param(b'\\"' + b"[" * 100_000, id="behind an escape outside of a string"),
            pytest.param(b"x" + b"[" * 50_000 + b'"' + b"[" * 50_000, id="behind a syntax error"),
        ],
    )
    def test_hostile_texts_do_not_reach_the_depth_they_aim_at(self, data):
        assert reason_for(data) in {JSONReason.SYNTAX, JSONReason.TOO_DEEP}

    def test_a_limit_above_what_python_can_recurse_is_an_error_and_not_a_crash(self):
        depth = 200_000
        assert reason_for(b"[" * depth + b"]" * depth, max_depth=depth) == JSONReason.SYNTAX

    def test_long_numbers_are_refused_where_the_interpreter_has_no_limit(self):
        before = sys.get_int_max_str_digits()
        sys.set_int_max_str_digits(0)
        try:
            assert reason_for(b"9" * 100_000) == JSONReason.NUMBER_TOO_LONG
        finally:
            sys.set_int_max_str_digits(before)

    def test_the_error_is_a_client_error_and_quotes_nothing(self):
        with pytest.raises(InvalidInputError) as caught:
            parse_json(b'{"password": "hunter2", }', max_depth=4)
        assert caught.value.status == 400
        assert "hunter2" not in repr(caught.value) + caught.value.public
        assert caught.value.__suppress_context__
