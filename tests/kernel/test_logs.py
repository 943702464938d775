"""Log lines: what an attacker puts into them stays inside one JSON string."""

import json
import logging
from datetime import UTC, datetime

import pytest

from fastness.kernel.errors import ConfigError
from fastness.kernel.events import LOGGER_NAME, REDACTED, EventName, SecurityEvent
from fastness.kernel.logs import CUT_MARK, MAX_TEXT_LENGTH, MAX_TRACEBACK_LENGTH, JSONFormatter, PlainFormatter


class Broken:
    def __str__(self) -> str:
        raise RuntimeError("no text")


def line(message="hello", *arguments, name="app", level=logging.INFO, error=None, **extra):
    logger = logging.getLogger("unused")
    exc_info = (type(error), error, error.__traceback__) if error else None
    record = logger.makeRecord(name, level, __file__, 1, message, arguments, exc_info, extra=extra)
    record.created = 1_767_323_045.25
    return JSONFormatter().format(record)


def fields(*arguments, **options):
    return json.loads(line(*arguments, **options))


def failing(error):
    try:
        raise error
    except type(error) as caught:
        return caught


@pytest.mark.asvs("V16.2.1", "V16.2.2")
def test_a_line_says_when_in_utc_how_grave_and_who():
    assert fields(level=logging.WARNING, request_id="r-1") == {
        "at": "2026-01-02T03:04:05.250Z",
        "level": "warning",
        "logger": "app",
        "message": "hello",
        "request_id": "r-1",
    }


@pytest.mark.asvs("V16.4.1")
@pytest.mark.parametrize(
    "hostile",
    [
        pytest.param("a\nb", id="line-feed"),
        pytest.param('a\r\n{"level":"info"}', id="forged-line"),
        pytest.param("a\u2028b", id="line-separator"),
        pytest.param("a\x85b", id="next-line"),
        pytest.param("a\x1b[2Jb", id="terminal-sequence"),
        pytest.param("a\x7fb", id="delete"),
        pytest.param("a\x00b", id="nul"),
        pytest.param("invoice_\u202efdp.exe", id="right-to-left-override"),
        pytest.param("\u2066a\u2069", id="isolate"),
        pytest.param("\ud800", id="lone-surrogate"),
        pytest.param("é😀", id="beyond-ascii"),
    ],
)
def test_hostile_text_is_escaped_and_comes_back_whole(hostile):
    written = [
        line(hostile),
        line("%s", hostile),
        line("m", path=hostile),
        line("m", error=failing(ValueError(hostile))),
    ]
    for text in written:
        assert text.isascii()
        assert text.isprintable()
    assert fields(hostile)["message"] == hostile
    assert fields("m", path=hostile)["path"] == hostile


@pytest.mark.asvs("V16.2.5")
@pytest.mark.parametrize(
    ("name", "is_written"),
    [
        pytest.param("password", False, id="password"),
        pytest.param("session_key", False, id="session-key"),
        pytest.param("api-key", False, id="api-key"),
        pytest.param("keyboard", True, id="keyboard"),
        pytest.param("shipping", True, id="shipping"),
    ],
)
def test_a_value_under_a_secret_name_is_not_written(name, is_written):
    shown = "hunter2" if is_written else REDACTED
    assert fields("m", **{name: "hunter2"})[name] == shown
    assert fields(f"it is %({name})s", {name: "hunter2"})["message"] == f"it is {shown}"


def test_a_secret_in_extra_values_hides_numbers_too():
    assert fields("m", pin=1234)["pin"] == REDACTED


@pytest.mark.parametrize(
    ("value", "written"),
    [
        pytest.param(7, 7, id="number"),
        pytest.param(True, True, id="boolean"),
        pytest.param(None, None, id="none"),
        pytest.param(1.5, 1.5, id="fraction"),
        pytest.param(float("nan"), "nan", id="not-a-number"),
        pytest.param(float("inf"), "inf", id="infinity"),
        pytest.param(2**80, hex(2**80), id="beyond-64-bits"),
        pytest.param([1, 2], "[1, 2]", id="list"),
        pytest.param(Broken(), "<Broken without a text>", id="object-without-text"),
    ],
)
def test_extra_values_stay_json(value, written):
    assert fields("m", value=value)["value"] == written


