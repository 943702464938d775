"""How many sign-in attempts may fail, and how the time between further ones grows: the numbers, and the decision on them.

A `Limit` admits a number of attempts freely. From then on one attempt passes at a time, and each that passed makes the
time until the next one longer, up to a longest wait: guessing becomes useless, and nobody is ever locked out for good,
because a hard lock would be a weapon against the owner (OWASP Authentication Cheat Sheet, account lockout).

ASVS 5.0: V6.1.1 (the defences are written down), V6.3.1 (credential stuffing and brute force), V6.6.3 (one-time codes).
"""

from dataclasses import fields
from enum import StrEnum
from typing import Final

from fastness.kernel.cookies import MAX_AGE_LIMIT_SECONDS
from fastness.kernel.errors import ConfigError
from fastness.kernel.values import dataclass
from fastness.kernel.verdicts import ALLOW, Deny, Verdict

_DOUBLINGS: Final = 24
"""More would only make a large number larger before it is cut."""
_MAX_WINDOW_SECONDS: Final = 30 * 86_400


class Counted(StrEnum):
    """What attempts are counted by; the reason of a refusal, for the log and never for the visitor."""

    ADDRESS = "address"
    NETWORK = "network"
    SITE = "site"
    PAIR = "account_from_address"
    ACCOUNT = "account"
    DEVICE = "device"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """One counter's rule."""

    attempts: int
    """Attempts that pass without waiting."""
    window_seconds: int
    """For this long they are remembered, from the first one on."""
    first_delay_seconds: int
    """The wait after the last of them; each further attempt doubles it."""
    max_delay_seconds: int
    """The longest wait."""

    def delay_seconds(self, level: int) -> int:
        """The wait after one attempt more, when `level` attempts have waited before it."""
        return min(self.first_delay_seconds << min(max(level, 0), _DOUBLINGS), self.max_delay_seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class ThrottleRules:
    """How often a sign-in may fail. Attempts are counted before the password is looked at, and given back when it was right."""

    account_attempts: int = 20
    """For one account, from anywhere."""
    pair_attempts: int = 5
    """For one account, from one address."""
    device_attempts: int = 10
    """For one account, on a device that has signed in to it before."""
    window_seconds: int = 86_400
    """These three are remembered for this long."""
    first_delay_seconds: int = 1
    """The wait after the last free attempt; each further one doubles it."""
    max_delay_seconds: int = 900
    """The longest wait for one account."""
    address_attempts: int = 50
    """From one address, for all accounts together. An office or a mobile network may share one."""
    network_attempts: int = 100
    """From one IPv6 network (/64), of which one person has all addresses."""
    address_window_seconds: int = 3_600
    """These two are remembered for this long."""
    address_max_delay_seconds: int = 60
    """The longest wait for an address or a network."""
    site_attempts: int = 600
    """For the whole site. Beyond it, people on devices that are known still sign in without waiting."""
    site_window_seconds: int = 60
    """Remembered for this long."""
    site_delay_seconds: int = 1
    """The wait between two attempts beyond it."""
    device_seconds: int = 15_552_000
    """A device is known for this long after the sign-in on it."""

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
                raise ConfigError(f"ThrottleRules.{each.name} is a whole number above 0.")
        for name in ("window_seconds", "address_window_seconds", "site_window_seconds"):
            if getattr(self, name) > _MAX_WINDOW_SECONDS:
                raise ConfigError(f"ThrottleRules.{name} must not exceed 30 days.")
        if self.pair_attempts > self.account_attempts:
            raise ConfigError("ThrottleRules.pair_attempts must not exceed account_attempts; it would never matter.")
        if self.address_attempts > self.network_attempts:
            raise ConfigError("ThrottleRules.address_attempts must not exceed network_attempts; it would never matter.")
        for limit in (self.limit_of(counted) for counted in Counted):
            if not limit.first_delay_seconds <= limit.max_delay_seconds <= limit.window_seconds:
                raise ConfigError("The waits of ThrottleRules must rise: first delay <= longest delay <= window.")
        if self.device_seconds > MAX_AGE_LIMIT_SECONDS:
            raise ConfigError("ThrottleRules.device_seconds must not exceed 400 days; browsers drop the cookie then.")

    def limit_of(self, counted: Counted) -> Limit:
        """The rule of one kind of counter."""
        if counted in {Counted.ADDRESS, Counted.NETWORK}:
            return Limit(
                attempts=self.address_attempts if counted is Counted.ADDRESS else self.network_attempts,
                window_seconds=self.address_window_seconds,
                first_delay_seconds=self.first_delay_seconds,
                max_delay_seconds=self.address_max_delay_seconds,
            )
        if counted is Counted.SITE:
            return Limit(
                attempts=self.site_attempts,
                window_seconds=self.site_window_seconds,
                first_delay_seconds=self.site_delay_seconds,
                max_delay_seconds=self.site_delay_seconds,
            )
        by_account = {
            Counted.PAIR: self.pair_attempts,
            Counted.ACCOUNT: self.account_attempts,
            Counted.DEVICE: self.device_attempts,
        }
        return Limit(
            attempts=by_account[counted],
            window_seconds=self.window_seconds,
            first_delay_seconds=self.first_delay_seconds,
            max_delay_seconds=self.max_delay_seconds,
        )


def decide_attempt(limit: Limit, counted: Counted, *, count: int, turn: int | None) -> Verdict:
    """Whether an attempt passes: one of the free ones, or the first in its turn.

    The last free attempt needs the turn as well: it is what starts the first wait, so whichever of many parallel attempts
    takes it, no more than `attempts` pass before that wait is over.

    Args:
        limit: the counter's rule.
        counted: what it counts.
        count: the counter with this attempt in it.
        turn: how many attempts asked for the current turn, this one included; None if it did not ask.
    """
    if count < limit.attempts or turn == 1:
        return ALLOW
    return Deny(counted)
