"""What somebody holds at this moment: roles, directly or through groups, and permissions, theirs and their roles'.

One query, so that a snapshot is of one moment. Names are taken as the database has them; a permission that no enum declares any
more opens nothing, because no rule demands it.

ASVS 5.0: V8.2.1, V8.3.2.
"""

import uuid
from typing import Any, Final

from sqlalchemy import BindParameter, CompoundSelect, Uuid, bindparam, literal, select, union, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from fastness.auth.roles import GROUP_MEMBERS, GROUP_ROLES, ROLE_PERMISSIONS, USER_PERMISSIONS, USER_ROLES, Role
from fastness.kernel.values import dataclass
from fastness.sessions.identity import SUPERUSER

_ROLE: Final = "role"
_PERMISSION: Final = "permission"


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdings:
    """Roles and permissions of one person."""

    roles: frozenset[str] = frozenset()
    permissions: frozenset[str] = frozenset()

    @property
    def is_superuser(self) -> bool:
        """Whether they have the role that holds every permission."""
        return SUPERUSER in self.roles


def _holdings_query() -> CompoundSelect[Any]:
    user_id: BindParameter[uuid.UUID] = bindparam("user_id", type_=Uuid())
    through_groups = (
        select(GROUP_ROLES.c.role_id)
        .join(GROUP_MEMBERS, GROUP_MEMBERS.c.group_id == GROUP_ROLES.c.group_id)
        .where(GROUP_MEMBERS.c.user_id == user_id)
    )
    held = union(select(USER_ROLES.c.role_id).where(USER_ROLES.c.user_id == user_id), through_groups).cte("held")
    return union_all(
        select(literal(_ROLE), Role.name).where(Role.id.in_(select(held.c.role_id))),
        select(literal(_PERMISSION), ROLE_PERMISSIONS.c.permission).where(
            ROLE_PERMISSIONS.c.role_id.in_(select(held.c.role_id))
        ),
        select(literal(_PERMISSION), USER_PERMISSIONS.c.permission).where(USER_PERMISSIONS.c.user_id == user_id),
    )


# Made once: every sign-in asks, and to put the statement together costs as much as to run it.
_HOLDINGS: Final = _holdings_query()


async def load_holdings(db: AsyncSession, user_id: uuid.UUID) -> Holdings:
    """Everything that the person holds now; nothing for somebody who does not exist."""
    rows = await db.execute(_HOLDINGS, {"user_id": user_id})
    found: dict[str, set[str]] = {_ROLE: set(), _PERMISSION: set()}
    for kind, name in rows:
        found[kind].add(name)
    return Holdings(roles=frozenset(found[_ROLE]), permissions=frozenset(found[_PERMISSION]))
