"""Writes the pages of docs/reference that are made from the code: settings, checks, commands; run by `make reference`.

What a page says is taken from where it is decided (types, defaults, the docstring line under a field, the help of a command),
so no number is written twice. A test makes the pages again and compares.
"""

from __future__ import annotations

import ast
import inspect
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import StrEnum
from pathlib import Path

from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption
from typer.main import get_command

from fastness.cli.main import app
from fastness.cli.notices import ALL_NOTICES
from fastness.kernel.because import Because
from fastness.kernel.secret import Secret
from fastness.settings.conversion import describe
from fastness.settings.profiles import DEVELOPMENT_DEFAULTS
from fastness.settings.settings import Settings
from fastness.settings.variables import Variable, variables_of

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "reference"

CHECKS_HEAD = """# Checks

`fastness check` looks at what is about to be deployed: settings, routes, files and their modes.
It changes nothing and asks nothing of the network.
A finding of severity high or critical fails the command and stops `fastness serve`.
An id is never used again for something else, so it may be put into an ignore list.
"""

COMMANDS_HEAD = """# Commands

Every command explains itself with `--help`.
It ends with 0 when it did what was asked, with 1 when it could not and says why, and with 2 when its own command line makes no sense.
Colours are used on a terminal only.
"""  # noqa: E501 - one sentence on each line of the page

SETTINGS_HEAD = """# Settings

Settings are read once, at the start.
Each source wins over the one before it: the defaults of the profile, a secrets folder, `.env`, the environment, and what the code passes to `Settings.load`.
A variable that begins with `FASTNESS_` and is not in this list stops the start, and so does a value of the wrong kind; all problems are told at once, by name and never by value.

Lists are separated by commas.
Where a setting may have no value, `none` stands for that.
The defaults are those of the production profile.
"""  # noqa: E501 - one sentence on each line of the page


def main() -> int:
    """Write every page."""
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
        print(f"docs/reference/{name}")
    return 0


def pages() -> dict[str, str]:
    """Return the text of each page by its file name."""
    return {"checks.md": checks_page(), "commands.md": commands_page(), "settings.md": settings_page()}


def commands_page() -> str:
    """Return a section for each command, in the order of `fastness --help`."""
    parts = [COMMANDS_HEAD]
    for words, command in commands_below(get_command(app), ("fastness",)):
        arguments = [one.opts[0].upper() for one in command.params if isinstance(one, TyperArgument)]
        parts.append(f"## `{' '.join((*words, *arguments))}`\n\n{' '.join((command.help or '').split())}\n")
        shown = [one for one in command.params if not getattr(one, "hidden", False) and one.opts != ["--help", "-h"]]
        if shown:
            parts.append("| | default | |\n|---|---|---|")
            parts += [parameter_row(one) for one in shown]
            parts.append("")
    return "\n".join(parts).rstrip("\n") + "\n"


def commands_below(
    group: TyperCommand | TyperGroup, words: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], TyperCommand]]:
    """Yield every command below a group with the words that call it."""
    if isinstance(group, TyperGroup):
        for name, command in group.commands.items():
            yield from commands_below(command, (*words, name))
    else:
        yield words, group


def parameter_row(parameter: TyperArgument | TyperOption) -> str:
    """Return a line of a command's table."""
    names = " / ".join(f"`{name}`" for name in (*parameter.opts, *parameter.secondary_opts))
    if isinstance(parameter, TyperArgument):
        names = f"`{parameter.opts[0].upper()}`"
    elif parameter.metavar:
        names = f"`{parameter.opts[0]} {parameter.metavar}`"
    default = (
        "must be given" if parameter.required else "" if parameter.default in {None, ""} else show(parameter.default)
    )
    return f"| {names} | {default} | {escape(' '.join((parameter.help or '').split()))} |"


