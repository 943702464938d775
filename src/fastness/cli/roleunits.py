"""What commands about people, roles and groups share: the services of the app, and what a name on the command line stands for."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

from sqlalchemy.ext.asyncio import AsyncSession

from fastness.auth.granting import Roles
from fastness.auth.roles import Group, Role, find_group, find_role
from fastness.auth.users import User, find_user
from fastness.authz.permissions import UnknownPermissionError
from fastness.cli.databases import require_upgraded
from fastness.cli.errors import CommandError
from fastness.cli.location import find_location, load_app
from fastness.cli.terminal import printable
from fastness.services.services import Services
from fastness.sessions.identity import SUPERUSER

ResultT = TypeVar("ResultT")

OPERATOR: Final = "an operator, on the command line"
"""Who it was, for events."""


def run_in_unit(
    app_name: str | None,
    work: Callable[[Roles, AsyncSession], Awaitable[ResultT]],
    *,
    demands: Sequence[str] = (),
    is_read_only: bool = False,
) -> ResultT:
    """Do the work in one transaction of the app's database."""

    async def run(services: Services) -> ResultT:
        for name in demands:
            try:
                services.permissions.check(name)
            except UnknownPermissionError as error:
                raise CommandError(f"{error.detail} `fastness roles permissions` lists them.") from None
        async with services.open_unit(is_read_only=is_read_only) as unit:
            return await work(services.roles, unit.session)

    return run_with_services(app_name, run)


def run_with_services(app_name: str | None, work: Callable[[Services], Awaitable[ResultT]]) -> ResultT:
    """Do the work with the app's services, open, and its database up to date."""
    location = find_location(app_name)
    app = load_app(location)
    require_upgraded(app, location)

    async def run() -> ResultT:
        await app.services.open()
        try:
            return await work(app.services)
        finally:
            await app.services.close()

    return asyncio.run(run())


async def role_named(roles: Roles, db: AsyncSession, name: str) -> Role:
    """The role; that of the superuser is there when it is first asked for."""
    role = await roles.superuser_role(db) if name == SUPERUSER else await find_role(db, name)
    if role is None:
        raise CommandError(f"There is no role {printable(name)}. `fastness roles list` shows them.")
    return role


async def group_named(db: AsyncSession, name: str | None) -> Group:
    """The group."""
    group = await find_group(db, name or "")
    if group is None:
        raise CommandError(f"There is no group {printable(name or '')}. `fastness groups list` shows them.")
    return group


async def user_named(db: AsyncSession, username: str) -> User:
    """The person."""
    user = await find_user(db, username)
    if user is None:
        raise CommandError(f"There is no user {printable(username)}.")
    return user
