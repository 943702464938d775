"""What several groups of commands share: options, and how a group is made."""

from typing import Annotated, Any, Final

import typer

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
PortOption = Annotated[int, typer.Option(help="The port to listen on.", min=1, max=65535)]
JSONOption = Annotated[bool, typer.Option("--json", help="Write JSON for other programs.")]


def group(**options: object) -> typer.Typer:
    """A group of commands: its help when nothing else is asked for, no decoration."""
    return typer.Typer(context_settings=HELP, **_PLAIN, **options)  # type: ignore[arg-type]  # one table for all groups
