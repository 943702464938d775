"""Where passwords are hashed: a few quiet threads, and a queue that ends.

Protects the other visitors from the sign-ins: one hash keeps a core busy for tens of milliseconds, so it never runs on
the event loop, at most as many run at once as there are cores, and on Linux the threads give way to the loop (nice 15,
and long slices beside its short ones). The attacker can send any number of passwords: beyond a bound they are refused
with 503 at once, because a queue that grows holds memory and answers nobody in time. It does not decide who may try;
the throttle does, before.

ASVS 5.0: V15.1.3, V15.2.2 (demanding work is limited), V13.1.2 (and so is the number waiting).
"""

import asyncio
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import ParamSpec, TypeVar

from fastness.auth.errors import HashingBusyError
from fastness.auth.slices import HASHING_NANOSECONDS, ask_for_slices, shorten_slices
from fastness.kernel.errors import ConfigError

_NICE = 15

P = ParamSpec("P")
T = TypeVar("T")


class HashingPool:
    """A bounded pool of low-priority threads."""

    __slots__ = ("_capacity", "_executor", "_is_unused", "_lock", "_unfinished", "workers")

    def __init__(self, *, workers: int | None = None, max_waiting_per_worker: int = 32) -> None:
        self.workers = count_cores() if workers is None else workers
        if not 1 <= self.workers <= 256 or not 1 <= max_waiting_per_worker <= 10_000:
            raise ConfigError("a hashing pool has 1 to 256 workers, and 1 to 10000 jobs may wait for each")
        self._capacity = self.workers * (1 + max_waiting_per_worker)
        self._unfinished = 0
        self._is_unused = True
        self._lock = threading.Lock()
        # Threads start with the first job, so an app that never hashes has none.
        self._executor = ThreadPoolExecutor(self.workers, thread_name_prefix="fastness-hash", initializer=_give_way)

    async def run(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a function on one of the threads; a job that is cancelled while it waits is never run.

        Raises:
            HashingBusyError: too many jobs wait already, or the system grants no thread.
        """
        with self._lock:
            if self._unfinished >= self._capacity:
                raise HashingBusyError("the hashing pool's queue is full")
            self._unfinished += 1
        if self._is_unused:
            self._is_unused = False
            shorten_slices()
        try:
            future = self._executor.submit(partial(function, *args, **kwargs))
        except RuntimeError as error:
            # Or each would hold its place for good, and after a bad minute of the machine nobody would sign in any more.
            self._finished()
            raise HashingBusyError("no thread takes the job") from error
        # Counted when the thread is through, not when the request gives up: a client that hangs up frees nothing.
        future.add_done_callback(self._finished)
        return await asyncio.wrap_future(future)

    async def close(self) -> None:
        """Wait for the running jobs, drop the waiting ones."""
        await asyncio.to_thread(self._executor.shutdown, wait=True, cancel_futures=True)

    def _finished(self, _future: Future[T] | None = None) -> None:
        with self._lock:
            self._unfinished -= 1


def count_cores() -> int:
    """The cores this process may use, not those the machine has."""
    if sys.version_info >= (3, 13):
        return os.process_cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0)) or 1
    return os.cpu_count() or 1


def _give_way() -> None:
    # On Linux a nice value belongs to a thread (setpriority(2), "C library/kernel differences"); elsewhere it would
    # slow the whole process.
    if sys.platform == "linux":
        thread = threading.get_native_id()
        # A process that is nicer already, or a sandbox, may refuse it; that is no reason to refuse the sign-ins.
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, thread, _NICE)
        ask_for_slices(thread, HASHING_NANOSECONDS)
