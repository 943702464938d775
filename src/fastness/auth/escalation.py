"""Nobody gives what they do not hold: the decision behind every change of roles, groups and permissions.

Suppose somebody may give roles, and wants more than they have: they give themself a role, join a group, add a permission to
their role, rename a role of theirs to one that a rule asks for, or do all that for a second account of theirs. The rules:

* only a superuser makes, or unmakes, a superuser;
* nobody but a superuser changes something so that they themselves receive;
* nobody but a superuser gives a permission that they do not hold themselves.

To take away is decided by the access rule of the route, but for the first rule. Not covered: a role without permissions that
an `access.role(…)` rule asks for may be given to a confederate by whoever may give roles; demand permissions, not roles.

ASVS 5.0: V8.2.1, V8.3.1.
"""

import uuid
from enum import StrEnum

from fastness.kernel.values import dataclass
from fastness.kernel.verdicts import ALLOW, Deny, Verdict
from fastness.sessions.identity import SUPERUSER


class EscalationReason(StrEnum):
    """Why a change was refused."""

    NOBODY = "nobody"
    SUPERUSER_ONLY = "superuser_only"
    SELF = "self_grant"
    BEYOND_OWN = "beyond_own"


@dataclass(frozen=True, slots=True, kw_only=True)
class Giver:
    """Who changes something, and what they hold now."""

    id: uuid.UUID
    is_superuser: bool
    permissions: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What is given or taken."""

    gives: bool
    roles: frozenset[str] = frozenset()
    permissions: frozenset[str] = frozenset()
    receivers: frozenset[uuid.UUID] = frozenset()


def decide_change(giver: Giver, change: Change) -> Verdict:
    """Allow, or the reason why not."""
    if giver.is_superuser:
        return ALLOW
    if SUPERUSER in change.roles:
        return Deny(EscalationReason.SUPERUSER_ONLY)
    if not change.gives:
        return ALLOW
    if giver.id in change.receivers:
        return Deny(EscalationReason.SELF)
    if not change.permissions <= giver.permissions:
        return Deny(EscalationReason.BEYOND_OWN)
    return ALLOW
