"""Temporary files in memory, where there is room: half of what the tests wait for is the disk, and no test cuts the power.

Who has set TMPDIR keeps it.
"""

import os
import re
import sys
import tempfile
from pathlib import Path

FOLDER = Path("/dev/shm")
ROOM = 4_000_000_000
LIMITS = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
)
"""Of the second version of Linux' control groups and of the first, as a container sees its own."""


def use_memory() -> None:
    """Let this process and those it starts have their temporary files in memory."""
    if sys.platform == "linux" and "TMPDIR" not in os.environ and FOLDER.is_dir() and has_room():
        os.environ["TMPDIR"] = str(FOLDER)
        tempfile.tempdir = None  # what was found before


def has_room() -> bool:
    """Whether programs may be started there, and neither the folder nor the memory is small, as it is in some containers."""
    folder = os.statvfs(FOLDER)
    room = min(folder.f_bavail * folder.f_frsize, free_of_machine(), *map(free_of_container, LIMITS))
    return os.access(FOLDER, os.W_OK) and not folder.f_flag & os.ST_NOEXEC and room > ROOM


def free_of_machine() -> int:
    """Bytes of memory that nobody uses."""
    memory = re.search(r"^MemAvailable: +(\d+) kB$", Path("/proc/meminfo").read_text(encoding="ascii"), re.MULTILINE)
    return int(memory[1]) * 1024 if memory else 0


def free_of_container(files: tuple[str, str]) -> int:
    """Bytes that this container may still use, by the file of its limit and the one of its use.

    Files that were read count as used, so this errs towards the disk.
    """
    try:
        limit, used = (Path(file).read_text(encoding="ascii").strip() for file in files)
    except OSError:
        return sys.maxsize
    return sys.maxsize if limit == "max" else int(limit) - int(used)
