"""The smallest Fastness app, for the time to its first response: one route, no database of its own."""

from bench import data
from bench.apps.fastness_settings import load_settings
from fastness import Fastness, JSONResponse, Request, Response, Routes, access

routes = Routes()


@routes.get("/json", access=access.public)
async def show_json(request: Request) -> Response:
    return JSONResponse(data.MESSAGE)


app = Fastness(load_settings(data.run_folder()), routes=[routes], accounts=False)
