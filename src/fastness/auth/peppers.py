"""The pepper: a key that goes into every hash and is not in the database.

Protects against whoever gets hold of the database or a backup alone: without the key no guess can be tried at all. The password
goes through an HMAC-SHA-256 under the key before it is hashed, so that length and content are hidden from no part of the hash.
A hash carries the name of its pepper, which is derived from the key and tells nothing of it: a new pepper is put in front, the
old ones stay as previous ones until everybody has signed in once, and hashes from before there was one count as well. Losing the
key makes its hashes worthless: keep it like the secret key, and apart from backups of the database.

ASVS 5.0: V11.4.2 (password hashing), V13.3.4 (secrets are rotated), V11.1.2 is the deployment's.
"""

import hashlib
import hmac
from base64 import b64encode
from collections.abc import Callable
from typing import Final

from fastness.auth.password_rules import PasswordRules
from fastness.kernel.secret import Secret

_MARK: Final = "$pepper$"
_NAME_LENGTH: Final = 8
_NAMING: Final = b"fastness.auth.pepper-name"


class Peppers:
    """The current pepper, if there is one, and those that still count."""

    __slots__ = ("_current", "_keys")

    def __init__(self, rules: PasswordRules) -> None:
        self._keys = {_name(pepper): pepper for pepper in (rules.pepper, *rules.previous_peppers) if pepper is not None}
        self._current = None if rules.pepper is None else _name(rules.pepper)

    def season(self, password: bytes) -> bytes:
        """What is hashed in the password's place."""
        return password if self._current is None else _season(self._keys[self._current], password)

    def mark(self, encoded: str) -> str:
        """The hash with the name of the current pepper."""
        return encoded if self._current is None else f"{_MARK}{self._current}{encoded}"

    def open(self, encoded: str) -> tuple[str, Callable[[bytes], bytes]] | None:
        """The hash without the name, and what to do to a password; `None` if nobody here has that pepper."""
        if not encoded.startswith(_MARK):
            return encoded, _nothing
        name, bare = encoded[len(_MARK) :][:_NAME_LENGTH], encoded[len(_MARK) + _NAME_LENGTH :]
        key = self._keys.get(name)
        return None if key is None else (bare, lambda password: _season(key, password))

    def is_current(self, encoded: str) -> bool:
        """Whether a new hash would get the same pepper."""
        return encoded.startswith(f"{_MARK}{self._current}") if self._current else not encoded.startswith(_MARK)


def _season(key: Secret, password: bytes) -> bytes:
    # In text, since bcrypt ends at a NUL byte; 44 characters stay below its 72.
    return b64encode(hmac.digest(key.reveal_bytes(), password, hashlib.sha256))


def _nothing(password: bytes) -> bytes:
    return password


def _name(key: Secret) -> str:
    return hmac.digest(key.reveal_bytes(), _NAMING, hashlib.sha256).hex()[:_NAME_LENGTH]
