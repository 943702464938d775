"""Who may do what, shown: roles, permissions, groups, and what one person holds.

ASVS 5.0: V8.1.1 (who may do what can be reviewed).
"""

import json

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from fastness.auth.granting import Roles
from fastness.auth.holdings import load_holdings
from fastness.auth.roles import (
    GROUP_MEMBERS,
    GROUP_ROLES,
    ROLE_PERMISSIONS,
    USER_PERMISSIONS,
    USER_ROLES,
    Group,
    Role,
)
from fastness.auth.users import User
from fastness.cli.location import find_location, load_app
from fastness.cli.roleunits import run_in_unit, user_named
from fastness.cli.terminal import printable, say, table
from fastness.sessions.identity import SUPERUSER


def show_roles(app_name: str | None, *, as_json: bool) -> None:
    """List the roles."""
    found = run_in_unit(app_name, _read_roles, is_read_only=True)
    if as_json:
        say(json.dumps(found, indent=2))
        return
    rows = [
        [
            str(role["name"]),
            str(role["label"]),
            "everything" if role["name"] == SUPERUSER else _joined(role["permissions"]),
            str(role["users"]),
            _joined(role["groups"]),
        ]
        for role in found
    ]
    say(table(["role", "label", "permits", "people", "groups"], rows))


def show_permissions(app_name: str | None, *, as_json: bool) -> None:
    """List what is declared."""
    catalogue = load_app(find_location(app_name)).permissions
    described = {name: catalogue.describe(name) for name in catalogue}
    if as_json:
        say(json.dumps(described, indent=2))
    else:
        say(table(["permission", "allows"], [[name, text] for name, text in described.items()]))


def show_groups(app_name: str | None, *, as_json: bool) -> None:
    """List the groups."""
    found = run_in_unit(app_name, _read_groups, is_read_only=True)
    if as_json:
        say(json.dumps(found, indent=2))
    else:
        rows = [[str(one["name"]), _joined(one["members"]), _joined(one["roles"])] for one in found]
        say(table(["group", "people", "roles"], rows))


def show_user(app_name: str | None, username: str, *, as_json: bool) -> None:
    """Show what one person holds, and how they came to it."""

    async def read(_: Roles, db: AsyncSession) -> dict[str, object]:
        user = await user_named(db, username)
        held = await load_holdings(db, user.id)
        direct = (
            select(Role.name).join(USER_ROLES, USER_ROLES.c.role_id == Role.id).where(USER_ROLES.c.user_id == user.id)
        )
        groups = select(Group.name).join(GROUP_MEMBERS, GROUP_MEMBERS.c.group_id == Group.id)
        own = select(USER_PERMISSIONS.c.permission).where(USER_PERMISSIONS.c.user_id == user.id)
        return {
            "user": user.username,
            "is_superuser": held.is_superuser,
            "roles": sorted(held.roles),
            "given_roles": sorted(await db.scalars(direct)),
            "groups": sorted(await db.scalars(groups.where(GROUP_MEMBERS.c.user_id == user.id))),
            "permissions": sorted(held.permissions),
            "given_permissions": sorted(await db.scalars(own)),
        }

    found = run_in_unit(app_name, read, is_read_only=True)
    if as_json:
        say(json.dumps(found, indent=2))
        return
    for name in ("roles", "groups", "given_permissions", "permissions"):
        text = "everything" if name == "permissions" and found["is_superuser"] else _joined(found[name])
        say(f"{name.replace('_', ' ')}: {printable(text) or 'none'}")


async def _read_roles(_: Roles, db: AsyncSession) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    for role in await db.scalars(select(Role).order_by(Role.name)):
        permits = select(ROLE_PERMISSIONS.c.permission).where(ROLE_PERMISSIONS.c.role_id == role.id)
        people = select(USER_ROLES.c.user_id).where(USER_ROLES.c.role_id == role.id)
        groups = select(Group.name).join(GROUP_ROLES, GROUP_ROLES.c.group_id == Group.id)
        found.append(
            {
                "name": role.name,
                "label": role.label,
                "permissions": sorted(await db.scalars(permits)),
                "users": len((await db.scalars(people)).all()),
                "groups": sorted(await db.scalars(groups.where(GROUP_ROLES.c.role_id == role.id))),
            }
        )
    return found


async def _read_groups(_: Roles, db: AsyncSession) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    for group in await db.scalars(select(Group).order_by(Group.name_key)):
        people = select(User.username).join(GROUP_MEMBERS, GROUP_MEMBERS.c.user_id == User.id)
        roles = select(Role.name).join(GROUP_ROLES, GROUP_ROLES.c.role_id == Role.id)
        found.append(
            {
                "name": group.name,
                "members": sorted(await db.scalars(people.where(GROUP_MEMBERS.c.group_id == group.id))),
                "roles": sorted(await db.scalars(roles.where(GROUP_ROLES.c.group_id == group.id))),
            }
        )
    return found


def _joined(names: object) -> str:
    return ", ".join(map(str, names)) if isinstance(names, list) else ""
