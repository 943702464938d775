"""What a tripwire watches, and how a part of the framework says that it does such a thing on purpose.

The tripwires themselves are elsewhere (`fastness.tripwires`). The parts that connect to declared servers, hash on threads or
compile templates stand below or beside them, and say so here, at the line where they do it: `with permitting(Wire.SOCKETS):`.
What is permitted holds in this context, and in the tasks and `asyncio.to_thread` calls that begin in it, and nowhere else.

Whoever runs code in the process can write that line too: the wires are for what an attacker makes the app's own code do.

ASVS 5.0: V15.1.5 (dangerous functionality is marked), V15.2.5.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from enum import StrEnum
from typing import Final


class Wire(StrEnum):
    """One kind of thing that a web application rarely does while it serves."""

    CODE = "code"
    """Text or data become code: eval, exec, compile, code objects out of marshal."""
    PROCESS = "process"
    """Another program is started, or this one forks."""
    NATIVE = "native"
    """Native code is reached by hand: ctypes."""
    FILES = "files"
    """A file outside of the declared folders is opened, moved or removed."""
    SOCKETS = "sockets"
    """A server is looked up or connected to that is not declared."""
    PICKLE = "pickle"
    """A pickle names a class or function to load."""


NOTHING: Final[frozenset[Wire]] = frozenset()
PERMITTED: Final[ContextVar[frozenset[Wire]]] = ContextVar("fastness_permitted", default=NOTHING)
"""What the code that runs at the moment may do."""
ACTIVE: Final[ContextVar[object]] = ContextVar("fastness_active", default=None)
"""The request that is served at the moment, as the web tier knows it; `None` outside of one."""


@contextmanager
def permitting(*wires: Wire) -> Iterator[None]:
    """Let what follows do these things, in this context."""
    before = PERMITTED.set(PERMITTED.get() | frozenset(wires))
    try:
        yield
    finally:
        PERMITTED.reset(before)
