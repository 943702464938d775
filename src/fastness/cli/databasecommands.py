"""`db`, as it is typed; the work is in `fastness.cli.databases`."""

from typing import Annotated

import typer

from fastness.cli.options import AppOption, group

db = group(help="The database and its migrations.")


@db.command("upgrade")
def upgrade_database(*, app_name: AppOption = None) -> None:
    """Bring the database up to date, as a whole or not at all."""
    from fastness.cli.databases import upgrade_database as upgrade

    upgrade(app_name)


@db.command("revision")
def write_revision(
    message: Annotated[str, typer.Argument(help="What changes, in a few words.")],
    *,
    empty: Annotated[bool, typer.Option("--empty", help="Write one with nothing in it, for a change of data.")] = False,
    app_name: AppOption = None,
) -> None:
    """Write a migration that takes the database to what the models say."""
    from fastness.cli.databases import write_revision as write

    write(app_name, message, is_empty=empty)


@db.command("rls")
def write_row_security(
    message: Annotated[str, typer.Argument(help="What changes, in a few words.")] = "row security",
    *,
    app_name: AppOption = None,
) -> None:
    """Write a migration by which PostgreSQL enforces the policies that say row_security = True."""
    from fastness.cli.databases import write_row_security as write

    write(app_name, message)


@db.command("current")
def show_revision(*, app_name: AppOption = None) -> None:
    """Show where the database is, and what an upgrade would run."""
    from fastness.cli.databases import show_current

    show_current(app_name)
