"""Who a request acts for: a frozen snapshot of a user, kept in the session record so that a request needs no query.

The snapshot is made at sign-in from the user's row and carries the owner's epoch of that moment. When the user's state,
groups or permissions change, the epoch in the store is raised first; a request whose snapshot shows another epoch is
stale and gets a new snapshot before any access rule is asked. The visitor never sees or sends the snapshot, only the id
of the session; whoever can write the store can become anybody.

ASVS 5.0: V7.2.1, V8.3.2.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from fastness.kernel.limits import JSONValue


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

    def has_permission(self, name: str) -> bool:
        """Whether the permission was granted, directly or by a role."""
        return name in self.permissions

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
