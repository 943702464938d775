"""Django's hashes, for people who come with the password they have: checked, never made, and replaced at the next sign-in.

All formats that Django 1.4 to 6.1 wrote: PBKDF2 with SHA-256 and SHA-1, Argon2, scrypt, both kinds of bcrypt, and the salted
SHA-1 and MD5 of old rows, which cost a thief almost nothing and are the best reason to import early and to turn `accepts_django`
off again. An unusable password ("!…") belongs to nobody. Costs are capped as with our own formats.

What a check costs differs between these formats by a factor of a thousand: `evenwork` fills them all up to the dearest, so that
the time of a refusal tells neither who exists nor who was imported.

ASVS 5.0: V11.4.2 (outdated hashes are replaced), V6.3.8, V11.2.4 (constant-time comparison).
"""

import hashlib
import hmac
import os
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from typing import Final

from argon2 import extract_parameters
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import verify_secret

from fastness.auth.hashers import check_bcrypt, pbkdf2, scrypt

DJANGO_ITERATIONS: Final = 1_500_000
"""What Django 6.1 writes."""
_MAX_ARGON2_KIB: Final = 1_048_576
_BCRYPT_BYTES: Final = 72
_MAX_ARGON2_TIME: Final = 64


class DjangoHashes:
    """Checks every format that Django wrote."""

    __slots__ = ()

    def recognises(self, encoded: str) -> bool:
        return encoded.partition("$")[0] in _CHECKS

    def verify(self, encoded: str, password: bytes) -> bool:
        check = _CHECKS.get(encoded.partition("$")[0])
        try:
            return check is not None and check(encoded, password)
        except (ValueError, VerificationError, InvalidHashError):
            return False

    def dummy(self) -> str:
        """A hash of Django's default format that no password matches."""
        digest = b64encode(os.urandom(32)).decode()
        return f"pbkdf2_sha256${DJANGO_ITERATIONS}${os.urandom(11).hex()}${digest}"


def _pbkdf2(algorithm: str) -> Callable[[str, bytes], bool]:
    def check(encoded: str, password: bytes) -> bool:
        _, iterations, salt, digest = encoded.split("$")
        return hmac.compare_digest(pbkdf2(algorithm, password, salt.encode(), int(iterations)), b64decode(digest))

    return check


def _argon2(encoded: str, password: bytes) -> bool:
    bare = encoded.removeprefix("argon2")
    costs = extract_parameters(bare)
    if costs.memory_cost > _MAX_ARGON2_KIB or costs.time_cost > _MAX_ARGON2_TIME:
        return False
    return verify_secret(bare.encode(), password, costs.type)


def _scrypt(encoded: str, password: bytes) -> bool:
    _, n, salt, r, p, digest = encoded.split("$")
    wanted = b64decode(digest)
    found = scrypt(password, salt.encode(), n=int(n), r=int(r), p=int(p), length=len(wanted))
    return hmac.compare_digest(found, wanted)


def _bcrypt_sha256(encoded: str, password: bytes) -> bool:
    digest = hashlib.sha256(password).hexdigest()  # nosec FST041 # what bcrypt hashes next in this format
    return check_bcrypt(encoded.removeprefix("bcrypt_sha256$"), digest.encode())


def _bcrypt(encoded: str, password: bytes) -> bool:
    # That format took 72 bytes and left the rest out; the hash that replaces it at this sign-in takes all.
    return check_bcrypt(encoded.removeprefix("bcrypt$"), password[:_BCRYPT_BYTES])


def _salted(algorithm: str) -> Callable[[str, bytes], bool]:
    def check(encoded: str, password: bytes) -> bool:
        _, salt, digest = encoded.split("$")
        found = hashlib.new(algorithm, salt.encode() + password, usedforsecurity=False).hexdigest()
        return bool(salt) and hmac.compare_digest(found.encode(), digest.encode())

    return check


_CHECKS: Final[Mapping[str, Callable[[str, bytes], bool]]] = {
    "pbkdf2_sha256": _pbkdf2("sha256"),
    "pbkdf2_sha1": _pbkdf2("sha1"),
    "argon2": _argon2,
    "scrypt": _scrypt,
    "bcrypt_sha256": _bcrypt_sha256,
    "bcrypt": _bcrypt,
    "sha1": _salted("sha1"),
    "md5": _salted("md5"),
}
