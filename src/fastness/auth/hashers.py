"""The formats in which passwords are kept: Argon2id, and three others for those who must.

Protects against whoever gets hold of the database: each costs an attacker about what it costs us. Argon2id is the default and
takes its numbers from the rules; scrypt, bcrypt and PBKDF2 have the numbers below, from OWASP's cheat sheet. The costs in a
stored hash decide how long its check takes and how much memory: they are capped, so that a row somebody tampered with cannot
hold a thread for a day. bcrypt ends at a NUL byte and behind 72 bytes, so it gets an HMAC of the password under the salt.

ASVS 5.0: V11.4.2 (approved password hashing, current parameters), V6.2.8 (no truncation), V11.2.4 (constant-time comparison).
"""

import hashlib
import hmac
import os
from base64 import b64decode, b64encode
from typing import Final, Protocol

import bcrypt
from argon2 import Parameters, Type, extract_parameters
from argon2 import PasswordHasher as Argon2
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError

from fastness.auth.password_rules import Hashing, PasswordRules

# https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html
SCRYPT_LOG_N: Final = 17
SCRYPT_R: Final = 8
SCRYPT_P: Final = 1
BCRYPT_ROUNDS: Final = 12
PBKDF2_ITERATIONS: Final = 600_000
MAX_SCRYPT_BYTES: Final = 268_435_456
MAX_PBKDF2_ITERATIONS: Final = 20_000_000
MAX_BCRYPT_ROUNDS: Final = 16
_MAX_SCRYPT_P: Final = 16
_MAX_ARGON2_KIB: Final = 1_048_576
_MAX_ARGON2_TIME: Final = 64
_SALT_BYTES: Final = 16
_HASH_BYTES: Final = 32


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


def make_hashers(rules: PasswordRules) -> tuple[Hasher, ...]:
    """All formats, the one for new passwords first."""
    hashers: dict[Hashing, Hasher] = {
        Hashing.ARGON2ID: Argon2Hasher(rules),
        Hashing.SCRYPT: ScryptHasher(),
        Hashing.BCRYPT: BcryptHasher(),
        Hashing.PBKDF2: PBKDF2Hasher(),
    }
    return (hashers.pop(rules.hashing), *hashers.values())


class Argon2Hasher:
    """Argon2id with the parameters of the rules."""

    __slots__ = ("_argon2", "_parameters")

    def __init__(self, rules: PasswordRules) -> None:
        self._parameters = Parameters(
            type=Type.ID,
            version=19,
            salt_len=_SALT_BYTES,
            hash_len=_HASH_BYTES,
            time_cost=rules.time_cost,
            memory_cost=rules.memory_kib,
            parallelism=rules.parallelism,
        )
        self._argon2 = Argon2.from_parameters(self._parameters)

    def recognises(self, encoded: str) -> bool:
        return encoded.startswith("$argon2")

    def verify(self, encoded: str, password: bytes) -> bool:
        try:
            costs = extract_parameters(encoded)
            if costs.memory_cost > max(_MAX_ARGON2_KIB, self._parameters.memory_cost):
                return False
            return costs.time_cost <= _MAX_ARGON2_TIME and self._argon2.verify(encoded, password)
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
        salt, digest = _text(os.urandom(parameters.salt_len)), _text(os.urandom(parameters.hash_len))
        return f"$argon2id$v={parameters.version}${costs}${salt}${digest}"


class ScryptHasher:
    """scrypt (RFC 7914) with 128 MiB."""

    __slots__ = ()
    _start = f"$scrypt$ln={SCRYPT_LOG_N},r={SCRYPT_R},p={SCRYPT_P}$"

    def recognises(self, encoded: str) -> bool:
        return encoded.startswith("$scrypt$")

    def verify(self, encoded: str, password: bytes) -> bool:
        try:
            _, _, costs, salt, digest = encoded.split("$")
            log_n, r, p = (
                int(cost.removeprefix(name)) for cost, name in zip(costs.split(","), ("ln=", "r=", "p="), strict=True)
            )
            n = 2**log_n if 0 < log_n < 32 else 0
            found = scrypt(password, _bytes(salt), n=n, r=r, p=p, length=len(_bytes(digest)))
            return hmac.compare_digest(found, _bytes(digest))
        except ValueError:
            return False

    def hash(self, password: bytes) -> str:
        salt = os.urandom(_SALT_BYTES)
        digest = scrypt(password, salt, n=2**SCRYPT_LOG_N, r=SCRYPT_R, p=SCRYPT_P, length=_HASH_BYTES)
        return f"{self._start}{_text(salt)}${_text(digest)}"

    def is_current(self, encoded: str) -> bool:
        return encoded.startswith(self._start)

    def dummy(self) -> str:
        return f"{self._start}{_text(os.urandom(_SALT_BYTES))}${_text(os.urandom(_HASH_BYTES))}"


