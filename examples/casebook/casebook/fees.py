"""What the client of a case pays for."""

from casebook.casepage import case_page, case_page_again, load_case
from casebook.forms import FeeForm
from casebook.models import Fee
from casebook.money import parse_amount
from casebook.workflows import add_fee, record_payment
from fastness import Request, Response, Routes, access, redirect
from fastness.authz.errors import TransitionRefusedError
from fastness.db.errors import TransactionConflictError

routes = Routes(access=access.signed_in)


@routes.post("/cases/{case_id:uuid}/fees", name="add_fee")
async def charge(request: Request) -> Response:
    """Add a fee to a case that is not closed."""
    case = await load_case(request, "edit")
    form = await request.form(FeeForm)
    if form.errors or not await request.may("charge", case):
        return await case_page(request, case, fee_form=form, status=422)
    case_id = case.id
    try:
        await add_fee(request.db, case, purpose=form.purpose.data, cents=parse_amount(form.amount.data))
    except TransactionConflictError:
        return await case_page_again(request, case_id, TransitionRefusedError.public, fee_form=form)
    return redirect(request, "show_case", case_id=case_id)


@routes.post("/fees/{fee_id:uuid}/payment", name="pay_fee")
async def pay_fee(request: Request) -> Response:
    """Record that a fee was paid."""
    fee = await request.load(Fee, "fee_id", may="pay")
    case_id = fee.case_id
    try:
        await record_payment(request, fee)
    except TransitionRefusedError as refusal:
        return await case_page_again(request, case_id, refusal.public)
    return redirect(request, "show_case", case_id=case_id)
