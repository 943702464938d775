"""Row-level security on a real server: a connection as the app's account that knows nothing of the guard."""

import json
import uuid
from functools import cache
from urllib.parse import quote

import asyncpg
import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import selectinload

from fastness import Because, Model
from fastness.authz.acting import bind_actor, bind_unscoped
from fastness.authz.actors import ANONYMOUS, Actor
from fastness.authz.rls import OFF, row_security_statements
from fastness.authz.rowactor import SETTING, value_of
from fastness.authz.scope import scoped, unscoped
from fastness.db.engine import Database
from fastness.db.errors import TransactionConflictError
from fastness.db.migrations import look
from fastness.db.rules import DatabaseRules
from fastness.db.statements import FOR_MIGRATIONS
from fastness.db.unit import Unit, run_in_unit
from tests.authz.rowmodels import TABLES, Bureau, Folder, Post, row_readers

TEST = Because("the tests look at what is really there")
NORTH, SOUTH = uuid.UUID(int=10), uuid.UUID(int=20)
ADA = Actor(id=uuid.UUID(int=1))
BOB = Actor(id=uuid.UUID(int=2))
ROOT = Actor(id=uuid.UUID(int=3), is_superuser=True)
HEAD = Actor(id=ADA.id, permissions=frozenset({"bureaus.rename"}))
SECRET = "for-the-tests-only"


@cache
def policies():
    """What a migration would hold; every test of this file has the same."""
    return row_security_statements()


@pytest.fixture
def address(postgres_url, running_postgres, postgres_database):
    """The address as the app's account, and as the tables' owner, who is no superuser."""
    names = {kind: f"rls_{kind}_{postgres_database}" for kind in ("app", "owner")}
    for name in names.values():
        running_postgres.run_sql(f"CREATE ROLE {name} LOGIN PASSWORD '{SECRET}'")
    yield {
        kind: running_postgres.url(postgres_database, user=name, password=quote(SECRET)) for kind, name in names.items()
    } | {"names": names}
    for name in names.values():
        running_postgres.run_sql(f"DROP OWNED BY {name} CASCADE", database=postgres_database)
        running_postgres.run_sql(f"DROP ROLE {name}")


@pytest.fixture
async def database(row_security, address, running_postgres, postgres_database):
    """Ada works in the north, Bob in the south; each has a folder there with a reader."""
    app, owner = address["names"]["app"], address["names"]["owner"]
    running_postgres.run_sql(f"GRANT CREATE ON DATABASE {postgres_database} TO {owner}")
    running_postgres.run_sql(
        f"GRANT ALL ON SCHEMA public TO {owner}; GRANT USAGE ON SCHEMA public TO {app}", database=postgres_database
    )

    def make(connection):
        Model.metadata.create_all(connection, tables=TABLES)
        for table in TABLES:
            connection.exec_driver_sql(
                f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table.name} TO {app}", execution_options=FOR_MIGRATIONS
            )
        for statement in policies():
            connection.exec_driver_sql(statement, execution_options=FOR_MIGRATIONS)

    look(address["owner"], make)
    database = Database(address["app"], rules=DatabaseRules(read_connections=2, write_connections=1, queue_seconds=5))
    await database.open()
    async with Unit(database, is_read_only=False) as unit:
        bind_unscoped(unit.session, TEST)
        for bureau, actor, name in ((NORTH, ADA, "north"), (SOUTH, BOB, "south")):
            post = Post(bureau_id=bureau, user_id=actor.id)
            unit.session.add(Bureau(id=bureau, name=name))
            await unit.session.flush()
            unit.session.add(Folder(bureau_id=bureau, owner_id=actor.id, title=name, readers=[post]))
    yield database
    await database.close()


@pytest.fixture
async def raw(database, address):
    """The driver alone, as the app's account."""
    connection = await asyncpg.connect(address["app"])
    yield connection
    await connection.close()


@pytest.fixture
def as_actor(raw):
    """Runs one statement of text in a transaction for an actor."""

    async def run(actor, statement, *values):
        async with raw.transaction():
            if actor is not None:
                await raw.execute("SELECT set_config($1, $2, true)", SETTING, value_of(actor))
            if statement.startswith("SELECT"):
                return [tuple(row) for row in await raw.fetch(statement, *values)]
            return await raw.execute(statement, *values)

    return run


