"""Starts the worker, and starts it again when it ends: the process between `serve` and `worker`.

It is a process of its own because the server forks, which a process with a second thread must not, and it loads nothing but the
standard library, so that there is little that could end it. It ends with the process that started it, however that one ends,
and takes the worker along.

ASVS 5.0: V13.1.3 (what happens when a part fails).
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Final

LONGEST_PAUSE_SECONDS: Final = 60
STEADY_SECONDS: Final = 60
STOP_SECONDS: Final = 30
_LOOK_SECONDS: Final = 0.2


class Supervisor:
    """Keeps one process running."""

    def __init__(self, command: Sequence[str], *, parent: int, first_pause_seconds: float = 1) -> None:
        self._command = list(command)
        self._parent = parent
        self._first_pause_seconds = first_pause_seconds
        self._is_stopping = False

    def stop(self, _number: int = 0, _frame: FrameType | None = None) -> None:
        """End the process, and then this."""
        self._is_stopping = True

    def run(self) -> None:
        """Until stopped, or until the parent is gone."""
        pause = self._first_pause_seconds
        while self._goes_on():
            began = time.monotonic()
            end = self._run_once()
            if not self._goes_on():
                return
            # One that ends at once, for a missing table or a mistake in the app, is not started over and over.
            is_steady = time.monotonic() - began > STEADY_SECONDS
            pause = self._first_pause_seconds if is_steady else min(2 * pause, LONGEST_PAUSE_SECONDS)
            with suppress(OSError):  # whoever read the log may be gone
                sys.stderr.write(f'{{"level":"warning","message":"the worker {end}; it is started again"}}\n')
            until = time.monotonic() + pause
            while time.monotonic() < until and self._goes_on():
                time.sleep(_LOOK_SECONDS)

    def _run_once(self) -> str:
        """Start the process and wait for its end; what came of it, for the log."""
        try:
            # The interpreter that runs this, and arguments that are not read by a shell.
            child = subprocess.Popen(self._command)  # noqa: S603
        except OSError as error:
            # No memory or no process to be had at the moment.
            return f"could not be started ({error.strerror})"
        while child.poll() is None and self._goes_on():
            time.sleep(_LOOK_SECONDS)
        _end(child)
        return f"ended with {child.returncode}"

    def _goes_on(self) -> bool:
        return not self._is_stopping and os.getppid() == self._parent


def _end(child: "subprocess.Popen[bytes]") -> None:
    if child.poll() is not None:
        return
    child.terminate()
    try:
        child.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


@contextmanager
def supervised_worker(app: str | None) -> Iterator[None]:
    """A worker for this app beside the block, started again when it ends."""
    arguments = ["--app", app] if app else []
    command = [sys.executable, "-m", "fastness.cli.supervising", str(os.getpid()), *arguments]
    supervisor = subprocess.Popen(command)  # noqa: S603 - as above
    try:
        yield
    finally:
        supervisor.terminate()
        try:
            supervisor.wait(STOP_SECONDS + 5)
        except subprocess.TimeoutExpired:
            supervisor.kill()


def main() -> None:
    """Supervise `fastness worker`; the first argument is the id of the parent process, the others are the worker's."""
    parent, *arguments = sys.argv[1:]
    command = [sys.executable, "-m", "fastness.cli", "worker", "--supervised", *arguments]
    supervisor = Supervisor(command, parent=int(parent))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, supervisor.stop)
    supervisor.run()


if __name__ == "__main__":
    main()
