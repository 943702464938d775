import json
import logging
import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from fastness.kernel.errors import ConfigError
from fastness.kernel.events import (
    CUT_MARK,
    LOGGER_NAME,
    MAX_DETAILS,
    MAX_NAME_LENGTH,
    MAX_VALUE_LENGTH,
    REDACTED,
    SECRET_NAME_PARTS,
    SECRET_NAME_WORDS,
    EventName,
    EventSink,
    LogSink,
    MemorySink,
    SecurityEvent,
    is_secret_name,
)
from fastness.kernel.limits import parse_json
from fastness.kernel.secret import Secret

AT = datetime(2030, 5, 6, 7, 8, 9, 123456, tzinfo=UTC)


def event(**fields):
    whole: dict[str, Any] = {"name": EventName.CSRF_FAIL, "at": AT, "reason": "csrf_token_wrong"} | fields
    return SecurityEvent(**whole)


class TestNames:
    def test_names_are_one_vocabulary(self):
        values = [name.value for name in EventName]
        assert len(values) == len(set(values))
        assert all(re.fullmatch(r"[a-z][a-z0-9_]*", value) for value in values)

    @pytest.mark.asvs("V16.2.4")
    @pytest.mark.parametrize(
        ("name", "value"),
        [
            (EventName.AUTHN_LOGIN_SUCCESS, "authn_login_success"),
            (EventName.AUTHN_LOGIN_FAIL, "authn_login_fail"),
            (EventName.AUTHN_LOGIN_FAIL_MAX, "authn_login_fail_max"),
            (EventName.AUTHZ_FAIL, "authz_fail"),
            (EventName.EXCESS_RATE_LIMIT_EXCEEDED, "excess_rate_limit_exceeded"),
            (EventName.INPUT_VALIDATION_FAIL, "input_validation_fail"),
            (EventName.SESSION_USE_AFTER_EXPIRE, "session_use_after_expire"),
            (EventName.SYS_CRASH, "sys_crash"),
        ],
    )
    def test_words_of_the_owasp_vocabulary_are_spelled_as_there(self, name, value):
        assert name == value


class TestRecord:
    @pytest.mark.asvs("V16.2.1")
    def test_a_full_event(self):
        full = event(
            request_id="r-1",
            client_ip="192.0.2.7",
            user_id="u-1",
            method="POST",
            route="/cases/{case_id:uuid}",
            detail={"origin": "https://evil.example"},
        )
        assert json.loads(full.to_json()) == {
            "event": "csrf_fail",
            "at": "2030-05-06T07:08:09.123Z",
            "reason": "csrf_token_wrong",
            "request_id": "r-1",
            "client_ip": "192.0.2.7",
            "user_id": "u-1",
            "method": "POST",
            "route": "/cases/{case_id:uuid}",
            "detail": {"origin": "https://evil.example"},
        }

    def test_empty_fields_are_left_out(self):
        assert set(json.loads(event().to_json())) == {"event", "at", "reason"}

    @pytest.mark.asvs("V16.2.2")
    def test_the_time_is_written_in_utc(self):
        elsewhere = AT.astimezone(timezone(timedelta(hours=-7)))
        assert json.loads(event(at=elsewhere).to_json())["at"] == "2030-05-06T07:08:09.123Z"

    @pytest.mark.asvs("V16.2.2")
    def test_a_naive_time_is_refused(self):
        with pytest.raises(ConfigError):
            event(at=AT.replace(tzinfo=None))

    def test_an_event_does_not_change_with_the_mapping_it_was_made_from(self):
        detail = {"a": "1"}
        kept = event(detail=detail)
        detail["a"] = "2"
        assert kept.detail == {"a": "1"}
        with pytest.raises(TypeError):
            kept.detail["a"] = "3"
        with pytest.raises(AttributeError):
            kept.reason = "other"


FIELDS = ["reason", "request_id", "client_ip", "user_id", "method", "route"]


class TestEscaping:
    @pytest.mark.asvs("V16.4.1")
    @pytest.mark.parametrize(
        "hostile",
        [
            *(pytest.param(chr(code), id=f"C0 {code:02x}") for code in range(0x20)),
            pytest.param("\x7f", id="DEL"),
            *(pytest.param(chr(code), id=f"C1 {code:02x}") for code in range(0x80, 0xA0)),
            *(
                pytest.param(chr(code), id=f"bidi {code:04x}")
                for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))
            ),
            *(pytest.param(chr(code), id=f"mark {code:04x}") for code in (0x200E, 0x200F, 0x061C)),
            pytest.param("\u2028", id="line separator"),
            pytest.param("\u2029", id="paragraph separator"),
            pytest.param("\ufeff", id="byte order mark"),
            pytest.param("\u200b", id="zero width space"),
            pytest.param("\U000e0041", id="tag character"),
        ],
    )
    def test_nothing_but_printable_ascii_is_written_and_nothing_is_lost(self, hostile):
        value = f'a{hostile}b"\\'
        line = event(**dict.fromkeys(FIELDS, value), detail={f"x{hostile}": value}).to_json()
        assert re.fullmatch(r"[ -~]+", line)
        record = json.loads(line)
        assert [record[name] for name in FIELDS] == [value] * len(FIELDS)
        assert record["detail"] == {f"x{hostile}": value}

    def test_lone_surrogates_are_kept_as_text_so_that_strict_readers_take_the_line(self):
        line = event(route="a\udc80\ud800\udc00b", detail={"x\udfff": "\ud800"}).to_json()
        assert "\\\\ud" in line
        assert parse_json(line.encode(), max_depth=2) == {
            "event": "csrf_fail",
            "at": "2030-05-06T07:08:09.123Z",
            "reason": "csrf_token_wrong",
            "route": "a\\udc80\\ud800\\udc00b",
            "detail": {"x\\udfff": "\\ud800"},
        }

    @pytest.mark.asvs("V16.4.1")
    def test_a_forged_line_stays_inside_its_value(self):
        forged = 'x"}\r\n{"event":"authn_login_success","user_id":"admin'
        line = event(route=forged).to_json()
        assert line.splitlines() == [line]
        assert json.loads(line)["route"] == forged


