"""What no scope can be put on, and what leads past the ORM: it raises, and says which model and how to go on."""

import uuid

import pytest
from sqlalchemy import (
    DDL,
    Column,
    MetaData,
    String,
    Table,
    Uuid,
    column,
    delete,
    exists,
    func,
    insert,
    lambda_stmt,
    lateral,
    literal,
    literal_column,
    select,
    table,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import aliased, lazyload, with_loader_criteria, with_parent

from fastness import Because
from fastness.authz.errors import PolicyError, UnscopedError
from fastness.authz.scope import scoped, unscoped
from fastness.db.errors import BuiltSQLError
from fastness.db.sql import sql, sql_fragment
from fastness.db.statements import EXEMPTION
from tests.authz.conftest import ADA, TEST
from tests.authz.models import Contract, Dossier, Paper, Person, Remark, guarded_members

cases = Dossier.__table__
CONSTANT = {EXEMPTION: Because("a constant of this test, with nothing put in")}
UNKNOWN = uuid.UUID(int=9)
ESCAPES = []


def is_postgres(session):
    return session.get_bind().dialect.name == "postgresql"


def escape(function):
    ESCAPES.append(pytest.param(function, id=function.__name__.replace("_", "-")))
    return function


async def mine(session, may="view"):
    return (await session.scalars(scoped(select(Dossier).where(Dossier.title == "mine"), ADA, may))).one()


@escape
async def get(session):
    await session.get(Dossier, UNKNOWN)


@escape
async def get_one(session):
    await session.get_one(Dossier, UNKNOWN)


@escape
async def get_with_lock(session):
    await session.get(Dossier, UNKNOWN, with_for_update=True)


@escape
async def get_populating(session):
    await session.get(Dossier, (await mine(session)).id, options=[lazyload(Dossier.notes)], populate_existing=True)


@escape
async def get_of_a_subclass(session):
    await session.get(Contract, UNKNOWN)


@escape
async def merge(session):
    await session.merge(Dossier(id=UNKNOWN, title="merged"))


@escape
async def refresh_of_what_came_unscoped(session):
    case = (await session.scalars(unscoped(select(Dossier).where(Dossier.title == "theirs"), TEST))).one()
    session.expunge(case)
    case.__dict__.pop("title")
    other = Dossier(id=case.id)
    await session.merge(other)


@escape
async def query(session):
    await session.run_sync(lambda sync: sync.query(Dossier).all())


@escape
async def query_count(session):
    await session.run_sync(lambda sync: sync.query(Dossier).count())


@escape
async def query_get(session):
    await session.run_sync(lambda sync: sync.query(Person).filter(exists().where(Dossier.owner_id == Person.id)).all())


@escape
async def lazy_load_beside_the_scope(session):
    person = (await session.scalars(select(Person).where(Person.id == ADA.id).options(lazyload(Person.cases)))).one()
    await session.run_sync(lambda _: person.cases)


@escape
async def scope_for_the_wrong_model(session):
    scope = scoped(select(Remark), ADA)._with_options
    await session.scalars(select(Paper).options(*scope))


@escape
async def scope_in_a_subquery_only(session):
    inner = scoped(select(Dossier.id), ADA)
    await session.scalars(select(Dossier.title).where(Dossier.id.in_(inner)))


@escape
async def scope_in_one_half_of_a_union(session):
    await session.scalars(scoped(select(Dossier.title), ADA).union(select(Dossier.title)))


@escape
async def full_join(session):
    people = Person.__table__
    joined = people.outerjoin(cases, people.c.id == cases.c.owner_id, full=True)
    await session.execute(scoped(select(people.c.name, cases.c.title).select_from(joined), ADA))


@escape
async def lateral_subquery(session):
    inner = lateral(select(Dossier.title).where(Dossier.owner_id == Person.id))
    await session.execute(select(Person.name, inner.c.title))


@escape
async def table_sample(session):
    await session.execute(select(cases.tablesample(func.bernoulli(100)).c.title))


@escape
async def other_table_object_of_the_same_name(session):
    await session.execute(scoped_with(select(Table("guarded_cases", MetaData(), Column("title", String)))))


@escape
async def light_table_of_the_same_name(session):
    await session.execute(select(table("guarded_cases", column("title"))))


@escape
async def name_in_capitals(session):
    await session.execute(select(table("GUARDED_CASES", column("title"))))


@escape
async def values_of_an_insert_from_it(session):
    shelf = Table("guarded_shelves", MetaData(), Column("id", Uuid), Column("label", String), Column("case_id", Uuid))
    title = select(Dossier.title).limit(1).scalar_subquery()
    await session.execute(insert(shelf).values(id=UNKNOWN, label=title, case_id=UNKNOWN))


@escape
async def value_of_an_update_from_it(session):
    await session.execute(update(Person).values(name=select(func.max(Dossier.title)).scalar_subquery()))


@escape
async def returning_from_it(session):
    title = select(Dossier.title).limit(1).scalar_subquery()
    await session.execute(update(Person).values(name="x").returning(title))


@escape
async def update_from_it(session):
    await session.execute(
        update(Person)
        .where(Person.id == Dossier.owner_id)
        .values(name="x")
        .execution_options(synchronize_session=False)
    )


@escape
async def delete_by_it(session):
    await session.execute(delete(Person).where(Person.id.in_(select(Dossier.owner_id))))


@escape
async def orm_insert(session):
    await session.execute(insert(Dossier).values(id=UNKNOWN, owner_id=ADA.id, title="new", is_open=True))


@escape
async def orm_bulk_insert(session):
    await session.execute(insert(Dossier), [{"owner_id": ADA.id, "title": "new"}])


@escape
async def orm_bulk_insert_returning(session):
    await session.scalars(insert(Dossier).returning(Dossier), [{"owner_id": ADA.id, "title": "new"}])


@escape
async def core_insert(session):
    await session.execute(cases.insert().values(id=UNKNOWN, owner_id=ADA.id, title="new", is_open=True))


@escape
async def insert_on_conflict(session):
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    statement = dialect.insert(cases).values(id=UNKNOWN, owner_id=ADA.id, title="new", is_open=True)
    await session.execute(statement.on_conflict_do_update(index_elements=["id"], set_={"title": "new"}))


@escape
async def insert_into_it_from_select(session):
    source = select(Person.id, Person.id, Person.name, Person.name != "")
    await session.execute(insert(cases).from_select(["id", "owner_id", "title", "is_open"], source))


@escape
async def insert_into_its_association_table(session):
    await session.execute(guarded_members.insert().values(case_id=UNKNOWN, person_id=ADA.id))


@escape
async def update_by_primary_key(session):
    case = await mine(session)
    await session.execute(update(Dossier), [{"id": case.id, "title": "new"}])


@escape
async def bulk_save_objects(session):
    await session.run_sync(lambda sync: sync.bulk_save_objects([Dossier(owner_id=ADA.id, title="new")]))


@escape
async def bulk_insert_mappings(session):
    await session.run_sync(lambda sync: sync.bulk_insert_mappings(Dossier, [{"owner_id": ADA.id, "title": "new"}]))


@escape
async def bulk_update_mappings(session):
    case = await mine(session)
    await session.run_sync(lambda sync: sync.bulk_update_mappings(Dossier, [{"id": case.id, "title": "new"}]))


@escape
async def lambda_statement(session):
    await session.execute(lambda_stmt(lambda: select(Dossier.title)))


@escape
async def criteria_of_the_library(session):
    await session.execute(select(Dossier).options(with_loader_criteria(Dossier, Dossier.owner_id == ADA.id)))


@escape
async def objects_of_a_parent(session):
    person = (await session.scalars(select(Person).where(Person.id == ADA.id))).one()
    await session.execute(select(Dossier).where(with_parent(person, Person.cases)))


@escape
async def select_method_of_the_table(session):
    await session.execute(cases.select())


@escape
async def without_the_cache(session):
    await session.execute(select(Dossier.title), execution_options={"compiled_cache": None})


@escape
async def delete_using_it(session):
    other = aliased(Dossier)
    statement = scoped(delete(Dossier).where(Dossier.id.in_(select(other.id))), ADA, "delete")
    await session.execute(statement.where(exists(select(Paper.id).where(Paper.owner_id == Dossier.owner_id))))


@escape
async def column_property_of_a_table_function(session):
    await session.execute(select(func.count()).select_from(select(Dossier).lateral()))


# -- text


@escape
async def literal_sql(session):
    await session.execute(sql("SELECT title FROM guarded_cases"))


@escape
async def literal_sql_in_capitals(session):
    await session.execute(sql('SELECT title FROM "GUARDED_CASES"'))


@escape
async def literal_sql_with_an_escaped_name(session):
    await session.execute(sql('SELECT title FROM U&"guarded\\005Fcases"'))


@escape
async def literal_sql_with_an_alias(session):
    await session.execute(sql("SELECT c.title FROM main.guarded_cases AS c"))


@escape
async def literal_sql_that_deletes(session):
    await session.execute(sql("DELETE FROM guarded_notes"))


@escape
async def literal_sql_on_an_association_table(session):
    await session.execute(sql("SELECT count(*) FROM guarded_members"))


@escape
async def fragment_in_a_condition(session):
    await session.execute(select(Person).where(sql_fragment("EXISTS (SELECT 1 FROM guarded_cases)")))


@escape
async def fragment_inside_a_scope(session):
    await session.execute(scoped(select(Dossier).where(sql_fragment("id IN (SELECT id FROM guarded_cases)")), ADA))


@escape
async def entity_from_literal_sql(session):
    await session.execute(select(Dossier).from_statement(sql("SELECT * FROM guarded_cases")))


@escape
async def columns_of_literal_sql(session):
    await session.execute(sql("SELECT id, title FROM guarded_cases").columns(cases.c.id, cases.c.title))


@escape
async def subquery_of_literal_sql(session):
    inner = sql("SELECT title FROM guarded_cases").columns(column("title", String)).subquery()
    await session.execute(select(inner.c.title))


@escape
async def driver_sql(session):
    connection = await session.connection()
    await connection.exec_driver_sql("SELECT title FROM guarded_cases", execution_options=CONSTANT)


@escape
async def ddl_that_is_a_query(session):
    await session.execute(DDL("DELETE FROM guarded_cases"), execution_options=CONSTANT)


@escape
async def table_made_of_it(session):
    await session.execute(select(Dossier.title).into("copied_cases"))


@escape
async def driver_cursor(session):
    raw = await (await session.connection()).get_raw_connection()
    if is_postgres(session):
        raw.driver_connection.cursor("SELECT title FROM guarded_cases")
    raw.driver_connection.cursor().execute("SELECT title FROM guarded_cases")


@escape
async def driver_connection_execute(session):
    raw = await (await session.connection()).get_raw_connection()
    done = raw.driver_connection.execute("SELECT title FROM guarded_cases")
    await done


@escape
async def driver_script(session):
    raw = await (await session.connection()).get_raw_connection()
    if is_postgres(session):
        await raw.driver_connection.copy_from_table("guarded_cases", output="/dev/null")
    raw.driver_connection.executescript("SELECT 1; DELETE FROM guarded_cases")


@escape
async def driver_many(session):
    raw = await (await session.connection()).get_raw_connection()
    done = raw.driver_connection.executemany("DELETE FROM guarded_cases WHERE title = 'theirs'", [()])
    await done


@escape
async def connection_of_the_pool(session):
    await session.run_sync(lambda sync: sync.connection().connection.cursor().execute("SELECT 1 FROM guarded_cases"))


def scoped_with(statement):
    """A statement with the scope of another one on it."""
    return statement.options(*scoped(select(Dossier), ADA)._with_options)


@pytest.mark.parametrize("way", ESCAPES)
async def test_it_raises(session, truth, way):
    with pytest.raises(UnscopedError) as raised:
        await way(session)
    assert "outside its scope; " in raised.value.detail
    await session.rollback()
    assert await truth(Dossier.title) == ["mine", "shared", "theirs"]


@pytest.mark.parametrize("way", ESCAPES)
async def test_the_message_names_the_model(session, way):
    with pytest.raises(UnscopedError) as raised:
        await way(session)
    assert any(model.__name__ in raised.value.detail for model in (Dossier, Remark, Paper))


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: select(literal_column("(SELECT title FROM guarded_cases)")), id="literal-column"),
        pytest.param(lambda: select(Person).prefix_with("/* guarded_cases */"), id="prefix"),
        pytest.param(lambda: select(Person).with_statement_hint("guarded_cases"), id="hint"),
        pytest.param(lambda: select(Person.name.op("|| (SELECT title FROM guarded_cases) ||")("")), id="operator"),
    ],
)
async def test_text_that_was_not_vouched_for_is_refused_before(session, make):
    with pytest.raises(BuiltSQLError):
        await session.execute(make())


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: scoped(insert(Dossier).values(title="x"), ADA, "create"), id="insert"),
        pytest.param(lambda: scoped(sql("SELECT 1"), ADA), id="text"),
        pytest.param(lambda: scoped(select(Person), ADA), id="nothing-guarded"),
        pytest.param(lambda: scoped(select(Dossier), ADA, "edti"), id="unknown-action"),
        pytest.param(lambda: scoped(select(Dossier), ADA, "condition"), id="method-of-the-base"),
        pytest.param(lambda: scoped(select(Dossier), ADA, {Person: "view"}), id="model-without-policy"),
        pytest.param(lambda: scoped(update(Dossier).values(title="x"), ADA, "view"), id="update-in-a-reading-action"),
        pytest.param(lambda: scoped(delete(Dossier), ADA, "edit"), id="delete-in-another-action"),
        pytest.param(lambda: scoped(delete(guarded_members), ADA, "delete"), id="association-in-bulk"),
        pytest.param(lambda: unscoped(select(Dossier), "because"), id="reason-that-is-none"),
    ],
)
def test_a_scope_that_cannot_be_right_is_refused(make):
    with pytest.raises(PolicyError):
        make()


