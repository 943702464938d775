"""The benchmark's work on Fastness, written as its users write apps: nothing is switched off and nothing is tuned."""

from pathlib import Path

from sqlalchemy import select
from wtforms import Form, StringField
from wtforms.validators import InputRequired, Length

from bench import data
from bench.apps.fastness_models import Note
from bench.apps.fastness_settings import load_settings
from fastness import Fastness, HTMLResponse, JSONResponse, Request, Response, Routes, access, redirect, render

routes = Routes()


class NoteForm(Form):
    """The form of the page."""

    text = StringField(validators=[InputRequired(), Length(max=500)])


@routes.get("/json", access=access.public)
async def show_json(request: Request) -> Response:
    return JSONResponse(data.MESSAGE)


@routes.get("/page", access=access.signed_in)
async def show_page(request: Request) -> Response:
    return render(request, "page.html", title=data.TITLE, rows=data.ROWS, action="/form")


@routes.post("/form", access=access.signed_in)
async def take_form(request: Request) -> Response:
    form = await request.form(NoteForm)
    if form.errors:
        return HTMLResponse("The note needs a text.", status=422)
    return redirect(request, "show_page")


@routes.get("/notes", access=access.signed_in)
async def show_notes(request: Request) -> Response:
    query = select(Note).where(Note.owner_id == request.user.id).order_by(Note.id).limit(data.ROW_COUNT)
    return render(request, "page.html", title=data.TITLE, rows=await request.all(query), action="/notes")


@routes.post("/notes", access=access.signed_in)
async def add_note(request: Request) -> Response:
    form = await request.form(NoteForm)
    if form.errors:
        return HTMLResponse("The note needs a text.", status=422)
    request.db.add(Note(owner_id=request.user.id, author=request.user.display_name, text=form.text.data or ""))
    return redirect(request, "show_notes")


app = Fastness(
    load_settings(data.run_folder()), routes=[routes], templates=Path(__file__).parent / "fastness_templates"
)
