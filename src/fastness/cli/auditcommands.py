"""`auditlog`, as it is typed; the work is in `fastness.cli.auditlog`."""

from pathlib import Path
from typing import Annotated

import typer

from fastness.cli.options import AppOption, JSONOption, group

auditlog = group(help="The log of security events that cannot be changed unseen.")


@auditlog.command("verify")
def verify_log(
    *,
    log: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE", help="A file of the app's log lines, to hold the end against; repeat it for more."
        ),
    ] = None,
    json: JSONOption = False,
    app_name: AppOption = None,
) -> None:
    """Look at every row of the audit log.

    Says which rows were changed, removed, put in or moved. The exit code is 1 if there are any.
    """
    from fastness.cli.auditlog import verify_log as verify

    if not verify(app_name, logs=log or [], as_json=json):
        raise typer.Exit(1)


@auditlog.command("tail")
def show_tail(
    *,
    count: Annotated[int, typer.Option("--count", "-n", help="How many.", min=1, max=100_000)] = 20,
    app_name: AppOption = None,
) -> None:
    """Print the newest events as lines of JSON, the newest last."""
    from fastness.cli.auditlog import show_tail as show

    show(app_name, count=count)


@auditlog.command("export")
def export_log(
    *,
    since: Annotated[int, typer.Option(metavar="ROW", help="The number of the first row.", min=0)] = 0,
    app_name: AppOption = None,
) -> None:
    """Print all events as lines of JSON, with what chains them."""
    from fastness.cli.auditlog import export

    export(app_name, since=since)
