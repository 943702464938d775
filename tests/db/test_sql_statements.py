"""Each opening of the SQL toolkit, as it is meant and as an attacker would have it; on both databases."""

from contextlib import suppress
from types import SimpleNamespace

import pytest
from sqlalchemy import (
    DDL,
    Column,
    Integer,
    MetaData,
    Numeric,
    String,
    Table,
    Uuid,
    asc,
    bindparam,
    cast,
    column,
    desc,
    exists,
    extract,
    func,
    insert,
    literal,
    literal_column,
    select,
    table,
    text,
    tuple_,
    union_all,
    update,
    values,
)
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import aliased, joinedload, selectinload
from sqlalchemy.schema import CreateTable, DropTable
from sqlalchemy.sql.elements import TString, quoted_name

from fastness.db.engine import Database
from fastness.db.errors import BuiltSQLError
from fastness.db.rules import DatabaseRules
from fastness.db.sql import insecure_sql, sql, sql_fragment
from fastness.db.statements import OWN_SQL, refuse_built_sql
from fastness.db.unit import Unit
from fastness.kernel.because import Because
from tests.db.films import Film, Kind, Studio, make_tables
from tests.db.recording import recorded

REASON = Because("a test of what is exempt")


@pytest.fixture
async def database(database_url):
    database = Database(database_url, rules=DatabaseRules(read_connections=2, queue_seconds=5))
    await database.open()
    await make_tables(database)
    async with Unit(database, is_read_only=False) as unit:
        unit.session.add(Film(title="Alien", data={"a": {"b": "c"}}, studio=Studio(name="Fox")))
    yield database
    await database.close()


@pytest.fixture
async def session(database):
    async with Unit(database, is_read_only=False) as unit:
        yield unit.session


ALLOWED = [
    pytest.param(select(Film), id="entity"),
    pytest.param(select(Film).options(selectinload(Film.studio)), id="selectinload"),
    pytest.param(select(Film).options(joinedload(Film.studio)), id="joinedload"),
    pytest.param(select(Film).where(Film.studio.has(Studio.name == "Fox")), id="has"),
    pytest.param(select(Film).join(Film.studio).order_by(Studio.name, Film.title.desc()), id="join"),
    pytest.param(select(func.count()).select_from(Film), id="count-star"),
    pytest.param(select(func.count(Film.id.distinct())), id="count-distinct"),
    pytest.param(select(exists().where(Film.title == "Alien")), id="exists"),
    pytest.param(select(Film.title.label("name")), id="label"),
    pytest.param(select(aliased(Film, name="f")), id="alias"),
    pytest.param(select(Film.title, Film.title), id="same-column-twice"),
    pytest.param(select(Film).where(Film.title.icontains("%", autoescape=True)), id="icontains"),
    pytest.param(select(Film).where(Film.title.startswith("A")), id="startswith"),
    pytest.param(select(Film).where(Film.title.like("A%", escape="\\")), id="like-backslash"),
    pytest.param(select(Film).where(Film.title.like("A%", escape="/")), id="like-slash"),
    pytest.param(select(Film).where(Film.title.in_(["a", "b"])), id="in"),
    pytest.param(select(Film).where(Film.title.in_([])), id="in-nothing"),
    pytest.param(select(Film).where(Film.kind == Kind.LONG), id="enum"),
    pytest.param(select(Film).where(tuple_(Film.title, Film.stars) > ("a", 1)), id="tuple"),
    pytest.param(select(Film.data["a"]["b"].as_string()), id="json-path"),
    pytest.param(select(Film.data["a' --"].as_string()), id="json-key"),
    pytest.param(select(cast(Film.stars, String(20))), id="cast-string"),
    pytest.param(select(cast(Film.stars, Numeric(10, 2))), id="cast-numeric"),
    pytest.param(select(cast(Film.id, Uuid)), id="cast-uuid"),
    pytest.param(select(extract("year", Film.released_on)), id="extract"),
    pytest.param(select(Film.title.op("||")("x")), id="operator"),
    pytest.param(select(func.lower(Film.title), func.coalesce(Film.stars, 0)), id="functions"),
    pytest.param(select(func.row_number().over(order_by=Film.title, partition_by=Film.kind)), id="window"),
    pytest.param(select(Film.title).group_by(Film.title).having(func.count() > 0), id="group-by"),
    pytest.param(select(Film.title).distinct().limit(3).offset(0), id="distinct-limit"),
    pytest.param(union_all(select(Film.title), select(Film.subtitle)), id="union"),
    pytest.param(select(select(Film.title).cte("films").c.title), id="cte"),
    pytest.param(select(select(Film.title).subquery("films").c.title), id="subquery"),
    pytest.param(select(Film.title).with_for_update(), id="for-update"),
    pytest.param(select(values(column("n", Integer), name="numbers").data([(1,), (2,)]).cte()), id="values"),
    pytest.param(select(literal("it's", String)), id="literal"),
    pytest.param(update(Film).values(stars=1), id="update"),
    pytest.param(insert(Film).values(title="it's").returning(Film.id), id="insert"),
    pytest.param(select(Film.title).prefix_with(sql("DISTINCT")), id="prefix-of-sql"),
    pytest.param(select(Film.title).where(sql_fragment("stars IS NULL")), id="fragment"),
    pytest.param(sql("SELECT 1"), id="sql"),
    pytest.param(insecure_sql("SELECT " + str(1), because=REASON), id="insecure-sql"),
]


