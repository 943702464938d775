"""What the endpoints and the middleware of a mounted app can rely on."""

from typing import Annotated

import pytest
from fastapi import BackgroundTasks, Depends, FastAPI, File, Request, UploadFile, WebSocket
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse as FastAPIResponse
from sqlalchemy import literal, select
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from fastness import Request as OurRequest
from fastness import Routes, access, mounting
from fastness.sessions.identity import Identity
from fastness.sessions.session import Session
from tests.web.test_sockets import connect
from tests.web.wire import messages_of

PARTNER = "https://partner.example"


# What endpoints use.


async def test_dependencies_give_what_belongs_to_the_request(mounted, api, migrated):
    @api.get("/me")
    async def me(
        user: Annotated[Identity, Depends(mounting.current_user)],
        maybe: Annotated[Identity | None, Depends(mounting.current_user_or_none)],
        session: Annotated[Session, Depends(mounting.current_session)],
        request: Annotated[OurRequest, Depends(mounting.current_request)],
        db: Annotated[AsyncSession, Depends(mounting.current_db)],
    ):
        found = await db.scalar(select(literal(1)))
        return [
            user.username,
            maybe is user,
            session is request.session,
            db is request.db,
            found,
            request.path_for("api:me"),
        ]

    _, browser = await mounted(api)
    async with browser:
        # On a public route where nobody is signed in.
        assert (await browser.fetch("/api/me")).status == 401
        await browser.fetch("/sign-in", "POST")
        assert (await browser.fetch("/api/me")).json() == ["ada", True, True, True, 1, "/api/me"]


async def test_what_is_put_into_the_session_is_there_for_all_of_the_site(mounted, api):
    @api.post("/note")
    async def note(session: Annotated[Session, Depends(mounting.current_session)]):
        session.set("note", "kept")
        return "noted"

    @api.get("/note")
    async def read(session: Annotated[Session, Depends(mounting.current_session)]):
        return session.get("note")

    _, browser = await mounted(api)
    async with browser:
        noted = await browser.fetch("/api/note", "POST")
        assert noted.headers["cache-control"] == "no-store"
        assert (await browser.fetch("/api/note")).json() == "kept"


async def test_the_user_of_a_response_keeps_it_out_of_caches(mounted, api):
    @api.get("/hello")
    async def hello(user: Annotated[Identity | None, Depends(mounting.current_user_or_none)]):
        return FastAPIResponse("hello", headers={"cache-control": "public, max-age=60"})

    @api.get("/plain")
    async def plain():
        return FastAPIResponse("plain", headers={"cache-control": "public, max-age=60"})

    _, browser = await mounted(api)
    async with browser:
        assert (await browser.fetch("/api/hello")).headers["cache-control"] == "no-store"
        assert (await browser.fetch("/api/plain")).headers["cache-control"] == "public, max-age=60"


async def test_outside_of_a_mount_the_dependencies_say_so():
    with pytest.raises(mounting.NotMountedError):
        await mounting.current_user(Request({"type": "http"}))


async def test_parameters_of_the_mount_and_of_the_route_arrive(make_shop, browse):
    api = FastAPI(openapi_url=None)

    @api.get("/cases/{case_id}")
    async def show(shop_name: str, case_id: int, request: Annotated[OurRequest, Depends(mounting.current_request)]):
        return [shop_name, case_id, dict(request.path_params), request.scope["root_path"]]

    routes = Routes()
    routes.mount("/shops/{shop_name}", api, access=access.public)
    shop = await make_shop(routes)
    async with browse(shop) as browser:
        page = await browser.fetch("/shops/north/cases/7?shop_name=query")
    assert page.json() == ["query", 7, {"shop_name": "north", "case_id": "7"}, "/shops/north"]


async def test_addresses_of_the_apps_own_making_are_whole(mounted, api):
    @api.get("/a/{n}")
    async def a(request: Request, n: int):
        return [str(request.url_for("a", n=n)), str(request.url), request.scope["root_path"]]

    _, browser = await mounted(api)
    async with browser:
        assert (await browser.fetch("/api/a/7")).json() == [
            "https://shop.example/api/a/7",
            "https://shop.example/api/a/7",
            "/api",
        ]


async def test_head_is_answered_without_a_body(mounted, api):
    @api.get("/stream")
    async def stream():
        return StreamingResponse(iter(["a", "b", "c"]), headers={"x-count": "3"})

    shop, _ = await mounted(api)
    sent = await messages_of(shop.app, method="HEAD", path="/api/stream")
    assert sent[0]["status"] == 200
    assert (b"x-count", b"3") in sent[0]["headers"]
    assert [message.get("body") for message in sent[1:]] == [b""]


async def test_dependency_overrides_and_cleanups_work(mounted, api):
    told = []

    async def resource():
        yield "real"
        told.append("closed")

    async def stand_in():
        yield "stand-in"
        told.append("closed")

    @api.get("/a")
    async def a(value: Annotated[str, Depends(resource)], later: BackgroundTasks):
        later.add_task(told.append, "later")
        return value

    _, browser = await mounted(api)
    async with browser:
        assert (await browser.fetch("/api/a")).json() == "real"
        api.dependency_overrides[resource] = stand_in
        assert (await browser.fetch("/api/a")).json() == "stand-in"
    assert sorted(told) == ["closed", "closed", "later", "later"]


