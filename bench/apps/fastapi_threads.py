"""The benchmark's work on FastAPI with SQLAlchemy's synchronous ORM: plain `def` endpoints, run in the thread pool."""

from collections.abc import Iterator
from typing import Annotated

from argon2.exceptions import VerificationError
from fastapi import Depends, Form, HTTPException, Request
from fastapi.responses import RedirectResponse, Response
from fastapi_csrf_protect import CsrfProtect
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session, sessionmaker

from bench import data
from bench.apps.fastapi_parts import make_app, render, render_rows
from bench.apps.orm_models import Note, User, file_of, use_write_ahead_log
from bench.apps.passwords import make_hasher

# As many connections as Starlette's thread pool has threads, so that no request waits for one.
engine = create_engine(f"sqlite:///{file_of(data.run_folder())}", pool_size=40)
use_write_ahead_log(engine)
sessions = sessionmaker(engine, expire_on_commit=False)
hasher = make_hasher()
app = make_app()


def open_session() -> Iterator[Session]:
    with sessions() as session:
        yield session


Database = Annotated[Session, Depends(open_session)]
Csrf = Annotated[CsrfProtect, Depends()]


def current_user(request: Request, database: Database) -> User:
    user_id = request.session.get("user_id")
    user = database.get(User, user_id) if user_id is not None else None
    if user is None or not user.is_active:
        raise HTTPException(401)
    return user


async def check_token(request: Request, csrf: Csrf) -> None:
    await csrf.validate_csrf(request)


CurrentUser = Annotated[User, Depends(current_user)]
Text = Annotated[str, Form(min_length=1, max_length=500)]
TOKEN = [Depends(check_token)]


@app.get("/json")
async def show_json() -> dict[str, str]:
    return data.MESSAGE


@app.get("/page")
def show_page(request: Request, csrf: Csrf, user: CurrentUser) -> Response:
    return render_rows(request, csrf, user, data.ROWS, "/form")


@app.post("/form", dependencies=TOKEN)
def take_form(user: CurrentUser, text: Text) -> Response:
    return RedirectResponse("/page", status_code=303)


@app.get("/notes")
def show_notes(request: Request, csrf: Csrf, user: CurrentUser, database: Database) -> Response:
    query = select(Note).where(Note.owner_id == user.id).order_by(Note.id).limit(data.ROW_COUNT)
    return render_rows(request, csrf, user, database.scalars(query).all(), "/notes")


@app.post("/notes", dependencies=TOKEN)
def add_note(user: CurrentUser, text: Text, database: Database) -> Response:
    database.add(Note(owner_id=user.id, author=user.display_name, text=text))
    database.commit()
    return RedirectResponse("/notes", status_code=303)


@app.get("/login")
def show_login(request: Request, csrf: Csrf) -> Response:
    return render(request, csrf, "login.html")


@app.post("/login", dependencies=TOKEN)
def sign_in(
    request: Request, username: Annotated[str, Form()], password: Annotated[str, Form()], database: Database
) -> Response:
    user = database.scalar(select(User).where(User.username == username, User.is_active))
    try:
        hasher.verify(user.password_hash if user else "", password)
    except VerificationError:
        raise HTTPException(403) from None
    request.session["user_id"] = user.id
    return RedirectResponse("/page", status_code=303)
