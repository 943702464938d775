"""Somebody must be left who may do everything: the last active superuser is not taken away.

An app without one can be helped from its machine only, so nobody gets there by accident or by two people who take the role from
each other in the same moment: every change that could end in it locks the superuser's role first, and counts after it. Code that
means it says why.

ASVS 5.0: V8.2.1, V15.4.2 (check and change are one).
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from fastness.auth.affected import lock_role
from fastness.auth.errors import LastSuperuserError
from fastness.auth.roles import GROUP_MEMBERS, GROUP_ROLES, USER_ROLES, find_role
from fastness.auth.users import User
from fastness.kernel.because import Because
from fastness.sessions.identity import SUPERUSER


@asynccontextmanager
async def keeping_a_superuser(db: AsyncSession, now: datetime, *, unless: Because | None) -> AsyncIterator[None]:
    """Make the change inside, and raise `LastSuperuserError` if it left no active superuser where there was one.

    Enter it before groups and people are locked. Whoever catches the error rolls back.
    """
    role = None if unless is not None else await find_role(db, SUPERUSER)
    if role is None:
        yield
        return
    await lock_role(db, role, now)
    had_one = await has_superuser(db)
    yield
    await db.flush()
    if had_one and not await has_superuser(db):
        raise LastSuperuserError


async def has_superuser(db: AsyncSession) -> bool:
    """Whether an active user holds the superuser's role, directly or through a group."""
    role = await find_role(db, SUPERUSER)
    if role is None:
        return False
    directly = select(USER_ROLES.c.user_id).where(USER_ROLES.c.role_id == role.id)
    by_group = (
        select(GROUP_MEMBERS.c.user_id)
        .join(GROUP_ROLES, GROUP_ROLES.c.group_id == GROUP_MEMBERS.c.group_id)
        .where(GROUP_ROLES.c.role_id == role.id)
    )
    holds = or_(User.id.in_(directly), User.id.in_(by_group))
    return await db.scalar(select(User.id).where(User.is_active, holds).limit(1)) is not None
