"""Work that is done again and again beside the requests: a list of jobs, each with its pause.

A job that fails is logged and has its next turn; one that takes long keeps no other one waiting. Pauses differ a little from
each other, so that workers that were started together do not meet at the database each time.

ASVS 5.0: V16.5.3 (fails securely), V13.1.3.
"""

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from fastness.kernel.errors import ConfigError, UnavailableError
from fastness.kernel.values import dataclass

_LONGEST_AFTER_FAILURE: Final = 60
_LOG: Final = logging.getLogger("fastness.jobs")


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Something that is done again and again."""

    name: str
    """For the log."""
    seconds: float
    """The pause between two times."""
    run: Callable[[], Awaitable[object]]
    wake: asyncio.Event | None = None
    """Ends the pause early when it is set."""
    is_on_demand: bool = False
    """Whether it runs only when it is woken: nothing is done, or loaded, before there is work."""

    def __post_init__(self) -> None:
        if not 0 < self.seconds <= 86_400:
            raise ConfigError("a job's pause is above 0 and at most a day")
        if self.is_on_demand and self.wake is None:
            raise ConfigError("a job on demand needs the event that wakes it")


async def run_jobs(jobs: Iterable[Job], *, stop: asyncio.Event | None = None) -> None:
    """Run the jobs until cancelled, or until each has ended the turn it was in when `stop` was set."""
    stop = asyncio.Event() if stop is None else stop
    async with asyncio.TaskGroup() as group:
        for job in jobs:
            group.create_task(_keep_running(job, stop), name=job.name)


async def _keep_running(job: Job, stop: asyncio.Event) -> None:
    wake = asyncio.Event() if job.wake is None else job.wake
    if job.is_on_demand:
        await _wait(wake, stop, None)
    failures = 0
    while not stop.is_set():
        wake.clear()
        try:
            await job.run()
            failures = 0
        except UnavailableError as error:
            failures += 1
            _LOG.warning("%s: something it needs is away (%s); it is tried again", job.name, error.code)
        except (Exception, asyncio.CancelledError) as error:
            if (task := asyncio.current_task()) is not None and task.cancelling():
                raise
            # Of any kind: the next turn may succeed, and the other jobs have nothing to do with it. Where something it waited
            # for was cancelled, and not the job, the group would take that for its end.
            failures += 1
            # The traceback of the first in a row; the others are most likely the same.
            _LOG.error("%s failed; it is tried again", job.name, exc_info=error if failures == 1 else None)
        seconds = min(job.seconds * 2 ** min(failures, 10), max(job.seconds, _LONGEST_AFTER_FAILURE))
        await _wait(wake, stop, seconds * (0.9 + secrets.randbelow(200) / 1_000))


async def _wait(wake: asyncio.Event, stop: asyncio.Event, seconds: float | None) -> None:
    waits = [asyncio.ensure_future(each.wait()) for each in (wake, stop)]
    try:
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in waits:
            each.cancel()
