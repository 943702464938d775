"""How passwords are hashed and how long they are: the numbers, without the library that does the work.

They are a file of their own so that settings can be read without loading Argon2. The numbers cannot be set below what
OWASP asks for; whoever writes the rules is trusted to know the memory of the machine. What a password must be and how
it is checked is in `passwords`.

ASVS 5.0: V11.4.2 (approved password hashing, current parameters), V6.2.1, V6.2.9 (length, 64 characters and more).
"""

from dataclasses import dataclass

from fastness.kernel.errors import ConfigError

# https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html#argon2id :
# for each number of passes the least memory in KiB. The rows are equally strong.
OWASP_LEAST_MEMORY_KIB = ((1, 47_104), (2, 19_456), (3, 12_288), (4, 9_216), (5, 7_168))
_LEAST_MAX_LENGTH = 64  # ASVS 5.0 V6.2.9
_LEAST_MIN_LENGTH = 8  # ASVS 5.0 V6.2.1


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordRules:
    """How passwords are hashed and how long they are."""

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
