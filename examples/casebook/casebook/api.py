"""The same cases as JSON, for programs: a FastAPI app behind the same gates and the same policies.

It is mounted with the rule of the pages, reads who is asking from the session, and loads through the request, so there is
no second place that decides who may see a case. Requests that change something carry the form token in `X-CSRF-Token`,
which a page of this site finds in its `<meta>` element.
"""

import uuid
from datetime import date, datetime
from typing import Annotated

from fastapi import Depends, FastAPI
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select

from casebook.models import Case, Fee, Note, Stage, Status
from casebook.workflows import record_payment
from fastness import Request, mounting

CurrentRequest = Annotated[Request, Depends(mounting.current_request)]

MOST_CASES = 100

# The pages that show the schema load scripts from elsewhere; the schema itself is a route like any other.
api = FastAPI(title="Casebook", version="1", docs_url=None, redoc_url=None)


class CaseInfo(BaseModel):
    """A case in a list."""

    model_config = ConfigDict(from_attributes=True)

    id: uuid.UUID
    reference: str
    title: str
    client: str
    status: Status
    opened_on: date


class NoteInfo(BaseModel):
    """A note of a case."""

    model_config = ConfigDict(from_attributes=True)

    id: uuid.UUID
    text: str
    written_at: datetime


class FeeInfo(BaseModel):
    """A fee of a case."""

    model_config = ConfigDict(from_attributes=True)

    id: uuid.UUID
    purpose: str
    cents: int
    stage: Stage
    paid_at: datetime | None


class CaseDetails(CaseInfo):
    """A case with its notes and fees."""

    summary: str
    notes: list[NoteInfo]
    fees: list[FeeInfo]


class NewNote(BaseModel):
    """A note that is to be written."""

    model_config = ConfigDict(extra="forbid", strict=True)

    text: str = Field(min_length=1, max_length=5000)


@api.get("/cases")
async def list_cases(request: CurrentRequest) -> list[CaseInfo]:
    """The newest cases that the caller may see."""
    newest = select(Case).order_by(Case.opened_on.desc(), Case.id).limit(MOST_CASES)
    return [CaseInfo.model_validate(case) for case in await request.list(newest)]


@api.get("/cases/{case_id}")
async def read_case(case_id: uuid.UUID, request: CurrentRequest) -> CaseDetails:
    """One case with its notes and fees."""
    return CaseDetails.model_validate(await request.pick(Case, case_id, with_=[Case.notes, Case.fees]))


@api.post("/cases/{case_id}/notes", status_code=201)
async def write_note(case_id: uuid.UUID, note: NewNote, request: CurrentRequest) -> NoteInfo:
    """Write a note into a case that is not closed."""
    case = await request.pick(Case, case_id, may="comment")
    written = Note(case_id=case.id, author_id=request.user.id, text=note.text)
    request.db.add(written)
    await request.db.flush()
    return NoteInfo.model_validate(written)


@api.post("/fees/{fee_id}/payment")
@mounting.options(idempotency_key=True)
async def pay_fee(fee_id: uuid.UUID, request: CurrentRequest) -> FeeInfo:
    """Record that a fee was paid. Who hears no answer sends the same request again, under the same key."""
    fee = await request.pick(Fee, fee_id, may="pay")
    await record_payment(request, fee)
    return FeeInfo.model_validate(fee)
