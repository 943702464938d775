"""Lets sqlmap loose on pages of this framework, on SQLite and PostgreSQL: it must find the open page and no other.

    python -m scripts.sqlmap_run

sqlmap comes from the system (Debian: apt-get install sqlmap). Server and database listen on this machine only. Each page gets
a few minutes; a run that was cut short, or that did not find the control, fails, because it shows nothing.
"""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fastness.testing.browser import Browser
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
DEMO_TARGETS = (
    Target(name="", query="q=deposit&sort=title&size=20"),
    Target(name="", query=f"status=open&after={ROW_ID}"),
    Target(name="api/cases", query="q=deposit"),
)
DEMO_USER = ("maren", "copper kettle on a quiet hill")  # in examples/casebook/casebook/seed.py for all to read


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
        failed = not try_demo(sqlmap, Path(name)) or failed
    return int(failed)


def try_demo(sqlmap: str, folder: Path) -> bool:
    """The demo's list, its search and its JSON, for somebody who is signed in."""
    left_out = shutil.ignore_patterns("var", ".env", "__pycache__")
    casebook = Path(shutil.copytree(ROOT / "examples" / "casebook", folder / "casebook", ignore=left_out))
    port = free_port()
    is_good = True
    with running_server(
        [sys.executable, "-m", "fastness.cli", "demo", "--port", str(port)], port=port, folder=casebook
    ):
        cookie = asyncio.run(demo_cookie(f"http://localhost:{port}"))
        for target in DEMO_TARGETS:
            address = f"http://localhost:{port}/{target.name}?{target.query}"
            outcome = attack(sqlmap, address, "SQLite", casebook, "--cookie", cookie)
            is_good = is_good and outcome == "not injectable"
            mark = "ok  " if outcome == "not injectable" else "FAIL"
            print(f"{mark} demo       /{target.name}?{target.query}: {outcome}", flush=True)
    return is_good


async def demo_cookie(address: str) -> str:
    """The session of the demo's first person."""
    async with Browser(address) as browser:
        page = await browser.sign_in(*DEMO_USER)
        if page.status != 200 or "Deposit withheld" not in page.text:
            raise RuntimeError(f"nobody could sign in to the demo, or it lists nothing: {page.status}")
        return "; ".join(f"{name}={cookie.value}" for name, cookie in browser.cookies.items())


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


def attack(sqlmap: str, address: str, kind: str, folder: Path, *more: str) -> str:
    """What sqlmap says about one address."""
    command = [
        sqlmap, "--url", address, "--batch", "--flush-session", "--dbms", kind, "--level", "3", "--risk", "2",
        "--ignore-code", "400", "--threads", "2", "--time-sec", "2", "--disable-coloring", "--output-dir", str(folder / "sqlmap"),
        "--param-filter", "GET", *more,
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
