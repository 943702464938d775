"""Which step follows which: enforced where the row is written, whatever page or program asks for it."""

from datetime import UTC, datetime

from sqlalchemy import ColumnElement, exists
from sqlalchemy.ext.asyncio import AsyncSession

import casebook.policies  # noqa: F401 - a workflow asks its model's policy who may, so that one is declared before
from casebook.models import Case, Fee, Stage, Status
from fastness import Request, Transition, Workflow


def fees_are_paid() -> ColumnElement[bool]:
    """No fee of the case is due."""
    return ~exists().where(Fee.case_id == Case.id, Fee.stage == Stage.DUE)


class CaseFlow(Workflow[Case]):
    """A case is open or waits for somebody; it is closed when all is paid, and opened again by an owner of its office."""

    column = "status"
    initial = Status.OPEN

    wait = Transition(Status.OPEN, to=Status.WAITING)
    resume = Transition(Status.WAITING, to=Status.OPEN)
    close = Transition(
        Status.OPEN,
        Status.WAITING,
        to=Status.CLOSED,
        when=fees_are_paid,
        must="Every fee has to be paid first.",
    )
    reopen = Transition(Status.CLOSED, to=Status.OPEN, may="reopen")


class FeeFlow(Workflow[Fee]):
    """A fee is paid once."""

    column = "stage"
    initial = Stage.DUE

    pay = Transition(Stage.DUE, to=Stage.PAID, may="pay")


async def add_fee(db: AsyncSession, case: Case, *, purpose: str, cents: int) -> None:
    """Add a fee to a case that was loaded to be changed.

    Raises:
        TransactionConflictError: somebody else has changed the case at this moment.
    """
    case.charged_at = datetime.now(UTC)
    db.add(Fee(case_id=case.id, purpose=purpose, cents=cents))
    await db.flush()


async def record_payment(request: Request, fee: Fee) -> None:
    """Record that a fee was paid, when, and who saw it.

    Raises:
        TransitionRefusedError: somebody else has recorded it already.
    """
    await request.advance(fee, FeeFlow.pay)
    fee.paid_at, fee.paid_to_id = datetime.now(UTC), request.user.id
    await request.db.flush()