@pytest.mark.parametrize(
    "values",
    [
        pytest.param({"owner_id": UNKNOWN}, id="column-of-the-policy"),
        pytest.param({"title": "x", "owner_id": UNKNOWN}, id="among-others"),
        pytest.param({Dossier.owner_id: UNKNOWN}, id="by-attribute"),
        pytest.param({"id": UNKNOWN}, id="key-of-its-subquery"),
    ],
)
async def test_a_bulk_update_does_not_move_rows_out_of_view(session, values):
    with pytest.raises(PolicyError):
        await session.execute(scoped(update(Dossier).values(values), ADA, "edit"))


async def test_nor_by_parameters(session):
    with pytest.raises(PolicyError):
        await session.execute(scoped(cases.update(), ADA, "edit"), {"owner_id": UNKNOWN})


async def test_an_exempt_statement_reads_everything_it_loads(session):
    statement = unscoped(select(Person).options(lazyload(Person.cases)).order_by(Person.name), TEST)
    people = (await session.scalars(statement)).all()
    assert await session.run_sync(lambda _: [len(person.cases) for person in people]) == [1, 2]


async def test_an_exempt_subquery_exempts_nothing_beside_it(session):
    inner = unscoped(select(Dossier.owner_id), TEST)
    assert len((await session.scalars(select(Person).where(Person.id.in_(inner)))).all()) == 2
    with pytest.raises(UnscopedError):
        await session.scalars(select(Dossier.title).where(Dossier.owner_id.in_(inner)))


