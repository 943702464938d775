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


def use_memory() -> None:
    """Let this process and those it starts have their temporary files in memory."""
    if sys.platform == "linux" and "TMPDIR" not in os.environ and FOLDER.is_dir() and has_room():
        os.environ["TMPDIR"] = str(FOLDER)
        tempfile.tempdir = None  # what was found before


def has_room() -> bool:
    """Whether programs may be started there, and neither the folder nor the memory is small, as it is in some containers."""
    folder = os.statvfs(FOLDER)
    memory = re.search(r"^MemAvailable: +(\d+) kB$", Path("/proc/meminfo").read_text(encoding="ascii"), re.MULTILINE)
    room = min(folder.f_bavail * folder.f_frsize, int(memory[1]) * 1024 if memory else 0)
    return os.access(FOLDER, os.W_OK) and not folder.f_flag & os.ST_NOEXEC and room > ROOM
