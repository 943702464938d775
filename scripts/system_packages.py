"""Sees to the programs that the browser tests drive and that no Python package holds.

As root on Debian they are installed; anywhere else one line says what to run, and the tests that need a program fail
with the same line when they reach it: a test never passes because it did not run.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Program:
    """One program, the names it goes by, and where it comes from."""

    name: str
    commands: tuple[str, ...]
    apt: tuple[str, ...]
    brew: str
    is_linux_only: bool = False

    def find(self) -> str | None:
        """Return the path of the first command that is there."""
        return next((path for command in self.commands if (path := shutil.which(command))), None)


PROGRAMS = (
    Program(
        name="Chromium",
        commands=(
            "chromium",
            "chromium-browser",
            "google-chrome",
            "/Applications/Chromium.app/Contents/MacOS/Chromium",
            "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
        ),
        apt=("chromium", "fonts-liberation"),
        brew="brew install --cask chromium",
    ),
    Program(
        name="WebKit driver",
        commands=("WebKitWebDriver", "safaridriver"),
        apt=("webkit2gtk-driver",),
        brew="sudo safaridriver --enable",
    ),
    Program(name="Xvfb", commands=("Xvfb",), apt=("xvfb", "xauth"), brew="", is_linux_only=True),
    Program(name="npm", commands=("npm",), apt=("npm",), brew="brew install node"),
)


def main() -> int:
    """Install what is missing, or say how."""
    missing = [program for program in PROGRAMS if not program.find() and _belongs_here(program)]
    if not missing:
        return 0
    packages = [package for program in missing for package in program.apt]
    if shutil.which("apt-get") and os.geteuid() == 0:
        print("· installing " + " ".join(packages), file=sys.stderr, flush=True)
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "update", "-qq"], env=quiet, check=False)
        command = ["apt-get", "install", "-qq", "--yes", "--no-install-recommends", *packages]
        return subprocess.run(command, env=quiet, stdout=subprocess.DEVNULL, check=False).returncode
    names = ", ".join(program.name for program in missing)
    print(
        f"note: {names} not found, so some browser tests will fail; please run: {how_to_install(missing)}",
        file=sys.stderr,
    )
    return 0


def how_to_install(programs: list[Program]) -> str:
    """One line for this platform; tests put it into their failure."""
    if sys.platform == "darwin":
        return " && ".join(program.brew for program in programs if program.brew)
    return "sudo apt-get install --no-install-recommends " + " ".join(
        name for program in programs for name in program.apt
    )


def _belongs_here(program: Program) -> bool:
    return not (program.is_linux_only and sys.platform == "darwin")


if __name__ == "__main__":
    sys.exit(main())
