"""The target in a server process of its own, with its log at hand."""

import contextlib
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trustme

from fastness import Fastness, Settings
from fastness.testing.browser import Browser
from fastness.testing.servers import asgi_server, free_port, running_server
from tests.attacks.target import FILE, PASSWORDS, STATIC, make_app
from tests.attacks.wire import TIMEOUT_SECONDS, Answer, exchange
from tests.ready_made import CHEAP_PASSWORDS_ENVIRON

ROOT = Path(__file__).resolve().parent.parent.parent
EVENT_SECONDS = 20
STARTUP_SECONDS = 60
COOKIE = "__Host-session"
# What leads the tests to another copy of the framework leads the servers there as well.
PYTHONPATH = os.pathsep.join(filter(None, (os.environ.get("PYTHONPATH"), str(ROOT))))


def environ_of(folder: Path, **overrides: str) -> dict[str, str]:
    """Production, but for TLS, which stands in front of it elsewhere."""
    return {
        "PYTHONPATH": PYTHONPATH,
        "FASTNESS_PROFILE": "production",
        "FASTNESS_PROJECT": "target",
        "FASTNESS_SECRET_KEY": "attacks-only-qT7xWv2nLk9RzB4mYc8sHd3fJg6pAe",
        "FASTNESS_HOSTS": "localhost,127.0.0.1",
        "FASTNESS_IS_HTTPS_REQUIRED": "false",
        "FASTNESS_DATABASE_URL": f"sqlite:///{folder}/data.sqlite3",
        "FASTNESS_STORE_URL": f"sqlite:///{folder}/store.sqlite3",
        "FASTNESS_LIMITS_BODY_TIMEOUT_SECONDS": "3",
        # What a web application rarely does is stopped: none of the attacks, and nothing that is served, trips a wire.
        "FASTNESS_TRIPWIRES_MODE": "block",
        # All attackers come from one address, and no test shall meet the attempts of another.
        "FASTNESS_THROTTLE_ACCOUNT_ATTEMPTS": "10000",
        "FASTNESS_THROTTLE_PAIR_ATTEMPTS": "10000",
        "FASTNESS_THROTTLE_ADDRESS_ATTEMPTS": "10000",
        "FASTNESS_THROTTLE_NETWORK_ATTEMPTS": "10000",
        **CHEAP_PASSWORDS_ENVIRON,
        **overrides,
    }


@dataclass
class Site:
    """A running target."""

    port: int
    folder: Path
    process: subprocess.Popen[bytes]
    log: Path
    scheme: str = "http"
    trust: ssl.SSLContext | None = None
    """What to believe the server's certificate by, where it has one."""

    @property
    def address(self) -> str:
        return f"{self.scheme}://localhost:{self.port}"

    def send(self, *pieces: bytes, more: Iterable[bytes] = (), method: str = "GET") -> Answer:
        """Bytes on a connection of their own."""
        return exchange(self.port, *pieces, more=more, method=method, trust=self.trust)

    def connect(self) -> socket.socket:
        """A connection to talk on by hand."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=TIMEOUT_SECONDS)

    def browser(self) -> Browser:
        return Browser(self.address, trust=self.trust)

    @contextlib.asynccontextmanager
    async def signed_in(self, username: str = "ada"):
        async with self.browser() as browser:
            page = await browser.sign_in(username, PASSWORDS[username])
            assert page.status == 200, page.text
            assert COOKIE in browser.cookies
            yield browser

    def lines(self, start: int = 0) -> list[dict[str, Any]]:
        """What was logged since that byte."""
        if not self.log.exists():
            return []
        with self.log.open("rb") as file:
            file.seek(start)
            return [json.loads(line) for line in file.read().splitlines()]

    def log_size(self) -> int:
        return self.log.stat().st_size if self.log.exists() else 0

    def events(self, start: int = 0) -> list[dict[str, Any]]:
        """The security events among them."""
        return [line for line in self.lines(start) if line.get("logger") == "fastness.security"]

    @contextlib.contextmanager
    def records(self, name: str, reason: str | None = None) -> Iterator[list[dict[str, Any]]]:
        """What happens inside is recorded as this event; the matching ones are in the list afterwards."""
        start = self.log_size()
        found: list[dict[str, Any]] = []
        yield found
        deadline = time.monotonic() + EVENT_SECONDS
        while not found and time.monotonic() < deadline:
            events = self.events(start)
            found += [one for one in events if one["event"] == name and reason in {None, one["reason"]}]
            if not found:
                time.sleep(0.02)
        assert found, (
            f"no event {name} ({reason}) among {[(one['event'], one['reason']) for one in self.events(start)]}"
        )

    @contextlib.contextmanager
    def records_nothing(self) -> Iterator[None]:
        """What happens inside is nobody's attack."""
        start = self.log_size()
        yield
        assert [(one["event"], one["reason"]) for one in self.events(start)] == []

    def process_ids(self) -> list[int]:
        """The server and its workers."""
        found = [self.process.pid]
        for parent in found:
            done = subprocess.run(["pgrep", "-P", str(parent)], capture_output=True, text=True, check=False)
            found += map(int, done.stdout.split())
        return found

    def memory_bytes(self) -> int:
        """What the server and its workers hold in memory; on Linux the most they ever held."""
        return sum(map(memory_of, self.process_ids()))