class TestCutting:
    @pytest.mark.parametrize("name", FIELDS)
    def test_long_values_are_cut(self, name):
        assert len(json.loads(event(**{name: "x" * 1_000_000}).to_json())[name]) == MAX_VALUE_LENGTH

    @pytest.mark.parametrize(
        ("length", "is_cut"),
        [pytest.param(MAX_VALUE_LENGTH, False, id="at the limit"), pytest.param(MAX_VALUE_LENGTH + 1, True, id="over")],
    )
    def test_a_cut_is_marked(self, length, is_cut):
        written = json.loads(event(detail={"a": "x" * length}).to_json())["detail"]["a"]
        assert len(written) == MAX_VALUE_LENGTH == 512
        assert written.endswith(CUT_MARK) is is_cut

    def test_names_of_details_are_cut_and_their_values_kept_back(self):
        written = json.loads(event(detail={"n" * 1_000_000: "value"}).to_json())["detail"]
        assert written == {"n" * MAX_NAME_LENGTH: REDACTED}

    @pytest.mark.parametrize(("count", "left_out"), [(MAX_DETAILS, 0), (MAX_DETAILS + 1, 1), (MAX_DETAILS + 50, 50)])
    def test_the_number_of_details_is_bounded(self, count, left_out):
        written = json.loads(event(detail={f"d{number}": "x" for number in range(count)}).to_json())["detail"]
        assert len(written) == MAX_DETAILS + bool(left_out)
        assert written.get("more") == (f"{left_out} details left out" if left_out else None)

    def test_a_line_is_bounded_whatever_the_event_holds(self):
        worst = "\U0001f600" * 1_000_000
        line = event(**dict.fromkeys(FIELDS, worst), detail={f"d{number}": worst for number in range(1000)}).to_json()
        assert len(line) < (len(FIELDS) + MAX_DETAILS) * (MAX_VALUE_LENGTH + MAX_NAME_LENGTH) * 12 + 1000


class TestRedaction:
    @pytest.mark.asvs("V16.2.5")
    @pytest.mark.parametrize(
        "name",
        [
            *SECRET_NAME_PARTS,
            *sorted(SECRET_NAME_WORDS),
            "Password",
            "new_password_2",
            "PASS-WORD",
            "user.api_key",
            "apiKey",
            "X-CSRF-Token",
            "set-cookie",
            "Proxy-Authorization",
            "session id",
            "recovery-code",
            "pin",
            "card pin",
            "x" * (MAX_NAME_LENGTH + 1),
        ],
    )
    def test_secret_names(self, name):
        assert is_secret_name(name) is True
        assert "hunter2" not in event(detail={name: "hunter2"}).to_json()

    @pytest.mark.parametrize(
        "name",
        [
            "",
            "origin",
            "shipping",
            "keyboard",
            "opinion",
            "author",
            "hotpath",
            "sidebar",
            "user_id",
            "x" * MAX_NAME_LENGTH,
        ],
    )
    def test_innocent_names(self, name):
        assert is_secret_name(name) is False
        assert json.loads(event(detail={name: "shown"}).to_json())["detail"] == {name: "shown"}

    def test_a_secret_under_an_innocent_name_stays_hidden(self):
        assert "hunter2" not in event(detail={"what": Secret("hunter2")}).to_json()


class TestSinks:
    @pytest.mark.parametrize(
        ("name", "level"),
        [
            pytest.param(EventName.AUTHN_LOGIN_SUCCESS, logging.INFO, id="success"),
            pytest.param(EventName.SYS_STARTUP, logging.INFO, id="startup"),
            pytest.param(EventName.CSRF_FAIL, logging.WARNING, id="refusal"),
            pytest.param(EventName.AUTHZ_CHANGE, logging.WARNING, id="change of rights"),
            pytest.param(EventName.SYS_MONITOR_DISABLED, logging.WARNING, id="monitoring off"),
            pytest.param(EventName.SYS_CRASH, logging.ERROR, id="crash"),
            pytest.param(EventName.PIPELINE_FAULT, logging.ERROR, id="a gate that did not run"),
            pytest.param(EventName.STORE_UNAVAILABLE, logging.ERROR, id="store away"),
        ],
    )
    def test_levels(self, name, level, caplog):
        assert event(name=name).level == level
        with caplog.at_level(logging.INFO):
            LogSink().emit(event(name=name))
        assert [(record.name, record.levelno) for record in caplog.records] == [(LOGGER_NAME, level)]

    @pytest.mark.parametrize("name", EventName)
    def test_refusals_are_never_mere_information(self, name):
        if name.value.endswith(("_fail", "_max", "_reuse", "_rejected", "_exceeded")) or "malicious" in name.value:
            assert event(name=name).level >= logging.WARNING

    def test_the_log_sink_writes_the_line_as_it_is(self, caplog):
        logger = logging.getLogger("test.own")
        happened = event(route="/100%s/%(name)s\n")
        with caplog.at_level(logging.INFO):
            LogSink(logger).emit(happened)
        assert caplog.records[0].name == "test.own"
        assert caplog.records[0].getMessage() == happened.to_json()

    def test_the_memory_sink_keeps_events_in_order(self):
        sink = MemorySink()
        as_protocol: EventSink = sink
        first, second = event(reason="a"), event(reason="b")
        as_protocol.emit(first)
        as_protocol.emit(second)
        assert sink.events == [first, second]