class PBKDF2Hasher:
    """PBKDF2 with HMAC-SHA-256 (RFC 8018)."""

    __slots__ = ()
    _start = f"$pbkdf2-sha256$i={PBKDF2_ITERATIONS}$"

    def recognises(self, encoded: str) -> bool:
        return encoded.startswith("$pbkdf2-sha256$")

    def verify(self, encoded: str, password: bytes) -> bool:
        try:
            _, _, costs, salt, digest = encoded.split("$")
            found = pbkdf2("sha256", password, _bytes(salt), int(costs.removeprefix("i=")))
            return hmac.compare_digest(found, _bytes(digest))
        except ValueError:
            return False

    def hash(self, password: bytes) -> str:
        salt = os.urandom(_SALT_BYTES)
        return f"{self._start}{_text(salt)}${_text(pbkdf2('sha256', password, salt, PBKDF2_ITERATIONS))}"

    def is_current(self, encoded: str) -> bool:
        return encoded.startswith(self._start)

    def dummy(self) -> str:
        return f"{self._start}{_text(os.urandom(_SALT_BYTES))}${_text(os.urandom(_HASH_BYTES))}"


class BcryptHasher:
    """bcrypt over an HMAC of the password."""

    __slots__ = ()
    _name = "$bcrypt-sha256$"
    _start = f"{_name}$2b${BCRYPT_ROUNDS:02}$"

    def recognises(self, encoded: str) -> bool:
        return encoded.startswith(self._name)

    def verify(self, encoded: str, password: bytes) -> bool:
        settings = encoded.removeprefix(self._name)
        return check_bcrypt(settings, _shorten(password, settings[:29]))

    def hash(self, password: bytes) -> str:
        salt = bcrypt.gensalt(BCRYPT_ROUNDS)
        return self._name + bcrypt.hashpw(_shorten(password, salt.decode()), salt).decode()

    def is_current(self, encoded: str) -> bool:
        return encoded.startswith(self._start)

    def dummy(self) -> str:
        # 31 characters of bcrypt's alphabet; the last of them carries four bits.
        digest = _text(os.urandom(24))[:30].replace("+", ".")
        return f"{self._name}{bcrypt.gensalt(BCRYPT_ROUNDS).decode()}{digest}."


def scrypt(password: bytes, salt: bytes, *, n: int, r: int, p: int, length: int) -> bytes:
    """Hash with scrypt within the cap of memory; raises `ValueError` beyond it."""
    if not (n > 1 and r > 0 and 0 < p <= _MAX_SCRYPT_P and 0 < length <= 128 and 128 * n * r <= MAX_SCRYPT_BYTES):
        raise ValueError("costs out of range")
    # OpenSSL counts its small blocks against the limit as well.
    memory = 128 * r * (n + p + 2) + 65_536
    return hashlib.scrypt(password, salt=salt, n=n, r=r, p=p, maxmem=memory, dklen=length)


def pbkdf2(algorithm: str, password: bytes, salt: bytes, iterations: int) -> bytes:
    """PBKDF2 within the cap of iterations; raises `ValueError` beyond it."""
    if not 0 < iterations <= MAX_PBKDF2_ITERATIONS:
        raise ValueError("costs out of range")
    return hashlib.pbkdf2_hmac(algorithm, password, salt, iterations)


def check_bcrypt(encoded: str, password: bytes) -> bool:
    """Whether a password of at most 72 bytes belongs to a bcrypt hash of capped cost."""
    try:
        if not 4 <= int(encoded[4:6]) <= MAX_BCRYPT_ROUNDS:
            return False
        return bcrypt.checkpw(password, encoded.encode("ascii"))
    except ValueError:
        return False


def _shorten(password: bytes, salt: str) -> bytes:
    return b64encode(hmac.digest(salt.encode(errors="replace"), password, hashlib.sha256))


def _text(data: bytes) -> str:
    return b64encode(data).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return b64decode(text + "=" * (-len(text) % 4), validate=True)