async def test_what_the_orm_writes_passes_on_a_database(session):
    for case in ALLOWED:
        async with session.begin_nested():
            await session.execute(case.values[0])


# What stands where an attacker's text would; the ways are refused whatever it is.
BAD = 'x" ; DROP TABLE films --'
PLAIN = "title"

REFUSED = [
    pytest.param(text("SELECT 1"), id="text"),
    pytest.param(select(text("title")).select_from(Film), id="text-as-column"),
    pytest.param(select(Film).where(text("1 = 1")), id="text-in-where"),
    pytest.param(select(Film).order_by(text("title")), id="text-in-order-by"),
    pytest.param(select(Film).group_by(text("title")), id="text-in-group-by"),
    pytest.param(select(Film.id).having(text("1 = 1")), id="text-in-having"),
    pytest.param(select(func.count()).select_from(text("films")), id="text-in-from"),
    pytest.param(select(Film).join(Studio, text("1 = 1")), id="text-in-join"),
    pytest.param(select(Film).from_statement(text("SELECT * FROM test_list_films")), id="from-statement"),
    pytest.param(text("SELECT title FROM test_list_films").columns(column("title")), id="text-with-columns"),
    pytest.param(select(Film).where(Film.id.in_(text("SELECT 1"))), id="text-in-in"),
    pytest.param(update(Film).values(title=text("'x'")), id="text-in-update"),
    pytest.param(insert(Film).values(title=text("'x'")), id="text-in-insert"),
    pytest.param(select(select(text("1")).scalar_subquery()), id="text-in-a-subquery"),
    pytest.param(select(Film).where(Film.title == text("'x'")), id="text-as-operand"),
    pytest.param(select(func.lower(text("'x'"))), id="text-in-a-function"),
    pytest.param(select(Film).where(sql_fragment("1 = 1") & text("1 = 1")), id="text-beside-a-fragment"),
    pytest.param(select(literal_column("title")).select_from(Film), id="literal-column"),
    pytest.param(select(Film).order_by(literal_column("title")), id="literal-column-in-order-by"),
    pytest.param(select(Film).order_by(PLAIN), id="string-in-order-by"),
    pytest.param(select(Film).order_by(desc(PLAIN)), id="desc-of-a-string"),
    pytest.param(select(Film).order_by(asc(PLAIN).nulls_last()), id="asc-of-a-string"),
    pytest.param(select(Film).group_by(PLAIN), id="string-in-group-by"),
    pytest.param(select(Film.title.op(BAD)("x")), id="op"),
    pytest.param(select(Film.title.op("= 'a' OR title =")("x")), id="op-with-more"),
    pytest.param(select(Film.title.op("--")("x")), id="op-comment"),
    pytest.param(select(Film.title.op("/*")("x")), id="op-block-comment"),
    pytest.param(select(Film.title.bool_op(BAD)("x")), id="bool-op"),
    pytest.param(select(Film.title).prefix_with("DISTINCT"), id="prefix"),
    pytest.param(select(Film.title).suffix_with("LIMIT 1"), id="suffix"),
    pytest.param(insert(Film).prefix_with("OR IGNORE").values(title="x"), id="insert-prefix"),
    pytest.param(select(select(Film.title).cte("films").suffix_with("x").c.title), id="cte-suffix"),
    pytest.param(select(Film).with_hint(Film, "ONLY"), id="hint"),
    pytest.param(select(Film).with_statement_hint("x"), id="statement-hint"),
    pytest.param(update(Film).with_hint("ONLY").values(stars=1), id="update-hint"),
    pytest.param(select(getattr(func, BAD)(1)), id="function-name"),
    pytest.param(select(getattr(func, "lower(1),upper")("x")), id="function-name-with-a-call"),
    pytest.param(select(getattr(func, BAD).lower("x")), id="function-package"),
    pytest.param(select(extract(BAD, Film.released_on)), id="extract-field"),
    pytest.param(select(cast(Film.title, String("20) || (SELECT 1"))), id="cast-length"),
    pytest.param(select(cast(Film.stars, Numeric("10, 2) || (1"))), id="cast-precision"),  # type: ignore[call-overload]
    pytest.param(select(cast(Film.title, String(collation=BAD))), id="cast-collation"),
    pytest.param(select(Film.title.collate(BAD)), id="collate"),
    pytest.param(select(Film.title.label(BAD)), id="label"),
    pytest.param(select(Film.title.label("a.b")), id="label-with-a-dot"),
    pytest.param(select(Film.title.label("a%b")), id="label-with-a-percent"),
    pytest.param(select(Film.title.label("a\x1fb")), id="label-with-a-control-character"),
    pytest.param(select(Film.title.label("a\u00a0b")), id="label-with-a-no-break-space"),
    pytest.param(select(aliased(Film, name=BAD)), id="alias"),
    pytest.param(select(select(Film.title).cte(BAD).c.title), id="cte"),
    pytest.param(select(select(Film.title).subquery(BAD).c.title), id="subquery"),
    pytest.param(select(select(Film.title).lateral(BAD).c.title), id="lateral"),
    pytest.param(select(column(BAD)).select_from(Film), id="column"),
    pytest.param(select(column(quoted_name(BAD, quote=False))).select_from(Film), id="column-unquoted"),
    pytest.param(select(column(quoted_name(BAD, quote=True))).select_from(Film), id="column-quoted"),
    pytest.param(select(table(BAD, column("a"))), id="table"),
    pytest.param(select(table("t", column("a"), schema=BAD)), id="schema"),
    pytest.param(select(values(column("n", Integer), name=BAD).data([(1,)])), id="values-name"),
    pytest.param(select(func.json_each("[]").table_valued(BAD)), id="table-valued-column"),
    pytest.param(select(func.json_each("[]").table_valued("a").alias(BAD)), id="table-valued-alias"),
    pytest.param(select(bindparam(BAD, "x", String)), id="parameter-name"),
    pytest.param(select(bindparam(BAD, ["x"], String, expanding=True)), id="parameter-name-for-in"),
    pytest.param(
        select(Film).where(Film.title == bindparam(None, "x' OR 1=1", literal_execute=True)), id="literal-execute"
    ),
    pytest.param(
        select(values(column("n", String), name="v", literal_binds=True).data([("x'y",)])), id="values-literals"
    ),
    pytest.param(select(Film).where(Film.title.like("x", escape="'")), id="like-escape"),
]


