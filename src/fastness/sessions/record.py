r"""The bytes of a session in the store, and of the tombstone that an ended one leaves.

A live record is six lines: `1`, created, seen, remember (`0` or `1`), the identity as JSON or an empty line, the values
as JSON. JSON holds no raw line feed, so the split is exact. Lines and not one JSON object, because a request needs the
two times and the identity but seldom the values: those are parsed on first use, and the identity, the same bytes on each
request of a visitor, is parsed once and remembered by its bytes (a pure function, and what it returns is frozen).

A tombstone is `0` and a line of JSON: the reason, when, whose session it was, and the hash of the id that a rotation put
in its place. It holds nothing that could be used to sign in.

The store is trusted to return what was written. What cannot be read (written by another release, damaged) is treated as
an unknown id: the visitor signs in again.

ASVS 5.0: V7.2.1.
"""

import json
from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple, TypeAlias

from fastness.kernel.limits import JSONValue
from fastness.sessions.identity import Identity, identity_from_json, identity_to_json

IdentityDecoder: TypeAlias = Callable[[bytes], Identity]

_LIVE = b"1"
_ENDED = b"0"


class EndReason(StrEnum):
    """Why a session is over."""

    SIGNED_OUT = "signed_out"
    ROTATED = "rotated"
    REVOKED = "revoked"
    IDLE_TIMEOUT = "idle_timeout"
    ABSOLUTE_TIMEOUT = "absolute_timeout"


class Record(NamedTuple):
    """A live session as stored. The values stay bytes until somebody asks for one."""

    created: float
    seen: float
    remember: bool
    identity: Identity | None
    values: bytes


class Tombstone(NamedTuple):
    """What is left of an ended session."""

    reason: EndReason
    ended: float
    user_id: str = ""
    successor: bytes = b""
    """The hash of the id that replaced this one, if it was rotated."""


def encode_record(record: Record) -> bytes:
    """The six lines."""
    identity = b"" if record.identity is None else encode_json(identity_to_json(record.identity))
    return b"\n".join(
        (
            _LIVE,
            b"%r" % record.created,
            b"%r" % record.seen,
            b"1" if record.remember else b"0",
            identity,
            record.values,
        )
    )


def encode_tombstone(tombstone: Tombstone) -> bytes:
    """The two lines."""
    body = {
        "reason": tombstone.reason.value,
        "ended": tombstone.ended,
        "user_id": tombstone.user_id,
        "successor": tombstone.successor.hex(),
    }
    return _ENDED + b"\n" + json.dumps(body).encode("ascii")


def try_decode(raw: bytes, decode_identity: IdentityDecoder) -> Record | Tombstone | None:
    """What the bytes say; None if they are not ours."""
    try:
        if raw.startswith(b"1\n"):
            _, created, seen, remember, identity, values = raw.split(b"\n", 5)
            return Record(
                float(created),
                float(seen),
                remember == b"1",
                decode_identity(identity) if identity else None,
                values,
            )
        if raw.startswith(b"0\n"):
            return _decode_tombstone(raw[2:])
    except (ValueError, KeyError, TypeError):
        return None
    return None


def decode_identity(raw: bytes) -> Identity:
    """The identity line, parsed; raises ValueError, KeyError or TypeError."""
    return identity_from_json(json.loads(raw))


def encode_json(value: JSONValue) -> bytes:
    """Compact ASCII JSON without line feeds; raises ValueError for NaN, infinities and circles."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode("ascii")


def _decode_tombstone(raw: bytes) -> Tombstone:
    body = json.loads(raw)
    return Tombstone(
        EndReason(body["reason"]),
        float(body["ended"]),
        str(body["user_id"]),
        bytes.fromhex(body["successor"]),
    )
