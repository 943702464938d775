"""How long a thread may keep a core: the loop the shortest time, threads of the server a longer one, hashing the longest.

Where both run on one core, a loop that wakes up would wait for the end of the hashing thread's slice, some milliseconds,
although it is the more important of the two; and so would the threads of a server that hand it its requests. Linux lets a
thread on at once that asks for shorter slices than the one that is on (sched_setattr(2), since 6.12). It gets no more of
the core by that, only sooner and in smaller pieces. Elsewhere, and where a sandbox forbids the call, nothing changes.

ASVS 5.0: V15.2.2 (demanding work does not stop the others).
"""

import os
import platform
import sys
import threading
from pathlib import Path
from typing import Final

from fastness.kernel.wires import Wire, permitting

try:
    import ctypes
except ImportError:
    # A Python that was built without libffi has none, and nothing else here needs it.
    ctypes = None  # type: ignore[assignment]

LOOP_NANOSECONDS: Final = 100_000
"""The shortest that Linux grants."""
SERVER_NANOSECONDS: Final = 1_000_000
"""Longer than most requests, so that a server's thread that wakes up leaves the loop on until it has answered."""
HASHING_NANOSECONDS: Final = 20_000_000
"""Nobody waits for a hash by the millisecond. Asked for, too: a thread begins with the slices of the one that started it."""

# The C library has a name for it since 2.41 only. The numbers are those of Linux's tables of system calls.
_CALLS: Final = {"x86_64": 314, "aarch64": 274}
_ATTRIBUTES_BYTES: Final = 48


def shorten_slices() -> None:
    """Ask for short slices for the thread that calls, which is the loop's, and for all that there are beside it."""
    if sys.platform == "linux":
        loop = threading.get_native_id()
        try:
            with permitting(Wire.FILES):
                threads = [int(path.name) for path in Path("/proc/self/task").iterdir()]
        except OSError:
            # A sandbox without /proc.
            threads = [loop]
        for thread in threads:
            ask_for_slices(thread, LOOP_NANOSECONDS if thread == loop else SERVER_NANOSECONDS)


def ask_for_slices(thread_id: int, nanoseconds: int) -> bool:
    """Ask for slices of this length, and leave the thread's nice value as it is; whether the system took it.

    Args:
        thread_id: of a thread of this process, as the system counts them.
        nanoseconds: 100 000 to 100 000 000.
    """
    # A Python of 32 bits has other numbers, whatever the machine is called.
    call = _CALLS.get(platform.machine()) if sys.maxsize > 2**32 else None
    if sys.platform != "linux" or call is None or ctypes is None:
        return False
    try:
        policy, nice = os.sched_getscheduler(thread_id), os.getpriority(os.PRIO_PROCESS, thread_id)
    except OSError:
        return False
    if policy != os.SCHED_OTHER:
        # Somebody has decided how this process is scheduled.
        return False
    # `struct sched_attr`, two numbers of 32 bits in one of 64: size and policy, flags, nice value and priority (none), then
    # runtime, deadline and period. Both kinds of machine put the lower half first.
    asked = (ctypes.c_uint64 * 6)(_ATTRIBUTES_BYTES | policy << 32, 0, nice & 0xFFFF_FFFF, nanoseconds, 0, 0)
    with permitting(Wire.NATIVE):
        return bool(ctypes.CDLL(None).syscall(call, thread_id, ctypes.byref(asked), 0) == 0)
