"""Lets sqlmap loose on pages of this framework, on SQLite and PostgreSQL: it must find the open page and no other.

    python -m scripts.sqlmap_run

sqlmap comes from the system (Debian: apt-get install sqlmap). Server and database listen on this machine only. Each page gets
a few minutes; a run that was cut short, or that did not find the control, fails, because it shows nothing.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fastness.testing.postgres import postgres_server
from fastness.testing.servers import asgi_server, free_port, running_server

ROOT = Path(__file__).resolve().parent.parent
SECONDS = 420
FOUND = "sqlmap identified the following injection point"
NOTHING = "all tested parameters do not appear to be injectable"
ROW_ID = "11111111-1111-4111-8111-111111111111"


@dataclass(frozen=True, kw_only=True)
class Target:
    """A page, and whether something is to be found there."""

    name: str
    query: str
    is_open: bool = False


TARGETS = (
    Target(name="open", query="title=Alien", is_open=True),
    Target(name="films", query="q=Al&sort=title&size=10"),
    Target(name="films", query="title=Alien&part=li&stars=0"),
    Target(name="films", query=f"after={ROW_ID}&sort=-stars"),
    Target(name="written", query="pattern=Al%25&title=Dune&order=title"),
)


def main() -> int:
    """Run all pages on both databases and print a line for each."""
    sqlmap = shutil.which("sqlmap")
    if sqlmap is None:
        print("sqlmap is not installed; on Debian: apt-get install sqlmap", file=sys.stderr)
        return 2
    failed = False
    with tempfile.TemporaryDirectory() as name, databases(Path(name)) as urls:
        for kind, url in urls.items():
            folder = Path(name) / kind
            folder.mkdir()
            port = free_port()
            environ = environment(url, folder)
            seeding = "import asyncio; from scripts.sqlmap_app import seed; asyncio.run(seed())"
            subprocess.run([sys.executable, "-c", seeding], cwd=ROOT, env=environ, check=True)
            command = asgi_server("scripts.sqlmap_app:app", port=port)
            with running_server(command, port=port, folder=folder, environ=environ):
                for target in TARGETS:
                    outcome = attack(sqlmap, f"http://127.0.0.1:{port}/{target.name}?{target.query}", kind, folder)
                    is_good = outcome == ("injectable" if target.is_open else "not injectable")
                    failed = failed or not is_good
                    print(
                        f"{'ok  ' if is_good else 'FAIL'} {kind:10} /{target.name}?{target.query}: {outcome}",
                        flush=True,
                    )
    return int(failed)


@contextmanager
def databases(folder: Path) -> Iterator[dict[str, str]]:
    """An empty database of each kind, by the name that sqlmap has for it."""
    with postgres_server() as server:
        yield {"SQLite": f"sqlite:///{folder}/app.sqlite3", "PostgreSQL": server.url(server.create_database())}


def environment(url: str, folder: Path) -> dict[str, str]:
    """The settings of the application."""
    return {
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": str(ROOT),
        "FASTNESS_PROFILE": "development",
        "FASTNESS_SECRET_KEY": "y2T8vKq0Zr5mWc7Nf4Jx1Hb6Ls9Pd3Ga-eUoRiSt",
        "FASTNESS_DATABASE_URL": url,
        "FASTNESS_STORE_URL": f"sqlite:///{folder}/store.sqlite3",
    }


def attack(sqlmap: str, address: str, kind: str, folder: Path) -> str:
    """What sqlmap says about one address."""
    command = [
        sqlmap, "--url", address, "--batch", "--flush-session", "--dbms", kind, "--level", "3", "--risk", "2",
        "--ignore-code", "400", "--threads", "2", "--time-sec", "2", "--disable-coloring", "--output-dir", str(folder / "sqlmap"),
        "--param-filter", "GET",
    ]  # fmt: skip
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return f"not done within {SECONDS} s"
    if FOUND in done.stdout:
        return "injectable"
    return "not injectable" if NOTHING in done.stdout else "no answer:\n" + done.stdout[-2000:] + done.stderr[-1000:]


if __name__ == "__main__":
    sys.exit(main())
