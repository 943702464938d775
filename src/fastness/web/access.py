"""Who may use a route: the rules, and the one decision.

A rule is a frozen value on the matched route; the decision is a pure function of the rule and of what is known about the caller
(the identity in the session record, address, time), taken before any body is read. It ends in a denial. Rules combine with
`&` and `|`; a combination denies with the reason of the first part that denied, for `|` with the last one's.

    access.public               everybody
    access.signed_in            somebody who is signed in
    access.second_factor        … with a second factor in this session
    access.fresh(minutes=5)     … who proved who they are in the last minutes (step-up)
    access.permission("a.b")    … who holds the permission, or is a superuser
    access.role("editors")      … who has the role
    access.network("10.0.0.0/8")  an address in one of the networks
    access.test(function)       the function of the identity says yes
    access.hidden(rule)         the rule; whom it refuses is told that there is nothing here

Object-level permission is not decided here. ASVS 5.0 V8.2.1, V8.3.1.
"""

import inspect
import ipaddress
from collections.abc import Callable
from typing import Any, Final, TypeVar

from fastness.authz.permissions import is_permission_name
from fastness.authz.rolenames import RoleNameError, parse_role_name
from fastness.kernel.verdicts import ALLOW, Allow, Deny, Verdict
from fastness.sessions.identity import Identity
from fastness.web.accessrules import (
    Access,
    AccessFacts,
    AccessReason,
    AccessRuleError,
    All,
    AnyOf,
    Fresh,
    FromNetwork,
    Hidden,
    Network,
    Permission,
    Public,
    Role,
    SecondFactor,
    SignedIn,
    Test,
)

__all__ = [
    "Access",
    "AccessFacts",
    "AccessReason",
    "AccessRuleError",
    "All",
    "AnyOf",
    "Fresh",
    "FromNetwork",
    "Hidden",
    "Network",
    "Permission",
    "Public",
    "Role",
    "SecondFactor",
    "SignedIn",
    "Test",
    "conceals",
    "decide_access",
    "fresh",
    "hidden",
    "is_allowed",
    "network",
    "permission",
    "public",
    "requires",
    "role",
    "second_factor",
    "signed_in",
    "test",
]

EndpointT = TypeVar("EndpointT", bound=Callable[..., Any])

public: Final = Public()
signed_in: Final = SignedIn()
second_factor: Final = SecondFactor()


def fresh(*, minutes: int) -> Access:
    """Somebody who proved who they are within `minutes`, from 1 to a day's 1440. Raises `AccessRuleError` for others."""
    if not 1 <= minutes <= 24 * 60:
        raise AccessRuleError(f"access.fresh(minutes={minutes}) must lie between 1 and {24 * 60}.")
    return Fresh(minutes * 60)


def permission(name: str) -> Access:
    """Somebody who holds the permission: a member of a `Permissions` enum, or its name. The app must declare it.

    Raises `AccessRuleError` for what is no name of a permission, such as `cases.add_note`.
    """
    if not is_permission_name(name):
        raise AccessRuleError(
            f"The permission {name!r} must be written as 'part.action' in small ASCII letters, for example 'cases.add_note'."
        )
    return Permission(str.__str__(name))


def role(name: str) -> Access:
    """Somebody who has the role `name`; to be a superuser is another role, and not enough.

    Raises `AccessRuleError` for what is no name of a role.
    """
    try:
        return Role(parse_role_name(name))
    except RoleNameError:
        raise AccessRuleError(
            f"access.role({name!r}) is not the name of a role: small ASCII letters, digits, and hyphens between them."
        ) from None


def network(*cidrs: str) -> Access:
    """A caller from one of the networks, such as `10.0.0.0/8`. Behind a proxy this holds only if the proxy is declared.

    Raises `AccessRuleError` for what is no network, or where none is named.
    """
    if not cidrs:
        raise AccessRuleError("access.network needs at least one network, for example '10.0.0.0/8'.")
    try:
        return FromNetwork(tuple(ipaddress.ip_network(cidr) for cidr in cidrs))
    except ValueError as error:
        raise AccessRuleError(
            f"access.network: {error}. Write a network such as '10.0.0.0/8' or '2001:db8::/32'."
        ) from None


def test(function: Callable[[Identity], bool]) -> Access:
    """Somebody signed in for whom `function(identity)` returns `True` itself; any other value denies.

    Raises `AccessRuleError` for a coroutine function: what that returns is never `True`.
    """
    if not is_plain(function):
        raise AccessRuleError(
            "access.test needs a plain function (not async) that takes the identity and returns True or False."
        )
    return Test(function)


def is_plain(function: object) -> bool:
    """Whether it can be called, and gives no coroutine, which is never `True` and would refuse everybody."""
    return callable(function) and not inspect.iscoroutinefunction(function)


def hidden(rule: Access) -> Access:
    """The rule, for what only those may know of who may use it: everybody else is answered as if there was no such page.

    Whoever fulfils it and is refused by another part of the route's rule is told so: `hidden(role("x")) & fresh(minutes=5)`.
    """
    if rule == public or not isinstance(rule, Access):
        raise AccessRuleError("access.hidden needs a rule that refuses somebody, such as access.role(…).")
    return Hidden(rule)


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
        case Hidden(inner):
            return decide_access(inner, facts)
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
            # Whoever has shown a second factor shows it again: a password that was typed since proves half of it.
            shown_at = identity.second_factor_at
            proved_at = identity.authenticated_at if shown_at is None else shown_at
            # A time in the future comes from a clock that was set back: it proves nothing.
            return ALLOW if 0 <= now - proved_at <= seconds else Deny(AccessReason.NOT_FRESH)
        case Permission(name):
            return ALLOW if identity.may(name) else Deny(AccessReason.NO_PERMISSION)
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


def conceals(rule: Access, facts: AccessFacts) -> bool:
    """Whether a refusal by this rule is to look as if there was nothing here."""
    match rule:
        case Hidden(inner):
            return not is_allowed(inner, facts)
        case All(parts):
            return next((conceals(part, facts) for part in parts if not is_allowed(part, facts)), True)
        case AnyOf(parts):
            return any(conceals(part, facts) for part in parts)
    return False


def is_allowed(rule: Access, facts: AccessFacts) -> bool:
    """Whether the decision is yes."""
    return isinstance(decide_access(rule, facts), Allow)


def decide_network(networks: tuple[Network, ...], client_ip: str) -> Verdict:
    """An address that cannot be read is in no network."""
    try:
        address = ipaddress.ip_address(client_ip)
    except ValueError:
        return Deny(AccessReason.NETWORK)
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return ALLOW if any((mapped or address) in one for one in networks) else Deny(AccessReason.NETWORK)
