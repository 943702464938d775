"""What the tests of the fetch script ask: routes that want the form token whatever the body, and one that sends elsewhere."""

import os
from pathlib import Path

from fastness import Fastness, JSONResponse, Request, Response, Routes, Settings, access, render

routes = Routes(access=access.public)


@routes.get("/page")
async def page(request: Request) -> Response:
    return render(request, "page.html")


@routes.get("/bare")
async def bare(request: Request) -> Response:
    return render(request, "bare.html")


@routes.get("/seen")
async def seen(request: Request) -> Response:
    return JSONResponse({"has_token": "x-csrf-token" in request.headers})


@routes.post("/echo", csrf="always")
async def echo(request: Request) -> Response:
    return JSONResponse({"type": request.headers.get("content-type", ""), "body": (await request.body()).decode()})


@routes.put("/echo", csrf="always", name="echo_put")
async def echo_put(request: Request) -> Response:
    return await echo(request)


@routes.post("/away", csrf="always")
async def away(request: Request) -> Response:
    return Response("", status=307, headers={"location": f"{os.environ['ELSEWHERE']}/collect"})


app = Fastness(Settings.load(), routes=[routes], templates=Path(__file__).parent / "fetch_templates", accounts=False)
