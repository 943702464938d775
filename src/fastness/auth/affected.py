"""Whom a change of roles or groups concerns, and the locks that keep the answer true until the commit.

The order is always role, groups, people. Each lock is a write: of two transactions that write the same row, one waits, and on a
database where a transaction sees one moment only (PostgreSQL, repeatable read) the later one is refused and has to begin again,
with the rows that the first one left. So nobody can join a group, or be given a role, between the moment its people are counted
and the commit.

ASVS 5.0: V15.4.2, V8.3.2.
"""

import uuid
from collections.abc import Collection
from datetime import datetime
from typing import Any, Final

from sqlalchemy import CursorResult, select, union, update
from sqlalchemy.ext.asyncio import AsyncSession

from fastness.auth.errors import VanishedError
from fastness.auth.roles import GROUP_MEMBERS, GROUP_ROLES, ROLE_PERMISSIONS, USER_ROLES, Group, Role
from fastness.auth.users import User

_AT_ONCE: Final = 500
"""Rows in one statement: databases bound the number of values."""


async def lock_role(db: AsyncSession, role: Role, now: datetime) -> Role:
    """Make other changes of this role wait, and return it as it is now. Raises `VanishedError`."""
    await db.flush()
    await _write(db, update(Role.__table__).where(Role.id == role.id).values(changed_at=now), "role")  # type: ignore[arg-type]  # declarative calls its table a FromClause
    return await db.get_one(Role, role.id, populate_existing=True)


async def lock_group(db: AsyncSession, group: Group, now: datetime) -> Group:
    """Make other changes of this group wait, and return it as it is now. Raises `VanishedError`."""
    await db.flush()
    await _write(db, update(Group.__table__).where(Group.id == group.id).values(changed_at=now), "group")  # type: ignore[arg-type]
    return await db.get_one(Group, group.id, populate_existing=True)


async def lock_users(db: AsyncSession, user_ids: Collection[uuid.UUID]) -> None:
    """Make requests that refresh the snapshots of these people wait for our commit. Raises `VanishedError`."""
    ordered = sorted(user_ids)
    for start in range(0, len(ordered), _AT_ONCE):
        part = ordered[start : start + _AT_ONCE]
        table = User.__table__
        statement = update(table).where(table.c.id.in_(part)).values(valid_since=table.c.valid_since)  # type: ignore[arg-type]
        await _write(db, statement, "user", count=len(part))


async def holders_of_role(db: AsyncSession, role: Role, now: datetime) -> frozenset[uuid.UUID]:
    """Everybody who has the role, directly or through a group. Lock the role first; the groups are locked here."""
    groups = select(GROUP_ROLES.c.group_id).where(GROUP_ROLES.c.role_id == role.id)
    await db.execute(update(Group.__table__).where(Group.id.in_(groups)).values(changed_at=now))  # type: ignore[arg-type]
    members = (
        select(GROUP_MEMBERS.c.user_id)
        .join(GROUP_ROLES, GROUP_ROLES.c.group_id == GROUP_MEMBERS.c.group_id)
        .where(GROUP_ROLES.c.role_id == role.id)
    )
    return frozenset(
        await db.scalars(union(select(USER_ROLES.c.user_id).where(USER_ROLES.c.role_id == role.id), members))
    )


async def members_of_group(db: AsyncSession, group: Group) -> frozenset[uuid.UUID]:
    """Everybody in the group. Lock it first."""
    return frozenset(await db.scalars(select(GROUP_MEMBERS.c.user_id).where(GROUP_MEMBERS.c.group_id == group.id)))


async def roles_of_group(db: AsyncSession, group: Group) -> frozenset[str]:
    """The names of the group's roles. Lock it first."""
    mine = GROUP_ROLES.c.group_id == group.id
    return frozenset(
        await db.scalars(select(Role.name).join(GROUP_ROLES, GROUP_ROLES.c.role_id == Role.id).where(mine))
    )


async def permissions_of_group(db: AsyncSession, group: Group) -> frozenset[str]:
    """What the group's roles permit together. Lock it first."""
    mine = select(GROUP_ROLES.c.role_id).where(GROUP_ROLES.c.group_id == group.id)
    return frozenset(
        await db.scalars(select(ROLE_PERMISSIONS.c.permission).where(ROLE_PERMISSIONS.c.role_id.in_(mine)))
    )


async def _write(db: AsyncSession, statement: Any, kind: str, *, count: int = 1) -> None:  # noqa: ANN401 - one of three updates
    result: CursorResult[Any] = await db.execute(statement)  # type: ignore[assignment]
    if result.rowcount != count:
        raise VanishedError(kind)
