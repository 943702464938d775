"""Other programs (git, pip, Bandit, pip-audit), run with an end in sight and without a shell.

The folder that is audited is not believed: Python starts with `-P`, so that a file `bandit.py` in it is not run for Bandit, and
so does every Python that such a program starts in turn (pip-audit asks `python -m pip` for its version: a `pip.py` here would
answer). What a program needs and does not find, or does not finish, becomes something that could not be checked.

ASVS 5.0: V1.2.5 (no shell), V15.4.4 (an end to waiting).
"""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from fastness.kernel.values import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """How a program ended."""

    code: int
    output: str
    errors: str

    @property
    def complaint(self) -> str:
        """The last thing it said, on one line."""
        lines = [line.strip() for line in (self.errors or self.output).splitlines() if line.strip()]
        return lines[-1][:300] if lines else f"it ended with {self.code} and said nothing"


class ProgramError(Exception):
    """A program is not there, or did not end in time; the text says which."""


def run_program(
    arguments: Sequence[str], *, folder: Path, seconds: float, environment: Mapping[str, str] | None = None
) -> Ran:
    """Run a program in a folder; raises `ProgramError`."""
    try:
        done = subprocess.run(  # noqa: S603 - a list without a shell; the callers name the programs
            list(arguments),
            cwd=folder,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=seconds,
            check=False,
        )
    except FileNotFoundError:
        raise ProgramError(f"The program {arguments[0]} is not on this machine.") from None
    except subprocess.TimeoutExpired:
        raise ProgramError(f"{Path(arguments[0]).name} did not end within {seconds:.0f} seconds.") from None
    except OSError as error:
        raise ProgramError(f"{arguments[0]} cannot be started: {error.strerror}.") from None
    return Ran(
        code=done.returncode,
        output=done.stdout.decode("utf-8", "replace"),
        errors=done.stderr.decode("utf-8", "replace"),
    )


def run_module(name: str, *arguments: str, folder: Path, seconds: float) -> Ran:
    """Run `python -m name` with this Python; raises `ProgramError`."""
    return run_program(
        [sys.executable, "-P", "-m", name, *arguments],
        folder=folder,
        seconds=seconds,
        environment={"PYTHONSAFEPATH": "1"},
    )