READS = [
    pytest.param("SELECT name FROM row_bureaus", "north", "south", id="view by a subquery"),
    pytest.param("SELECT title FROM row_files", "north", "south", id="view by a column or a subquery"),
    pytest.param("SELECT user_id FROM row_posts", ADA.id, BOB.id, id="policies that ask each other"),
    pytest.param(
        "SELECT f.title FROM row_readers r, row_files f WHERE f.id = r.file_id",
        "north",
        "south",
        id="association table",
    ),
]


@pytest.mark.parametrize(("statement", "of_ada", "of_bob"), READS)
async def test_the_driver_alone_sees_only_its_tenant(as_actor, statement, of_ada, of_bob):
    assert await as_actor(ADA, statement) == [(of_ada,)]
    assert await as_actor(BOB, statement) == [(of_bob,)]
    assert len(await as_actor(ROOT, statement)) == 2
    assert await as_actor(None, statement) == []
    assert await as_actor(ANONYMOUS, statement) == []


@pytest.mark.parametrize("table", [table.name for table in TABLES])
async def test_without_an_actor_there_is_nothing(as_actor, table):
    assert await as_actor(None, f"SELECT * FROM {table}") == []  # noqa: S608 - a name from the table above
    assert await as_actor(None, f"DELETE FROM {table}") == "DELETE 0"  # noqa: S608


INSERTED = "INSERT INTO row_files (id, bureau_id, owner_id, title) VALUES (gen_random_uuid(), $1, $2, 'new')"
WRITES = [
    pytest.param(ADA, INSERTED, (NORTH, ADA.id), "INSERT 0 1", id="insert own"),
    pytest.param(ADA, INSERTED, (SOUTH, ADA.id), None, id="insert into the other tenant"),
    pytest.param(ADA, INSERTED, (NORTH, BOB.id), None, id="insert in another name"),
    pytest.param(None, INSERTED, (NORTH, ADA.id), None, id="insert as nobody"),
    pytest.param(ADA, "UPDATE row_files SET title = 'x'", (), "UPDATE 1", id="update reaches own rows"),
    pytest.param(
        ADA, "UPDATE row_files SET title = 'x' WHERE bureau_id = $1", (SOUTH,), "UPDATE 0", id="update theirs"
    ),
    pytest.param(ADA, "UPDATE row_files SET bureau_id = $1, owner_id = $2", (SOUTH, BOB.id), None, id="give away"),
    pytest.param(HEAD, "UPDATE row_bureaus SET name = 'x'", (), "UPDATE 1", id="with the permission"),
    pytest.param(ADA, "UPDATE row_bureaus SET name = 'x'", (), "UPDATE 0", id="without the permission"),
    pytest.param(ADA, "DELETE FROM row_readers", (), "DELETE 1", id="links of own rows"),
    pytest.param(BOB, "DELETE FROM row_posts", (), "DELETE 0", id="no action permits it"),
    pytest.param(ADA, "DELETE FROM row_files WHERE bureau_id = $1", (SOUTH,), "DELETE 0", id="delete theirs"),
    pytest.param(ADA, "INSERT INTO row_bureaus (id, name) VALUES (gen_random_uuid(), 'x')", (), None, id="no create"),
]


@pytest.mark.parametrize(("actor", "statement", "values", "expected"), WRITES)
async def test_the_driver_alone_writes_only_in_its_tenant(as_actor, actor, statement, values, expected):
    if expected is None:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await as_actor(actor, statement, *values)
    else:
        assert await as_actor(actor, statement, *values) == expected


async def test_the_owner_is_bound_too(database, address):
    connection = await asyncpg.connect(address["owner"])
    try:
        assert await connection.fetch("SELECT * FROM row_files") == []
    finally:
        await connection.close()


async def test_the_app_cannot_switch_it_off(raw):
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await raw.execute("ALTER TABLE row_files DISABLE ROW LEVEL SECURITY")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await raw.execute("DROP SCHEMA fastness_rls CASCADE")


def told():
    """What the database was told, asked without a table."""
    return select(func.current_setting(SETTING, True))


async def test_a_unit_tells_the_actor_and_the_pool_forgets(database):
    async with Unit(database, is_read_only=False) as unit:
        bind_actor(unit.session, ADA)
        assert (await unit.session.scalars(scoped(select(Folder.title), ADA))).all() == ["north"]
        first = await unit.session.scalar(select(func.pg_backend_pid()))
    async with database.write.connect() as connection:
        assert await connection.scalar(select(func.pg_backend_pid())) == first
        assert await connection.scalar(told()) == ""
    async with Unit(database, is_read_only=False) as unit:
        bind_actor(unit.session, BOB)
        assert await unit.session.scalar(select(func.pg_backend_pid())) == first
        assert (await unit.session.scalars(scoped(select(Folder.title), BOB))).all() == ["south"]
    async with Unit(database, is_read_only=False) as unit:
        assert (await unit.session.scalar(told())) == ""