async def test_plain_functions_and_uploads_work(mounted, api):
    @api.get("/plain")
    def plain():
        return "on a thread"

    @api.post("/upload")
    async def upload(file: Annotated[UploadFile, File()]):
        return [file.filename, (await file.read()).decode()]

    body = (
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n'
        b"Content-Type: text/plain\r\n\r\nhello\r\n--x--\r\n"
    )
    _, browser = await mounted(api)
    async with browser:
        assert (await browser.fetch("/api/plain")).json() == "on a thread"
        headers = {"content-type": "multipart/form-data; boundary=x"}
        page = await browser.fetch("/api/upload", "POST", content=body, headers=headers)
        assert page.json() == ["a.txt", "hello"]


async def test_middleware_of_the_app_runs_inside_the_gates(mounted):
    class Stamp(BaseHTTPMiddleware):
        async def dispatch(self, request, call_next):
            response = await call_next(request)
            response.headers["x-stamp"] = "seen"
            response.headers["x-frame-options"] = "ALLOWALL"
            return response

    async def one(request):
        return PlainTextResponse("one")

    app = Starlette(routes=[Route("/one", one)], middleware=[Middleware(Stamp)])
    _, browser = await mounted(app, access.signed_in)
    async with browser:
        refused = await browser.fetch("/api/one")
        assert (refused.status, "x-stamp" in refused.headers) == (401, False)
        await browser.fetch("/sign-in", "POST")
        page = await browser.fetch("/api/one")
        assert (page.text, page.headers["x-stamp"], page.headers["x-frame-options"]) == ("one", "seen", "DENY")


def cors_api(**options):
    api = FastAPI(openapi_url=None)
    api.add_middleware(CORSMiddleware, allow_origins=[PARTNER], allow_methods=["PUT"], **options)

    @api.put("/one")
    async def one():
        return "one"

    return api


PREFLIGHT = {"origin": PARTNER, "access-control-request-method": "PUT"}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param(PREFLIGHT, 200, id="preflight"),
        pytest.param({**PREFLIGHT, "origin": "https://evil.example"}, 400, id="of-a-stranger"),
        pytest.param({"origin": PARTNER}, 405, id="without-a-method"),
        pytest.param({}, 405, id="no-preflight"),
    ],
)
async def test_a_preflight_is_answered_by_the_apps_cors_middleware(mounted, headers, status):
    _, browser = await mounted(cors_api(), access.signed_in)
    async with browser:
        page = await browser.raw("OPTIONS", "/api/one", headers=headers)
        assert page.status == status
        assert (page.headers.get("access-control-allow-origin") == PARTNER) is (status == 200)


async def test_after_the_preflight_the_gates_decide(make_shop, browse):
    routes = Routes()
    routes.mount("/api", cors_api(), access=access.public, trusted_origins=(PARTNER,))
    routes.mount("/closed", cors_api(), access=access.public)
    shop = await make_shop(routes)
    async with browse(shop) as browser:
        headers = {"origin": PARTNER, "sec-fetch-site": "cross-site"}
        page = await browser.raw("PUT", "/api/one", headers=headers)
        assert (page.json(), page.headers["access-control-allow-origin"]) == ("one", PARTNER)
        assert (await browser.raw("PUT", "/closed/one", headers=headers)).status == 403


async def test_a_nested_app_and_static_files_answer(mounted, tmp_path):
    (tmp_path / "a.txt").write_text("static")

    async def deep(request):
        return PlainTextResponse(f"deep {request.scope['root_path']} {request.path_params['n']}")

    app = Starlette(
        routes=[
            Mount("/nested", Starlette(routes=[Mount("/more", routes=[Route("/{n:int}", deep)])])),
            Mount("/files", StaticFiles(directory=tmp_path)),
        ]
    )
    _, browser = await mounted(app)
    async with browser:
        assert (await browser.fetch("/api/nested/more/7")).text == "deep /api/nested/more 7"
        assert (await browser.fetch("/api/files/a.txt")).text == "static"
        missing = await browser.fetch("/api/files/none.txt")
        assert (missing.status, missing.headers["content-type"]) == (404, "application/problem+json")
        assert (await browser.fetch("/api/files/a.txt", "POST")).status == 405


async def test_a_frontend_answers_where_no_route_does(mounted, api, tmp_path):
    (tmp_path / "index.html").write_text("<p>front")
    api.frontend("/", directory=tmp_path)
    api.get("/one")(endpoint_one)
    _, browser = await mounted(api)
    async with browser:
        assert (await browser.fetch("/api/one")).json() == "one"
        assert "front" in (await browser.open("/api/")).text
        assert "front" in (await browser.open("/api/some/page")).text
        # Not a route with another slash: the folder is what this address matches.
        assert "front" in (await browser.open("/api/one/")).text


async def endpoint_one():
    return "one"


async def test_a_socket_of_the_app_passes_the_gates(mounted, api):
    @api.websocket("/w")
    @access.requires(access.signed_in)
    async def closed(socket: WebSocket):
        await socket.accept()

    @api.websocket("/echo")
    async def echo(socket: WebSocket):
        await socket.accept()
        await socket.send_text("hello " + await socket.receive_text())
        await socket.close()

    shop, _ = await mounted(api)
    assert await connect(shop.app, "/api/w", {}) == [("websocket.close", 1008)]
    assert await connect(shop.app, "/api/echo", {"origin": "https://evil.example"}) == [("websocket.close", 1008)]
    assert await connect(shop.app, "/api/echo", {}) == [
        ("websocket.accept", None),
        ("websocket.send", "hello you"),
        ("websocket.close", 1000),
    ]
