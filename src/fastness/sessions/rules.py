"""How long a session may live and how large it may grow.

Two clocks end a session: the idle clock runs from the last request, the absolute clock from the sign-in, and nothing a
visitor does moves the absolute one. "Keep me signed in" trades both for one long absolute clock, which fits people's own
devices and lowers the assurance (NIST SP 800-63B allows 30 days without a new sign-in at its lowest level only); demand
a fresh sign-in where that is too long. The number of parallel sessions of an account is not limited: each is listed and
can be ended by its owner.

ASVS 5.0: V7.1.1, V7.1.2, V7.3.1, V7.3.2.
"""

from fastness.kernel.errors import ConfigError
from fastness.kernel.values import dataclass
from fastness.sessions.context import Reaction

MAX_REMEMBER_SECONDS = 90 * 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRules:
    """The life of sessions; all times in seconds."""

    idle_seconds: int = 1_800
    """A session ends when no request came for this long."""
    absolute_seconds: int = 43_200
    """A session ends this long after the sign-in, whatever happens."""
    remember_seconds: int = 2_592_000
    """Idle and absolute time of a session that was asked to be remembered."""
    touch_seconds: int = 60
    """The idle clock is written at most this often; a session may thus end this much too early, never too late."""
    socket_check_seconds: float = 10
    """An open WebSocket asks this often whether its session and its rule still hold; it is closed within this time."""
    tombstone_seconds: int = 86_400
    """For this long, use of an ended session is told from an id that never was (as an event; both are refused)."""
    browser_change: Reaction = Reaction.ASK
    """What follows when the cookie comes from another kind of browser or system than signed in. Cookies do not move to another
    browser by themselves, so the password is asked for."""
    network_change: Reaction = Reaction.REPORT
    """… from a network (/16, /48) that the session was not used from. A telephone changes its network several times a day, and
    people who are asked all the time type their password anywhere; "ask" is for sites where nobody is on the move."""
    max_bytes: int = 16_000
    """The largest record. Sessions are read on every request; large things belong into the database."""

    def __post_init__(self) -> None:
        for name in (
            "idle_seconds",
            "absolute_seconds",
            "remember_seconds",
            "touch_seconds",
            "socket_check_seconds",
            "max_bytes",
        ):
            if getattr(self, name) <= 0:
                raise ConfigError(f"SessionRules.{name} must be above 0.")
        if self.tombstone_seconds < 0:
            raise ConfigError("SessionRules.tombstone_seconds must be 0 or more.")
        if self.idle_seconds > self.absolute_seconds:
            raise ConfigError("SessionRules.idle_seconds must not exceed absolute_seconds; it would never matter.")
        if self.absolute_seconds > self.remember_seconds:
            raise ConfigError("SessionRules.absolute_seconds must not exceed remember_seconds.")
        if self.remember_seconds > MAX_REMEMBER_SECONDS:
            raise ConfigError("SessionRules.remember_seconds must not exceed 90 days; let people sign in again.")
        if self.touch_seconds * 2 > self.idle_seconds:
            raise ConfigError("SessionRules.touch_seconds must be at most half of idle_seconds.")

    def idle_limit(self, *, remember: bool) -> int:
        """How long a session may be idle."""
        return self.remember_seconds if remember else self.idle_seconds

    def absolute_limit(self, *, remember: bool) -> int:
        """How long a session may live."""
        return self.remember_seconds if remember else self.absolute_seconds
