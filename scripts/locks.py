"""Writes the lock files that are in this repository, the demo's and that of a new project; run by `make reference`.

Both hold the framework's own routes beside the app's, so a new page of the framework changes them. Tests compare.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from fastness.checks.lock import LOCK_FILE
from fastness.kernel.tokens import random_token

ROOT = Path(__file__).resolve().parent.parent
DEMO = ROOT / "examples" / "casebook" / LOCK_FILE
TEMPLATE = ROOT / "src" / "fastness" / "cli" / "project" / f"{LOCK_FILE}.in"
FASTNESS = (sys.executable, "-m", "fastness.cli")


def main() -> int:
    """Write both."""
    write(DEMO.parent)
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([*FASTNESS, "new", "site"], cwd=folder, check=True, capture_output=True)
        made = Path(folder) / "site"
        write(made)
        TEMPLATE.write_text((made / LOCK_FILE).read_text(encoding="utf-8"), encoding="utf-8")
    for file in (DEMO, TEMPLATE):
        print(file.relative_to(ROOT))
    return 0


def write(folder: Path) -> None:
    """Write the lock file of the app in a folder."""
    environ = {
        "PATH": os.environ["PATH"],
        "FASTNESS_PROFILE": "development",
        "FASTNESS_SECRET_KEY": random_token(48),
    }
    subprocess.run(
        [*FASTNESS, "routes", "--matrix", "--write"], cwd=folder, env=environ, check=True, capture_output=True
    )


if __name__ == "__main__":
    sys.exit(main())
