"""The pages of cases: the list, one case, its notes, its steps, and with whom it is shared."""

import uuid
from datetime import UTC, datetime

from sqlalchemy import Select, func, select

from casebook.casepage import case_page, case_page_again, load_case
from casebook.forms import CaseForm, NoteForm, ShareForm, StepForm
from casebook.models import Case, Member, Note, Office, Share, Status
from casebook.policies import WRITERS
from casebook.workflows import CaseFlow
from fastness import Comparison, Filter, ListQuery, Request, Response, Routes, access, redirect, render
from fastness.auth.users import find_user
from fastness.authz.errors import TransitionRefusedError

routes = Routes(access=access.signed_in)

CASES = ListQuery(
    model=Case,
    sorts={
        "number": (Case.year, Case.number),
        "title": Case.title,
        "client": Case.client,
        "status": Case.status,
        "opened": (Case.opened_on, Case.number),
    },
    default_sort="-opened",
    filters={"status": Filter(Case.status, Comparison.EQUAL)},
    search=(Case.title, Case.client, Case.summary),
    page_sizes=(20, 50),
)
"""What the list can be asked for. An address that asks for anything else gets 400."""

STEPS = {step.name: step for step in CaseFlow.transitions}


@routes.get("/", name="my_cases")
async def my_cases(request: Request) -> Response:
    """List the cases of the visitor's offices, and those that are shared with them."""
    note_count = select(func.count(Note.id)).where(Note.case_id == Case.id).scalar_subquery()
    my_offices = select(Member.office_id).where(Member.user_id == request.user.id)
    # Each office counts for itself: without a word beside it a shared case of another seems to have a number twice.
    is_ours = Case.office_id.in_(my_offices)
    listing = await CASES.load_rows(request, request.scoped(select(Case, note_count, is_ours)))
    counts = await count_cases(request)
    return render(request, "cases.html", listing=listing, counts=counts, may_open=await writes_for(request))


@routes.get("/cases/new", name="new_case")
async def new_case(request: Request) -> Response:
    """Show the form for a new case."""
    return render(request, "new_case.html", form=case_form(await writes_for(request)))


@routes.post("/cases/new", name="open_case")
async def open_case(request: Request) -> Response:
    """Open a case under the year's next number of its office."""
    offices = await writes_for(request)
    form = await request.form(lambda **submitted: case_form(offices, **submitted))
    if form.errors:
        return render(request, "new_case.html", form=form, status=422)
    office = await request.pick(Office, form.office_id.data)
    case = Case(
        office_id=office.id,
        owner_id=request.user.id,
        title=form.title.data,
        client=form.client.data,
        summary=form.summary.data,
        **await next_number(request, office.id),
    )
    request.db.add(case)
    # Here, and not with the answer: whoever may not open a case in this office is told so.
    await request.db.flush()
    return redirect(request, "show_case", case_id=case.id)


@routes.get("/cases/{case_id:uuid}", name="show_case")
async def show_case(request: Request) -> Response:
    """Show a case with its notes."""
    return await case_page(request, await load_case(request, "view"))


@routes.post("/cases/{case_id:uuid}/notes", name="add_note")
async def add_note(request: Request) -> Response:
    """Write a note into a case that is not closed."""
    case = await load_case(request, "view")
    form = await request.form(NoteForm)
    if not await request.may("comment", case):
        return await case_page(request, case, status=422 if case.status is Status.CLOSED else 403)
    if form.errors:
        return await case_page(request, case, form=form, status=422)
    request.db.add(Note(case_id=case.id, author_id=request.user.id, text=form.text.data))
    return redirect(request, "show_case", case_id=case.id)


@routes.post("/cases/{case_id:uuid}/steps", name="take_step")
async def take_step(request: Request) -> Response:
    """Close a case, open it again, or note that it waits for somebody else."""
    case = await load_case(request, "view")
    form = await request.form(StepForm)
    if form.errors:
        return await case_page(request, case, status=422)
    try:
        await request.advance(case, STEPS[form.step.data])
    except TransitionRefusedError as refusal:
        return await case_page_again(request, request.path_params["case_id"], refusal.public)
    return redirect(request, "show_case", case_id=case.id)


@routes.post("/cases/{case_id:uuid}/shares", name="share_case")
async def share_case(request: Request) -> Response:
    """Let a colleague of another office see a case."""
    case = await load_case(request, "edit")
    form = await request.form(ShareForm)
    if form.errors:
        return await case_page(request, case, share_form=form, status=422)
    colleague = await find_user(request.db, form.username.data)
    if colleague is None:
        form.username.errors = ["Nobody here signs in under this name."]
        return await case_page(request, case, share_form=form, status=422)
    known = next((share for share in case.shares if share.user_id == colleague.id), None)
    if known is not None:
        # Shares are given and taken, never changed: the history of a case stays readable.
        form.username.errors = ["This case is shared with them already."]
        return await case_page(request, case, share_form=form, status=422)
    request.db.add(Share(case_id=case.id, user_id=colleague.id, may_write=form.may_write.data))
    return redirect(request, "show_case", case_id=case.id)


@routes.post("/shares/{share_id:uuid}/end", name="end_share")
async def end_share(request: Request) -> Response:
    """Share a case no longer."""
    share = await request.load(Share, "share_id", may="delete")
    await request.db.delete(share)
    return redirect(request, "show_case", case_id=share.case_id)


async def writes_for(request: Request) -> list[tuple[str, str]]:
    """List the offices in which the visitor may open cases, as choices of a form."""
    mine = select(Office).join(Member).where(Member.user_id == request.user.id, Member.duty.in_(WRITERS))
    return [(str(office.id), office.name) for office in await request.list(mine.order_by(Office.name))]


def case_form(offices: list[tuple[str, str]], **submitted: object) -> CaseForm:
    """Make the form with the offices of the visitor."""
    form = CaseForm(**submitted)
    form.office_id.choices = offices
    return form


async def next_number(request: Request, office_id: uuid.UUID) -> dict[str, object]:
    """Find the number under which the office opens its next case of this year."""
    today = datetime.now(UTC).date()
    highest: Select[tuple[int]] = select(func.max(Case.number))
    of_this_year = highest.where(Case.office_id == office_id, Case.year == today.year)
    last = await request.db.scalar(request.scoped(of_this_year))
    return {"year": today.year, "number": (last or 0) + 1, "opened_on": today}


async def count_cases(request: Request) -> dict[str, int]:
    """Count what the visitor may see: all cases, and those in each state."""
    rows = await request.db.execute(request.scoped(select(Case.status, func.count()).group_by(Case.status)))
    counts = {state.value: 0 for state in Status}
    counts.update({state.value: count for state, count in rows.all()})
    return {"all": sum(counts.values()), **counts}
