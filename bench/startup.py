"""Time from the start of a server's process to its first response, in wall time.

The process is started and asked every millisecond until it answers. Bytecode is cached from a first start that does not
count; files are in the system's cache.
"""

import socket
import time

from bench import cpu, servers
from bench.client import ADDRESS, Browser
from bench.contenders import Contender

POLL_SECONDS = 0.001


def first_response_ms(contender: Contender, path: str) -> float:
    """Start the contender once, ask for this path until it answers, and stop it."""
    core, _ = cpu.cores()
    started = time.perf_counter()
    server = servers.start(contender, mode="secured", core=core)
    try:
        request = Browser(port=server.port).encode("GET", path)
        deadline = started + servers.START_SECONDS
        while time.perf_counter() < deadline:
            if server.process.poll() is not None:
                raise servers.ServerError(f"{contender.name} ended at its start:\n{server.log.read_text()}")
            status = _ask(server.port, request)
            if status is not None:
                if status != b"200":
                    raise servers.ServerError(f"{contender.name} answers {path} with {status!r}")
                return (time.perf_counter() - started) * 1000
            time.sleep(POLL_SECONDS)
        raise servers.ServerError(f"{contender.name} did not answer:\n{server.log.read_text()}")
    finally:
        servers.stop(server)


def _ask(port: int, request: bytes) -> bytes | None:
    try:
        with socket.create_connection((ADDRESS, port), timeout=10) as connection:
            connection.sendall(request)
            return connection.recv(65536)[9:12] or None
    except OSError:
        return None
