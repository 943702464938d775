"""What commands write: results to standard output, remarks to standard error, colours only where a person looks.

Names, paths and reasons come from the app's author and from file systems; an escape sequence in one would act on the
terminal of whoever runs the command, so whatever is not printable is shown by its number.

ASVS 5.0: V16.4.1 (text is encoded for where it goes).
"""

import os
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final

import typer

from fastness.kernel.findings import Severity
from fastness.kernel.printable import printable as printable  # noqa: PLC0414 - the commands' one place for what they write

SEVERITY_COLOURS: Final = {
    Severity.CRITICAL: "red",
    Severity.HIGH: "red",
    Severity.MEDIUM: "yellow",
    Severity.LOW: "yellow",
    Severity.INFO: "cyan",
}

_COLOUR: Final = re.compile(r"\x1b\[[0-9;]*m")


def say(text: str = "") -> None:
    """Write a result."""
    typer.echo(text)


def remark(text: str) -> None:
    """Write what a person should know and a pipe should not get."""
    typer.echo(text, err=True)


def complain(text: str) -> None:
    """Write why the command stopped."""
    typer.echo(f"{paint('error:', 'red', bold=True)} {text}", err=True)


def paint(text: str, colour: str | None = None, *, bold: bool = False) -> str:
    """Colour a text; the writing functions take the colours out again where nobody sees them."""
    if "NO_COLOR" in os.environ:  # https://no-color.org
        return text
    return typer.style(text, fg=colour, bold=bold)


def unpainted(text: str) -> str:
    """Return the text without colours, for a file."""
    return _COLOUR.sub("", text)


def minute_of(moment: datetime | None) -> str:
    """A time to the minute, as lists show it; empty for never."""
    return "" if moment is None else moment.strftime("%Y-%m-%d %H:%M")


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return columns as wide as they need to be, below a head."""
    cells = [[printable(cell) for cell in row] for row in rows]
    widths = [max(len(row[index]) for row in [list(head), *cells]) for index in range(len(head))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in [list(head), *cells]
    ]
    return "\n".join([paint(lines[0], bold=True), *lines[1:]])
