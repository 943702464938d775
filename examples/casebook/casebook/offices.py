"""The pages of offices: who works there, and who says so."""

from sqlalchemy import select

from casebook.forms import DutyForm, MemberForm
from casebook.models import Member, Office
from fastness import Request, Response, Routes, access, redirect, render
from fastness.auth.users import find_user

routes = Routes(access=access.signed_in)


@routes.get("/offices", name="my_offices")
async def my_offices(request: Request) -> Response:
    """List the offices that the visitor works for."""
    mine = select(Office).join(Member).where(Member.user_id == request.user.id).order_by(Office.name)
    return render(request, "offices.html", offices=await request.list(mine, with_=[(Office.members, Member.user)]))


@routes.get("/offices/{office_id:uuid}", name="show_office")
async def show_office(request: Request) -> Response:
    """Show who works in an office."""
    return await office_page(request, await load_office(request, "visit"))


@routes.post("/offices/{office_id:uuid}/members", name="add_member")
async def add_member(request: Request) -> Response:
    """Take somebody in."""
    office = await load_office(request, "manage")
    form = await request.form(MemberForm)
    if not form.errors:
        newcomer = await find_user(request.db, form.username.data)
        if newcomer is None:
            form.username.errors = ["Nobody here signs in under this name."]
        elif any(member.user_id == newcomer.id for member in office.members):
            form.username.errors = ["They work here already."]
        else:
            request.db.add(Member(office_id=office.id, user_id=newcomer.id, duty=form.duty.data))
            return redirect(request, "show_office", office_id=office.id)
    return await office_page(request, office, form=form, status=422)


@routes.post("/members/{member_id:uuid}", name="change_member")
async def change_member(request: Request) -> Response:
    """Give a member of an office another duty. Owners change everybody's but their own, so an office keeps one."""
    member = await request.load(Member, "member_id", may="edit")
    form = await request.form(DutyForm)
    if not form.errors:
        member.duty = form.duty.data
    return redirect(request, "show_office", office_id=member.office_id)


@routes.post("/members/{member_id:uuid}/end", name="end_member")
async def end_member(request: Request) -> Response:
    """Let a member of an office go."""
    member = await request.load(Member, "member_id", may="delete")
    await request.db.delete(member)
    return redirect(request, "show_office", office_id=member.office_id)


async def load_office(request: Request, action: str) -> Office:
    """Load the office of the address with those who work there."""
    return await request.load(Office, "office_id", may=action, with_=[(Office.members, Member.user)])


async def office_page(
    request: Request, office: Office, *, form: MemberForm | None = None, status: int = 200
) -> Response:
    """Show an office, with the forms that its visitor may send."""
    return render(
        request,
        "office.html",
        status=status,
        office=office,
        form=form or MemberForm(),
        may_manage=await request.may("manage", office),
    )
