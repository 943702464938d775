"""CPU time and memory of a server's processes, read from outside, so that nothing is added to what is measured.

On Linux the kernel's own clock of each process is read (`clock_getcpuclockid(3)`: user and system time of all threads, in
nanoseconds); `/proc/<pid>/stat` counts the same time in steps of 10 ms. Elsewhere `ps` is asked, and the steps are 10 ms.
"""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

HAS_CLOCKS = sys.platform == "linux"

_SCHED_CLOCK = 2  # CPUCLOCK_SCHED of the kernel's include/linux/posix-timers_types.h
_PS_TIME = re.compile(r"(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+(?:\.\d+)?)")
_PEAK = re.compile(r"^VmHWM:\s+(\d+) kB", re.MULTILINE)


def cpu_seconds(root: int) -> float:
    """User and system time so far of this process and of its living descendants."""
    return sum(_process_seconds(pid) for pid in family(root))


def family(root: int) -> list[int]:
    """The process and its living descendants: gunicorn and granian serve from children."""
    children: dict[int, list[int]] = {}
    for pid, parent in _parents():
        children.setdefault(parent, []).append(pid)
    found = [root]
    for pid in found:
        found.extend(children.get(pid, ()))
    return found


def _process_seconds(pid: int) -> float:
    if HAS_CLOCKS:
        return time.clock_gettime_ns((~pid << 3) | _SCHED_CLOCK) / 1e9
    shown = subprocess.run(["ps", "-o", "time=", "-p", str(pid)], capture_output=True, text=True, check=True).stdout
    match = _PS_TIME.fullmatch(shown.strip())
    if match is None:
        raise RuntimeError(f"ps does not show the CPU time of process {pid}: {shown!r}")
    days, hours, minutes, seconds = (float(part or 0) for part in match.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds


def _parents() -> list[tuple[int, int]]:
    if not HAS_CLOCKS:
        shown = subprocess.run(["ps", "-axo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
        return [(int(pid), int(parent)) for pid, parent in (line.split() for line in shown.splitlines())]
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
            except OSError:  # The process ended while the folder was read.
                continue
            # The name in parentheses may itself hold blanks and parentheses.
            found.append((int(entry.name), int(stat.rpartition(")")[2].split()[1])))
    return found


def peak_memory_mib(root: int) -> float:
    """The sum of the processes' peak resident sizes; 0 where the system does not tell."""
    if not HAS_CLOCKS:
        return 0.0
    peaks = (_PEAK.search(Path(f"/proc/{pid}/status").read_text()) for pid in family(root))
    return sum(int(peak.group(1)) for peak in peaks if peak is not None) / 1024


def pin(pid: int, core: int) -> None:
    """Keep this process (and the children it starts) on one core, where the system can."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(pid, {core})


def cores() -> tuple[int, int]:
    """The core for the server and the core for the load."""
    if not hasattr(os, "sched_getaffinity"):
        return 0, 0
    usable = sorted(os.sched_getaffinity(0))
    return usable[0], usable[-1]
