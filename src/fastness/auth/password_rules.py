"""How passwords are hashed and what they must be: the settings, without the library that does the work.

They are a file of their own so that settings can be read without loading Argon2. The numbers cannot be set below what
OWASP asks for; whoever writes the rules is trusted to know the memory of the machine. What a password must be and how
it is checked is in `passwords`.

ASVS 5.0: V11.4.2 (approved password hashing, current parameters), V6.2.1, V6.2.9 (length, 64 characters and more).
"""

from enum import StrEnum
from urllib.parse import urlsplit

from fastness.kernel.errors import ConfigError
from fastness.kernel.secret import Secret
from fastness.kernel.values import dataclass
from fastness.kernel.weakkeys import refuse_weak_key

# https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html#argon2id :
# for each number of passes the least memory in KiB. The rows are equally strong.
OWASP_LEAST_MEMORY_KIB = ((1, 47_104), (2, 19_456), (3, 12_288), (4, 9_216), (5, 7_168))
_LEAST_MAX_LENGTH = 64  # ASVS 5.0 V6.2.9
_LEAST_MIN_LENGTH = 8  # ASVS 5.0 V6.2.1
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class Hashing(StrEnum):
    """The formats that new passwords can get, each with parameters of the OWASP cheat sheet or above."""

    ARGON2ID = "argon2id"
    SCRYPT = "scrypt"
    BCRYPT = "bcrypt"
    """For what others demand; over an HMAC, so that nothing behind the 72nd byte is lost."""
    PBKDF2 = "pbkdf2"
    """HMAC-SHA-256, where FIPS 140 is asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordRules:
    """How passwords are hashed and what they must be."""

    hashing: Hashing = Hashing.ARGON2ID
    """What new passwords are hashed with; hashes of the others stay valid and are replaced at the next sign-in."""
    accepts_django: bool = False
    """Whether hashes that were imported from Django count, until their owners sign in once. Costs a slower answer to each
    wrong password, the same for everybody; turn it off when the last hash is gone."""
    pepper: Secret | None = None
    """A key that goes into every new hash, and must not lie where the database and its backups lie."""
    previous_peppers: tuple[Secret, ...] = ()
    """Peppers whose hashes still count, until their owners sign in once."""
    min_kinds: int = 0
    """How many kinds of characters a password needs. 0, because such rules make worse passwords (NIST SP 800-63B)."""
    breach_lookup_url: str = ""
    """A service that is asked by k-anonymity whether a password was breached: "https://api.pwnedpasswords.com/range". Empty for
    none."""
    breach_lookup_timeout_seconds: float = 2.0
    """After which no answer is an answer: the password is taken, and an event tells."""

    memory_kib: int = 47_104
    """Memory of one hash."""
    time_cost: int = 2
    """Passes over that memory."""
    parallelism: int = 1
    """Lanes: 1, so that one hash keeps one core busy and the pool can count."""
    min_length: int = 15
    """Characters, where the password is the only factor."""
    min_length_with_second_factor: int = 8
    """Characters, where a second factor is enforced for the user."""
    max_length: int = 128
    """Characters of a new password."""
    max_bytes: int = 4096
    """Bytes that are hashed at all, new or typed at sign-in."""

    def __post_init__(self) -> None:
        least = min((kib for passes, kib in OWASP_LEAST_MEMORY_KIB if passes <= self.time_cost), default=None)
        if least is None or self.time_cost > 64 or not least <= self.memory_kib <= 4 * 1024 * 1024:
            table = ", ".join(f"{kib} KiB with {passes}" for passes, kib in OWASP_LEAST_MEMORY_KIB)
            raise ConfigError(
                f"memory_kib and time_cost are below the OWASP minimum (or absurdly high): {table} passes"
            )
        if not 1 <= self.parallelism <= 16:
            raise ConfigError("parallelism must be between 1 and 16")
        if not _LEAST_MIN_LENGTH <= self.min_length_with_second_factor <= self.min_length <= self.max_length:
            raise ConfigError(
                f"password lengths must rise: {_LEAST_MIN_LENGTH} <= min_length_with_second_factor <= min_length "
                "<= max_length"
            )
        if self.max_length < _LEAST_MAX_LENGTH or not 4 * self.max_length <= self.max_bytes <= 65_536:
            raise ConfigError(
                f"max_length must be at least {_LEAST_MAX_LENGTH}, and max_bytes four times that (UTF-8) to 65536"
            )
        if not 0 <= self.min_kinds <= 4:
            raise ConfigError("min_kinds must be between 0 and 4: small letters, capital letters, digits, others")
        if not 0.1 <= self.breach_lookup_timeout_seconds <= 30:
            raise ConfigError("breach_lookup_timeout_seconds must be between 0.1 and 30")
        _check_lookup(self.breach_lookup_url)
        if self.previous_peppers and self.pepper is None:
            raise ConfigError("previous_peppers need a pepper; keep the last one as pepper until its hashes are gone")
        for pepper in (self.pepper, *self.previous_peppers):
            if pepper is not None:
                refuse_weak_key(pepper.reveal())


def _check_lookup(url: str) -> None:
    if not url:
        return
    try:
        parts = urlsplit(url)
        is_local = parts.hostname in _LOOPBACK and (parts.port or 80) > 0
    except ValueError:
        raise ConfigError("breach_lookup_url is no address of a service") from None
    is_spoken = parts.scheme == "https" or (parts.scheme == "http" and is_local)
    if not is_spoken or not parts.hostname or parts.query or parts.fragment or "@" in parts.netloc:
        raise ConfigError(
            "breach_lookup_url must be an https address without query and user name (http on this machine)"
        )
