"""Who may use a route: the rules, and the one decision.

A rule is a frozen value on the matched route; the decision is a pure function of the rule and of what is known about the caller
(the identity in the session record, address, time), taken before any body is read. It ends in a denial. Rules combine with
`&` and `|`; a combination denies with the reason of the first part that denied, for `|` with the last one's.

    access.public               everybody
    access.signed_in            somebody who is signed in
    access.second_factor        … with a second factor in this session
    access.fresh(minutes=5)     … who proved who they are in the last minutes (step-up)
    access.permission("a.b")    … who holds the permission
    access.role("editors")      … who has the role
    access.network("10.0.0.0/8")  an address in one of the networks
    access.test(function)       the function of the identity says yes

Object-level permission is not decided here. ASVS 5.0 V8.2.1, V8.3.1.
"""

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, TypeAlias, TypeVar

from fastness.kernel.errors import ConfigError
from fastness.kernel.verdicts import ALLOW, Allow, Deny, Verdict
from fastness.sessions.identity import Identity

EndpointT = TypeVar("EndpointT", bound=Callable[..., Any])


class AccessReason(StrEnum):
    """Why a rule denied."""

    NOT_SIGNED_IN = "not_signed_in"
    NO_SECOND_FACTOR = "no_second_factor"
    NOT_FRESH = "not_fresh"
    NO_PERMISSION = "no_permission"
    NO_ROLE = "no_role"
    NETWORK = "network"
    TEST_FAILED = "test_failed"
    UNKNOWN_RULE = "unknown_rule"


class AccessRuleError(ConfigError):
    """An access rule that cannot be right."""

    code = "access_rule"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessFacts:
    """What a decision may look at."""

    identity: Identity | None
    client_ip: str
    now: float
    """Seconds since 1970, UTC."""


@dataclass(frozen=True, slots=True)
class Access:
    """A rule. Make one with the functions of this module."""

    def __and__(self, other: "Access") -> "Access":
        return All((self, other))

    def __or__(self, other: "Access") -> "Access":
        return AnyOf((self, other))


@dataclass(frozen=True, slots=True)
class Public(Access):
    """Everybody."""

    def __str__(self) -> str:
        return "public"


@dataclass(frozen=True, slots=True)
class SignedIn(Access):
    """Somebody who is signed in."""

    def __str__(self) -> str:
        return "signed_in"


@dataclass(frozen=True, slots=True)
class SecondFactor(Access):
    """Somebody whose session has a second factor."""

    def __str__(self) -> str:
        return "second_factor"


@dataclass(frozen=True, slots=True)
class Fresh(Access):
    """Somebody who proved who they are a short while ago."""

    seconds: int

    def __str__(self) -> str:
        return f"fresh({self.seconds} s)"


@dataclass(frozen=True, slots=True)
class Permission(Access):
    """Somebody who holds a permission."""

    name: str

    def __str__(self) -> str:
        return f"permission({self.name})"


@dataclass(frozen=True, slots=True)
class Role(Access):
    """Somebody who has a role."""

    name: str

    def __str__(self) -> str:
        return f"role({self.name})"


Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class FromNetwork(Access):
    """A caller whose address lies in one of the networks."""

    networks: tuple[Network, ...]

    def __str__(self) -> str:
        return f"network({', '.join(map(str, self.networks))})"


@dataclass(frozen=True, slots=True)
class Test(Access):
    """Somebody signed in for whom a function says yes."""

    function: Callable[[Identity], bool]

    def __str__(self) -> str:
        return f"test({self.function.__name__})"


@dataclass(frozen=True, slots=True)
class All(Access):
    """Every part allows."""

    parts: tuple[Access, ...]

    def __str__(self) -> str:
        return " & ".join(f"({part})" if isinstance(part, AnyOf) else str(part) for part in self.parts)


@dataclass(frozen=True, slots=True)
class AnyOf(Access):
    """One part allows."""

    parts: tuple[Access, ...]

    def __str__(self) -> str:
        return " | ".join(f"({part})" if isinstance(part, All) else str(part) for part in self.parts)


public: Final = Public()
signed_in: Final = SignedIn()
second_factor: Final = SecondFactor()


def fresh(*, minutes: int) -> Access:
    """Somebody who proved who they are within `minutes`."""
    if not 1 <= minutes <= 24 * 60:
        raise AccessRuleError(f"access.fresh(minutes={minutes}) must lie between 1 and {24 * 60}.")
    return Fresh(minutes * 60)


