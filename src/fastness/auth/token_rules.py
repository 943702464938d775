"""What an API token looks like, how long it may live, and what came of looking at one.

`fst_<id>_<secret><checksum>`: the prefix is found by scanners of repositories and logs, the id names the row, the secret has
256 random bits, and the checksum tells a cut or mistyped token, or a scanner's false alarm, from one of ours without a look at
the database. The checksum is no protection: whoever guesses would compute it too. Small letters and digits only, so that a double
click takes the whole and no form, shell or address changes it.

ASVS 5.0: V7.2.3 (128 bits of entropy), V11.5.1, V13.3.4 (secrets expire).
"""

import re
from enum import StrEnum
from secrets import token_hex
from typing import Final
from uuid import UUID
from zlib import crc32

from fastness.kernel.errors import ConfigError
from fastness.kernel.secret import Secret
from fastness.kernel.values import dataclass
from fastness.sessions.identity import Identity

PREFIX: Final = "fst_"
MAX_NAME_LENGTH: Final = 100
_MAX_DAYS: Final = 3650
_SECRET_BYTES: Final = 32
_FORM: Final = re.compile(r"fst_([0-9a-f]{32})_[0-9a-f]{64}([0-9a-f]{8})")
SCANNER_PATTERN: Final = r"fst_[0-9a-f]{32}_[0-9a-f]{72}"
"""For the rules of a secret scanner."""


class TokenReason(StrEnum):
    """Why a token was not accepted; for the log. The caller learns that it is not valid."""

    MALFORMED = "malformed"
    UNKNOWN = "unknown"
    EXPIRED = "expired"
    REVOKED = "revoked"
    OWNER_INACTIVE = "owner_inactive"
    OWNER_CHANGED = "owner_changed"
    """The password was set, or the account closed and opened again, after the token was made."""


class TokenProblem(StrEnum):
    """Why a token cannot be made."""

    NAME = "name"
    DAYS = "days"
    PERMISSIONS = "permissions"
    """Its maker does not hold one of them."""
    COUNT = "count"


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRules:
    """The life of API tokens."""

    max_days: int = 365
    """No token lives longer."""
    default_days: int = 30
    """What the form proposes."""
    max_per_user: int = 50
    """Live tokens of one person."""
    cache_seconds: int = 60
    """So long a checked token is answered from the store; the time of its last use is as exact as this. A revocation or a
    change of its owner does not wait for it."""

    def __post_init__(self) -> None:
        if not 1 <= self.max_days <= _MAX_DAYS:
            raise ConfigError(f"TokenRules.max_days must lie between 1 and {_MAX_DAYS}.")
        if not 1 <= self.default_days <= self.max_days:
            raise ConfigError("TokenRules.default_days must lie between 1 and max_days.")
        if self.max_per_user < 1:
            raise ConfigError("TokenRules.max_per_user must be above 0.")
        if not 1 <= self.cache_seconds <= 3600:
            raise ConfigError("TokenRules.cache_seconds must lie between 1 and 3600.")


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenCheck:
    """What a look at a token found: an identity that may do what the token may, or a reason."""

    identity: Identity | None = None
    reason: TokenReason | None = None
    token_id: UUID | None = None
    user_id: UUID | None = None


def make_token_text(token_id: UUID) -> Secret:
    """A new token; its holder sees it once."""
    body = f"{PREFIX}{token_id.hex}_{token_hex(_SECRET_BYTES)}"
    return Secret(body + _checksum(body))


def try_token_id(text: str) -> UUID | None:
    """The id in a token, or `None` for a text that is none of ours."""
    found = _FORM.fullmatch(text)
    if found is None or _checksum(text[:-8]) != found.group(2):
        return None
    return UUID(hex=found.group(1))


def _checksum(body: str) -> str:
    return f"{crc32(body.encode('ascii')):08x}"
