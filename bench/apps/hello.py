"""The smallest application of each framework, for the time from the start of a process to its first response.

`BENCH_HELLO` names the framework; only that one is imported.
"""

import importlib
import os

from bench import data


def raw():
    return importlib.import_module("bench.apps.hello_raw").app


def starlette():
    applications, responses, routing = (
        importlib.import_module(f"starlette.{name}") for name in ("applications", "responses", "routing")
    )

    async def show(request):
        return responses.JSONResponse(data.MESSAGE)

    return applications.Starlette(routes=[routing.Route("/json", show)])


def fastapi():
    app = importlib.import_module("fastapi").FastAPI()

    @app.get("/json")
    async def show() -> dict[str, str]:
        return data.MESSAGE

    return app


def litestar():
    module = importlib.import_module("litestar")

    @module.get("/json")
    async def show() -> dict[str, str]:
        return data.MESSAGE

    return module.Litestar([show])


def fastness():
    return importlib.import_module("bench.apps.fastness_hello").app


MAKERS = {maker.__name__: maker for maker in (raw, starlette, fastapi, litestar, fastness)}

app = MAKERS[os.environ["BENCH_HELLO"]]()
