"""The application under attack: small, ordinary, and with a handler for each mistake that an author makes."""

import asyncio
import os
import uuid
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import Mapped, mapped_column
from starlette.responses import FileResponse
from starlette.responses import Response as StarletteResponse
from starlette.websockets import WebSocketDisconnect

from fastness import (
    Fastness,
    HTMLResponse,
    JSONResponse,
    Model,
    Permissions,
    Request,
    Response,
    Routes,
    Settings,
    access,
    redirect,
    render,
)
from fastness.db.migrations import upgrade
from fastness.web.sockets import WebSocket

HERE = Path(__file__).parent
STATIC = Path("static")
FILE = Path("large.bin")
METER = "TARGET_METER"
"""The variable of the environment that has the loops watched."""
PASSWORDS = {"ada": "an engine of brass and steam", "eve": "listening at every keyhole"}

routes = Routes(access=access.public)


class KeptNote(Model):
    """Something that is kept only if its request succeeded."""

    __tablename__ = "attack_notes"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    text: Mapped[str]


# Pages with forms.


@routes.get("/")
async def home(request: Request) -> Response:
    return render(request, "form.html", shown=request.query.get("shown", ""))


@routes.get("/framed", framing="same-origin")
async def framed(request: Request) -> Response:
    return HTMLResponse("<!doctype html><title>framed</title><p>may be framed by this origin")


@routes.get("/unescaped")
async def unescaped(request: Request) -> Response:
    """The hole in the application: what the address says becomes part of the page. The page has a script of its own."""
    markup = request.query.get("markup", "")
    own = f'<script nonce="{request.nonce}">window.ranOwn = true</script>'
    return HTMLResponse(f'<!doctype html><title>unescaped</title>{own}<div id="place">{markup}</div><p id="end">end')


@routes.get("/private", access=access.signed_in)
async def private(request: Request) -> Response:
    return HTMLResponse(f"<!doctype html><title>private</title><p>for {request.user.username} only")


@routes.get("/staff", access=access.role("staff"))
async def staff(request: Request) -> Response:
    return HTMLResponse("<!doctype html><title>staff</title>")


class TargetPermissions(Permissions):
    READ_LEDGER = "target.read_ledger", "May read the ledger."
    WRITE_LEDGER = "target.write_ledger", "May write into the ledger."


@routes.get("/ledger", access=access.permission(TargetPermissions.READ_LEDGER))
async def ledger(request: Request) -> Response:
    return JSONResponse(sorted(request.user.permissions))


@routes.get("/vault", access=access.hidden(access.permission(TargetPermissions.WRITE_LEDGER)))
async def vault(request: Request) -> Response:
    return JSONResponse("vault")


@routes.get("/who")
async def who(request: Request) -> Response:
    user = request.user_or_none
    return JSONResponse({"user": user and user.username, "client": request.client_ip, "host": request.host})


@routes.get("/headers")
async def headers(request: Request) -> Response:
    return JSONResponse(sorted(request.headers.keys()))


@routes.get("/paths/{rest:path}")
async def paths(request: Request) -> Response:
    return JSONResponse(request.path_params["rest"])


@routes.get("/encoded/{name:path}", encoded_slash=True)
async def encoded(request: Request) -> Response:
    return JSONResponse(request.path_params["name"])


# Data.


@routes.get("/notes/count")
async def count(request: Request) -> Response:
    return JSONResponse(await request.db.scalar(select(func.count()).select_from(KeptNote)))


@routes.post("/notes")
async def add_note(request: Request) -> Response:
    fields = {name: value for name, value in await request.form_pairs() if isinstance(value, str)}
    request.db.add(KeptNote(text=fields.get("text", "")))
    return redirect(request, "home")


@routes.post("/visits")
async def visit(request: Request) -> Response:
    """Write to the database and to the store."""
    request.db.add(KeptNote(text=(await request.body()).decode()))
    request.session.set("visits", request.session.get("visits", 0) + 1)
    return JSONResponse(os.getpid(), status=201)


@routes.post("/visits/{key}")
async def visit_under(request: Request) -> Response:
    """Write under a key of its own into the one session of the visitor."""
    request.session.set(request.path_params["key"], 1)
    return JSONResponse(sorted(request.session.keys()))


@routes.get("/write")
async def write_in_get(request: Request) -> Response:
    request.db.add(KeptNote(text="written by GET"))
    return JSONResponse("written")


