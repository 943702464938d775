"""Reading a file of a folder that is not trusted: a file of the project itself, and none without an end.

A repository may hold links, and its requirement files name others: `-r ../../.netrc` would put lines of that file into a
report, which may be public; a link to /dev/zero has no end, and a pipe waits for ever. So what lies outside of the repository
that holds the folder is not read, and neither is what is no file.

ASVS 5.0: V5.3.2 (paths), V15.2.2.
"""

from pathlib import Path
from typing import Final

MAX_BYTES: Final = 50_000_000
"""The largest lock files are far below."""


class NotReadError(Exception):
    """A file was not read; the text says why, and nothing of what is in it."""


def repository_of(folder: Path) -> Path:
    """The folder with the repository that a folder is in; the folder itself where there is none."""
    real = folder.resolve()
    return next((each for each in (real, *real.parents) if (each / ".git").exists()), real)


def read_within(file: Path, root: Path) -> str:
    """The text of a file below `root`; raises `NotReadError`."""
    try:
        real = file.resolve()
        if not real.is_relative_to(root):
            raise NotReadError("It lies outside of the project.")
        if not real.is_file():
            raise NotReadError("There is no such file.")
        with real.open("rb") as opened:
            content = opened.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise NotReadError(f"The file is longer than {MAX_BYTES} bytes.")
        return content.decode("utf-8")
    except (OSError, RuntimeError) as error:  # RuntimeError: links that lead in a circle, before Python 3.13
        raise NotReadError(f"The file cannot be read: {type(error).__name__}.") from None
    except UnicodeDecodeError:
        raise NotReadError("The file is no UTF-8.") from None
