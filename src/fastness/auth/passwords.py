"""How passwords are kept, and what a password must be.

Protects against whoever gets hold of the database: Argon2id (RFC 9106) with at least the memory and passes that OWASP
asks for makes each guess cost what a sign-in costs. Protects the server against long input: the cap is checked before
any work. The password is taken exactly as it came, neither cut nor normalised. Hashing blocks for tens of
milliseconds: call it through `HashingPool`, never on the event loop. It does not slow an attacker who guesses online;
the throttle does.

Other formats can be verified and are replaced at the next sign-in: give their `Verifier` to `PasswordHasher`.

ASVS 5.0: V11.4.2 (approved password hashing, current parameters), V6.2.1, V6.2.5, V6.2.8, V6.2.9 (length, no
composition rules, exactly as received, 64 characters and more), V11.2.4 (constant-time comparison: in Argon2's own
verify).
"""

import os
from base64 import b64encode
from enum import StrEnum
from typing import Protocol

from argon2 import Parameters, Type, extract_parameters
from argon2 import PasswordHasher as Argon2
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError

from fastness.auth.password_rules import PasswordRules
from fastness.kernel.errors import ConfigError
from fastness.kernel.verdicts import ALLOW, Deny, Verdict


class PasswordReason(StrEnum):
    """Why a new password was refused."""

    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    NOT_TEXT = "not_text"


def decide_password(rules: PasswordRules, password: str, *, has_second_factor: bool = False) -> Verdict:
    """Decide whether a text may become a password: length only, no composition rules."""
    if len(password) > rules.max_length:
        return Deny(PasswordReason.TOO_LONG)
    if _encode(password, rules.max_bytes) is None:
        return Deny(PasswordReason.NOT_TEXT)
    if len(password) < (rules.min_length_with_second_factor if has_second_factor else rules.min_length):
        return Deny(PasswordReason.TOO_SHORT)
    return ALLOW


class Verifier(Protocol):
    """Checks the hashes of one format; for imported accounts."""

    def recognises(self, encoded: str) -> bool:
        """Whether a stored hash is of this format."""
        ...

    def verify(self, encoded: str, password: bytes) -> bool:
        """Whether the password belongs to the hash; a damaged hash belongs to none."""
        ...


class Hasher(Verifier, Protocol):
    """The format that new passwords get."""

    def hash(self, password: bytes) -> str:
        """Hash with a fresh salt."""
        ...

    def is_current(self, encoded: str) -> bool:
        """Whether a hash has today's parameters."""
        ...

    def dummy(self) -> str:
        """A well-formed hash with today's parameters that belongs to no password."""
        ...


class Argon2Hasher:
    """Argon2id with the parameters of the rules."""

    __slots__ = ("_argon2", "_parameters")

    def __init__(self, rules: PasswordRules) -> None:
        self._parameters = Parameters(
            type=Type.ID,
            version=19,
            salt_len=16,
            hash_len=32,
            time_cost=rules.time_cost,
            memory_cost=rules.memory_kib,
            parallelism=rules.parallelism,
        )
        self._argon2 = Argon2.from_parameters(self._parameters)

    def recognises(self, encoded: str) -> bool:
        return encoded.startswith("$argon2")

    def verify(self, encoded: str, password: bytes) -> bool:
        try:
            return self._argon2.verify(encoded, password)
        except (VerifyMismatchError, VerificationError, InvalidHashError):
            return False

    def hash(self, password: bytes) -> str:
        return self._argon2.hash(password)

    def is_current(self, encoded: str) -> bool:
        try:
            return extract_parameters(encoded) == self._parameters
        except InvalidHashError:
            return False

    def dummy(self) -> str:
        """Random bytes in the place of the digest: to make it costs nothing, to check it costs what any other costs."""
        parameters = self._parameters
        costs = f"m={parameters.memory_cost},t={parameters.time_cost},p={parameters.parallelism}"
        salt, digest = _unpadded(parameters.salt_len), _unpadded(parameters.hash_len)
        return f"$argon2id$v={parameters.version}${costs}${salt}${digest}"


class PasswordHasher:
    """Hashes with the current format, verifies that one and any other it was given."""

    __slots__ = ("_current", "_dummy", "_others", "rules")

    def __init__(self, rules: PasswordRules | None = None, *, others: tuple[Verifier, ...] = ()) -> None:
        self.rules = rules or PasswordRules()
        self._current: Hasher = Argon2Hasher(self.rules)
        self._others = others
        self._dummy = self._current.dummy()

    @property
    def dummy_hash(self) -> str:
        """A hash that no password matches and that costs as much to check as a real one."""
        return self._dummy

    def hash(self, password: str) -> str:
        """Hash a new password; what it may be is decide_password's subject.

        Raises:
            ConfigError: longer than max_bytes, or not text; decide_password was not asked.
        """
        data = _encode(password, self.rules.max_bytes)
        if data is None:
            raise ConfigError("a password must pass decide_password before it is hashed")
        return self._current.hash(data)

    def can_verify(self, password: str) -> bool:
        """Whether a typed password is short enough, and text, so that checking it is worth any work."""
        return _encode(password, self.rules.max_bytes) is not None

    def verify(self, encoded: str, password: str) -> bool:
        """Whether the password belongs to the hash; an unknown format belongs to no password."""
        data = _encode(password, self.rules.max_bytes)
        if data is None:
            return False
        for verifier in (self._current, *self._others):
            if verifier.recognises(encoded):
                return verifier.verify(encoded, data)
        return False

    def needs_update(self, encoded: str) -> bool:
        """Whether the hash is of an older format or has other parameters than new ones get."""
        return not (self._current.recognises(encoded) and self._current.is_current(encoded))


def _encode(password: str, max_bytes: int) -> bytes | None:
    # The number of characters is a lower bound of the bytes: a huge text is refused before it is encoded.
    if len(password) > max_bytes:
        return None
    try:
        data = password.encode()
    except UnicodeEncodeError:
        # A lone surrogate, as JSON can carry it ("\ud800"): no keyboard types that.
        return None
    return data if len(data) <= max_bytes else None


def _unpadded(byte_count: int) -> str:
    return b64encode(os.urandom(byte_count)).decode().rstrip("=")