async def test_literal_sql_with_a_reason_passes(session):
    statement = sql("SELECT count(*) FROM guarded_cases")
    assert await session.scalar(statement, execution_options={"unscoped": TEST}) == 3
    with pytest.raises(UnscopedError):
        await session.scalar(statement, execution_options={"unscoped": "a text is no reason"})


async def test_a_refresh_stays_in_the_scope_of_the_load(session, database):
    case = await mine(session)
    await session.refresh(case)
    assert case.title == "mine"


async def test_an_alias_of_a_literal_is_not_the_row(session, truth):
    """An entity made of values instead of a row is no way to write somebody's row."""
    made = aliased(Dossier, select(Dossier).where(Dossier.title == "theirs").subquery())
    assert (await session.scalars(scoped(select(made), ADA, "edit"))).all() == []


def members_of_everything(name):
    """A CTE in which Ada is a member of each case: what a policy must not take for the table."""
    every = unscoped(select(Dossier.id.label("case_id"), literal(ADA.id, Uuid()).label("person_id")), TEST)
    return every.cte(name)


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(
            lambda: select(Dossier.title).where(
                Dossier.id.in_(select(members_of_everything("guarded_members").c.case_id))
            ),
            id="cte",
        ),
        pytest.param(
            lambda: (
                update(Remark)
                .values(text="x")
                .where(Remark.case_id.in_(select(members_of_everything("guarded_cases").c.case_id)))
            ),
            id="cte-of-an-update",
        ),
        pytest.param(lambda: select(aliased(Dossier, name="guarded_members")), id="alias"),
        pytest.param(
            lambda: select(Remark.text).where(select(members_of_everything("Guarded_Cases").c.case_id).exists()),
            id="cte-in-capitals",
        ),
    ],
)
async def test_a_name_of_the_statement_is_not_what_a_policy_reads(session, make):
    with pytest.raises(PolicyError, match="rename it"):
        await session.execute(scoped(make(), ADA, "edit" if make().is_update else "view"))


async def test_other_names_are_free(session):
    members = members_of_everything("members")
    case = aliased(Dossier, name="guarded_cases")
    found = await session.scalars(scoped(select(case.title).where(case.id.in_(select(members.c.case_id))), ADA))
    assert sorted(found) == ["mine", "shared"]
