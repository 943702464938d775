"""What people may do with their accounts by themselves, and how long the links in mails to them hold.

The times are upper bounds: a link also dies with its use and with every change of the account that it was made for
(`fastness.auth.links`). Whoever writes the rules is trusted; a time that would turn a link into a second password is refused.

ASVS 5.0: V6.4.3 (reset without bypassing factors), V6.5.5 (codes and links have a defined life).
"""

from datetime import timedelta
from enum import StrEnum

from fastness.kernel.errors import ConfigError
from fastness.kernel.values import dataclass

MAX_CONFIRM_MINUTES = 24 * 60
MAX_INVITE_HOURS = 14 * 24


class SignInName(StrEnum):
    """What people type to say who they are."""

    USERNAME = "username"
    EMAIL = "email"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRules:
    """What people may do with their accounts by themselves."""

    sign_up: bool = False
    """Whether anybody may make an account."""
    sign_in_name: SignInName = SignInName.USERNAME
    """What people sign in with: "username", or "email" for a confirmed mail address."""
    reset_minutes: int = 30
    """How long the link to a new password holds."""
    confirm_minutes: int = 60
    """How long the link that confirms a mail address or begins an account holds."""
    invite_hours: int = 72
    """How long an invitation holds."""

    def __post_init__(self) -> None:
        for name in ("reset_minutes", "confirm_minutes"):
            if not 1 <= getattr(self, name) <= MAX_CONFIRM_MINUTES:
                raise ConfigError(f"{name} must be between 1 and {MAX_CONFIRM_MINUTES}")
        if not 1 <= self.invite_hours <= MAX_INVITE_HOURS:
            raise ConfigError(f"invite_hours must be between 1 and {MAX_INVITE_HOURS}")

    @property
    def reset_life(self) -> timedelta:
        """How long a link to a new password holds."""
        return timedelta(minutes=self.reset_minutes)

    @property
    def confirm_life(self) -> timedelta:
        """How long a link that confirms an address holds."""
        return timedelta(minutes=self.confirm_minutes)

    @property
    def invite_life(self) -> timedelta:
        """How long an invitation holds."""
        return timedelta(hours=self.invite_hours)