async def test_what_may_be_built_reaches_no_database(session, database):
    await session.connection()
    with recorded(database) as recording:
        for case in REFUSED:
            with pytest.raises(BuiltSQLError):
                await session.execute(case.values[0])
    assert recording.calls == []


def test_a_template_string_of_the_toolkit_is_refused():
    made = TString.__new__(TString)
    made.parts = []
    with pytest.raises(BuiltSQLError):
        made.compile(dialect=guarded(sqlite.dialect()))


async def test_refused_twice_and_after_an_equal_statement_that_passed(session):
    assert await session.scalar(sql("SELECT 1")) == 1
    for _ in range(2):
        with pytest.raises(BuiltSQLError):
            await session.execute(text("SELECT 1"))
    assert await session.scalar(sql("SELECT 1")) == 1


@pytest.mark.parametrize("way", ["execute", "scalars", "scalar", "stream", "stream_scalars"])
async def test_every_way_of_the_session(session, way):
    with pytest.raises(BuiltSQLError):
        await getattr(session, way)(text("SELECT 1"))


@pytest.mark.parametrize("way", ["execute", "scalars", "scalar"])
async def test_every_way_of_a_connection(session, database, way):
    with pytest.raises(BuiltSQLError):
        await getattr(await session.connection(), way)(text("SELECT 1"))
    async with database.read.connect() as connection:
        with pytest.raises(BuiltSQLError):
            await getattr(connection, way)(text("SELECT 1"))


async def test_text_for_the_driver_is_refused_unless_it_says_why(session):
    connection = await session.connection()
    with pytest.raises(BuiltSQLError):
        await connection.exec_driver_sql("SELECT 1")
    with pytest.raises(BuiltSQLError):
        await connection.exec_driver_sql("SELECT 1", execution_options={"insecure_sql": True})
    for options in (OWN_SQL, {"insecure_sql": REASON}):
        assert (await connection.exec_driver_sql("SELECT 1", execution_options=options)).scalar() == 1


async def test_what_another_dialect_compiled_is_refused(session, database):
    foreign = (postgresql if database.write.dialect.name == "sqlite" else sqlite).dialect()
    connection = await session.connection()
    with pytest.raises((BuiltSQLError, SQLAlchemyError)):
        await connection.execute(text("SELECT 1").compile(dialect=foreign))


