"""The tables of roles and groups, and how to find one.

A role is a set of permissions under a name that access rules know. A group is a set of people, under a name that only people
read. A person holds a role directly or through a group, and may hold single permissions. The tables are data that people with
the right to do so change while the app runs, through `fastness.auth.granting` only: a row changed past it shows in nobody's
session. Whoever can write these tables can become anybody.

ASVS 5.0: V8.1.1, V8.2.1.
"""

import uuid
from datetime import datetime
from typing import Final

from sqlalchemy import Column, ForeignKey, String, Table, Uuid, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from fastness.auth.errors import GroupNameError, ProtectedRoleError, UsernameError
from fastness.auth.usernames import MAX_LENGTH as MAX_GROUP_NAME_LENGTH
from fastness.auth.usernames import parse_username, try_username_key
from fastness.auth.users import User
from fastness.authz.permissions import MAX_LENGTH as MAX_PERMISSION_LENGTH
from fastness.authz.rolenames import MAX_LENGTH as MAX_ROLE_NAME_LENGTH
from fastness.authz.rolenames import parse_role_name
from fastness.db.model import Model, PublicID
from fastness.sessions.identity import SUPERUSER


class Role(Model):
    """What somebody is here, and what that permits."""

    __tablename__ = "fastness_roles"

    id: Mapped[PublicID]
    name: Mapped[str] = mapped_column(String(MAX_ROLE_NAME_LENGTH), unique=True)
    label: Mapped[str] = mapped_column(String(254), default="")
    """What people read; decides nothing."""
    changed_at: Mapped[datetime]
    """Written first by every change, so that changes of one role wait for each other."""

    def __repr__(self) -> str:
        return f"Role(name={self.name!r})"


class Group(Model):
    """Some people who are given roles together."""

    __tablename__ = "fastness_groups"

    id: Mapped[PublicID]
    name: Mapped[str] = mapped_column(String(MAX_GROUP_NAME_LENGTH))
    name_key: Mapped[str] = mapped_column(String(4 * MAX_GROUP_NAME_LENGTH), unique=True)
    changed_at: Mapped[datetime]
    """Written first by every change, as with roles."""

    def __repr__(self) -> str:
        return f"Group(id={self.id!r})"


def _pointer(name: str, target: type[Model], *, is_indexed: bool = False) -> Column[uuid.UUID]:
    return Column(
        name,
        Uuid,
        ForeignKey(f"{target.__tablename__}.id", ondelete="CASCADE"),
        primary_key=True,
        # The primary key finds by its first column; this finds by the other one.
        index=is_indexed,
    )


def _permission() -> Column[str]:
    return Column("permission", String(MAX_PERMISSION_LENGTH), primary_key=True)


ROLE_PERMISSIONS: Final = Table("fastness_role_permissions", Model.metadata, _pointer("role_id", Role), _permission())
USER_PERMISSIONS: Final = Table("fastness_user_permissions", Model.metadata, _pointer("user_id", User), _permission())
USER_ROLES: Final = Table(
    "fastness_user_roles", Model.metadata, _pointer("user_id", User), _pointer("role_id", Role, is_indexed=True)
)
GROUP_ROLES: Final = Table(
    "fastness_group_roles", Model.metadata, _pointer("group_id", Group), _pointer("role_id", Role, is_indexed=True)
)
GROUP_MEMBERS: Final = Table(
    "fastness_group_members", Model.metadata, _pointer("group_id", Group), _pointer("user_id", User, is_indexed=True)
)


def free_role_name(name: str) -> str:
    """The name of a role that may be changed: every one but the superuser's, which is the same in every app."""
    parsed = parse_role_name(name)
    if parsed == SUPERUSER:
        raise ProtectedRoleError
    return parsed


def parse_group_name(name: str) -> tuple[str, str]:
    """A group's name as it is shown, and as it is compared. Raises `GroupNameError`."""
    try:
        return parse_username(name)
    except UsernameError as error:
        raise GroupNameError(error.reason) from None


async def find_role(db: AsyncSession, name: str) -> Role | None:
    """Find the role with exactly this name."""
    return await db.scalar(select(Role).where(Role.name == name))


async def find_group(db: AsyncSession, name: str) -> Group | None:
    """Find the group with this name, written in any case and form."""
    key = try_username_key(name)
    return None if key is None else await db.scalar(select(Group).where(Group.name_key == key))


async def permissions_of_role(db: AsyncSession, role: Role) -> frozenset[str]:
    """What a role permits, as the database has it."""
    table = ROLE_PERMISSIONS.c
    return frozenset(await db.scalars(select(table.permission).where(table.role_id == role.id)))