def memory_of(process_id: int) -> int:
    with contextlib.suppress(OSError):
        status = Path(f"/proc/{process_id}/status").read_text()
        return next((int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM:")), 0)
    done = subprocess.run(["ps", "-o", "rss=", "-p", str(process_id)], capture_output=True, text=True, check=False)
    return int(done.stdout.strip() or 0) * 1024


@contextlib.contextmanager
def running_site(
    seeded: Path, folder: Path, *, server: str = "granian", workers: int = 1, **overrides: str
) -> Iterator[Site]:
    """The target on a copy of the seeded data."""
    shutil.copytree(seeded, folder, dirs_exist_ok=True)
    furnish(folder)
    port = free_port()
    command = asgi_server("tests.attacks.served:app", port=port, workers=workers, server=server)
    with running_server(command, port=port, folder=folder, environ=environ_of(folder, **overrides)) as process:
        site = Site(port, folder, process, folder / "log.jsonl")
        wait_for_workers(site, workers)
        yield site


@contextlib.contextmanager
def neighbour_of(site: Site, **overrides: str) -> Iterator[Site]:
    """Another server on the same files: a second worker process, of which one knows which request it answers."""
    port = free_port()
    command = asgi_server("tests.attacks.served:app", port=port)
    environ = environ_of(site.folder, **overrides)
    with running_server(command, port=port, folder=site.folder, environ=environ) as process:
        yield Site(port, site.folder, process, site.log)


@contextlib.asynccontextmanager
async def operating(site: Site) -> AsyncIterator[Fastness]:
    """The target in the test's own process, on the files of the servers: what a command on that machine does."""
    environ = {name: value for name, value in environ_of(site.folder).items() if name != "PYTHONPATH"}
    app = make_app(Settings.load(environ=environ, folder=site.folder))
    await app.open()
    try:
        yield app
    finally:
        await app.close()


def wait_for_workers(site: Site, workers: int) -> None:
    """The port answers as soon as the first worker does; the others may still be importing."""
    deadline = time.monotonic() + STARTUP_SECONDS
    while sum(event["event"] == "sys_startup" for event in site.events()) < workers:
        assert time.monotonic() < deadline, f"fewer than {workers} workers started: {site.lines()}"
        time.sleep(0.02)


@contextlib.contextmanager
def deployed_site(seeded: Path, folder: Path, **overrides: str) -> Iterator[Site]:
    """The target as `fastness serve` runs it: behind TLS, with nothing loosened."""
    shutil.copytree(seeded, folder, dirs_exist_ok=True)
    furnish(folder)
    port = free_port()
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost", "127.0.0.1", "target.example")
    certificate.private_key_pem.write_to_path(folder / "key.pem")
    for index, pem in enumerate(certificate.cert_chain_pems):
        pem.write_to_path(folder / "certificate.pem", append=index > 0)
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    command = [*serve_command(port), "--certfile", "certificate.pem", "--keyfile", "key.pem"]
    environ = environ_of(folder, **{"FASTNESS_HOSTS": "localhost,target.example", **overrides})
    environ["FASTNESS_IS_HTTPS_REQUIRED"] = "true"
    # A start is refused where guessing is not stopped.
    environ = {name: value for name, value in environ.items() if not name.startswith("FASTNESS_THROTTLE_")}
    with running_server(command, port=port, folder=folder, environ=environ) as process:
        yield Site(port, folder, process, folder / f"server-{port}.log", scheme="https", trust=trust)


def serve_command(port: int) -> list[str]:
    return [sys.executable, "-m", "fastness.cli", "serve", "--app", "tests.attacks.deployed:app", "--port", str(port)]


def furnish(folder: Path) -> None:
    """Files to serve, and beside them what must not be served."""
    static = folder / STATIC
    (static / ".git").mkdir(parents=True)
    (static / "site.css").write_text("body { color: black }\n")
    for name in (".env", ".git/config"):
        (static / name).write_text("SECRET=outside\n")
    (folder / "outside.txt").write_text("SECRET=outside\n")
    (static / "link.txt").symlink_to(folder / "outside.txt")
    (folder / FILE).write_bytes(bytes(range(256)) * 4096)


def try_to_serve(folder: Path, environ: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run `fastness serve` where it has to refuse, and tell what it said."""
    command = serve_command(free_port())
    return subprocess.run(
        command, cwd=folder, env={**os.environ, **environ}, capture_output=True, text=True, check=False, timeout=60
    )
