"""What the figures were measured on and with: they mean nothing without it."""

import json
import os
import platform
import re
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path

from bench.setup import ROOT

SHOWN = (
    "django", "fastapi", "litestar", "starlette", "uvicorn", "granian", "gunicorn", "uvloop", "httptools", "sqlalchemy",
    "aiosqlite", "jinja2", "argon2-cffi",
)  # fmt: skip

_LIST = (
    "import importlib.metadata as m, json, platform, sqlite3, sys;"
    "print(json.dumps({'python': platform.python_version(), 'sqlite': sqlite3.sqlite_version,"
    " **{d.name.lower(): d.version for d in m.distributions()}}))"
)


_LISTENS_SECONDS = 3.0
_GAP_SECONDS = 0.0003


def describe_machine() -> dict[str, object]:
    """Processor, cores, how busy they are, what is taken from a program that never waits, system, and the day."""
    lost, longest = _listen()
    return {
        "lost_percent": lost,
        "longest_gap_ms": longest,
        "date": datetime.now(UTC).date().isoformat(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "commit": _commit(),
        "load": round(os.getloadavg()[0], 1),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
    }


def _listen() -> tuple[float, float]:
    """The share of the time in which a loop that does nothing but read the clock did not run, and its longest gap.

    On a virtual machine that is mostly what the host gives to others. No server can answer in it.
    """
    began = last = time.perf_counter()
    gaps = [0.0]
    while last - began < _LISTENS_SECONDS:
        now = time.perf_counter()
        if now - last > _GAP_SECONDS:
            gaps.append(now - last)
        last = now
    return round(100 * sum(gaps) / _LISTENS_SECONDS, 1), round(1000 * max(gaps), 1)


def versions_of(python: Path) -> dict[str, str]:
    """The versions that matter in one venv, with its Python's and its SQLite's."""
    shown = subprocess.run([python, "-c", _LIST], capture_output=True, text=True, check=True).stdout
    found: dict[str, str] = json.loads(shown)
    return {name: found[name] for name in ("python", "sqlite", *SHOWN) if name in found}


def _commit() -> str:
    """The commit that was measured; unknown in a copy without its history."""
    command = ["git", "rev-parse", "--short", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        match = re.search(r"^model name\s*:\s*(.+)$", info.read_text(), re.MULTILINE)
        if match:
            return match.group(1)
    if platform.system() == "Darwin":
        command = ["sysctl", "-n", "machdep.cpu.brand_string"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    return platform.processor() or "unknown"
