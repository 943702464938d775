"""What several groups of commands share: options, how a group is made, and how a command ends."""

from pathlib import Path
from typing import Annotated, Any, Final

import typer

from fastness.reports.forms import Form, Format

HELP: Final[dict[str, Any]] = {"help_option_names": ["-h", "--help"]}
_PLAIN: Final[dict[str, Any]] = {
    "no_args_is_help": True,
    "add_completion": False,
    "rich_markup_mode": None,
    "pretty_exceptions_enable": False,
}

AppOption = Annotated[
    str | None, typer.Option("--app", metavar="MODULE:NAME", help="The app, if pyproject.toml does not name it.")
]
UserArgument = Annotated[str, typer.Argument(help="The name they sign in with.")]
WithoutSuperuserOption = Annotated[
    str | None,
    typer.Option("--without-superuser", metavar="WHY", help="Even if nobody is left who may do everything; say why."),
]
PortOption = Annotated[int, typer.Option(help="The port to listen on.", min=1, max=65535)]
JSONOption = Annotated[bool, typer.Option("--json", help="Write JSON for other programs.")]
ReportJSONOption = Annotated[bool, typer.Option("--json", help="Short for --format json.")]
FormatOption = Annotated[
    Format | None, typer.Option("--format", help="What the report is written as; text, if nothing is said.")
]
OutputOption = Annotated[Path | None, typer.Option(metavar="FILE", help="Write the report into this file.")]


def group(**options: object) -> typer.Typer:
    """A group of commands: its help when nothing else is asked for, no decoration."""
    return typer.Typer(context_settings=HELP, **_PLAIN, **options)  # type: ignore[arg-type]  # one table for all groups


def form_of(form: Format | None, *, as_json: bool, output: Path | None) -> Form:
    """What the options for a report come to."""
    if as_json and form not in {None, Format.JSON}:
        raise typer.BadParameter(f"--json and --format {form}: one of them.")
    return Form(format=Format.JSON if as_json else form or Format.TEXT, output=output)


def end(*, is_passed: bool) -> None:
    """End a command that looks for mistakes: with 1 if there are grave ones or something could not be looked at."""
    if not is_passed:
        raise typer.Exit(1)