async def test_ddl_is_refused_as_text_and_passes_as_a_table(session):
    with pytest.raises(BuiltSQLError):
        await session.execute(DDL("DROP TABLE test_list_films"))
    extra = Table("test_list_extra", MetaData(), Column("id", Integer, primary_key=True))
    await session.execute(CreateTable(extra))
    await session.execute(DropTable(extra))


async def test_a_savepoint_and_a_rollback(session):
    async with session.begin_nested():
        session.add(Film(title="x"))
    with pytest.raises(BuiltSQLError):
        async with session.begin_nested():
            await session.execute(text("SELECT 1"))
    assert await session.scalar(select(func.count()).select_from(Film)) == 2


async def test_a_column_that_is_really_called_so_says_quote(database):
    odd = Table("test_list_odd", MetaData(), Column("First Name", String, quote=True), Column("n", Integer))
    async with database.write.begin() as connection:
        await connection.run_sync(odd.create)
    async with Unit(database, is_read_only=False) as unit:
        await unit.session.execute(insert(odd).values({"First Name": "Ada", "n": 1}))
        assert await unit.session.scalar(select(odd.c["First Name"]).where(odd.c["First Name"] == "Ada")) == "Ada"


# Other dialects, without their databases.


def guarded(dialect):
    refuse_built_sql(SimpleNamespace(dialect=dialect))
    return dialect


DIALECTS = [pytest.param(kind.dialect, id=kind.__name__.rpartition(".")[2]) for kind in (sqlite, postgresql)]


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("statement", ALLOWED)
def test_what_the_orm_writes_passes(dialect, statement):
    assert statement.compile(dialect=guarded(dialect())).string


@pytest.mark.asvs("V1.2.4")
@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("statement", REFUSED)
def test_what_may_be_built_is_refused(dialect, statement):
    with pytest.raises(BuiltSQLError) as refused:
        statement.compile(dialect=guarded(dialect()), compile_kwargs={"render_postcompile": True})
    assert "DROP" not in refused.value.detail
    # The message ends with what to write.
    assert "; " in refused.value.detail


@pytest.mark.parametrize("statement", REFUSED)
def test_nothing_of_it_is_in_a_statement_for_another_database(statement):
    with suppress(BuiltSQLError, SQLAlchemyError):
        made = statement.compile(dialect=guarded(mysql.dialect()), compile_kwargs={"render_postcompile": True})
        assert not any(bad in made.string for bad in ("DROP", "||", "1 = 1"))


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param(
            postgresql.insert(Film).values(title="x").on_conflict_do_nothing(index_elements=[BAD]), id="conflict-column"
        ),
        pytest.param(
            postgresql.insert(Film).values(title="x").on_conflict_do_nothing(constraint=BAD), id="conflict-constraint"
        ),
        pytest.param(
            postgresql.insert(Film)
            .values(title="x")
            .on_conflict_do_update(index_elements=["id"], set_={"title": "y"}, where=text("1 = 1")),
            id="conflict-where",
        ),
        pytest.param(select(Film.title.match("x", postgresql_regconfig="english', 'x")), id="regconfig"),
        pytest.param(select(Film.title.regexp_match("x", flags="i') OR ('1'='1")), id="flags"),
        pytest.param(select(cast(Film.title, postgresql.INTERVAL(fields="DAY) || (SELECT 1"))), id="interval-fields"),
        pytest.param(select(func.aggregate_strings(Film.title, "', (SELECT 1)")), id="separator"),
        pytest.param(select(Film).with_for_update(of=[column(BAD)]), id="for-update-of"),
    ],
)
def test_what_only_postgresql_has(statement):
    with pytest.raises((BuiltSQLError, SQLAlchemyError)):
        statement.compile(dialect=guarded(postgresql.dialect()), compile_kwargs={"render_postcompile": True})


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param(
            postgresql.insert(Film).values(title="x").on_conflict_do_nothing(index_elements=["id"]), id="conflict"
        ),
        pytest.param(select(Film.title.match("x", postgresql_regconfig="english")), id="regconfig"),
        pytest.param(select(Film.title.regexp_match("x", flags="i")), id="flags"),
        pytest.param(select(cast(Film.title, postgresql.INTERVAL(fields="DAY TO SECOND"))), id="interval-fields"),
        pytest.param(select(cast(Film.title, postgresql.TIMESTAMP(timezone=True, precision=3))), id="timestamp"),
        pytest.param(select(cast(Film.title, postgresql.ARRAY(Integer))), id="array"),
        pytest.param(select(Film.data.op("@>")("{}")), id="operator-of-its-own"),
        pytest.param(select(func.aggregate_strings(Film.title, ", ")), id="separator"),
    ],
)
def test_what_only_postgresql_has_as_it_is_meant(statement):
    assert statement.compile(dialect=guarded(postgresql.dialect()), compile_kwargs={"render_postcompile": True}).string
