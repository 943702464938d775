"""The same work for every failed sign-in.

Protects the list of who has an account. An attacker measures how long a refusal takes: CVE-2024-39329 told users
without a password apart, CVE-2025-13473 was a second entry point without the dummy hash. So an unknown name, a user
without a password and a wrong password all check one hash with today's parameters. A hash with older, cheaper
parameters would answer sooner, so its check is filled up to the work of a current one before the refusal. The upgrade
of an outdated hash follows only a right password, where the time tells nothing that the answer does not.

Where Django's hashes are accepted, some of them cost several times what ours do: then every refusal is filled up to the dearest
kind, and to what was seen to cost more. Otherwise a hash that costs more than today's cannot be hidden: after the parameters were
lowered, such a user stays recognisable until the next sign-in.

ASVS 5.0: V6.3.8 (valid users cannot be deduced from response times), V11.4.2 (outdated hashes are replaced).
"""

import secrets
import time
from collections import deque

from argon2.low_level import Type, hash_secret_raw

from fastness.auth.passwords import PasswordHasher
from fastness.kernel.values import dataclass

# One filling step is about a millisecond, a hundredth of a hash: the steps end within the noise of a check.
_FILL_KIB = 1024
_REMEMBERED = 64
_SAME = 1.2
"""Costs that differ by less are of one kind of hash."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What a check found out."""

    matches: bool
    new_hash: str | None
    """The replacement for an outdated hash; only after a right password that may pass."""


class EvenChecker:
    """Checks passwords so that refusals cost alike; blocks, so it runs in the hashing pool."""

    __slots__ = ("_costs", "_hasher")

    def __init__(self, hasher: PasswordHasher) -> None:
        self._hasher = hasher
        # CPU seconds of the last ordinary checks. A filled check aims at one of them by lot: both spread alike.
        self._costs: deque[float] = deque(maxlen=_REMEMBERED)

    def check(self, encoded: str | None, password: str, *, may_pass: bool) -> Checked:
        """Check a password against a hash, or against none.

        Args:
            encoded: the user's hash; None for an unknown user or one without a password.
            password: as typed.
            may_pass: whether a right password would sign in; False for an inactive user, whose hash is never upgraded.
        """
        started = time.thread_time()
        is_outdated = encoded is not None and self._hasher.needs_update(encoded)
        matches = self._hasher.verify(self._hasher.dummy_hash if encoded is None else encoded, password)
        spent = time.thread_time() - started
        passes = matches and may_pass and encoded is not None
        if self._hasher.dearest_dummy is not None:
            self._even_out(spent, passes=passes)
        elif not is_outdated:
            self._costs.append(spent)
        elif not passes:
            self._fill(self._usual_cost() - spent)
        return Checked(matches=matches, new_hash=self._hasher.hash(password) if passes and is_outdated else None)

    def _even_out(self, spent: float, *, passes: bool) -> None:
        """Fill a refusal up to what the dearest hashes cost."""
        usual = self._usual_cost()
        if spent > usual * _SAME:
            # Dearer than any before: from here on everybody waits for that.
            self._costs.clear()
        if spent * _SAME > usual:
            self._costs.append(spent)
        elif not passes:
            self._fill(usual - spent)

    def _usual_cost(self) -> float:
        if not self._costs:
            started = time.thread_time()
            self._hasher.verify(self._hasher.dearest_dummy or self._hasher.dummy_hash, "")
            self._costs.append(time.thread_time() - started)
        return secrets.choice(list(self._costs))

    def _fill(self, seconds: float) -> None:
        end = time.thread_time() + seconds
        while time.thread_time() < end:
            hash_secret_raw(
                b"", bytes(16), time_cost=1, memory_cost=_FILL_KIB, parallelism=1, hash_len=32, type=Type.ID
            )
