"""The benchmark's work on Litestar: its own sessions (in memory), session authentication, CSRF, allowed hosts, templates.

The user is read in one of two ways, by the environment's choice: with SQLAlchemy's asynchronous ORM, as its documentation
shows, or with the standard library's driver, the cheapest way there is. The rows of the page always come from the ORM.
"""

import os
import secrets
import sqlite3
from dataclasses import dataclass
from typing import Annotated, Any

from argon2.exceptions import VerificationError
from litestar import Litestar, Request, get, post
from litestar.config.allowed_hosts import AllowedHostsConfig
from litestar.config.csrf import CSRFConfig
from litestar.connection import ASGIConnection
from litestar.datastructures import ResponseHeader
from litestar.enums import RequestEncodingType
from litestar.exceptions import PermissionDeniedException
from litestar.middleware.session.server_side import ServerSideSessionBackend, ServerSideSessionConfig
from litestar.params import Body
from litestar.plugins.jinja import JinjaTemplateEngine
from litestar.response import Redirect, Template
from litestar.security.session_auth import SessionAuth
from litestar.template.base import csrf_token
from litestar.template.config import TemplateConfig
from sqlalchemy import select
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine

from bench import data as shared
from bench.apps import orm_models
from bench.apps.orm_models import Note, file_of, use_write_ahead_log
from bench.apps.pages import make_environment
from bench.apps.passwords import make_hasher

_POLICY = (
    "default-src 'none'; script-src 'nonce-{0}' 'strict-dynamic'; style-src 'self' 'nonce-{0}'; img-src 'self' data:;"
    " font-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; object-src 'none'"
)
API_HEADERS = {} if shared.is_bare() else {"content-security-policy": "default-src 'none'"}
URL_ENCODED = Body(media_type=RequestEncodingType.URL_ENCODED)
_USER_QUERY = "SELECT id, display_name FROM users WHERE id = ? AND is_active"
_PASSWORD_QUERY = "SELECT id, password_hash FROM users WHERE username = ? AND is_active"

# Five connections and none beside: each has a thread of its own, and opening one costs more than waiting for one.
engine = create_async_engine(f"sqlite+aiosqlite:///{file_of(shared.run_folder())}", pool_size=5, max_overflow=0)
use_write_ahead_log(engine.sync_engine)
sessions = async_sessionmaker(engine, expire_on_commit=False)
driver = sqlite3.connect(file_of(shared.run_folder()), isolation_level=None, check_same_thread=False)
hasher = make_hasher()


@dataclass(slots=True)
class User:
    """The user behind the session."""

    id: int
    display_name: str


@dataclass(slots=True)
class NoteForm:
    """The form of the page; Litestar's CSRF middleware has taken its token already."""

    text: str
    _csrf_token: str = ""


@dataclass(slots=True)
class LoginForm:
    """The form of the sign-in page."""

    username: str
    password: str
    _csrf_token: str = ""


async def find_user_by_driver(session: dict[str, Any], connection: ASGIConnection[Any, Any, Any, Any]) -> User | None:
    row = driver.execute(_USER_QUERY, (session.get("user_id"),)).fetchone()
    return User(*row) if row else None


async def find_user_by_orm(session: dict[str, Any], connection: ASGIConnection[Any, Any, Any, Any]) -> User | None:
    async with sessions() as database:
        user = await database.get(orm_models.User, session.get("user_id"))
    return User(user.id, user.display_name) if user is not None and user.is_active else None


def render(request: Request[Any, Any, Any], template: str, **values: object) -> Template:
    nonce = secrets.token_urlsafe(16)
    token = csrf_token({"request": request})
    headers = {"content-security-policy": _POLICY.format(nonce)}
    context = {"nonce": nonce, "token_name": "_csrf_token", "token": token, **values}
    return Template(template_name=template, context=context, headers=headers)


def render_rows(request: Request[Any, Any, Any], rows: object, action: str) -> Template:
    name = request.user.display_name
    return render(request, "page.html", title=shared.TITLE, display_name=name, rows=rows, action=action)


@get("/json", exclude_from_auth=True, response_headers=API_HEADERS)
async def show_json() -> dict[str, str]:
    return shared.MESSAGE


@get("/page")
async def show_page(request: Request[Any, Any, Any]) -> Template:
    return render_rows(request, shared.ROWS, "/form")


@post("/form")
async def take_form(data: Annotated[NoteForm, URL_ENCODED]) -> Redirect:
    if not 0 < len(data.text) <= 500:
        raise PermissionDeniedException
    return Redirect("/page", status_code=303)


@get("/notes")
async def show_notes(request: Request[Any, Any, Any]) -> Template:
    query = select(Note).where(Note.owner_id == request.user.id).order_by(Note.id).limit(shared.ROW_COUNT)
    async with sessions() as database:
        rows = (await database.scalars(query)).all()
    return render_rows(request, rows, "/notes")


@post("/notes")
async def add_note(request: Request[Any, Any, Any], data: Annotated[NoteForm, URL_ENCODED]) -> Redirect:
    if not 0 < len(data.text) <= 500:
        raise PermissionDeniedException
    async with sessions() as database:
        database.add(Note(owner_id=request.user.id, author=request.user.display_name, text=data.text))
        await database.commit()
    return Redirect("/notes", status_code=303)


@get("/login", exclude_from_auth=True)
async def show_login(request: Request[Any, Any, Any]) -> Template:
    return render(request, "login.html")


@post("/login", exclude_from_auth=True, sync_to_thread=True)
def sign_in(request: Request[Any, Any, Any], data: Annotated[LoginForm, URL_ENCODED]) -> Redirect:
    row = driver.execute(_PASSWORD_QUERY, (data.username,)).fetchone()
    try:
        hasher.verify(row[1] if row else "", data.password)
    except VerificationError:
        raise PermissionDeniedException from None
    request.set_session({"user_id": row[0]})
    return Redirect("/page", status_code=303)


authentication: SessionAuth[User, ServerSideSessionBackend] = SessionAuth(
    retrieve_user_handler=find_user_by_orm if os.environ.get("BENCH_LITESTAR_USER") == "orm" else find_user_by_driver,
    session_backend_config=ServerSideSessionConfig(secure=True, max_age=43_200),
)

HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}

if shared.is_bare():
    app = Litestar([show_json], openapi_config=None)
else:
    app = Litestar(
        [show_json, show_page, take_form, show_notes, add_note, show_login, sign_in],
        on_app_init=[authentication.on_app_init],
        csrf_config=CSRFConfig(secret=shared.SECRET_KEY, cookie_secure=True, cookie_httponly=True),
        template_config=TemplateConfig(instance=JinjaTemplateEngine.from_environment(make_environment())),
        allowed_hosts=AllowedHostsConfig(allowed_hosts=[shared.HOST_NAME]),
        response_headers=[ResponseHeader(name=name, value=value) for name, value in HEADERS.items()],
        openapi_config=None,
    )
