"""Python commands, each in a process of its own that is forked from one which has imported what they need.

To start Python and import the framework takes a second of computing, and the tests run hundreds of commands. What a command finds
is what a fresh interpreter would give it: its folder, its environment, its input, and none of the modules of an app.
`tests/project` starts the same commands as people do.
"""

import contextlib
import gc
import importlib
import json
import multiprocessing
import os
import pkgutil
import runpy
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import fastness

LIBRARIES = ("alembic.command", "argon2", "asyncpg", "fastapi", "sqlalchemy.ext.asyncio", "wtforms")


@dataclass(frozen=True)
class Task:
    """A command that waits for its process."""

    arguments: list[str]
    folder: str
    environ: dict[str, str]
    files: list[str]
    """Where its input is, and where its output and its errors go."""
    timeout: int


class ForkServer:
    """A process that forks commands, one after the other."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def run(
        self, *arguments: str, folder: Path, environ: Mapping[str, str], stdin: str = "", timeout: int = 60
    ) -> "subprocess.CompletedProcess[str]":
        """Run `python ARGUMENTS`, which begin with -m and a module or -c and code, for so many seconds at most."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with tempfile.TemporaryDirectory() as name:
            files = [Path(name) / part for part in ("stdin", "stdout", "stderr")]
            files[0].write_text(stdin, encoding="utf-8")
            task = Task(list(arguments), str(folder), dict(environ), list(map(str, files)), timeout)
            self._process.stdin.write(json.dumps(asdict(task)) + "\n")
            self._process.stdin.flush()
            status = int(self._process.stdout.readline())
            out, err = (file.read_text(encoding="utf-8") for file in files[1:])
        if status == -signal.SIGKILL:
            raise subprocess.TimeoutExpired(arguments, timeout, out, err)
        return subprocess.CompletedProcess(arguments, status, out, err)


@contextlib.contextmanager
def fork_server() -> Iterator[ForkServer]:
    """Start the process; it ends with the block, or with whoever started it."""
    with subprocess.Popen(
        [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
    ) as process:
        yield ForkServer(process)


def serve() -> None:
    """Fork what the lines of the input ask for."""
    modules = (module.name for module in pkgutil.walk_packages(fastness.__path__, "fastness."))
    ours = [name for name in modules if not name.endswith(".__main__") and ".testing" not in name]
    for name in (*LIBRARIES, *ours):
        importlib.import_module(name)
    gc.collect()
    gc.freeze()  # memory that is not touched stays shared
    for line in sys.stdin:
        task = Task(**json.loads(line))
        process = multiprocessing.get_context("fork").Process(target=become, args=(task,))
        process.start()
        process.join(task.timeout)
        if process.is_alive():
            process.kill()
            process.join()
        print(process.exitcode, flush=True)  # noqa: T201 - the answer


def become(task: Task) -> None:
    """Be the command that was asked for."""
    for number, (file, flags) in enumerate(
        zip(task.files, (os.O_RDONLY, os.O_WRONLY | os.O_CREAT, os.O_WRONLY | os.O_CREAT), strict=True)
    ):
        os.dup2(os.open(file, flags), number)
    sys.stdin, sys.stdout, sys.stderr = (
        os.fdopen(number, mode, encoding="utf-8", closefd=False) for number, mode in enumerate("rww")
    )
    os.chdir(task.folder)
    os.environ.clear()
    os.environ.update(task.environ)
    kind, what, *rest = task.arguments
    sys.path[:1] = [task.folder, *filter(None, task.environ.get("PYTHONPATH", "").split(os.pathsep))]
    sys.argv[:] = [what if kind == "-m" else kind, *rest]
    if kind == "-m":
        runpy.run_module(what, run_name="__main__", alter_sys=True)
    else:
        exec(what, {"__name__": "__main__"})  # noqa: S102 - what `python -c` is


if __name__ == "__main__":
    serve()
