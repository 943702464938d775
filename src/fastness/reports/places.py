"""Where a finding is, for programs that show it beside the source: a file of the project with a line, or a name.

`Finding.where` is a text for people: a file with a line, a file with what stands in it, a setting, a route. It is a file only if
there is one below the project's folder; a path elsewhere tells about the machine, and stays a name. ASVS 5.0: V16.2.5.
"""

import re
from pathlib import Path
from typing import Final

from fastness.kernel.values import dataclass

_LEADING: Final = re.compile(r"(?P<file>[^\0:]+)(?::(?P<line>[1-9][0-9]{0,8})(?![0-9]))?(?::\s|,\s|$|\s\()")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A file of the project, or none."""

    file: str | None = None
    """Relative to the project's folder, with slashes."""
    line: int | None = None


def place_of(where: str | None, folder: Path) -> Place:
    """Where that is in the project."""
    found = _LEADING.match(where or "")
    if found is None:
        return Place()
    root = folder.resolve()
    try:
        file = (root / found["file"]).resolve()
        if not file.is_relative_to(root) or not file.is_file():
            return Place()
    except (OSError, ValueError):  # longer than a name may be, or with characters that no name has
        return Place()
    return Place(file=file.relative_to(root).as_posix(), line=int(found["line"]) if found["line"] else None)
