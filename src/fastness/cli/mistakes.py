"""A mistake in the app's code, shown from where the app begins: what called it is the machinery of a command.

What is the app's lies in its folder and is not installed there, as in an environment below it or Python itself: a command
may be started in a home folder that holds both.
"""

import sys
from pathlib import Path
from traceback import format_exception
from types import TracebackType
from typing import Final

FOREIGN_FOLDERS: Final = frozenset({".git", ".venv", "venv", "node_modules", "__pycache__"})
_OWN_FOLDER: Final = Path(__file__).parent.parent
_PYTHON_FOLDER: Final = Path(sys.base_prefix)


def app_trace(error: BaseException, folder: Path) -> str:
    """The traceback from the first line of the app in `folder` on; empty where it has no part in it."""
    trace = _app_part(error.__traceback__, folder)
    if trace is None and not _is_misspelt(error, folder):
        return ""
    return "".join(format_exception(type(error), error, trace))


def _app_part(trace: TracebackType | None, folder: Path) -> TracebackType | None:
    while trace is not None and not _is_of_app(Path(trace.tb_frame.f_code.co_filename), folder):
        trace = trace.tb_next
    return trace


def _is_misspelt(error: BaseException, folder: Path) -> bool:
    # A file that Python cannot read has run no line: the error itself says where it is.
    return isinstance(error, SyntaxError) and error.filename is not None and _is_of_app(Path(error.filename), folder)


def _is_of_app(file: Path, folder: Path) -> bool:
    if not file.is_relative_to(folder) or file.is_relative_to(_OWN_FOLDER):
        return False
    if file.is_relative_to(_PYTHON_FOLDER) and not folder.is_relative_to(_PYTHON_FOLDER):
        return False
    within = file.relative_to(folder)
    if not FOREIGN_FOLDERS.isdisjoint(within.parts):
        return False
    return not any((folder / below / "pyvenv.cfg").exists() for below in within.parents if below.name)
