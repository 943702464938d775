"""Which Python files of a folder are an app's own: no hidden folders, environments, tests or packages of others.

Checks and the audit read the same files, so that what one of them passes the other has not looked at elsewhere. Nothing is
imported and no link to a folder is followed.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

MAX_BYTES: Final = 2_000_000
"""A longer file is data, not code that somebody reads."""

# Not the app's own code, or not what is deployed.
_FOREIGN: Final = frozenset({"node_modules", "__pycache__", "site-packages", "build", "dist", "tests", "venv", "env"})


def python_files(folder: Path) -> Iterator[Path]:
    """The app's own files below a folder; a file that is named itself is one of them."""
    if folder.is_file():
        yield folder
        return
    for path, folders, files in os.walk(folder):
        here = Path(path)
        folders[:] = [
            name
            for name in folders
            if not name.startswith(".") and name not in _FOREIGN and not (here / name / "pyvenv.cfg").exists()
        ]
        yield from (here / name for name in files if name.endswith(".py"))
