from uuid import uuid4

import pytest

from fastness.sessions.identity import Identity
from fastness.sessions.record import (
    EndReason,
    Record,
    Tombstone,
    decode_identity,
    encode_record,
    encode_tombstone,
    try_decode,
)

IDENTITY = Identity(id=uuid4(), username="anna", display_name="a\nb", authenticated_at=1.5)


@pytest.mark.parametrize(
    "record",
    [
        pytest.param(Record(1.25, 2.5, False, None, b"{}"), id="anonymous"),
        pytest.param(Record(1, 2, True, IDENTITY, b'{"a":"\\n"}'), id="signed in, remembered"),
        pytest.param(Tombstone(EndReason.SIGNED_OUT, 5.5, "user"), id="signed out"),
        pytest.param(Tombstone(EndReason.ROTATED, 5.5, "", b"\x00\xff\n"), id="rotated"),
    ],
)
def test_what_is_written_is_read(record):
    raw = encode_record(record) if isinstance(record, Record) else encode_tombstone(record)
    assert try_decode(raw, decode_identity) == record


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"1", id="only a version"),
        pytest.param(b"2\n1\n1\n0\n\n{}", id="a later version"),
        pytest.param(b"1\n1\n1\n0\n", id="too few lines"),
        pytest.param(b"1\nnow\n1\n0\n\n{}", id="a time that is no number"),
        pytest.param(b"1\n1\n1\n0\nanna\n{}", id="an identity that is no JSON"),
        pytest.param(b"1\n1\n1\n0\n{}\n{}", id="an identity without fields"),
        pytest.param(b"1\n1\n1\n0\n[]\n{}", id="an identity that is a list"),
        pytest.param(b"0\n", id="an empty tombstone"),
        pytest.param(b'0\n{"reason":"tired","ended":1,"user_id":"","successor":""}', id="an unknown reason"),
        pytest.param(b"\x80\x04\x95", id="a pickle"),
    ],
)
def test_what_is_not_ours_is_nobodys_session(raw):
    assert try_decode(raw, decode_identity) is None