@routes.post("/write-then-fail")
async def write_then_fail(request: Request) -> Response:
    request.db.add(KeptNote(text="half"))
    await request.db.flush()
    message = "secret detail of the failure"
    raise RuntimeError(message)


@routes.post("/write-then-refuse")
async def write_then_refuse(request: Request) -> Response:
    request.db.add(KeptNote(text="half"))
    await request.db.flush()
    return JSONResponse("no", status=422)


# What an author does with the visitor's values.


@routes.get("/go")
async def go(request: Request) -> Response:
    return redirect(request, request.query.get("to", ""))


@routes.get("/named-file")
async def named_file(request: Request) -> Response:
    name = request.query.get("name", "")
    return Response("content", headers={"content-disposition": f'attachment; filename="{name}"'})


@routes.get("/foreign-header")
async def foreign_header(request: Request) -> StarletteResponse:
    response = StarletteResponse("content")
    response.raw_headers.append((b"x-echo", request.query.get("value", "").encode("latin-1", "replace")))
    return response


@routes.get("/lax-app")
async def lax_app(request: Request) -> StarletteResponse:
    """What a mounted app or a careless handler sets."""
    careless = {
        "x-frame-options": "ALLOWALL",
        "content-security-policy": "default-src *",
        "server": "Target/1.0",
        "x-powered-by": "Python",
        "cache-control": "public, max-age=3600",
    }
    return StarletteResponse(f"for {request.user_or_none}", headers=careless, media_type="text/html")


# Bodies and files.


@routes.post("/echo")
async def echo(request: Request) -> Response:
    return JSONResponse(len(await request.body()))


@routes.post("/ignored")
async def ignored(request: Request) -> Response:
    """Answer without a look at the body."""
    return JSONResponse("ignored")


@routes.post("/json")
async def json(request: Request) -> Response:
    return JSONResponse(await request.json())


@routes.post("/fields")
async def fields(request: Request) -> Response:
    return JSONResponse(len(await request.form_pairs()))


@routes.post("/upload", max_body_bytes=8_000_000)
async def upload(request: Request) -> Response:
    pairs = await request.form_pairs()
    return JSONResponse(
        [[name, value if isinstance(value, str) else [value.filename, value.size]] for name, value in pairs]
    )


@routes.post("/upload/huge", max_body_bytes=100_000_000)
async def upload_huge(request: Request) -> Response:
    pairs = await request.form_pairs()
    return JSONResponse([value.size for _, value in pairs if not isinstance(value, str)])


@routes.post("/always", csrf="always")
async def always(request: Request) -> Response:
    return JSONResponse("called")


@routes.get("/file")
async def file(request: Request) -> StarletteResponse:
    return FileResponse(FILE)


# Sockets.


@routes.websocket("/socket")
async def socket(connection: WebSocket) -> None:
    await converse(connection)


@routes.websocket("/private-socket", access=access.signed_in)
async def private_socket(connection: WebSocket) -> None:
    await converse(connection)


async def converse(connection: WebSocket) -> None:
    await connection.accept()
    user = connection.user_or_none
    await connection.send_text(user.username if user else "nobody")
    try:
        while True:
            await connection.send_text(await connection.receive_text())
    except WebSocketDisconnect:
        return


def make_app(settings: Settings) -> Fastness:
    static = STATIC if STATIC.is_dir() else None  # in the folder of a server; where people are made, nothing is served
    return Fastness(
        settings, routes=[routes], permissions=[TargetPermissions], templates=HERE / "templates", static=static
    )


def seed(settings: Settings) -> None:
    """Make the tables and the two people."""
    upgrade(settings.database_url, None)
    asyncio.run(fill(make_app(settings)))


async def fill(app: Fastness) -> None:
    await app.open()
    services = app.services
    try:
        async with services.database.write.begin() as connection:
            await connection.run_sync(KeptNote.__table__.create)  # type: ignore[attr-defined]
        async with services.open_unit(is_read_only=False) as unit:
            for username, password in PASSWORDS.items():
                await services.accounts.create_user(unit.session, username=username, password=password)
            await services.accounts.create_user(unit.session, username="machine", password=None)
            gone = await services.accounts.create_user(
                unit.session, username="gone", password="was here until yesterday"
            )
            await services.accounts.set_active(unit.session, gone, is_active=False)
    finally:
        await app.close()
