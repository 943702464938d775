"""What tripwires cost: the demo's page of cases with them off, reporting and blocking, each in an interpreter of its own.

A hook cannot be removed, so the three take turns in fresh processes; of each, the CPU time of a request is measured over and
over, and the best round counts, as everything else that happens on a machine only adds. Beside it stands how many audit
events one request raises, and what one event costs that nobody watches.

    python -m bench.tripwires
"""

import asyncio
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DEMO = ROOT / "examples" / "casebook"
VARIANTS = {
    "off": {"FASTNESS_TRIPWIRES_INSECURE_OFF": "the measure of what they cost"},
    "report": {"FASTNESS_TRIPWIRES_MODE": "report"},
    "block": {"FASTNESS_TRIPWIRES_MODE": "block"},
}
TURNS = 3
ROUNDS = 12
REQUESTS = 150
EVENTS = 200_000


def environ_of(folder: Path) -> dict[str, str]:
    return {
        "FASTNESS_PROFILE": "development",
        "FASTNESS_PROJECT": "casebook",
        "FASTNESS_SECRET_KEY": "bench-only-Jx8vQn3kLw72mZpR5tYcB1sDfGhK9aEu",
        "FASTNESS_DATABASE_URL": f"sqlite:///{folder}/data.sqlite3",
        "FASTNESS_STORE_URL": f"sqlite:///{folder}/store.sqlite3",
        "PYTHONPATH": os.pathsep.join((str(DEMO), str(ROOT / "src"), str(ROOT))),
    }


def prepare(folder: Path) -> None:
    from casebook.app import app  # noqa: PLC0415 - it reads its settings as it is imported
    from casebook.seed import seed  # noqa: PLC0415

    from fastness.db.migrations import upgrade  # noqa: PLC0415

    upgrade(app.settings.database_url, DEMO / "migrations")

    async def fill() -> None:
        await app.open()
        await seed(app)
        await app.close()

    asyncio.run(fill())


async def measure() -> dict[str, float]:
    from casebook.app import app  # noqa: PLC0415 - it reads its settings as it is imported
    from casebook.seed import PEOPLE  # noqa: PLC0415

    from fastness.testing.browser import Browser  # noqa: PLC0415

    await app.open()
    app.arm()
    sent: dict[str, list[tuple[bytes, bytes]]] = {}

    async def noting(scope, receive, send) -> None:
        sent[scope["path"]] = scope["headers"]
        await app(scope, receive, send)

    async with Browser(noting, origin="http://localhost") as browser:
        await browser.sign_in(PEOPLE[0].username, PEOPLE[0].password)
        await browser.open("/")
    headers = sent["/"]
    statuses: list[int] = []

    async def ask() -> None:
        async def receive() -> dict[str, object]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: dict[str, object]) -> None:
            if message["type"] == "http.response.start":
                statuses.append(message["status"])

        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
            "path": "/", "raw_path": b"/", "query_string": b"", "root_path": "", "headers": list(headers),
            "client": ("127.0.0.1", 1), "server": ("localhost", 80),
        }  # fmt: skip
        await app(scope, receive, send)

    best = float("inf")
    for _ in range(ROUNDS):
        start = time.process_time()
        for _ in range(REQUESTS):
            await ask()
        best = min(best, (time.process_time() - start) / REQUESTS)
    if set(statuses) != {200}:
        raise RuntimeError(f"the page answered {set(statuses)}")
    start = time.perf_counter()
    for _ in range(EVENTS):
        sys.audit("bench.nothing", 1)
    each = (time.perf_counter() - start) / EVENTS
    counted = 0

    def count(event: str, _: tuple[object, ...]) -> None:
        nonlocal counted
        counted += 1

    sys.addaudithook(count)
    before = counted
    for _ in range(REQUESTS):
        await ask()
    events = (counted - before) / REQUESTS
    await app.close()
    return {"page_us": best * 1e6, "event_ns": each * 1e9, "events": events}


def run(*arguments: str, environ: dict[str, str], folder: Path) -> str:
    command = [sys.executable, "-m", "bench.tripwires", *arguments]
    return subprocess.run(
        command, env={**os.environ, **environ}, cwd=folder, check=True, capture_output=True, text=True
    ).stdout


def main() -> None:
    if sys.argv[1:] == ["prepare"]:
        prepare(Path.cwd())
        return
    if sys.argv[1:] == ["measure"]:
        print(json.dumps(asyncio.run(measure())))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        environ = environ_of(folder)
        run("prepare", environ=environ, folder=folder)
        found: dict[str, list[dict[str, float]]] = {variant: [] for variant in VARIANTS}
        for turn in range(TURNS):
            order = list(VARIANTS.items())
            for variant, extra in order[turn % 3 :] + order[: turn % 3]:
                copy = folder / f"{variant}{turn}"
                copy.mkdir()
                for file in folder.glob("*.sqlite3*"):
                    shutil.copy(file, copy)
                output = run("measure", environ={**environ_of(copy), **extra}, folder=copy)
                found[variant].append(json.loads(output.splitlines()[-1]))
    print("| | page, CPU µs | events in a request | an event nobody watches, ns |\n|---|--:|--:|--:|")
    for variant, seen in found.items():
        page = statistics.median(one["page_us"] for one in seen)
        event = statistics.median(one["event_ns"] for one in seen)
        print(f"| {variant} | {page:.0f} | {seen[0]['events']:.1f} | {event:.0f} |")


if __name__ == "__main__":
    main()
