"""Who did it: the nearest line of the app's own code, and the few callers to whom making code is their work.

Python itself, Jinja2 and SQLAlchemy make code from text of their own: imports run modules, dataclasses and named tuples are
written by `exec`, types are read from annotations, templates are compiled. They are known by the file of the frame that called
`exec`; a frame with such a name could only be forged by code that was compiled with it, which is told on its own account. A
module that is being imported may do all that. Whether it is is asked of the frames between the event and the code that serves
the request, so that an app that was itself started by an import is not exempt as a whole.

Not covered: an app that hands a visitor's text to one of these callers, such as `collections.namedtuple(text)`.

ASVS 5.0: V15.2.5 (protection around dangerous functionality).
"""

import ast
import asyncio.events
import collections
import dataclasses
import enum
import functools
import inspect
import sys
import sysconfig
import threading
import typing
from importlib.util import find_spec
from pathlib import Path
from types import CodeType, FrameType
from typing import Final

from fastness.kernel.wires import Wire

_FROZEN: Final = "<frozen "
_IMPORTING: Final[CodeType] = vars(sys.modules["_frozen_importlib"])["_call_with_frames_removed"].__code__
_WRITING_BYTECODE: Final[CodeType] = vars(sys.modules["_frozen_importlib_external"])["_write_atomic"].__code__
_ENDS: Final[frozenset[CodeType]] = frozenset(
    {vars(asyncio.events.Handle)["_run"].__code__, asyncio.Runner.run.__code__, threading.Thread.run.__code__}
)
"""What is further out has started the loop or the thread, and is not what asked for this."""
_MAX_FRAMES: Final = 500


def folder_of(package: str) -> str:
    """Where a library lies, without loading it; a path that no file has where it is not installed."""
    spec = find_spec(package)
    return "\0" if spec is None or spec.origin is None else str(Path(spec.origin).parent) + "/"


_OWN: Final = str(Path(__file__).resolve().parent.parent) + "/"
_HERE: Final = f"{_OWN}tripwires/"
_LIBRARIES: Final = tuple({f"{sysconfig.get_path(name)}/" for name in ("stdlib", "platstdlib", "purelib", "platlib")})
_STANDARD_MAKERS: Final = frozenset(
    str(module.__file__) for module in (ast, collections, dataclasses, enum, functools, inspect, typing)
)
_MAKERS: Final = (folder_of("jinja2"), folder_of("sqlalchemy"), f"{_OWN}html/")
"""Whose work it is to make code: templates, and the fast paths of the database library."""


def is_at_work(wire: Wire, frame: FrameType | None, ends: frozenset[CodeType]) -> bool:
    """Whether this is an import, or one of the callers to whom making code is their work."""
    if frame is None:
        return False
    nearest = frame.f_code
    if wire is Wire.FILES and nearest is _WRITING_BYTECODE:
        # Bytecode is written beside the source; nobody else may write there.
        return True
    if wire is Wire.CODE and (
        nearest.co_filename in _STANDARD_MAKERS or nearest.co_filename.startswith((*_MAKERS, f"{_FROZEN}importlib"))
    ):
        return True
    return wire is not Wire.SOCKETS and _is_importing(frame, _ENDS | ends)


def _is_importing(frame: FrameType, ends: frozenset[CodeType]) -> bool:
    at: FrameType | None = frame
    for _ in range(_MAX_FRAMES):
        if at is None or at.f_code in ends:
            return False
        if at.f_code is _IMPORTING:
            return True
        at = at.f_back
    return False


def place_of(frame: FrameType | None) -> str:
    """File and line of the nearest frame that is neither ours nor a library's; empty where there is none."""
    at = frame
    for _ in range(_MAX_FRAMES):
        if at is None or at.f_code in _ENDS:
            break
        name = at.f_code.co_filename
        if not name.startswith((_OWN, _FROZEN, *_LIBRARIES)):
            return f"{name}:{at.f_lineno}"
        at = at.f_back
    return ""


def nearest_to(frame: FrameType | None) -> str:
    """File and line of what was at work, a library or not."""
    return "" if frame is None else f"{frame.f_code.co_filename}:{frame.f_lineno}"


def caller() -> FrameType | None:
    """The frame outside of this part that is at work."""
    at = inspect.currentframe()
    while at is not None and at.f_code.co_filename.startswith(_HERE):
        at = at.f_back
    return at
