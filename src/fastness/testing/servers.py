"""A real server process for a test: started on a free port of the loopback interface, and ended with the test."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from fastness.kernel.errors import FastnessError

_START_SECONDS = 60
_STOP_SECONDS = 10


class ServerStartError(FastnessError):
    """The server did not answer in time; the message holds what it printed."""

    code = "test_server"


def free_port() -> int:
    """A port of the loopback interface that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def running_server(
    command: Sequence[str], *, port: int, folder: Path, environ: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run `command` until the block ends; enter the block when the port accepts connections."""
    log_path = folder / f"server-{port}.log"
    with log_path.open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - the test's own command
            list(command),
            cwd=folder,
            env={**os.environ, **(environ or {})},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        wait_for_port(process, port, log_path)
        yield process
    finally:
        stop(process)


def asgi_server(app: str, *, port: int, workers: int = 1, server: str = "granian", loop: str = "asyncio") -> list[str]:
    """The command line that serves `module:attribute` on the loopback interface, on the event loop of this name."""
    if server == "uvicorn":
        # uvicorn believes X-Forwarded-For of loopback peers unless told not to; who is believed, the settings say.
        quiet = ["--no-proxy-headers", "--no-server-header", "--no-access-log"]
        # The parser it has without its extras: httptools, where that happens to be installed, refuses more by itself.
        options = ["--host", "127.0.0.1", "--port", str(port), "--http", "h11", *quiet]
        return [sys.executable, "-m", "uvicorn", app, *options, "--workers", str(workers), "--loop", loop]
    options = ["--interface", "asgi", "--host", "127.0.0.1", "--port", str(port), "--workers", str(workers)]
    return [sys.executable, "-m", "granian", *options, "--loop", loop, app]


def wait_for_port(process: subprocess.Popen[bytes], port: int, log_path: Path) -> None:
    """Return when the port accepts a connection; raise with the server's output if it never does."""
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    output = log_path.read_text(errors="replace")[-4000:]
    raise ServerStartError(f"The server did not accept connections on port {port} within {_START_SECONDS} s:\n{output}")


def stop(process: subprocess.Popen[bytes]) -> None:
    """End the server and its workers: they are in a process group of their own."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(_STOP_SECONDS)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
