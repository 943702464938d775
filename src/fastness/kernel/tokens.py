"""Unguessable values from the operating system's generator, and the form in which they are stored.

A token is shown once to its holder and kept only as a SHA-256 digest, so that a leaked database gives nobody a session.
A fast hash is right here (and wrong for passwords): the input has 256 random bits, so there is nothing to enumerate.
The attacker may see any number of tokens and learns nothing about the next. Tokens say nothing about who holds them:
binding and expiry are the business of whoever stores them.

ASVS 5.0: V7.2.3 (reference tokens unique, 128 bits of entropy), V11.5.1 (CSPRNG with at least 128 bits of entropy),
V3.4.3 (a fresh CSP nonce).
"""

from binascii import b2a_base64
from hashlib import sha256
from os import urandom
from secrets import token_urlsafe
from typing import ClassVar, Final
from uuid import UUID, uuid4

from fastness.kernel.errors import ConfigError, InvalidInputError

TOKEN_BYTES: Final = 32
MIN_TOKEN_BYTES: Final = 16
"""128 bits: the floor of ASVS V11.5.1."""
MAX_TOKEN_LENGTH: Final = 4096
"""No token of ours or of a cookie is longer; refused before it is hashed."""
NONCE_BYTES: Final = 18
"""144 bits: the first size above 128 that needs no padding in base64."""


class MalformedTokenError(InvalidInputError):
    """A text that no token generator of ours could have made."""

    code: ClassVar[str] = "malformed_token"


def random_token(byte_count: int = TOKEN_BYTES) -> str:
    """A fresh base64url text without padding that holds `byte_count` random bytes."""
    if byte_count < MIN_TOKEN_BYTES:
        raise ConfigError(f"A token of {byte_count} bytes can be guessed; use at least {MIN_TOKEN_BYTES}.")
    return token_urlsafe(byte_count)


def random_id() -> UUID:
    """A public id that cannot be enumerated or ordered (version 4); with 122 random bits it is a name, not a secret."""
    return uuid4()


def hash_token(token: str) -> bytes:
    """The SHA-256 digest under which a token is stored; raises `MalformedTokenError` for what cannot be one."""
    if not 0 < len(token) <= MAX_TOKEN_LENGTH:
        raise MalformedTokenError(f"A token has 1 to {MAX_TOKEN_LENGTH} characters.")
    if not token.isascii():
        raise MalformedTokenError("A token is ASCII.")
    return sha256(token.encode("ascii")).digest()


def nonce() -> str:
    """A fresh Content-Security-Policy nonce (CSP Level 3 §2.3.1 `nonce-value`)."""
    return b2a_base64(urandom(NONCE_BYTES), newline=False).decode("ascii")
