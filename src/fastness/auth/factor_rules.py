"""Who needs a second factor, and how factors are checked: the settings, without the libraries that do the work.

A password alone falls to whoever finds, guesses or is told it. Whoever has a second factor is always asked for it. Whoever may do
more than others has to have one: staff, and everybody with a role or a permission. A setting widens that to everybody; taking it
back is an exit with a name and a reason, which `fastness check` lists. It is the same in development, so that nobody meets the
page for the first time in production. How often a code may be tried is a matter of the throttle (`fastness.auth.throttle`).

ASVS 5.0: V6.3.3 (multi-factor authentication), V6.1.3.
"""

from enum import StrEnum

from fastness.kernel.because import Because
from fastness.kernel.errors import ConfigError
from fastness.kernel.hosts import parse_host_rule
from fastness.kernel.origins import parse_origin_rule
from fastness.kernel.tuples import refuse_bare_text
from fastness.kernel.values import dataclass


class EnforcedFor(StrEnum):
    """Who cannot sign in without a second factor."""

    PRIVILEGED = "privileged"
    """Staff, and whoever has a role or holds a permission."""
    EVERYBODY = "everybody"


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondFactorRules:
    """Who needs a second factor, and how factors are checked."""

    enforced_for: EnforcedFor = EnforcedFor.PRIVILEGED
    """Who has to set up a second factor when they first sign in: "privileged" (staff, and whoever has a role or holds a
    permission) or "everybody". Whoever has one is asked for it in any case."""
    insecure_unenforced: Because | None = None
    """Why nobody has to have a second factor, not even who may do everything."""
    grace_seconds: int = 10
    """So long a one-time password is still taken after the app shows the next one; 0 takes none."""
    pending_seconds: int = 300
    """So long after the password the second factor may come."""
    recovery_codes: int = 10
    """How many recovery codes are made at a time."""
    max_passkeys: int = 20
    """How many passkeys one user may have."""
    rp_id: str = ""
    """The host name that passkeys belong to; empty takes the first of FASTNESS_HOSTS."""
    origins: tuple[str, ...] = ()
    """The origins whose pages may use passkeys, such as "https://example.com:8443"; empty takes https on the app's hosts."""

    def __post_init__(self) -> None:
        refuse_bare_text("origins", self.origins)
        if self.insecure_unenforced is not None and self.enforced_for is EnforcedFor.EVERYBODY:
            raise ConfigError("enforced_for everybody and insecure_unenforced contradict each other: set one of them.")
        if not 0 <= self.grace_seconds < 30:
            raise ConfigError("grace_seconds must be between 0 and 29: a one-time password changes every 30 seconds.")
        if not 30 <= self.pending_seconds <= 1800:
            raise ConfigError("pending_seconds must be between 30 and 1800.")
        if not 4 <= self.recovery_codes <= 50 or not 1 <= self.max_passkeys <= 100:
            raise ConfigError("recovery_codes must be between 4 and 50, max_passkeys between 1 and 100.")
        if self.rp_id:
            if self.rp_id.startswith("."):
                raise ConfigError("rp_id is a host name without a leading dot.")
            parse_host_rule(self.rp_id)
        for origin in self.origins:
            if parse_origin_rule("origins", origin).scheme != "https":
                raise ConfigError("origins of passkeys begin with https://; browsers refuse them elsewhere.")
