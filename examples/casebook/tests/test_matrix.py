"""Every page of the demo, tried by everybody, and the routes as they were last reviewed."""

import dataclasses
import uuid
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from casebook.models import Case, Duty, Fee, Member, Office, Share, Status
from casebook.policies import CasePolicy
from casebook.seed import PEOPLE as WORKERS
from sqlalchemy import select, true

from fastness import Because, Request
from fastness.auth.users import User, find_user
from fastness.authz.errors import UnscopedError
from fastness.checks.lock import LOCK_FILE, differences, entries_of
from fastness.testing.matrix import PEOPLE, AccessMatrixError, ObjectID, Sample, assert_matrix, with_session

FOLDER = Path(__file__).parent.parent
MAKING = Because("a test makes what it tries")
HARBOUR = {"jonna", "tariq"}
"""Who works in Maren's office beside her: an editor and a reader."""


class Making:
    """Makes cases, shares and members of both offices, anew for each request that uses one up."""

    def __init__(self, app):
        self.app = app

    async def case(self, username, **values):
        """A new case of somebody's, in their office."""
        async with self.app.services.open_unit(is_read_only=False, unscoped=MAKING) as unit:
            db = unit.session
            owner = await find_user(db, username)
            office_id = await db.scalar(select(Member.office_id).where(Member.user_id == owner.id))
            taken = (await db.scalars(select(Case.number).where(Case.office_id == office_id, Case.year == 1999))).all()
            case = Case(
                office_id=office_id,
                owner_id=owner.id,
                year=1999,
                number=max(taken, default=0) + 1,
                title=f"Made for {username}",
                client="Ada Brandt",
                opened_on=date(1999, 1, 1),
                **values,
            )
            db.add(case)
        return case

    async def share(self, username):
        """A new case of somebody's that is shared with somebody new."""
        case = await self.case(username)
        async with self.app.services.open_unit(is_read_only=False, unscoped=MAKING) as unit:
            stranger = await self.person(unit.session)
            share = Share(case_id=case.id, user_id=stranger.id)
            unit.session.add(share)
        return share

    async def fee(self, username):
        """A fee of a new case of somebody's."""
        case = await self.case(username)
        async with self.app.services.open_unit(is_read_only=False, unscoped=MAKING) as unit:
            fee = Fee(case_id=case.id, purpose="A stamp", cents=95)
            unit.session.add(fee)
        return fee

    async def member(self, username):
        """Somebody new in the office of somebody."""
        async with self.app.services.open_unit(is_read_only=False, unscoped=MAKING) as unit:
            db = unit.session
            owner = await find_user(db, username)
            office_id = await db.scalar(select(Member.office_id).where(Member.user_id == owner.id))
            member = Member(office_id=office_id, user_id=(await self.person(db)).id, duty=Duty.READER)
            db.add(member)
        return member

    async def office(self, username):
        """The office of somebody."""
        async with self.app.services.open_unit(is_read_only=True, unscoped=MAKING) as unit:
            db = unit.session
            owner = await find_user(db, username)
            return await db.scalar(select(Office).join(Member).where(Member.user_id == owner.id))

    async def person(self, db):
        """Somebody who exists and never signs in."""
        name = f"made-{uuid.uuid4().hex[:12]}"
        now = datetime.now(UTC)
        person = User(username=name, username_key=name, created_at=now, valid_since=now)
        db.add(person)
        await db.flush()
        return person

    async def both(self, make, **values):
        """Maren's, and Idris'."""
        return ObjectID((await make("maren", **values)).id, (await make("idris", **values)).id)


@pytest.fixture
def making(app):
    return Making(app)


