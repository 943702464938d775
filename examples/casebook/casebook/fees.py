"""What the client of a case pays for."""

from casebook.casepage import case_page, load_case, step_refused
from casebook.forms import FeeForm
from casebook.models import Fee, Status
from casebook.money import parse_amount
from casebook.workflows import record_payment
from fastness import Request, Response, Routes, access, redirect
from fastness.authz.errors import TransitionRefusedError

routes = Routes(access=access.signed_in)


@routes.post("/cases/{case_id:uuid}/fees", name="add_fee")
async def add_fee(request: Request) -> Response:
    """Add a fee to a case that is not closed."""
    case = await load_case(request, "view")
    form = await request.form(FeeForm)
    if not await request.may("charge", case):
        return await case_page(request, case, status=422 if case.status is Status.CLOSED else 403)
    if form.errors:
        return await case_page(request, case, fee_form=form, status=422)
    request.db.add(Fee(case_id=case.id, purpose=form.purpose.data, cents=parse_amount(form.amount.data)))
    return redirect(request, "show_case", case_id=case.id)


@routes.post("/fees/{fee_id:uuid}/payment", name="pay_fee")
async def pay_fee(request: Request) -> Response:
    """Record that a fee was paid."""
    fee = await request.load(Fee, "fee_id", may="pay")
    case_id = fee.case_id
    try:
        await record_payment(request, fee)
    except TransitionRefusedError as refusal:
        return await step_refused(request, case_id, refusal)
    return redirect(request, "show_case", case_id=case_id)
