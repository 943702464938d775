"""One-time passwords by the clock (RFC 6238): the arithmetic, without a table.

The secret is shared with an app on the user's telephone. A code of six digits is one in a million, so it is worth something only
because attempts are counted (the throttle) and a code is taken once (the step of the last one is remembered, RFC 6238 §5.2).
A code belongs to 30 seconds; for somebody who typed while it changed, the previous one is still taken during the first seconds
of the next. The next step is never taken: a clock that runs ahead is the owner's to set.

HMAC-SHA-1 is what every authenticator app understands; HMAC does not depend on the collisions that ended SHA-1 elsewhere.

ASVS 5.0: V6.5.1 (one use), V6.5.5 (lifetime of a code), V6.6.3 (guessing is bounded), V11.5.1 (random secrets).
"""

import hmac
import os
import struct
from base64 import b32encode
from typing import Final
from urllib.parse import quote, urlencode

STEP_SECONDS: Final = 30
DIGITS: Final = 6
SECRET_BYTES: Final = 20
"""160 bits, the length that RFC 4226 §4 asks for."""


def new_secret() -> bytes:
    """A secret for a new app."""
    return os.urandom(SECRET_BYTES)


def code_at(secret: bytes, step: int, *, digits: int = DIGITS, digest: str = "sha1") -> str:
    """The code of a step (RFC 4226 §5.3)."""
    mac = hmac.digest(secret, struct.pack(">Q", step), digest)
    offset = mac[-1] & 0x0F
    number = int.from_bytes(mac[offset : offset + 4], "big") & 0x7FFF_FFFF
    return str(number % 10**digits).zfill(digits)


def matching_step(secret: bytes, code: str, *, now: float, grace_seconds: int) -> int | None:
    """The step that the code belongs to, of those that are taken at this moment."""
    code = "".join(code.split())
    if len(code) != DIGITS or not (code.isascii() and code.isdigit()):
        return None
    step = int(now // STEP_SECONDS)
    steps = [step, step - 1] if now % STEP_SECONDS < grace_seconds else [step]
    # All are computed, so that the time does not tell which of them it was.
    found = [one for one in steps if one >= 0 and hmac.compare_digest(code_at(secret, one), code)]
    return found[0] if found else None


def secret_text(secret: bytes) -> str:
    """The secret as people type it."""
    return b32encode(secret).decode("ascii").rstrip("=")


def enrolment_uri(secret: bytes, *, issuer: str, account: str) -> str:
    """What the QR code holds: the address that authenticator apps know."""
    label = f"{quote(issuer, safe='')}:{quote(account, safe='')}"
    values = {"secret": secret_text(secret), "issuer": issuer, "digits": DIGITS, "period": STEP_SECONDS}
    return f"otpauth://totp/{label}?{urlencode(values, quote_via=quote)}"
