"""What pages and services say to each other about second factors; loads no library.

ASVS 5.0: V6.3.3, V7.2.4.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final, Self
from uuid import UUID

from fastness.auth.errors import FactorRefusedError as FactorRefusedError  # noqa: PLC0414 - public here too
from fastness.auth.factor_rules import EnforcedFor, SecondFactorRules
from fastness.kernel.hosts import HostRules
from fastness.kernel.limits import JSONValue
from fastness.kernel.values import dataclass
from fastness.sessions.identity import Identity

MAX_PASSKEY_NAME: Final = 64


class Factor(StrEnum):
    """A kind of second factor."""

    TOTP = "totp"
    PASSKEY = "passkey"
    RECOVERY_CODE = "recovery_code"


class Step(StrEnum):
    """What comes after a right password."""

    DONE = "done"
    FACTOR = "factor"
    """The user proves a second factor."""
    ENROL = "enrol"
    """The user has none and needs one: they set one up before they are signed in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownPasskey:
    """A passkey as pages and ceremonies see it."""

    id: UUID
    name: str
    credential_id: str
    transports: tuple[str, ...]
    created_at: datetime
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """The second factors of one user."""

    totp_since: datetime | None = None
    passkeys: tuple[KnownPasskey, ...] = ()
    recovery_codes: int = 0
    """How many are left. They replace a factor and are none by themselves."""

    @property
    def has_any(self) -> bool:
        """Whether the user can be asked for a second factor."""
        return self.totp_since is not None or bool(self.passkeys)


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """A change of factors that was made."""

    epoch: int
    """The owner's new epoch in the store."""
    recovery_codes: tuple[str, ...] = ()
    """New codes, to be shown this once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvedPasskey:
    """Whose passkey answered."""

    user_id: UUID
    epoch: int
    """Of the owner at the answer: any change of the account since then, such as the passkey's removal, ends what it opens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """A right password, and nobody signed in yet: kept in the session until the second factor."""

    user_id: UUID
    authenticated_at: float
    epoch: int
    """Of the owner at the password: any change of the account since then ends what is pending."""
    remember: bool
    next: str
    step: Step
    expires_at: float

    def to_json(self) -> dict[str, JSONValue]:
        """For the session."""
        return {
            "user_id": str(self.user_id),
            "authenticated_at": self.authenticated_at,
            "epoch": self.epoch,
            "remember": self.remember,
            "next": self.next,
            "step": self.step.value,
            "expires_at": self.expires_at,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        """From our own JSON; raises KeyError, TypeError or ValueError for anything else."""
        return cls(
            user_id=UUID(str(data["user_id"])),
            authenticated_at=float(str(data["authenticated_at"])),
            epoch=int(str(data["epoch"])),
            remember=data["remember"] is True,
            next=str(data["next"]),
            step=Step(str(data["step"])),
            expires_at=float(str(data["expires_at"])),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RelyingParty:
    """The site as browsers and authenticators know it; a passkey works for it and for no other."""

    id: str
    name: str
    origins: tuple[str, ...]


def relying_party(
    rules: SecondFactorRules, hosts: HostRules, *, name: str, is_development: bool, host: str
) -> RelyingParty | None:
    """The site's relying party, made of settings; None where passkeys cannot be used.

    In production nothing of the request is believed. In development, which listens on this machine, the port is the request's:
    `localhost` is the one host on which browsers allow passkeys without TLS.
    """
    if is_development:
        own, _, _ = host.partition(":")
        return RelyingParty(id="localhost", name=name, origins=(f"http://{host}",)) if own == "localhost" else None
    names = [entry.removeprefix(".") for entry in hosts.allowed]
    own = rules.rp_id or next(iter(names), "")
    if not own or own.startswith("[") or own.rpartition(".")[2].isdigit():
        return None
    ours = tuple(f"https://{one}" for one in names if one == own or one.endswith(f".{own}"))
    return RelyingParty(id=own, name=name, origins=rules.origins or ours)


def is_enforced(rules: SecondFactorRules, identity: Identity) -> bool:
    """Whether this user cannot sign in without a second factor."""
    if rules.insecure_unenforced is not None:
        return False
    # A role counts even if it permits nothing by itself: a rule may ask for it by its name.
    is_privileged = identity.is_staff or bool(identity.roles) or bool(identity.permissions)
    return is_privileged or rules.enforced_for is EnforcedFor.EVERYBODY
