"""Start and stop the servers that are measured: one worker each, on one core, on the loopback interface.

Each server is its own process group and is ended by its process id; a server that does not answer in time fails the run
and shows what it printed.
"""

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench import cpu
from bench.contenders import Contender

ROOT = Path(__file__).parent.parent
VENVS = ROOT / ".bench"
RUNS = VENVS / "run"

START_SECONDS = 60.0
STOP_SECONDS = 10.0


class ServerError(Exception):
    """A server did not start, or went away."""


@dataclass(slots=True)
class Server:
    """A running server."""

    contender: Contender
    port: int
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def pid(self) -> int:
        """The process at the head of the server's processes."""
        return self.process.pid

    def cpu_seconds(self) -> float:
        """CPU time so far of all of the server's processes."""
        return cpu.cpu_seconds(self.pid)

    def memory_mib(self) -> float:
        """The most memory that the server's processes have held so far; nothing where the system does not tell."""
        return cpu.peak_memory_mib(self.pid)


def environment(contender: Contender, *, mode: str) -> dict[str, str]:
    """The environment of a contender's process: little, and the same for all."""
    folder = RUNS / contender.app
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR", "SYSTEMROOT") if name in os.environ}
    return kept | {
        "BENCH_FOLDER": str(folder),
        "BENCH_MODE": mode,
        "PYTHONPATH": os.pathsep.join(str(ROOT / part) for part in contender.python_path),
        "PYTHONUNBUFFERED": "1",
        **dict(contender.variables),
    }


def python_of(venv: str) -> Path:
    """The interpreter of one of the benchmark's venvs."""
    return VENVS / venv / "bin" / "python"


def start(contender: Contender, *, mode: str, core: int | None) -> Server:
    """Start the contender's server and wait until it listens."""
    port = _free_port()
    log = RUNS / f"{contender.name}-{mode}.log"
    command = [str(python_of(contender.venv)), *(part.format(port=port) for part in contender.command)]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment(contender, mode=mode),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            preexec_fn=None if core is None else _pinner(core),
        )
    return Server(contender=contender, port=port, process=process, log=log)


def wait(server: Server) -> None:
    """Wait until the server takes connections."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if server.process.poll() is not None:
            raise ServerError(f"{server.contender.name} ended at its start:\n{server.log.read_text()}")
        try:
            socket.create_connection(("127.0.0.1", server.port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise ServerError(f"{server.contender.name} did not listen within {START_SECONDS:.0f} s:\n{server.log.read_text()}")


def stop(server: Server) -> None:
    """End the server's processes by their ids: politely, then by force."""
    members = cpu.family(server.pid)
    if server.process.poll() is None:
        server.process.terminate()
    try:
        server.process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        for pid in reversed(members):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        server.process.wait(STOP_SECONDS)


@contextlib.contextmanager
def running(contenders: list[Contender], *, mode: str) -> Iterator[list[Server]]:
    """These servers, started one after the other and stopped at the end, whatever happens."""
    core, _ = cpu.cores()
    servers: list[Server] = []
    try:
        for contender in contenders:
            server = start(contender, mode=mode, core=core)
            servers.append(server)
            wait(server)
        yield servers
    finally:
        for server in servers:
            stop(server)


def _pinner(core: int):
    def pin_child() -> None:
        cpu.pin(0, core)

    return pin_child


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
