"""V2, validation and business logic: what cannot be read is refused by name, and half a change is no change."""

import pytest

from tests.attacks.wire import request

JSON = "Content-Type: application/json"
FORM = "Content-Type: application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        pytest.param(b'{"role":"user","role":"admin"}', "json_duplicate_name", id="a-name-twice"),
        pytest.param(b"[" * 100_000, "json_too_deep", id="depth-of-100000"),
        pytest.param(b"[" * 33 + b"]" * 33, "json_too_deep", id="depth-of-33"),
        pytest.param(b'{"a":' * 100_000, "json_too_deep", id="objects"),
        pytest.param(b"NaN", "json_not_a_number", id="nan"),
        pytest.param(b"-Infinity", "json_not_a_number", id="infinity"),
        pytest.param(b"1e999", "json_number_too_large", id="a-number-that-becomes-infinity"),
        pytest.param(b"1" * 400_000, "json_number_too_long", id="400000-digits"),
        pytest.param(b'"\\ud800"', "json_lone_surrogate", id="half-a-character"),
        pytest.param(b'"\xff"', "json_not_utf8", id="no-utf-8"),
        pytest.param(b'"a"'.decode().encode("utf-16"), "json_not_utf8", id="utf-16"),
        pytest.param(b"{} {}", "json_syntax", id="two-documents"),
        pytest.param(b"", "json_syntax", id="nothing"),
    ],
)
def test_v2_2_1_v1_5_3_json_that_two_parsers_could_read_differently(site, body, reason):
    with site.records("input_validation_fail", reason):
        answer = site.send(request("POST /json", JSON, body=body))
    assert answer.status == 400
    assert answer.header("content-type") == "application/problem+json"


def test_v2_2_1_json_within_the_limits_is_read(site):
    with site.records_nothing():
        answer = site.send(request("POST /json", JSON, body=b"[" * 32 + b"]" * 32))
    assert answer.status == 200


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        pytest.param(FORM, b"a&" * 200_000, id="200000-fields"),
        pytest.param(FORM, b"&" * 400_000, id="400000-separators"),
        pytest.param(FORM, b"&".join(b"a=1" for _ in range(1001)), id="one-field-too-many"),
        pytest.param(FORM, b"a=%ff", id="no-utf-8"),
        pytest.param("Content-Type: text/plain", b"a=1", id="text-plain"),
        pytest.param("Content-Type: application/json", b'{"a":1}', id="json"),
    ],
)
def test_v2_2_1_v15_2_2_a_form_that_is_none_or_has_too_many_fields(site, content_type, body):
    with site.records("input_validation_fail", "malformed_form"):
        answer = site.send(request("POST /fields", content_type, body=body))
    assert answer.status == 400


def test_v2_2_1_a_form_within_the_limits_is_read(site):
    with site.records_nothing():
        answer = site.send(request("POST /fields", FORM, body=b"&".join(b"a=1" for _ in range(1000))))
    assert (answer.status, answer.body) == (200, b"1000")


@pytest.mark.parametrize(
    ("path", "status", "event"),
    [
        pytest.param("/write-then-fail", 500, "sys_crash", id="exception-after-a-write"),
        pytest.param("/write-then-refuse", 422, None, id="refusal-after-a-write"),
    ],
)
def test_v2_3_3_nothing_is_kept_of_a_request_that_failed(any_site, path, status, event):
    before = any_site.send(request("GET /notes/count")).body
    with any_site.records(event) if event else any_site.records_nothing():
        answer = any_site.send(request(f"POST {path}", "Content-Length: 0"))
    assert answer.status == status
    assert any_site.send(request("GET /notes/count")).body == before


def test_v2_3_3_a_client_that_hangs_up_leaves_nothing_half_done(site):
    before = site.send(request("GET /notes/count")).body
    for _ in range(5):
        with site.connect() as connection:
            connection.sendall(request("POST /visits", "Content-Length: 100", body=b"half", length=False))
    assert site.send(request("GET /notes/count")).body == before
