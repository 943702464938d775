"""An app without faults, with two people who have something of their own: what each fault is planted in."""

from pathlib import Path

from fastness import (
    Fastness,
    HTMLResponse,
    JSONResponse,
    Request,
    Response,
    Routes,
    Settings,
    access,
    redirect,
)
from fastness.auditlog.rules import AuditRules
from fastness.kernel.hosts import HostRules
from fastness.kernel.secret import Secret
from fastness.settings.profiles import Profile
from fastness.web.refusals import NotFoundError
from fastness.web.sockets import WebSocket
from tests.ready_made import CHEAP_PASSWORDS

KEY = Secret("probe-tests-only-qT7xWv2nLk9RzB4mYc8sHd3fJg6pAe")
PASSWORDS = {"ada": "an engine of brass and steam", "eve": "listening at every keyhole"}
routes = Routes()


def page(title: str, body: str) -> Response:
    return HTMLResponse(f"<!doctype html><html lang=en><title>{title}</title>{body}</html>")


@routes.get("/", access=access.public)
async def home(request: Request) -> Response:
    return page("Ledger", '<a href="/entries">Entries</a> <a href="/account/sign-in">Sign in</a>')


@routes.get("/go", access=access.public)
async def go(request: Request) -> Response:
    return redirect(request, "/")


@routes.get("/entries", access=access.signed_in)
async def entries(request: Request) -> Response:
    name = request.user.username
    out = f'<form method="post" action="/account/sign-out">{request.csrf_field()}<button>Sign out</button></form>'
    return page("Entries", f'<a href="/entries/{name}">mine</a><form method="post" action="/entries"></form>{out}')


@routes.get("/entries/{owner}", access=access.signed_in)
async def entry(request: Request) -> Response:
    if request.path_params["owner"] != request.user.username:
        raise NotFoundError
    return page("Entry", f"of {request.user.username}")


@routes.post("/entries", access=access.signed_in)
async def add_entry(request: Request) -> Response:
    await request.form_pairs()
    return redirect(request, "/entries")


@routes.get("/vault", access=access.hidden(access.role("keepers")))
async def vault(request: Request) -> Response:
    return JSONResponse("vault")


@routes.websocket("/talk", access=access.signed_in)
async def talk(socket: WebSocket) -> None:
    await socket.accept()
    await socket.receive_text()


def settings_in(folder: Path, **overrides) -> Settings:
    values = {
        "profile": Profile.PRODUCTION,
        "project": "ledger",
        "secret_key": KEY,
        "hosts": HostRules(allowed=("127.0.0.1", "localhost")),
        "database_url": f"sqlite:///{folder}/data.sqlite3",
        "store_url": f"sqlite:///{folder}/store.sqlite3",
        "is_https_required": False,
        "audit": AuditRules(url="off"),
        "passwords": CHEAP_PASSWORDS,
    }
    return Settings(**{**values, **overrides})


def make_app(settings: Settings) -> Fastness:
    return Fastness(settings, routes=[routes])


async def add_people(app: Fastness) -> None:
    await app.open()
    try:
        async with app.services.open_unit(is_read_only=False) as unit:
            for username, password in PASSWORDS.items():
                await app.services.accounts.create_user(unit.session, username=username, password=password)
    finally:
        await app.close()
