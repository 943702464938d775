"""Events: whatever they hold, one line of printable ASCII comes out, and it can be read back."""

import json
import re
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from fastness.kernel.events import MAX_NAME_LENGTH, MAX_VALUE_LENGTH, REDACTED, EventName, SecurityEvent, is_secret_name

# Surrogates included: a path decoded with "surrogateescape" brings them.
TEXTS = st.text(max_size=30) | st.text(alphabet=st.characters(categories=["Cc", "Cf", "Cs", "Zl", "Zp"]), max_size=20)
AT = datetime(2030, 1, 1, tzinfo=UTC)


def as_text(value):
    return "".join(f"\\u{ord(character):x}" if "\ud800" <= character <= "\udfff" else character for character in value)


@given(st.sampled_from(EventName), TEXTS, TEXTS, st.dictionaries(TEXTS, TEXTS, max_size=6))
def test_one_printable_line_that_reads_back(name, reason, route, detail):
    line = SecurityEvent(name=name, at=AT, reason=reason, route=route, detail=detail).to_json()
    assert re.fullmatch(r"[ -~]+", line)
    record = json.loads(line)
    assert record["event"] == name.value
    assert record["reason"] == as_text(reason)
    assert record.get("route", "") == as_text(route)
    expected = {as_text(key): REDACTED if is_secret_name(key) else as_text(value) for key, value in detail.items()}
    assert record.get("detail", {}) == expected


@given(st.integers(0, 2 * MAX_VALUE_LENGTH), st.integers(0, 2 * MAX_NAME_LENGTH))
def test_lengths_are_bounded(value_length, name_length):
    detail = {"n" * name_length: "v" * value_length}
    event = SecurityEvent(name=EventName.CSRF_FAIL, at=AT, reason="r" * value_length, detail=detail)
    record = json.loads(event.to_json())
    assert len(record["reason"]) == min(value_length, MAX_VALUE_LENGTH)
    assert all(
        len(name) <= MAX_NAME_LENGTH and len(value) <= MAX_VALUE_LENGTH for name, value in record["detail"].items()
    )
