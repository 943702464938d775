"""What finding the route costs with 1, 50 and 500 routes: `python -m bench.apps.matching FRAMEWORK`, in that framework's venv.

One whole request is sent through the application object, without a server or a socket, to the route declared last, whose path
has a parameter. What the framework does besides is the same for any number of routes, so the growth is the matching.
The three applications take turns, so that a machine that changes its speed changes it for all of them.
Prints one JSON object: the number of routes to CPU microseconds per request, the best of many short runs.
"""

import asyncio
import importlib
import json
import sys
import time

from bench import data

COUNTS = (1, 50, 500)
REPEATS = 40
REQUESTS = 100


def starlette_app(count: int):
    applications, responses, routing = (
        importlib.import_module(f"starlette.{name}") for name in ("applications", "responses", "routing")
    )

    async def show(request):
        return responses.PlainTextResponse(request.path_params["item"])

    return applications.Starlette(routes=[routing.Route(f"/things{number}/{{item}}", show) for number in range(count)])


def fastapi_app(count: int):
    fastapi = importlib.import_module("fastapi")
    responses = importlib.import_module("fastapi.responses")
    app = fastapi.FastAPI(openapi_url=None)

    async def show(item: str):
        return responses.PlainTextResponse(item)

    for number in range(count):
        app.get(f"/things{number}/{{item}}")(show)
    return app


def litestar_app(count: int):
    litestar = importlib.import_module("litestar")

    def make(number: int):
        @litestar.get(f"/things{number}/{{item:str}}", media_type="text/plain")
        async def show(item: str) -> str:
            return item

        return show

    return litestar.Litestar([make(number) for number in range(count)], openapi_config=None)


def fastness_app(count: int):
    fastness = importlib.import_module("fastness")
    settings = importlib.import_module("bench.apps.fastness_settings")
    routes = fastness.Routes(access=fastness.access.public)

    async def show(request):
        return fastness.Response(request.path_params["item"])

    for number in range(count):
        routes.get(f"/things{number}/{{item}}", name=f"show{number}")(show)
    return fastness.Fastness(settings.load_settings(data.run_folder()), routes=[routes], accounts=False)


APPS = {"starlette": starlette_app, "fastapi": fastapi_app, "litestar": litestar_app, "fastness": fastness_app}


async def measure(apps) -> dict[int, float]:
    """The best CPU time of one request by number of routes, in microseconds; the applications take turns."""
    best = dict.fromkeys(apps, float("inf"))
    for _ in range(REPEATS):
        for count, app in apps.items():
            best[count] = min(best[count], await _measure_once(app, f"/things{count - 1}/42"))
    return best


async def _measure_once(app, path: str) -> float:
    statuses = []

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    started = time.process_time_ns()
    for _ in range(REQUESTS):
        await app(_scope(path), receive, send)
    spent = time.process_time_ns() - started
    if set(statuses) != {200}:
        raise SystemExit(f"{path} was answered with {set(statuses)}")
    return spent / REQUESTS / 1000


def _scope(path: str):
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", data.HOST_NAME.encode()), (b"user-agent", b"bench/1"), (b"accept", b"*/*")],
        "client": ("127.0.0.1", 40000),
        "server": ("127.0.0.1", 80),
        "state": {},
        "extensions": {},
    }


async def main(framework: str) -> dict[int, float]:
    apps = {count: APPS[framework](count) for count in COUNTS}
    figures = await measure(apps)
    for app in apps.values():
        if hasattr(app, "close"):
            await app.close()
    return figures


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(sys.argv[1]))))
