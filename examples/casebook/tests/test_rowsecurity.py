"""The demo's policies as rules of PostgreSQL: what the app's account sees with nothing of the app in between."""

import asyncio
import uuid
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest
from casebook.models import Case, Fee, Member, Note, Office, Share
from casebook.seed import PEOPLE, add_cases
from casebook.workflows import CaseFlow, add_fee
from sqlalchemy import select

from fastness import Because
from fastness.auth.users import User
from fastness.authz.acting import bind_actor, bind_unscoped
from fastness.authz.actors import Actor
from fastness.authz.advancing import advance
from fastness.authz.errors import TransitionRefusedError
from fastness.authz.rls import digest_of, row_security_statements
from fastness.authz.rowactor import SETTING, value_of
from fastness.authz.scope import scoped
from fastness.cli.databases import last_digest
from fastness.db.engine import Database
from fastness.db.unit import Unit

IDS = {person.username: uuid.UUID(int=number) for number, person in enumerate(PEOPLE, start=1)}
MIGRATIONS = Path(__file__).parent.parent / "migrations"


def actor(username):
    return Actor(id=IDS[username])


@pytest.fixture(scope="module")
def address(make_database):
    """A database with the cases of the seed."""
    url = make_database()
    asyncio.run(fill(url))
    return url


async def fill(address):
    """Two offices with the cases of the seed."""
    now = datetime.now(UTC)
    database = Database(address)
    async with Unit(database, is_read_only=False) as unit:
        bind_unscoped(unit.session, Because("the demo fills its own database"))
        offices = {name: Office(name=name) for name in {person.office for person in PEOPLE}}
        for person in PEOPLE:
            unit.session.add(
                User(
                    id=IDS[person.username],
                    username=person.username,
                    username_key=person.username,
                    display_name=person.display_name,
                    created_at=now,
                    valid_since=now,
                )
            )
        await unit.session.flush()
        for person in PEOPLE:
            offices[person.office].members.append(Member(user_id=IDS[person.username], duty=person.duty))
        unit.session.add_all(offices.values())
        await unit.session.flush()
        add_cases(unit.session, IDS, {person.username: offices[person.office].id for person in PEOPLE})
    await database.close()


@pytest.fixture
async def database(address):
    database = Database(address)
    yield database
    await database.close()


@pytest.fixture
def ask(address):
    """Asks as somebody, with the driver alone."""

    async def run(username, statement, *values):
        connection = await asyncpg.connect(address)
        try:
            async with connection.transaction():
                if username:
                    await connection.execute("SELECT set_config($1, $2, true)", SETTING, value_of(actor(username)))
                if statement.startswith("SELECT"):
                    return {row[0] for row in await connection.fetch(statement, *values)}
                return await connection.execute(statement, *values)
        finally:
            await connection.close()

    return run


def test_the_migration_says_what_the_policies_say():
    assert last_digest(MIGRATIONS) == digest_of(row_security_statements())


@pytest.mark.parametrize("model", [Office, Member, Case, Note, Fee, Share])
@pytest.mark.parametrize("username", ["maren", "idris", "tariq"])
async def test_the_database_shows_what_the_app_shows(database, ask, model, username):
    async with Unit(database, is_read_only=True) as unit:
        bind_actor(unit.session, actor(username))
        shown = {str(key) for key in await unit.session.scalars(scoped(select(model.id), actor(username)))}
    async with Unit(database, is_read_only=True) as unit:
        bind_unscoped(unit.session, Because("all rows there are"))
        everything = {str(key) for key in await unit.session.scalars(select(model.id))}
    assert {str(key) for key in await ask(username, f"SELECT id FROM {model.__tablename__}")} == shown  # noqa: S608
    assert shown <= everything
    # Few cases are shared, and whoever got one sees the name of its office.
    assert model in {Share, Office} or (shown and shown != everything)
    assert await ask("", f"SELECT id FROM {model.__tablename__}") == set()  # noqa: S608


PAID = "UPDATE fees SET paid_at = now() WHERE case_id IN (SELECT id FROM cases WHERE owner_id = $1)"
WRITES = [
    pytest.param("maren", "UPDATE cases SET title = title WHERE owner_id = $1", "maren", True, id="owner changes"),
    pytest.param("tariq", "UPDATE cases SET title = title WHERE owner_id = $1", "maren", False, id="reader does not"),
    pytest.param("maren", "UPDATE cases SET title = title WHERE owner_id = $1", "idris", False, id="other office"),
    pytest.param("maren", "DELETE FROM cases WHERE owner_id = $1", "maren", False, id="no case is deleted"),
    pytest.param("maren", "UPDATE notes SET text = '' WHERE author_id = $1", "maren", False, id="notes stay"),
    pytest.param("jonna", PAID, "maren", True, id="an editor takes a payment"),
    pytest.param("tariq", PAID, "maren", False, id="a reader does not"),
    pytest.param("idris", PAID, "maren", False, id="nor somebody else"),
    pytest.param(
        "maren", "UPDATE members SET duty = 'reader' WHERE user_id = $1", "tariq", True, id="owner gives a duty"
    ),
    pytest.param("maren", "UPDATE members SET duty = 'reader' WHERE user_id = $1", "maren", False, id="not to herself"),
    pytest.param("jonna", "UPDATE members SET duty = 'owner' WHERE user_id = $1", "jonna", False, id="nor an editor"),
    pytest.param(
        "idris", "UPDATE members SET duty = 'reader' WHERE user_id = $1", "tariq", False, id="nor from elsewhere"
    ),
]


async def test_a_case_is_not_closed_while_a_fee_is_added(database):
    """Both have looked before either writes."""
    title = "Deposit withheld after move-out"
    units = []
    for username in ("maren", "jonna"):
        unit = Unit(database, is_read_only=False)
        bind_actor(unit.session, actor(username))
        mine = scoped(select(Case).where(Case.title == title), actor(username), "edit")
        units.append((unit, (await unit.session.scalars(mine)).one()))
    (adding, one), (closing, same) = units
    async with adding:
        await add_fee(adding.session, one, purpose="A stamp", cents=95)
    with pytest.raises(TransitionRefusedError):
        await advance(closing.session, same, CaseFlow.close)
    await closing.finish(409)


@pytest.mark.parametrize(("username", "statement", "whose", "is_done"), WRITES)
async def test_the_database_writes_what_the_app_writes(ask, username, statement, whose, is_done):
    done = await ask(username, statement, IDS[whose])
    assert (done.split()[1] != "0") is is_done
