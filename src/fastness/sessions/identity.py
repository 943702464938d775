"""Who a request acts for: a frozen snapshot of a user, kept in the session record so that a request needs no query.

The snapshot is made at sign-in from the user's row and carries the owner's epoch of that moment. When the user's state,
groups or permissions change, the epoch in the store is raised first; a request whose snapshot shows another epoch is
stale and gets a new snapshot before any access rule is asked. The visitor never sees or sends the snapshot, only the id
of the session; whoever can write the store can become anybody.

ASVS 5.0: V7.2.1, V8.3.2.
"""

from collections.abc import Callable, Mapping
from dataclasses import field, replace
from typing import Final, TypeAlias
from uuid import UUID

from fastness.kernel.limits import JSONValue
from fastness.kernel.values import dataclass

SUPERUSER: Final = "superuser"
"""The role that holds every permission. There is no other way to hold them all, and each use of it can be told."""

Witness: TypeAlias = Callable[[str], None]
"""Is told the permission that somebody used by being a superuser."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """One user as the access rules see them."""

    id: UUID
    """The user's public id; its text is the owner of the user's sessions in the store."""
    username: str
    display_name: str
    is_staff: bool = False
    roles: frozenset[str] = frozenset()
    permissions: frozenset[str] = frozenset()
    authenticated_at: float
    """When the visitor last proved who they are, seconds since 1970."""
    second_factor_at: float | None = None
    """When they last proved a second factor in this session, if they did."""
    epoch: int = 0
    """The owner's epoch in the store when this snapshot was made. Read it before the user's row, never after."""

    witness: Witness | None = field(default=None, compare=False, repr=False)
    """Of this request only; no part of the record."""

    @property
    def is_superuser(self) -> bool:
        """Whether they have the role that holds every permission."""
        return SUPERUSER in self.roles

    def may(self, permission: str) -> bool:
        """Whether they hold the permission: given to them, to one of their roles, or as a superuser, which is recorded.

        It is their own permission that is asked for, not what they may do with one object; that is the policies' subject.
        """
        if permission in self.permissions:
            return True
        if not self.is_superuser:
            return False
        if self.witness is not None:
            self.witness(permission)
        return True

    def witnessed(self, witness: Witness) -> "Identity":
        """The same person; `witness` is told when `may` says yes only because they are a superuser."""
        return replace(self, witness=witness)

    def without_superuser(self) -> "Identity":
        """What they would be without that role: shows whether it made the difference."""
        return replace(self, roles=self.roles - {SUPERUSER}, witness=None)

    @property
    def owner(self) -> str:
        """The name under which the store keeps this user's records and epoch."""
        return str(self.id)

    def gains_over(self, former: "Identity") -> bool:
        """Whether this snapshot may do something that the former could not: a reason for a new session id."""
        return (
            (self.is_staff and not former.is_staff)
            or bool(self.roles - former.roles)
            or bool(self.permissions - former.permissions)
            or (self.second_factor_at is not None and former.second_factor_at is None)
        )


def identity_to_json(identity: Identity) -> dict[str, JSONValue]:
    """The snapshot as JSON. Sets become sorted lists, so that equal snapshots give equal bytes."""
    return {
        "id": str(identity.id),
        "username": identity.username,
        "display_name": identity.display_name,
        "is_staff": identity.is_staff,
        "roles": [*sorted(identity.roles)],
        "permissions": [*sorted(identity.permissions)],
        "authenticated_at": identity.authenticated_at,
        "second_factor_at": identity.second_factor_at,
        "epoch": identity.epoch,
    }


def identity_from_json(data: Mapping[str, object]) -> Identity:
    """The snapshot from our own JSON; raises KeyError, TypeError or ValueError for anything else."""
    return Identity(
        id=UUID(_text(data["id"])),
        username=_text(data["username"]),
        display_name=_text(data["display_name"]),
        is_staff=data["is_staff"] is True,
        roles=_names(data["roles"]),
        permissions=_names(data["permissions"]),
        authenticated_at=_seconds(data["authenticated_at"]),
        second_factor_at=None if data["second_factor_at"] is None else _seconds(data["second_factor_at"]),
        epoch=int(_seconds(data["epoch"])),
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("A text was expected.")
    return value


def _names(value: object) -> frozenset[str]:
    # A text is iterable too: "admin" must not become the five roles a, d, m, i, n.
    if not isinstance(value, list):
        raise TypeError("A list was expected.")
    return frozenset(_text(name) for name in value)


def _seconds(value: object) -> float:
    if not isinstance(value, int | float):
        raise TypeError("A number was expected.")
    return value
