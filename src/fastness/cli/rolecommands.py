"""`roles` and `groups`, as they are typed; the work is in `fastness.cli.roles`."""

from typing import Annotated

import typer

from fastness.cli.options import AppOption, JSONOption, UserArgument, WithoutSuperuserOption, group

roles = group(help="What people may do here, by role.")
groups = group(help="People who are given roles together.")

RoleArgument = Annotated[str, typer.Argument(help="The name of the role.")]
GroupArgument = Annotated[str, typer.Argument(help="The name of the group.")]
UserOption = Annotated[
    str | None, typer.Option("--user", metavar="NAME", help="A person, by the name they sign in with.")
]
GroupOption = Annotated[str | None, typer.Option("--group", metavar="NAME", help="Everybody in a group.")]


@roles.command("list")
def list_roles(*, json: JSONOption = False, app_name: AppOption = None) -> None:
    """List the roles, what each permits, and how many have it."""
    from fastness.cli.rolelists import show_roles

    show_roles(app_name, as_json=json)


@roles.command("permissions")
def list_permissions(*, json: JSONOption = False, app_name: AppOption = None) -> None:
    """List the permissions that the app declares, and what each allows."""
    from fastness.cli.rolelists import show_permissions

    show_permissions(app_name, as_json=json)


@roles.command("create")
def create_role(
    name: RoleArgument,
    *,
    label: Annotated[str, typer.Option(help="What people read instead of the name.")] = "",
    permission: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="What it permits; repeat it for more.")
    ] = None,
    app_name: AppOption = None,
) -> None:
    """Make a role that nobody has yet."""
    from fastness.cli.roles import create_role as create

    create(app_name, name, label=label, permissions=permission or [])


@roles.command("rename")
def rename_role(
    name: RoleArgument,
    new_name: Annotated[str, typer.Argument(help="The name it gets.")],
    *,
    app_name: AppOption = None,
) -> None:
    """Give a role another name. Rules that ask for the old one admit its people no more."""
    from fastness.cli.roles import rename_role as rename

    rename(app_name, name, new_name)


@roles.command("delete")
def delete_role(name: RoleArgument, *, app_name: AppOption = None) -> None:
    """Delete a role. Whoever has it loses it with their next request."""
    from fastness.cli.roles import delete_role as delete

    delete(app_name, name)


@roles.command("set")
def set_permissions(
    name: RoleArgument,
    permissions: Annotated[list[str] | None, typer.Argument(help="All that it permits from now on.")] = None,
    *,
    app_name: AppOption = None,
) -> None:
    """Say what a role permits: these permissions and no others."""
    from fastness.cli.roles import set_permissions as set_all

    set_all(app_name, name, permissions or [])


@roles.command("grant")
def grant_role(
    name: RoleArgument, *, user: UserOption = None, to_group: GroupOption = None, app_name: AppOption = None
) -> None:
    """Give a role to a person or to a group. The role superuser permits everything."""
    from fastness.cli.roles import change_role

    change_role(app_name, name, user=user, group=to_group, gives=True)


@roles.command("revoke")
def revoke_role(
    name: RoleArgument,
    *,
    user: UserOption = None,
    of_group: GroupOption = None,
    without_superuser: WithoutSuperuserOption = None,
    app_name: AppOption = None,
) -> None:
    """Take a role back, with the next request of whoever had it."""
    from fastness.cli.roles import change_role

    change_role(app_name, name, user=user, group=of_group, gives=False, leaving_none=without_superuser)


@groups.command("list")
def list_groups(*, json: JSONOption = False, app_name: AppOption = None) -> None:
    """List the groups, their people and their roles."""
    from fastness.cli.rolelists import show_groups

    show_groups(app_name, as_json=json)


@groups.command("create")
def create_group(name: GroupArgument, *, app_name: AppOption = None) -> None:
    """Make an empty group."""
    from fastness.cli.roles import create_group as create

    create(app_name, name)


@groups.command("rename")
def rename_group(
    name: GroupArgument,
    new_name: Annotated[str, typer.Argument(help="The name it gets.")],
    *,
    app_name: AppOption = None,
) -> None:
    """Give a group another name."""
    from fastness.cli.roles import rename_group as rename

    rename(app_name, name, new_name)


@groups.command("delete")
def delete_group(
    name: GroupArgument, *, without_superuser: WithoutSuperuserOption = None, app_name: AppOption = None
) -> None:
    """Delete a group. Its people lose what they had through it."""
    from fastness.cli.roles import delete_group as delete

    delete(app_name, name, leaving_none=without_superuser)


@groups.command("add")
def add_member(name: GroupArgument, username: UserArgument, *, app_name: AppOption = None) -> None:
    """Put somebody into a group."""
    from fastness.cli.roles import change_member

    change_member(app_name, name, username, gives=True)


@groups.command("remove")
def remove_member(
    name: GroupArgument,
    username: UserArgument,
    *,
    without_superuser: WithoutSuperuserOption = None,
    app_name: AppOption = None,
) -> None:
    """Take somebody out of a group."""
    from fastness.cli.roles import change_member

    change_member(app_name, name, username, gives=False, leaving_none=without_superuser)