def test_a_number_of_thousands_of_digits_is_cut():
    assert fields("m", value=10**9000)["value"].endswith(CUT_MARK)


def test_an_extra_value_cannot_take_the_place_of_our_own():
    record = logging.makeLogRecord({"msg": "m", "level": "debug", "at": "never", "exception": "none"})
    written = json.loads(JSONFormatter().format(record))
    assert written["at"] != "never"
    assert "exception" not in written


def test_a_long_message_is_cut():
    assert len(fields("x" * 10_000)["message"]) == MAX_TEXT_LENGTH


def test_an_exception_gives_its_type_its_code_and_its_place():
    written = fields("failed", error=failing(ConfigError("set the hosts")))
    assert written["code"] == "config"
    assert written["exception"]["type"] == "fastness.kernel.errors.ConfigError"
    assert "set the hosts" in written["exception"]["traceback"]
    assert "test_logs.py" in written["exception"]["traceback"]


def test_another_exception_has_no_code():
    written = fields("failed", error=failing(KeyError("x")))
    assert written["exception"]["type"] == "builtins.KeyError"
    assert "code" not in written


def test_of_a_long_traceback_the_end_is_kept():
    trace = fields("failed", error=failing(ValueError("x" * 50_000 + " the end")))["exception"]["traceback"]
    assert len(trace) == MAX_TRACEBACK_LENGTH
    assert trace.endswith("the end\n")


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(("%d things", "three"), id="wrong-type"),
        pytest.param(("%s and %s", "one"), id="too-few"),
        pytest.param(("none", "one"), id="too-many"),
        pytest.param(("%(a)s", {"b": 1}), id="missing-name"),
    ],
)
def test_a_wrong_format_keeps_the_line(arguments):
    assert fields(*arguments)["message"] == arguments[0]


def test_a_security_event_keeps_its_fields():
    event = SecurityEvent(name=EventName.HOST_FAIL, at=datetime(2026, 1, 2, tzinfo=UTC), reason="host_missing")
    written = fields("%s", event.to_json(), name=LOGGER_NAME)
    assert written["event"] == "host_fail"
    assert written["at"] == "2026-01-02T00:00:00.000Z"
    assert "message" not in written


@pytest.mark.parametrize(
    "message",
    [pytest.param("no json", id="text"), pytest.param("[1]", id="list"), pytest.param("1", id="number")],
)
def test_what_is_no_event_is_a_message_even_there(message):
    assert fields("%s", message, name=LOGGER_NAME)["message"] == message


def test_the_event_of_another_logger_is_a_message():
    assert "event" not in fields("%s", '{"event":"host_fail"}', name="app")


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        pytest.param("a\nerror: forged", "a\\u000aerror: forged", id="forged-line"),
        pytest.param("a\x1b[2Jb", "a\\u001b[2Jb", id="terminal-sequence"),
        pytest.param("a\u202eb", "a\\u202eb", id="right-to-left-override"),
        pytest.param("é 😀", "é 😀", id="letters"),
    ],
)
def test_a_line_for_a_terminal_is_one_line(hostile, shown):
    record = logging.makeLogRecord({"msg": "%s", "args": (hostile,), "levelname": "INFO"})
    assert PlainFormatter().format(record) == f"info: {shown}"


def test_a_traceback_for_a_terminal_is_indented_and_escaped():
    error = failing(ValueError("bad\x1b[2J"))
    record = logging.makeLogRecord({"msg": "failed", "levelname": "ERROR", "exc_info": (ValueError, error, None)})
    first, *rest = PlainFormatter().format(record).splitlines()
    assert first == "error: failed"
    assert all(line.startswith("  ") and line.isprintable() for line in rest)
    assert rest[-1].endswith("ValueError: bad\\u001b[2J")


def test_a_secret_argument_is_hidden_from_a_terminal_too():
    record = logging.makeLogRecord({"msg": "it is %(password)s", "levelname": "INFO"})
    record.args = {"password": "hunter2"}
    assert PlainFormatter().format(record) == f"info: it is {REDACTED}"
