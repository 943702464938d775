"""The CSRF token: bound to one session, different at every rendering.

Suppose a visitor is signed in to bank.example and opens evil.example in another tab. That page can make the browser
post a form to bank.example, and the browser adds the session cookie. What it cannot do is read a page of bank.example.
So each form we render carries a value that only that page could have given:

    token = base64url(salt ‖ HMAC-SHA256(key, session id hash, salt))        salt: 16 random bytes per rendering

The HMAC binds it to the session, so a token of the attacker's own session, or one planted by a sibling subdomain
through a cookie, does not fit (the naive double submit does not have this). The salt changes the whole text at every
rendering, so that compression over TLS leaks nothing about it (BREACH, CVE-2013-3587). Nothing is stored.

It does not help against script injection in our own origin. It is the second line: `Sec-Fetch-Site` and `Origin` are
judged first (`fastness.kernel.crosssite`). Any session holder can keep a token for as long as the session id lives.

ASVS 5.0: V3.5.1 (anti-forgery tokens).
"""

from binascii import Error as Base64Error
from binascii import a2b_base64, b2a_base64
from enum import StrEnum
from os import urandom
from typing import Final

from fastness.kernel.errors import ConfigError
from fastness.kernel.signing import Keyring
from fastness.kernel.verdicts import ALLOW, Deny, Verdict

FIELD_NAME: Final = "csrf_token"
HEADER_NAMES: Final = (b"x-csrf-token", b"x-csrftoken")

PURPOSE: Final = "csrf"
SALT_BYTES: Final = 16
DIGEST_BYTES: Final = 32
TOKEN_LENGTH: Final = 64
"""16 bytes of salt and 32 of HMAC: 48 bytes are 64 base64 characters, with no spare bits that could be varied."""
MIN_SESSION_HASH_BYTES: Final = 16

_TO_URLSAFE: Final = bytes.maketrans(b"+/", b"-_")
_FROM_URLSAFE: Final = bytes.maketrans(b"-_+/", b"+/  ")
"""RFC 4648 §5. The characters of the other alphabet become something that strict decoding refuses."""


class CSRFReason(StrEnum):
    """Why a token was refused."""

    MISSING = "csrf_token_missing"
    MALFORMED = "csrf_token_malformed"
    WRONG = "csrf_token_wrong"


def make_token(keyring: Keyring, session_id_hash: bytes, *, random: bytes | None = None) -> str:
    """A fresh token for the session; `random` (16 bytes) is for callers that draw their randomness in one go."""
    _check_session_hash(session_id_hash)
    salt = urandom(SALT_BYTES) if random is None else random
    if len(salt) != SALT_BYTES:
        raise ConfigError(f"make_token needs exactly {SALT_BYTES} random bytes.")
    raw = salt + keyring.mac(PURPOSE, session_id_hash, salt)
    return b2a_base64(raw, newline=False).translate(_TO_URLSAFE).decode("ascii")


def check_token(keyring: Keyring, session_id_hash: bytes, token: str | None) -> Verdict:
    """Decide whether the token was made for this session with a key that is still in the ring."""
    _check_session_hash(session_id_hash)
    if not token:
        return Deny(CSRFReason.MISSING)
    raw = _try_decode(token)
    if raw is None:
        return Deny(CSRFReason.MALFORMED)
    if keyring.check_mac(PURPOSE, raw[SALT_BYTES:], session_id_hash, raw[:SALT_BYTES]):
        return ALLOW
    return Deny(CSRFReason.WRONG)


def _try_decode(token: str) -> bytes | None:
    if len(token) != TOKEN_LENGTH or not token.isascii():
        return None
    try:
        raw = a2b_base64(token.encode("ascii").translate(_FROM_URLSAFE), strict_mode=True)
    except Base64Error:
        return None
    # Padding would make two spellings of one length: 64 characters with "=" decode to fewer bytes.
    return raw if len(raw) == SALT_BYTES + DIGEST_BYTES else None


def _check_session_hash(session_id_hash: bytes) -> None:
    # A token bound to nothing would fit every visitor who has no session yet.
    if len(session_id_hash) < MIN_SESSION_HASH_BYTES:
        raise ConfigError("A CSRF token needs a session: give the session an id before making or checking a token.")
