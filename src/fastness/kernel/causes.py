"""For which task another one works: what a request has done in a task of its own is still the request's.

A commit runs in a task that a cancelled request cannot cancel. The events that it writes belong to the request, which must not be
answered before they are kept; by the task that runs they could not be told from anybody's.

ASVS 5.0: V16.5.3 (an answer does not overtake its events).
"""

import asyncio
from collections.abc import Coroutine
from contextvars import ContextVar, copy_context
from typing import Final, TypeAlias, TypeVar

T = TypeVar("T")
Task: TypeAlias = asyncio.Task[object]

_CAUSE: Final[ContextVar[Task | None]] = ContextVar("fastness_cause", default=None)


def cause() -> Task | None:
    """The task on whose behalf this runs: the running one, unless it was started by `start`. None outside a loop."""
    try:
        running = asyncio.current_task()
    except RuntimeError:
        return None
    return _CAUSE.get() or running


def start(work: Coroutine[object, object, T]) -> "asyncio.Task[T]":
    """Run this in a task of its own, on behalf of what runs now."""
    context = copy_context()
    context.run(_CAUSE.set, cause())
    return asyncio.create_task(work, context=context)
