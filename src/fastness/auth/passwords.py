"""How passwords are kept, and what a password must be.

Protects against whoever gets hold of the database: Argon2id (RFC 9106) with at least the memory and passes that OWASP
asks for makes each guess cost what a sign-in costs. Protects the server against long input: the cap is checked before
any work. The password is taken exactly as it came, neither cut nor normalised. Hashing blocks for tens of
milliseconds: call it through `HashingPool`, never on the event loop. It does not slow an attacker who guesses online;
the throttle does.

Other formats are verified and replaced at the next sign-in: the other presets of `hashers`, Django's where the rules accept
them, and any whose `Verifier` is given to `PasswordHasher`. What else a new password must be is in `passwordpolicy`.

ASVS 5.0: V11.4.2 (approved password hashing, current parameters), V6.2.1, V6.2.5, V6.2.8, V6.2.9 (length, no
composition rules, exactly as received, 64 characters and more), V11.2.4 (constant-time comparison: in Argon2's own
verify).
"""

from enum import StrEnum

from fastness.auth.djangohashes import DjangoHashes
from fastness.auth.hashers import Hasher, Verifier, make_hashers
from fastness.auth.password_rules import PasswordRules
from fastness.auth.peppers import Peppers
from fastness.kernel.errors import ConfigError
from fastness.kernel.verdicts import ALLOW, Deny, Verdict


class PasswordReason(StrEnum):
    """Why a new password was refused."""

    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    NOT_TEXT = "not_text"
    COMMON = "common"
    SIMILAR = "similar_to_own_data"
    BREACHED = "breached"
    TOO_FEW_KINDS = "too_few_kinds"
    UNCHANGED = "unchanged"


def decide_password(rules: PasswordRules, password: str, *, has_second_factor: bool = False) -> Verdict:
    """Decide whether a text may become a password: length only, no composition rules."""
    if len(password) > rules.max_length:
        return Deny(PasswordReason.TOO_LONG)
    if _encode(password, rules.max_bytes) is None:
        return Deny(PasswordReason.NOT_TEXT)
    if len(password) < (rules.min_length_with_second_factor if has_second_factor else rules.min_length):
        return Deny(PasswordReason.TOO_SHORT)
    return ALLOW


class PasswordHasher:
    """Hashes with the current format, verifies that one and any other it was given."""

    __slots__ = ("_current", "_dummy", "_peppers", "_verifiers", "dearest_dummy", "rules")

    def __init__(self, rules: PasswordRules | None = None, *, others: tuple[Verifier, ...] = ()) -> None:
        self.rules = rules or PasswordRules()
        self._peppers = Peppers(self.rules)
        self._current: Hasher
        self._current, *presets = make_hashers(self.rules)
        django = DjangoHashes() if self.rules.accepts_django else None
        self._verifiers: tuple[Verifier, ...] = (self._current, *presets, *((django,) if django else ()), *others)
        self._dummy = self._peppers.mark(self._current.dummy())
        self.dearest_dummy: str | None = django.dummy() if django else None
        """Where imported hashes cost more than ours: one of those, that no password matches."""

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
        return self._peppers.mark(self._current.hash(self._peppers.season(data)))

    def can_verify(self, password: str) -> bool:
        """Whether a typed password is short enough, and text, so that checking it is worth any work."""
        return _encode(password, self.rules.max_bytes) is not None

    def verify(self, encoded: str, password: str) -> bool:
        """Whether the password belongs to the hash; an unknown format or pepper belongs to no password."""
        data = _encode(password, self.rules.max_bytes)
        opened = self._peppers.open(encoded)
        if data is None or opened is None:
            return False
        bare, season = opened
        for verifier in self._verifiers:
            if verifier.recognises(bare):
                return verifier.verify(bare, season(data))
        return False

    def recognises(self, encoded: str) -> bool:
        """Whether a hash is of a format that can be checked here."""
        opened = self._peppers.open(encoded)
        return opened is not None and any(verifier.recognises(opened[0]) for verifier in self._verifiers)

    def needs_update(self, encoded: str) -> bool:
        """Whether the hash is of an older format or has other parameters or another pepper than new ones get."""
        opened = self._peppers.open(encoded)
        if opened is None or not self._peppers.is_current(encoded):
            return True
        return not (self._current.recognises(opened[0]) and self._current.is_current(opened[0]))


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