def checks_page() -> str:
    """Return one table of everything that a check can find, by id."""
    rows = [
        f"| `{notice.id}` | {notice.severity.value} "
        f"| **{escape(notice.title)}.** {escape(notice.why)} *Fix:* {escape(notice.fix)} "
        f"| {notice.topic.owasp_2021}, {notice.topic.owasp_2025} | {', '.join(notice.asvs)} |"
        for notice in sorted(ALL_NOTICES, key=lambda notice: notice.id)
    ]
    return (
        "\n".join(
            [
                CHECKS_HEAD,
                "| id | severity | what, why and what to do | OWASP | ASVS 5.0 |\n|---|---|---|---|---|",
                *rows,
            ]
        )
        + "\n"
    )


def settings_page() -> str:
    """Return one table for the settings' own fields, and one for each group of rules."""
    groups: dict[str, list[Variable]] = {}
    for variable in variables_of(Settings).values():
        groups.setdefault(variable.group if variable.field else "", []).append(variable)
    notes = notes_under_fields(Settings)
    parts = [SETTINGS_HEAD]
    for group, variables in groups.items():
        parts.append(f"## {notes[group].rstrip('.')}\n" if group else "## The app\n")
        parts.append("| variable | takes | default | |\n|---|---|---|---|")
        parts += [row_of(variable) for variable in variables]
        parts.append("")
    parts.append("## What development starts from\n")
    parts.append(
        "`fastness dev` and `fastness demo` choose the development profile; it loosens this and nothing else.\n"
    )
    parts.append("| variable | default in development |\n|---|---|")
    parts += [row for variable in variables_of(Settings).values() if (row := development_row(variable))]
    return "\n".join(parts) + "\n"


def row_of(variable: Variable) -> str:
    """Return a line of the table: name, kind, default, and the sentence under the field."""
    owner, name = owner_of(variable)
    field = next(each for each in fields(owner) if each.name == name)
    note = notes_under_fields(owner).get(name, "")
    return f"| `{variable.name}` | {describe(variable.kind)} | {show(default_of(field))} | {escape(note)} |"


def development_row(variable: Variable) -> str:
    """Return a line where development starts from another value than production."""
    if variable.group not in DEVELOPMENT_DEFAULTS:
        return ""
    owner, name = owner_of(variable)
    looser = DEVELOPMENT_DEFAULTS[variable.group]
    value = getattr(looser, name) if variable.field else looser
    strict = default_of(next(each for each in fields(owner) if each.name == name))
    return "" if value == strict else f"| `{variable.name}` | {show(value)} |"


def owner_of(variable: Variable) -> tuple[type, str]:
    """Return the class that holds the field a variable fills, and the field's name."""
    if variable.field is None:
        return Settings, variable.group
    rules = next(each for each in fields(Settings) if each.name == variable.group).type
    if not (isinstance(rules, type) and is_dataclass(rules)):
        message = f"{variable.group} holds no rules"
        raise TypeError(message)
    return rules, variable.field


def default_of(field: Field[object]) -> object:
    """Return a field's default; MISSING where it has none."""
    return field.default if field.default_factory is MISSING else field.default_factory()


def show(value: object) -> str:
    """Return a default as one would write it into the environment."""
    if value is MISSING:
        return "must be set"
    if value is None:
        return "none"
    if value == ():
        return "empty"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        return f"`{','.join(str(entry) for entry in value)}`"
    if isinstance(value, StrEnum):
        return f"`{value.value}`"
    if isinstance(value, Secret | Because):
        message = "a secret or a reason is no default"
        raise TypeError(message)
    return f"`{value}`"


def notes_under_fields(owner: type) -> dict[str, str]:
    """Return the docstring line under each field of a dataclass."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(owner))).body[0]
    if not isinstance(tree, ast.ClassDef):
        message = f"{owner} is no class"
        raise TypeError(message)
    found: dict[str, str] = {}
    for statement, following in zip(tree.body, tree.body[1:], strict=False):
        match statement, following:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                found[name] = " ".join(text.split())
    return found


def escape(text: str) -> str:
    """Return a sentence that may stand in a table."""
    return text.replace("|", "\\|")


if __name__ == "__main__":
    sys.exit(main())
