"""The page of one case, as every form on it shows it again."""

import uuid

from casebook.forms import FeeForm, NoteForm, ShareForm
from casebook.models import Case, Fee, Note, Share, Stage
from casebook.money import amount_text
from casebook.workflows import CaseFlow
from fastness import Request, Response, render


async def load_case(request: Request, action: str) -> Case:
    """Load the case of the address with all that its page shows."""
    return await pick_case(request, request.path_params["case_id"], action)


async def pick_case(request: Request, case_id: uuid.UUID, action: str) -> Case:
    """Load a case with all that its page shows."""
    with_ = [
        (Case.notes, Note.author),
        (Case.fees, Fee.paid_to),
        (Case.shares, Share.user),
        Case.office,
        Case.owner,
    ]
    return await request.pick(Case, case_id, may=action, with_=with_)


async def case_page(
    request: Request,
    case: Case,
    *,
    form: NoteForm | None = None,
    fee_form: FeeForm | None = None,
    share_form: ShareForm | None = None,
    refusal: str = "",
    status: int = 200,
) -> Response:
    """Show a case, with the buttons that its visitor may press."""
    sums = {stage.value: sum(fee.cents for fee in case.fees if fee.stage is stage) for stage in Stage}
    return render(
        request,
        "case.html",
        status=status,
        case=case,
        form=form or NoteForm(),
        fee_form=fee_form or FeeForm(),
        share_form=share_form or ShareForm(),
        refusal=refusal,
        sums={stage: amount_text(cents) if cents else "" for stage, cents in sums.items()},
        steps=await request.steps(case, CaseFlow),
        may_write=await request.may("comment", case),
        may_charge=await request.may("charge", case),
        may_edit=await request.may("edit", case),
    )


async def case_page_again(
    request: Request, case_id: uuid.UUID, refusal: str, *, fee_form: FeeForm | None = None
) -> Response:
    """Show the case as it is by now, and say why nothing was done."""
    # PostgreSQL lets a transaction that came too late do nothing more, and its view of the rows is the old one.
    await request.db.rollback()
    case = await pick_case(request, case_id, "view")
    return await case_page(request, case, fee_form=fee_form, refusal=refusal, status=409)
