"""`users` and `import`, as they are typed: the people who can sign in, and where they come from."""

from typing import Annotated

import typer

from fastness.cli.options import AppOption, JSONOption, UserArgument, WithoutSuperuserOption, group

users = group(help="The people who can sign in.")
imports = group(help="People from other systems.")

AddressOption = Annotated[
    str | None, typer.Option("--address", metavar="URL", help="Where the site is; without, its first host.")
]
PermissionArgument = Annotated[str, typer.Argument(help="The name of the permission.")]


@users.command("create")
def create_user(
    username: Annotated[str, typer.Argument(help="The name to sign in with.")],
    *,
    display_name: Annotated[str, typer.Option("--name", help="The name that others see.")] = "",
    email: Annotated[str, typer.Option(help="The mail address.")] = "",
    staff: Annotated[bool, typer.Option("--staff", help="May use what only staff may.")] = False,
    address: AddressOption = None,
    password_stdin: Annotated[
        bool,
        typer.Option(
            "--password-stdin",
            help="Read the password from the first line of standard input: for the first user, and in development.",
        ),
    ] = False,
    app_name: AppOption = None,
) -> None:
    """Create a user, and print the link by which they choose their password. It works once."""
    from fastness.cli.inviting import NewUser
    from fastness.cli.people import create

    create(
        app_name,
        NewUser(username=username, display_name=display_name or username, email=email, is_staff=staff),
        address=address,
        reads_stdin=password_stdin,
    )


@users.command("invite")
def invite_user(
    email: Annotated[str, typer.Argument(help="The mail address that the link goes to.")],
    *,
    username: Annotated[str, typer.Option(help="The name to sign in with; without, the mail address.")] = "",
    display_name: Annotated[str, typer.Option("--name", help="The name that others see.")] = "",
    staff: Annotated[bool, typer.Option("--staff", help="May use what only staff may.")] = False,
    address: AddressOption = None,
    app_name: AppOption = None,
) -> None:
    """Create a user who chooses the password: by a link in a mail that works once."""
    from fastness.cli.inviting import NewUser, invite

    user = NewUser(username=username or email, display_name=display_name, email=email, is_staff=staff)
    invite(app_name, user, address=address)


@users.command("list")
def list_users(*, json: JSONOption = False, app_name: AppOption = None) -> None:
    """List who has an account, and when they were last here."""
    from fastness.cli.userlists import show_users

    show_users(app_name, as_json=json)


@users.command("factors")
def show_user_factors(username: UserArgument, *, json: JSONOption = False, app_name: AppOption = None) -> None:
    """List somebody's passkeys and app, and how many recovery codes are left."""
    from fastness.cli.factors import show_factors

    show_factors(app_name, username, as_json=json)


@users.command("reset-factors")
def reset_user_factors(username: UserArgument, *, app_name: AppOption = None) -> None:
    """Remove all second factors of somebody who lost them.

    Make sure by other means that it is the owner who asks. They are told by mail and signed out everywhere.
    """
    from fastness.cli.factors import reset_factors

    reset_factors(app_name, username)


@users.command("link")
def make_user_link(username: UserArgument, *, address: AddressOption = None, app_name: AppOption = None) -> None:
    """Print a link by which somebody chooses a new password whom no mail reaches. It works once.

    Make sure by other means that it is the owner who asks, and that nobody else gets it.
    """
    from fastness.cli.people import make_link

    make_link(app_name, username, address=address)


@users.command("roles")
def show_user_roles(username: UserArgument, *, json: JSONOption = False, app_name: AppOption = None) -> None:
    """Show what somebody may do, and how they came to it."""
    from fastness.cli.rolelists import show_user

    show_user(app_name, username, as_json=json)


@users.command("close")
def close_user(
    username: UserArgument, *, without_superuser: WithoutSuperuserOption = None, app_name: AppOption = None
) -> None:
    """Close an account: nobody signs in with it, and whoever is signed in is out. The rows stay."""
    from fastness.cli.standing import set_active

    set_active(app_name, username, is_active=False, leaving_none=without_superuser)


@users.command("reopen")
def reopen_user(username: UserArgument, *, app_name: AppOption = None) -> None:
    """Open a closed account again. Sessions from before stay ended."""
    from fastness.cli.standing import set_active

    set_active(app_name, username, is_active=True)


@users.command("staff")
def mark_user(
    username: UserArgument,
    *,
    remove: Annotated[bool, typer.Option("--remove", help="Take the mark away.")] = False,
    app_name: AppOption = None,
) -> None:
    """Mark somebody as staff. The mark permits nothing by itself; access rules of the app may ask for it."""
    from fastness.cli.standing import set_staff

    set_staff(app_name, username, is_staff=not remove)


@users.command("end-sessions")
def end_user_sessions(
    username: Annotated[str | None, typer.Argument(help="The name they sign in with.")] = None,
    *,
    everybody: Annotated[bool, typer.Option("--all", help="Sign everybody out.")] = False,
    app_name: AppOption = None,
) -> None:
    """Sign somebody out everywhere, open sockets included, or everybody."""
    if everybody is (username is not None):
        raise typer.BadParameter("Say whom: a name, or --all.")
    from fastness.cli.standing import end_sessions

    end_sessions(app_name, username)


@users.command("unlock")
def unlock_user(username: UserArgument, *, app_name: AppOption = None) -> None:
    """Forget somebody's failed attempts to sign in, so that they can try again at once."""
    from fastness.cli.unlocking import unlock

    unlock(app_name, username)


@users.command("tokens")
def show_user_tokens(
    username: UserArgument,
    *,
    revoke: Annotated[str | None, typer.Option(metavar="ID", help="End this one, from its next request on.")] = None,
    json: JSONOption = False,
    app_name: AppOption = None,
) -> None:
    """List the API tokens of one person, or end one."""
    from fastness.cli.tokenlists import revoke_token, show_tokens

    if revoke is not None:
        revoke_token(app_name, username, revoke)
    else:
        show_tokens(app_name, username, as_json=json)


@users.command("permit")
def permit_user(username: UserArgument, permission: PermissionArgument, *, app_name: AppOption = None) -> None:
    """Give one permission to one person. A role is easier to keep an eye on."""
    from fastness.cli.roles import change_permission

    change_permission(app_name, username, permission, gives=True)


@users.command("forbid")
def forbid_user(username: UserArgument, permission: PermissionArgument, *, app_name: AppOption = None) -> None:
    """Take back a permission that was given to one person. What their roles permit stays."""
    from fastness.cli.roles import change_permission

    change_permission(app_name, username, permission, gives=False)


@imports.command("django")
def import_django(
    url: Annotated[
        str,
        typer.Argument(
            metavar="DATABASE_URL", envvar="DJANGO_DATABASE_URL", help="sqlite:///path or postgresql://…; only read."
        ),
    ],
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be imported, and write nothing.")] = False,
    superusers: Annotated[
        bool, typer.Option("--superusers", help="Give Django's superusers the role superuser here.")
    ] = False,
    app_name: AppOption = None,
) -> None:
    """Take over users, groups, permissions and password hashes from a Django database."""
    from fastness.cli.importing import import_django as run_import

    run_import(app_name, url, is_dry_run=dry_run, takes_superusers=superusers)
