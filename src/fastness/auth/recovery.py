"""Recovery codes: one-time ways in for somebody whose telephone is gone; the texts, without a table.

A code has 24 characters of an alphabet without look-alikes, 120 random bits: as much as needs no slow hash and no salt (ASVS
5.0 V6.5.2 asks for those below 112 bits). It is shown once, stored as SHA-256, and deleted when it is used.

ASVS 5.0: V6.5.1 (one use), V6.5.2, V6.5.3 (from a secure generator).
"""

import secrets
from hashlib import sha256
from typing import Final

ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base 32: no i, l, o, u."""
LENGTH: Final = 24
GROUP: Final = 4
MAX_TYPED: Final = 100
_READ: Final = str.maketrans({"o": "0", "i": "1", "l": "1", "-": None, " ": None, "\t": None})


def new_codes(count: int) -> tuple[str, ...]:
    """Codes as they are shown, in groups of four."""
    return tuple(_new_code() for _ in range(count))


def hash_code(typed: str) -> str | None:
    """What the database holds for a code, however it is typed; None for what cannot be one."""
    if len(typed) > MAX_TYPED:
        return None
    code = typed.strip().lower().translate(_READ)
    if len(code) != LENGTH or not set(code) <= set(ALPHABET):
        return None
    return sha256(code.encode("ascii")).hexdigest()


def _new_code() -> str:
    code = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
    return "-".join(code[start : start + GROUP] for start in range(0, LENGTH, GROUP))