async def samples_of(making):
    """One request for each route that works for its owner."""
    cases = {"case_id": await making.both(making.case)}
    offices = {"office_id": await making.both(making.office)}
    hers = await making.case("maren", summary="Only in this office")

    async def share_case():
        return Sample(
            owner="maren",
            other="idris",
            allowed={"jonna"},
            params={"case_id": await making.both(making.case)},
            form={"username": "tariq"},
        )

    def step(name, status, allowed):
        async def take():
            params = {"case_id": await making.both(making.case, status=status)}
            return Sample(owner="maren", other="idris", allowed=allowed, params=params, form={"step": name})

        return take

    async def pay_fee():
        params = {"fee_id": await making.both(making.fee)}
        return Sample(owner="maren", other="idris", allowed={"jonna"}, params=params)

    async def pay_fee_by_program():
        headers = {"idempotency-key": uuid.uuid4().hex}
        return dataclasses.replace(await pay_fee(), headers=headers, status=200)

    async def end_share():
        params = {"share_id": await making.both(making.share)}
        return Sample(owner="maren", other="idris", allowed={"jonna"}, params=params)

    async def add_member():
        async with making.app.services.open_unit(is_read_only=False, unscoped=MAKING) as unit:
            newcomer = (await making.person(unit.session)).username
        return Sample(owner="maren", other="idris", params=offices, form={"username": newcomer, "duty": "reader"})

    async def end_member():
        return Sample(owner="maren", other="idris", params={"member_id": await making.both(making.member)})

    office_id = ObjectID(offices["office_id"].mine, offices["office_id"].theirs)
    return {
        "my_cases": Sample(owner="maren", allowed=PEOPLE, private=(str(hers.id),), shown_to=HARBOUR),
        "new_case": Sample(owner="maren", allowed=PEOPLE),
        "open_case": Sample(
            owner="maren",
            other="idris",
            allowed={"jonna"},
            form={"title": "Lost parcel", "client": "Ada Brandt", "office_id": office_id},
            # The choice of offices is the visitor's own, so another one is a mistake in the form.
            refusals={401, 422},
        ),
        "show_case": Sample(owner="maren", other="idris", allowed=HARBOUR, params=cases),
        "add_note": Sample(owner="maren", other="idris", allowed={"jonna"}, params=cases, form={"text": "Seen."}),
        "take_step": [
            step("wait", Status.OPEN, {"jonna"}),
            step("resume", Status.WAITING, {"jonna"}),
            step("close", Status.OPEN, {"jonna"}),
            step("reopen", Status.CLOSED, set()),
        ],
        "add_fee": Sample(
            owner="maren",
            other="idris",
            allowed={"jonna"},
            params=cases,
            form={"purpose": "A stamp", "amount": "0.95"},
        ),
        "POST /fees/{fee_id:uuid}/payment": pay_fee,
        "POST /api/fees/{fee_id}/payment": pay_fee_by_program,
        "share_case": share_case,
        "end_share": end_share,
        "my_offices": Sample(owner="maren", allowed=PEOPLE, private=("Harbour Street",), shown_to=HARBOUR),
        "show_office": Sample(owner="maren", other="idris", allowed=HARBOUR, params=offices),
        "add_member": add_member,
        "change_member": Sample(
            owner="maren",
            other="idris",
            params={"member_id": await making.both(making.member)},
            form={"duty": "editor"},
        ),
        "end_member": end_member,
        "GET /api/openapi.json": Sample(owner="maren", allowed=PEOPLE),
        "GET /api/cases": Sample(owner="maren", allowed=PEOPLE, private=(str(hers.id),), shown_to=HARBOUR),
        "GET /api/cases/{case_id}": Sample(owner="maren", other="idris", allowed=HARBOUR, params=cases),
        "POST /api/cases/{case_id}/notes": Sample(
            owner="maren", other="idris", allowed={"jonna"}, params=cases, json={"text": "Seen."}, status=201
        ),
    }


async def walk(app, samples):
    await assert_matrix(
        app,
        people={person.username: with_session(app, person.username) for person in WORKERS},
        samples=samples,
        origin="http://localhost",
    )


async def test_nobody_gets_what_is_not_theirs(app, making):
    await walk(app, await samples_of(making))


async def test_nor_on_postgresql(app_on_postgresql):
    await walk(app_on_postgresql, await samples_of(Making(app_on_postgresql)))


async def test_a_scope_that_is_taken_away_is_an_error_and_no_leak(app, maren, monkeypatch):
    monkeypatch.setattr(Request, "scoped", lambda self, statement, **_: statement)
    page = await maren.open("/")
    assert page.status == 500
    assert UnscopedError.__name__ in page.text
    assert "Deposit withheld" not in page.text


async def test_a_policy_that_lets_everybody_see_is_found(app, making, monkeypatch):
    samples = await samples_of(making)
    monkeypatch.setattr(CasePolicy, "view", lambda self, actor: true())
    with pytest.raises(AccessMatrixError) as found:
        await walk(app, samples)
    leaks = {line.partition(": ")[0] for line in str(found.value).splitlines()}
    # The page of a single case fails instead: the office that it names stays hidden by that model's own policy.
    assert {"GET /", "GET /api/cases", "GET /api/cases/{case_id}"} <= leaks


async def test_on_postgresql_the_database_still_hides_what_such_a_policy_shows(app_on_postgresql, monkeypatch):
    samples = await samples_of(Making(app_on_postgresql))
    monkeypatch.setattr(CasePolicy, "view", lambda self, actor: true())
    await walk(app_on_postgresql, samples)


def test_the_routes_are_those_of_the_lock_file(app):
    text = (FOLDER / LOCK_FILE).read_text(encoding="utf-8")
    assert differences(text, entries_of(app.routes)) == [], "if it is meant: `fastness routes --matrix --write`"
