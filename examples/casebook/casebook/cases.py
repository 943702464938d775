"""The pages: my cases, one case, a note, a new case."""

from datetime import UTC, datetime

from sqlalchemy import func, select

from casebook.forms import CaseForm, NoteForm, StatusForm
from casebook.models import Case, Note, Status
from fastness import Request, Response, Routes, access, redirect, render
from fastness.db.model import load_options

routes = Routes(access=access.signed_in)


@routes.get("/", name="my_cases")
async def my_cases(request: Request) -> Response:
    """List the cases of whoever is signed in, the newest first."""
    mine = Case.owner_id == request.user.id
    counts = await count_cases(request)
    shown = request.query.get("status", "all")
    rows = (
        select(Case, func.count(Note.id))
        .outerjoin(Note)
        .where(mine)
        .group_by(Case.id)
        .order_by(Case.opened_on.desc(), Case.year.desc(), Case.number.desc())
    )
    if shown in counts and shown != "all":
        rows = rows.where(Case.status == Status(shown))
    else:
        shown = "all"
    cases = (await request.db.execute(rows)).all()
    return render(request, "cases.html", cases=cases, counts=counts, shown=shown)


@routes.get("/cases/new", name="new_case")
async def new_case(request: Request) -> Response:
    """Show the form for a new case."""
    return render(request, "new_case.html", form=CaseForm())


@routes.post("/cases/new", name="open_case")
async def open_case(request: Request) -> Response:
    """Open a case under the year's next number."""
    form = await request.form(CaseForm)
    if form.errors:
        return render(request, "new_case.html", form=form, status=422)
    today = datetime.now(UTC).date()
    last = await request.db.scalar(select(func.max(Case.number)).where(Case.year == today.year))
    case = Case(
        owner_id=request.user.id,
        year=today.year,
        number=(last or 0) + 1,
        title=form.title.data,
        client=form.client.data,
        summary=form.summary.data,
        opened_on=today,
    )
    request.db.add(case)
    await request.db.flush()
    return redirect(request, "show_case", case_id=case.id)


@routes.get("/cases/{case_id:uuid}", name="show_case")
async def show_case(request: Request) -> Response:
    """Show a case with its notes."""
    case = await find_case(request)
    return render(request, "case.html", case=case, form=NoteForm())


@routes.post("/cases/{case_id:uuid}/notes", name="add_note")
async def add_note(request: Request) -> Response:
    """Write a note into a case that is not closed."""
    case = await find_case(request)
    form = await request.form(NoteForm)
    if form.errors or case.status is Status.CLOSED:
        return render(request, "case.html", case=case, form=form, status=422)
    request.db.add(Note(case_id=case.id, author_id=request.user.id, text=form.text.data))
    return redirect(request, "show_case", case_id=case.id)


@routes.post("/cases/{case_id:uuid}/status", name="change_status")
async def change_status(request: Request) -> Response:
    """Close a case, open it again, or note that it waits for somebody else."""
    case = await find_case(request)
    form = await request.form(StatusForm)
    if form.errors:
        return render(request, "case.html", case=case, form=NoteForm(), status=422)
    case.status = form.status.data
    return redirect(request, "show_case", case_id=case.id)


async def find_case(request: Request) -> Case:
    """Find a case of whoever is signed in. Somebody else's is as unknown as one that never was."""
    return await request.one(
        select(Case)
        .where(Case.id == request.path_params["case_id"], Case.owner_id == request.user.id)
        .options(*load_options([(Case.notes, Note.author)]))
    )


async def count_cases(request: Request) -> dict[str, int]:
    """Count the cases of whoever is signed in: all of them, and those in each state."""
    rows = await request.db.execute(
        select(Case.status, func.count()).where(Case.owner_id == request.user.id).group_by(Case.status)
    )
    counts = {state.value: 0 for state in Status}
    counts.update({state.value: count for state, count in rows.all()})
    return {"all": sum(counts.values()), **counts}
