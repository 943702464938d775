"""Every page of the demo, tried by everybody, and the routes as they were last reviewed."""

from pathlib import Path

import pytest
from casebook.models import Case, Status
from casebook.seed import PEOPLE as WORKERS
from sqlalchemy import select

from fastness.auth.users import find_user
from fastness.checks.lock import LOCK_FILE, differences, entries_of
from fastness.testing.matrix import PEOPLE, ObjectID, Sample, assert_matrix, with_session

FOLDER = Path(__file__).parent.parent


@pytest.fixture
async def cases(app):
    """A case of Maren's, and one of Idris'; both take notes."""
    async with app.services.open_unit(is_read_only=True) as unit:
        found = {}
        for name in ("maren", "idris"):
            user = await find_user(unit.session, name)
            cases = select(Case).where(Case.owner_id == user.id, Case.status == Status.OPEN)
            found[name] = (await unit.session.scalars(cases)).first()
    return found


async def test_nobody_gets_what_is_not_theirs(app, cases):
    both = {"case_id": ObjectID(cases["maren"].id, cases["idris"].id)}
    await assert_matrix(
        app,
        people={person.username: with_session(app, person.username) for person in WORKERS},
        samples={
            "my_cases": Sample(owner="maren", allowed=PEOPLE, private=(str(cases["maren"].id),)),
            "new_case": Sample(owner="maren", allowed=PEOPLE),
            "open_case": Sample(owner="maren", allowed=PEOPLE, form={"title": "Lost parcel", "client": "Ada Brandt"}),
            "show_case": Sample(owner="maren", other="idris", params=both, private=(cases["maren"].title,)),
            "add_note": Sample(owner="maren", other="idris", params=both, form={"text": "Seen."}),
            "change_status": Sample(owner="maren", other="idris", params=both, form={"status": "waiting"}),
        },
        origin="http://localhost",
    )


def test_the_routes_are_those_of_the_lock_file(app):
    text = (FOLDER / LOCK_FILE).read_text(encoding="utf-8")
    assert differences(text, entries_of(app.routes)) == [], "if it is meant: `fastness routes --matrix --write`"
