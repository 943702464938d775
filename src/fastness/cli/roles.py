"""`roles`, `groups` and `users roles`: who may do what, changed from the machine that runs the app.

Whoever can run the command can write the database, so nothing is decided here; every change is in the events, with the
reason that it came from the command line. It is in force with the next request of every worker process, as a change by a page is.

ASVS 5.0: V8.3.2, V16.3.3.
"""

from collections.abc import Sequence
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from fastness.auth.granting import Roles
from fastness.cli.errors import CommandError
from fastness.cli.roleunits import OPERATOR, group_named, role_named, run_in_unit, user_named
from fastness.cli.terminal import printable, say
from fastness.kernel.because import Because

_OPERATOR: Final = Because(OPERATOR)


def create_role(app_name: str | None, name: str, *, label: str, permissions: Sequence[str]) -> None:
    """Make a role."""

    async def change(roles: Roles, db: AsyncSession) -> None:
        await roles.create_role(db, name, by=_OPERATOR, label=label, permissions=permissions)

    run_in_unit(app_name, change, demands=permissions)
    say(f"Created the role {printable(name)}.")


def rename_role(app_name: str | None, name: str, new_name: str) -> None:
    """Rename a role."""

    async def change(roles: Roles, db: AsyncSession) -> None:
        await roles.rename_role(db, await role_named(roles, db, name), new_name, by=_OPERATOR)

    run_in_unit(app_name, change)
    say(f"The role {printable(name)} is now {printable(new_name)}.")


def delete_role(app_name: str | None, name: str) -> None:
    """Delete a role."""

    async def change(roles: Roles, db: AsyncSession) -> None:
        await roles.delete_role(db, await role_named(roles, db, name), by=_OPERATOR)

    run_in_unit(app_name, change)
    say(f"Deleted the role {printable(name)}.")


def set_permissions(app_name: str | None, name: str, permissions: Sequence[str]) -> None:
    """Set what a role permits."""

    async def change(roles: Roles, db: AsyncSession) -> bool:
        return await roles.set_permissions(db, await role_named(roles, db, name), permissions, by=_OPERATOR)

    is_changed = run_in_unit(app_name, change, demands=permissions)
    said = f"The role {printable(name)} permits {printable(', '.join(permissions)) or 'nothing'}"
    say(f"{said}." if is_changed else f"{said} already.")


def change_role(
    app_name: str | None,
    name: str,
    *,
    user: str | None,
    group: str | None,
    gives: bool,
    leaving_none: str | None = None,
) -> None:
    """Give or take a role."""
    if (user is None) == (group is None):
        raise CommandError("Say who: --user NAME or --group NAME.")

    async def change(roles: Roles, db: AsyncSession) -> bool:
        role = await role_named(roles, db, name)
        holder = await group_named(db, group) if user is None else await user_named(db, user)
        if gives:
            return await roles.grant_role(db, role, to=holder, by=_OPERATOR)
        by, why = _meant(leaving_none)
        return await roles.revoke_role(db, role, of=holder, by=by, insecure_without_superuser=why)

    _say_whether(
        run_in_unit(app_name, change), printable(user or group or ""), f"the role {printable(name)}", gives=gives
    )


def change_permission(app_name: str | None, username: str, permission: str, *, gives: bool) -> None:
    """Give one permission to one person, or take it."""

    async def change(roles: Roles, db: AsyncSession) -> bool:
        user = await user_named(db, username)
        if gives:
            return await roles.grant_permission(db, permission, to=user, by=_OPERATOR)
        return await roles.revoke_permission(db, permission, of=user, by=_OPERATOR)

    is_changed = run_in_unit(app_name, change, demands=[permission] if gives else [])
    _say_whether(is_changed, printable(username), f"the permission {printable(permission)}", gives=gives)


def create_group(app_name: str | None, name: str) -> None:
    """Make a group."""

    async def change(roles: Roles, db: AsyncSession) -> None:
        await roles.create_group(db, name, by=_OPERATOR)

    run_in_unit(app_name, change)
    say(f"Created the group {printable(name)}.")


def rename_group(app_name: str | None, name: str, new_name: str) -> None:
    """Rename a group."""

    async def change(roles: Roles, db: AsyncSession) -> None:
        await roles.rename_group(db, await group_named(db, name), new_name, by=_OPERATOR)

    run_in_unit(app_name, change)
    say(f"The group {printable(name)} is now {printable(new_name)}.")


def delete_group(app_name: str | None, name: str, *, leaving_none: str | None = None) -> None:
    """Delete a group."""

    async def change(roles: Roles, db: AsyncSession) -> None:
        by, why = _meant(leaving_none)
        await roles.delete_group(db, await group_named(db, name), by=by, insecure_without_superuser=why)

    run_in_unit(app_name, change)
    say(f"Deleted the group {printable(name)}.")


def change_member(
    app_name: str | None, name: str, username: str, *, gives: bool, leaving_none: str | None = None
) -> None:
    """Put somebody into a group, or take them out."""

    async def change(roles: Roles, db: AsyncSession) -> bool:
        group, user = await group_named(db, name), await user_named(db, username)
        if gives:
            return await roles.add_member(db, group, user, by=_OPERATOR)
        by, why = _meant(leaving_none)
        return await roles.remove_member(db, group, user, by=by, insecure_without_superuser=why)

    is_changed = run_in_unit(app_name, change)
    place = "in" if gives else "not in"
    word = "now" if is_changed else "already"
    say(f"{printable(username)} is {word} {place} the group {printable(name)}.")


def _meant(leaving_none: str | None) -> tuple[Because, Because | None]:
    """Who makes the change, for the event, and the reason why it may leave no superuser."""
    if leaving_none is None:
        return _OPERATOR, None
    why = Because(leaving_none)
    return Because(f"{_OPERATOR}: {why}"), why


def _say_whether(is_changed: bool, who: str, what: str, *, gives: bool) -> None:  # noqa: FBT001 - one kind of caller
    has = "has" if gives else "does not have"
    if is_changed:
        say(f"{who} now {has} {what}.")
    else:
        say(f"{who} {has} {what} {'already' if gives else 'to begin with'}.")
