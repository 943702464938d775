import asyncio
import uuid

import pytest
from sqlalchemy import select

from fastness import Because, Model
from fastness.authz.acting import bind_actor, bind_unscoped
from fastness.authz.actors import Actor
from fastness.authz.registry import registry
from fastness.authz.scope import unscoped
from fastness.db.engine import Database
from fastness.db.migrations import look
from fastness.db.rules import DatabaseRules
from fastness.db.unit import Unit
from tests.authz.flowmodels import TABLES as FLOW_TABLES
from tests.authz.models import TABLES, Contract, Dossier, Drawer, Label, Paper, Person, Remark
from tests.authz.rowmodels import POLICIES
from tests.prepared import prepared_url, shared_database

TEST = Because("the tests look at what is really there")
ADA = Actor(id=uuid.UUID(int=1))
BOB = Actor(id=uuid.UUID(int=2))
ROOT = Actor(id=uuid.UUID(int=3), is_superuser=True)


@pytest.fixture
def row_security(monkeypatch):
    """The policies of the bureaus ask for row-level security."""
    for policy in POLICIES:
        monkeypatch.setattr(policy, "row_security", True)
    monkeypatch.setattr(registry(), "has_row_security", True)


def fill(url):
    """Ada owns "mine", Bob owns "shared" (with Ada) and "theirs"; each has a note, each has a paper and a contract."""
    look(url, make_tables)
    asyncio.run(write_rows(url))


def make_tables(connection):
    for tables in (TABLES, FLOW_TABLES):
        Model.metadata.create_all(connection, tables=tables)


async def write_rows(url):
    database = Database(url)
    async with Unit(database, is_read_only=False) as unit:
        bind_unscoped(unit.session, TEST)
        ada, bob = Person(id=ADA.id, name="ada"), Person(id=BOB.id, name="bob")
        unit.session.add_all([ada, bob])
        for title, owner, members in (("mine", ada, []), ("shared", bob, [ada]), ("theirs", bob, [bob])):
            case = Dossier(title=title, owner=owner, members=members, notes=[Remark(text=f"note of {title}")])
            unit.session.add_all([case, Drawer(label=title, case=case)])
        unit.session.add(Label(text="urgent"))
        for name, owner in (("mine", ada), ("theirs", bob)):
            unit.session.add_all(
                [
                    Paper(name=name, owner_id=owner.id),
                    Contract(name=f"contract {name}", owner_id=owner.id, amount=7),
                ]
            )
    await database.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request):
    return prepared_url(request, fill)


@pytest.fixture
async def database(database_url):
    database = shared_database(database_url, DatabaseRules(read_connections=2, queue_seconds=5))
    await database.open()
    yield database
    await database.close()


@pytest.fixture
def begin(database):
    """Opens a writing unit for an actor; the test decides whether it commits."""
    opened = []

    def open_unit(actor=ADA, events=None) -> Unit:
        unit = Unit(database, is_read_only=False)
        opened.append(unit)
        bind_actor(unit.session, actor, None if events is None else lambda name, reason: events.append((name, reason)))
        return unit

    return open_unit


@pytest.fixture
async def session(database):
    """Ada's session."""
    unit = Unit(database, is_read_only=False)
    bind_actor(unit.session, ADA)
    yield unit.session
    await unit.finish(500)


@pytest.fixture
def truth(database):
    """All rows of a model, whoever may see them, from a unit of its own."""

    async def rows(column):
        async with Unit(database, is_read_only=True) as unit:
            return sorted((await unit.session.scalars(unscoped(select(column), TEST))).all())

    return rows