async def test_the_wall_stands_where_the_scope_is_wrong(database):
    """The app's own filter is for Bob; the database knows better."""
    async with Unit(database, is_read_only=True) as unit:
        bind_actor(unit.session, ADA)
        assert (await unit.session.scalars(scoped(select(Folder.title), BOB))).all() == []


async def test_an_exempt_statement_sees_all_and_the_next_one_does_not(database):
    async with Unit(database, is_read_only=True) as unit:
        bind_actor(unit.session, ADA)
        assert len((await unit.session.scalars(unscoped(select(Folder.title), TEST))).all()) == 2
        assert json.loads(await unit.session.scalar(told()))["id"] == str(ADA.id)


@pytest.mark.parametrize("kind", ["commit", "rollback", "savepoint"])
async def test_the_actor_is_told_anew(database, kind):
    async with Unit(database, is_read_only=False) as unit:
        bind_actor(unit.session, ADA)
        statement = scoped(select(Folder.title), ADA)
        if kind == "savepoint":
            nested = await unit.session.begin_nested()
            assert (await unit.session.scalars(statement)).all() == ["north"]
            await nested.rollback()
        else:
            assert (await unit.session.scalars(statement)).all() == ["north"]
            await (unit.commit() if kind == "commit" else unit.rollback())
        assert (await unit.session.scalars(statement)).all() == ["north"]


async def test_somebody_who_signs_in_meanwhile_acts_from_then_on(database):
    who = [ANONYMOUS]
    async with Unit(database, is_read_only=True) as unit:
        bind_actor(unit.session, lambda: who[0])
        assert await unit.session.scalar(told()) == value_of(ANONYMOUS)
        who[0] = ADA
        assert await unit.session.scalar(told()) == value_of(ADA)


async def test_work_that_is_repeated_after_a_conflict_acts_for_the_same(database):
    seen = []

    async def work(session):
        bind_actor(session, ADA)
        seen.append(await session.scalar(told()))
        titles = (await session.scalars(scoped(select(Folder.title), ADA))).all()
        if len(seen) == 1:
            raise TransactionConflictError("the first of two")
        return titles

    assert await run_in_unit(database, work, is_read_only=False) == ["north"]
    assert seen == [value_of(ADA)] * 2


async def test_the_unit_of_work_writes_behind_the_wall(database):
    async with Unit(database, is_read_only=False) as unit:
        bind_actor(unit.session, ADA)
        folder = Folder(bureau_id=NORTH, owner_id=ADA.id, title="new")
        unit.session.add(folder)
        await unit.session.flush()
        folder = (
            await unit.session.scalars(scoped(select(Folder), ADA, may="edit").where(Folder.title == "north"))
        ).one()
        folder.title = "renamed"
        await unit.session.flush()
        assert sorted((await unit.session.scalars(scoped(select(Folder.title), ADA))).all()) == ["new", "renamed"]
    async with Unit(database, is_read_only=False) as unit:
        bind_actor(unit.session, ADA)
        statement = select(Folder).where(Folder.title == "new").options(selectinload(Folder.readers))
        (folder,) = await unit.session.scalars(scoped(statement, ADA, may="delete"))
        await unit.session.delete(folder)
    async with Unit(database, is_read_only=False) as unit:
        bind_actor(unit.session, ADA)
        unit.session.add(Folder(bureau_id=NORTH, owner_id=BOB.id, title="in another name"))
        with pytest.raises(DBAPIError, match="42501"):
            await unit.session.flush()
        await unit.rollback()


async def test_switching_it_off_leaves_nothing_behind(database, address):
    def off(connection):
        for statement in OFF:
            connection.exec_driver_sql(statement, execution_options=FOR_MIGRATIONS)
        rows = connection.exec_driver_sql("SELECT * FROM pg_policies", execution_options=FOR_MIGRATIONS).all()
        return rows, connection.scalar(
            select(func.count()).select_from(row_readers).execution_options(**FOR_MIGRATIONS)
        )

    assert look(address["owner"], off) == ([], 2)