def permission(name: str) -> Access:
    """Somebody who holds the permission `name`, written `part.action`."""
    if not name or name != name.strip() or "." not in name:
        raise AccessRuleError(
            f"The permission {name!r} must be written as 'part.action', for example 'cases.add_note'."
        )
    return Permission(name)


def role(name: str) -> Access:
    """Somebody who has the role `name`."""
    if not name or name != name.strip():
        raise AccessRuleError("access.role needs the name of a role.")
    return Role(name)


def network(*cidrs: str) -> Access:
    """A caller from one of the networks. Behind a proxy this holds only if the proxy is declared."""
    if not cidrs:
        raise AccessRuleError("access.network needs at least one network, for example '10.0.0.0/8'.")
    try:
        return FromNetwork(tuple(ipaddress.ip_network(cidr) for cidr in cidrs))
    except ValueError as error:
        raise AccessRuleError(
            f"access.network: {error}. Write a network such as '10.0.0.0/8' or '2001:db8::/32'."
        ) from None


def test(function: Callable[[Identity], bool]) -> Access:
    """Somebody signed in for whom `function(identity)` returns `True` itself; any other value denies."""
    if not callable(function):
        raise AccessRuleError("access.test needs a function that takes the identity and returns True or False.")
    return Test(function)


def requires(rule: Access) -> Callable[[EndpointT], EndpointT]:
    """Mark an endpoint of a foreign router with its rule."""
    if not isinstance(rule, Access):
        raise AccessRuleError("access.requires needs a rule such as access.signed_in.")

    def mark(endpoint: EndpointT) -> EndpointT:
        endpoint.access = rule  # type: ignore[attr-defined]  # read back by seal_route
        return endpoint

    return mark


def decide_access(rule: Access, facts: AccessFacts) -> Verdict:
    """Allow, or the reason why not. An unknown kind of rule denies."""
    match rule:
        case Public():
            return ALLOW
        case All(parts):
            return decide_all(parts, facts)
        case AnyOf(parts):
            return decide_any(parts, facts)
        case FromNetwork(networks):
            return decide_network(networks, facts.client_ip)
    identity = facts.identity
    if identity is None:
        return Deny(AccessReason.NOT_SIGNED_IN)
    return decide_identity(rule, identity, facts.now)


def decide_identity(rule: Access, identity: Identity, now: float) -> Verdict:
    """The rules that look at who is signed in."""
    match rule:
        case SignedIn():
            return ALLOW
        case SecondFactor():
            return ALLOW if identity.second_factor_at is not None else Deny(AccessReason.NO_SECOND_FACTOR)
        case Fresh(seconds):
            proved_at = max(identity.authenticated_at, identity.second_factor_at or 0.0)
            # A time in the future comes from a clock that was set back: it proves nothing.
            return ALLOW if 0 <= now - proved_at <= seconds else Deny(AccessReason.NOT_FRESH)
        case Permission(name):
            return ALLOW if name in identity.permissions else Deny(AccessReason.NO_PERMISSION)
        case Role(name):
            return ALLOW if name in identity.roles else Deny(AccessReason.NO_ROLE)
        case Test(function):
            return ALLOW if function(identity) is True else Deny(AccessReason.TEST_FAILED)
    return Deny(AccessReason.UNKNOWN_RULE)


def decide_all(parts: tuple[Access, ...], facts: AccessFacts) -> Verdict:
    """Every part must allow; no parts at all deny."""
    verdict: Verdict = Deny(AccessReason.UNKNOWN_RULE)
    for part in parts:
        verdict = decide_access(part, facts)
        if not isinstance(verdict, Allow):
            return verdict
    return verdict


def decide_any(parts: tuple[Access, ...], facts: AccessFacts) -> Verdict:
    """One part must allow."""
    verdict: Verdict = Deny(AccessReason.UNKNOWN_RULE)
    for part in parts:
        verdict = decide_access(part, facts)
        if isinstance(verdict, Allow):
            return verdict
    return verdict


def decide_network(networks: tuple[Network, ...], client_ip: str) -> Verdict:
    """An address that cannot be read is in no network."""
    try:
        address = ipaddress.ip_address(client_ip)
    except ValueError:
        return Deny(AccessReason.NETWORK)
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return ALLOW if any((mapped or address) in one for one in networks) else Deny(AccessReason.NETWORK)
