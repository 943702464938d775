"""The forms of a report, by the names that commands take. Needs nothing, so that `--help` waits for nothing."""

from enum import StrEnum
from pathlib import Path

from fastness.kernel.values import dataclass


class Format(StrEnum):
    """What a report can be written as."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"
    JUNIT = "junit"
    HTML = "html"


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """How somebody wants a report."""

    format: Format = Format.TEXT
    output: Path | None = None
    """The file; None for standard output."""
