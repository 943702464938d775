"""Who may use which route, as a table: each route against the kinds of people that its rules tell apart.

The table asks the same decision that the gate asks, for made-up people: one who is not signed in, one who is, one with each role
and one with each permission that a rule names or that was declared. No database is needed; with the roles of one, their columns
show what their permissions open. Two things cannot be known before a request comes: the address it comes from and what a
function of `access.test` says, and which object it asks for. A cell says so instead of guessing.

The table tells what the rules say, not what handlers do with the objects they load: that is the subject of
`fastness.testing.matrix`. ASVS 5.0: V8.1.1, V8.2.1.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from enum import StrEnum
from typing import Final
from uuid import UUID

from fastness.kernel.values import dataclass
from fastness.kernel.verdicts import Allow
from fastness.sessions.identity import SUPERUSER, Identity
from fastness.web.access import decide_access, public, signed_in
from fastness.web.accessrules import (
    Access,
    AccessFacts,
    All,
    AnyOf,
    FromNetwork,
    Hidden,
    Role,
    Test,
    permissions_in,
    rules_in,
)
from fastness.web.route import Route

_NOW: Final = 1_000_000_000.0
_NOBODY_PASSES: Final = AnyOf(())
_PROOFS: Final = ((), ("fresh",), ("second factor",), ("second factor", "fresh"))
"""What a person can add to being signed in, the least first."""


class Outcome(StrEnum):
    """What becomes of a request."""

    ALLOWED = "allowed"
    DENIED = "denied"
    BY_OBJECT = "by object"
    """The rule lets them in; the object in the address, or the mounted app, has the last word."""
    BY_CONDITION = "by condition"
    """The network or the function in the rule has the last word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One kind of people."""

    title: str
    identity: Identity | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What one kind of people gets from one route."""

    outcome: Outcome
    proofs: tuple[str, ...] = ()
    """What they must have shown besides: a second factor, or who they are a short while ago."""

    def __str__(self) -> str:
        return " + ".join((self.outcome.value, *self.proofs))


def columns_of(routes: Iterable[Route], roles: Mapping[str, frozenset[str]] | None = None) -> tuple[Column, ...]:
    """The kinds of people: nobody, somebody, and each role and permission that a rule names or `roles` holds."""
    named_roles, named_permissions = names_in(route.access for route in routes)
    declared = dict(roles or {})
    columns = [Column(title="anonymous", identity=None), Column(title="signed in", identity=person())]
    if named_permissions or named_roles or declared:
        named_roles.add(SUPERUSER)
    for name in sorted(named_roles | declared.keys()):
        held = declared.get(name, frozenset())
        columns.append(Column(title=f"role {name}", identity=person(roles=frozenset({name}), permissions=held)))
    columns += [
        Column(title=f"permission {name}", identity=person(permissions=frozenset({name})))
        for name in sorted(named_permissions)
    ]
    return tuple(columns)


def person(*, roles: frozenset[str] = frozenset(), permissions: frozenset[str] = frozenset()) -> Identity:
    """Somebody who signed in long ago with a password only."""
    return Identity(
        id=UUID(int=1),
        username="somebody",
        display_name="Somebody",
        roles=roles,
        permissions=permissions,
        authenticated_at=0.0,
    )


def names_in(rules: Iterable[Access]) -> tuple[set[str], set[str]]:
    """The roles and the permissions that the rules name."""
    roles: set[str] = set()
    permissions: set[str] = set()
    for rule in rules:
        roles.update(part.name for part in rules_in(rule) if isinstance(part, Role))
        permissions.update(permissions_in(rule))
    return roles, permissions


def cell_of(route: Route, identity: Identity | None) -> Cell:
    """What the rule answers to somebody, with the least proof that changes a no."""
    for proofs in _PROOFS if identity is not None else _PROOFS[:1]:
        outcome = outcome_of(route.access, proved(identity, proofs))
        if outcome is not Outcome.DENIED:
            if outcome is Outcome.ALLOWED and is_about_an_object(route):
                outcome = Outcome.BY_OBJECT
            return Cell(outcome=outcome, proofs=proofs)
    return Cell(outcome=Outcome.DENIED)


def proved(identity: Identity | None, proofs: tuple[str, ...]) -> Identity | None:
    """The same person, having shown these proofs."""
    if identity is None:
        return None
    # Whoever has a second factor shows it again for a fresh proof.
    at = _NOW if "fresh" in proofs else 0.0
    return replace(identity, authenticated_at=at, second_factor_at=at if "second factor" in proofs else None)


def outcome_of(rule: Access, identity: Identity | None) -> Outcome:
    """Ask the gate's decision twice: with everything that cannot be known in favour, and with all of it against."""
    facts = AccessFacts(identity=identity, client_ip="", now=_NOW)
    if not isinstance(decide_access(settled(rule, is_in_favour=True), facts), Allow):
        return Outcome.DENIED
    if isinstance(decide_access(settled(rule, is_in_favour=False), facts), Allow):
        return Outcome.ALLOWED
    # Rules are made of `&` and `|` alone, so what neither settles the unknown parts do.
    return Outcome.BY_CONDITION


def settled(rule: Access, *, is_in_favour: bool) -> Access:
    """The rule with its unknown parts answered."""
    match rule:
        case All(parts):
            return All(tuple(settled(part, is_in_favour=is_in_favour) for part in parts))
        case AnyOf(parts):
            return AnyOf(tuple(settled(part, is_in_favour=is_in_favour) for part in parts))
        case Hidden(inner):
            return Hidden(settled(inner, is_in_favour=is_in_favour))
        case FromNetwork():
            return public if is_in_favour else _NOBODY_PASSES
        case Test():
            return signed_in if is_in_favour else _NOBODY_PASSES
    return rule


def is_about_an_object(route: Route) -> bool:
    """Whether the address names something. A route that never reads the session gives everybody the same."""
    return bool(route.convertors) and route.read_session
