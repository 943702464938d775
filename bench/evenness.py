"""Whether the time of an answer tells who has an account: failed sign-ins by form and by API, and requests for a reset.

    PYTHONPATH=src python -m bench.evenness

One app in this process, in the production profile, with everything on. In each round each kind of user is tried once at each
way in, in an order drawn anew; the clock of the app moves on between, so that the throttle has forgotten. Wall time is what an
attacker measures; the CPU time of the process says the same with less noise where others use the machine. The ratio of a kind is
its median to the smallest median of the same way in.
"""

import asyncio
import gc
import json
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlencode

from bench import data
from fastness import Fastness, JSONResponse, Request, Response, Routes, Secret, Settings, access
from fastness.db.migrations import upgrade
from fastness.kernel.clock import ManualClock
from fastness.kernel.events import MemorySink
from fastness.kernel.hosts import HostRules

KINDS = ("unknown", "wrong password", "inactive", "no password")
PASSWORD = "a long pass phrase of the benchmark"
HEADERS = [(b"host", data.HOST_NAME.encode()), (b"sec-fetch-site", b"same-origin")]
DAY = 86_400

routes = Routes(access=access.public)


@routes.post("/api/sign-in")
async def sign_in(request: Request) -> Response:
    """What an app's own API does: the one place that checks passwords."""
    fields = await request.json()
    outcome = await request.site.check_password(request.exchange, fields["username"], fields["password"])
    return JSONResponse({"signed_in": outcome.is_sign_in}, status=200 if outcome.is_sign_in else 401)


def main() -> None:
    """Print the table as JSON."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(measure(Path(folder), rounds))
    print(json.dumps(found))


async def measure(folder: Path, rounds: int) -> list[dict[str, object]]:
    """Medians by way in and kind of user."""
    url = f"sqlite:///{folder}/data.sqlite3"
    await asyncio.to_thread(upgrade, url, None)
    settings = Settings.load(
        environ={}, folder=folder, secret_key=Secret(data.SECRET_KEY), hosts=HostRules(allowed=(data.HOST_NAME,)),
        is_https_required=False, database_url=url, store_url=f"sqlite:///{folder}/store.sqlite3",
    )  # fmt: skip
    clock = ManualClock()
    app = Fastness(settings, routes=[routes], clock=clock, events=MemorySink())
    await app.open()
    try:
        await make_people(app)
        ways = {"form": by_form, "API": by_api, "reset": ask_for_reset}
        times = {(way, kind): ([], []) for way in ways for kind in KINDS}
        order = list(times)
        for number in range(rounds + 3):
            random.shuffle(order)
            for way, kind in order:
                clock.advance(DAY)
                gc.collect()
                cpu, wall = time.process_time(), time.perf_counter()
                await ways[way](app, kind)
                spent = (time.perf_counter() - wall, time.process_time() - cpu)
                if number >= 3:
                    for kept, one in zip(times[way, kind], spent, strict=True):
                        kept.append(one * 1000)
    finally:
        await app.close()
    return [row_of(way, times) for way in ways]


def row_of(way: str, times: dict[tuple[str, str], tuple[list[float], list[float]]]) -> dict[str, object]:
    """The medians of one way in, and how far they are apart."""
    wall = {kind: round(statistics.median(times[way, kind][0]), 3) for kind in KINDS}
    cpu = {kind: round(statistics.median(times[way, kind][1]), 3) for kind in KINDS}
    return {
        "way": way,
        "wall_ms": wall,
        "cpu_ms": cpu,
        "wall_ratio": round(max(wall.values()) / min(wall.values()), 3),
        "cpu_ratio": round(max(cpu.values()) / min(cpu.values()), 3),
        "rounds": len(times[way, KINDS[0]][0]),
    }


async def make_people(app: Fastness) -> None:
    """One user of each kind that exists."""
    services = app.services
    async with services.open_unit(is_read_only=False) as unit:
        for kind in KINDS[1:]:
            name = name_of(kind)
            password = None if kind == "no password" else PASSWORD
            user = await services.accounts.create_user(
                unit.session, username=name, password=password, email=f"{name}@mail.example"
            )
            user.is_active = kind != "inactive"


def name_of(kind: str) -> str:
    """Names of one length."""
    return f"person-{KINDS.index(kind)}"


async def by_form(app: Fastness, kind: str) -> None:
    password = PASSWORD if kind == "inactive" else "this is not the pass phrase of it"
    body = urlencode({"username": name_of(kind), "password": password}).encode()
    await post(app, "/account/sign-in", body, b"application/x-www-form-urlencoded", status=422)


async def by_api(app: Fastness, kind: str) -> None:
    password = PASSWORD if kind == "inactive" else "this is not the pass phrase of it"
    body = json.dumps({"username": name_of(kind), "password": password}).encode()
    await post(app, "/api/sign-in", body, b"application/json", status=401)


async def ask_for_reset(app: Fastness, kind: str) -> None:
    body = urlencode({"email": f"{name_of(kind)}@mail.example"}).encode()
    await post(app, "/account/reset", body, b"application/x-www-form-urlencoded", status=303)


async def post(app: Fastness, path: str, body: bytes, content_type: bytes, *, status: int) -> None:
    """One whole request through the perimeter."""
    answered = []

    async def receive():
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message):
        answered.append(message)

    length = str(len(body)).encode()
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
        "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "",
        "headers": [*HEADERS, (b"content-type", content_type), (b"content-length", length)],
        "client": ("127.0.0.1", 4000), "server": ("127.0.0.1", 80),
    }  # fmt: skip
    await app(scope, receive, send)
    if answered[0]["status"] != status:
        raise RuntimeError(f"{path} is answered with {answered[0]['status']}, not {status}")


if __name__ == "__main__":
    main()
