"""A corpus of injections through everything that takes a value or a name, with the driver's calls recorded."""

from contextlib import suppress

import pytest
import pytest_asyncio
from sqlalchemy import (
    JSON,
    String,
    bindparam,
    cast,
    column,
    exists,
    extract,
    func,
    insert,
    literal,
    literal_column,
    or_,
    select,
    table,
    text,
    tuple_,
    update,
)
from sqlalchemy.orm import aliased
from sqlalchemy.sql.elements import quoted_name

from fastness.db.engine import Database
from fastness.db.rules import DatabaseRules
from fastness.db.sql import Identifiers, sql, sql_fragment
from fastness.db.unit import Unit
from fastness.kernel.errors import FastnessError
from tests.db.films import Film, make_tables
from tests.db.payloads import HARMLESS_NAMES, MARK, NAMES, PAYLOADS
from tests.db.recording import recorded

JSON_TEXT = '{"title": 1}'


class FilmColumn(Identifiers):
    TITLE = "title"


# One database of each kind for all tests here: what they write is rolled back.
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["sqlite", "postgresql"])
async def database(request, tmp_path_factory):
    url = f"sqlite:///{tmp_path_factory.mktemp('corpus')}/app.db"
    if request.param == "postgresql":
        server = request.getfixturevalue("running_postgres")
        url = server.url(server.create_database())
    database = Database(url, rules=DatabaseRules(read_connections=2, queue_seconds=5))
    await database.open()
    await make_tables(database)
    async with Unit(database, is_read_only=False) as unit:
        unit.session.add(Film(title="Alien", data={"a": "b"}))
    yield database
    await database.close()


async def test_the_corpus_is_large_and_marked():
    assert len(set(PAYLOADS)) == len(PAYLOADS) >= 80
    assert [payload for payload in (*PAYLOADS, *NAMES) if MARK not in payload and "title" not in payload] == []


def marked(payload):
    """The payload with the mark in it; a few shapes would lose their form with it at a fixed place."""
    return payload if MARK in payload else payload + MARK


VALUES = [
    pytest.param(lambda p: sql("SELECT title FROM test_list_films WHERE title = :p", p=p), id="sql"),
    pytest.param(lambda p: sql("SELECT title FROM test_list_films WHERE title IN :p", p=[p, p]), id="sql-in"),
    pytest.param(lambda p: sql("SELECT title FROM test_list_films WHERE title LIKE :p", p=p + "a"), id="sql-like"),
    pytest.param(
        lambda p: select(Film).from_statement(sql("SELECT * FROM test_list_films WHERE title = :p", p=p)), id="from"
    ),
    pytest.param(lambda p: select(Film.id).where(sql_fragment("title = :p", p=p)), id="fragment"),
    pytest.param(lambda p: select(Film.id).order_by(sql_fragment("title = :p", p=p)), id="fragment-in-order-by"),
    pytest.param(lambda p: select(sql_fragment("lower(:p)", String, p=p)), id="fragment-as-column"),
    pytest.param(lambda p: select(Film.id).where(Film.title == p), id="equal"),
    pytest.param(lambda p: select(Film.id).where(Film.title.in_([p, "x"])), id="in"),
    pytest.param(lambda p: select(Film.id).where(Film.title.between(p, p)), id="between"),
    pytest.param(lambda p: select(Film.id).where(tuple_(Film.title, Film.subtitle) > (p, p)), id="tuple"),
    pytest.param(lambda p: select(Film.id).filter_by(title=p), id="filter-by"),
    pytest.param(lambda p: select(Film.id).where(Film.title.icontains(p, autoescape=True)), id="icontains"),
    pytest.param(lambda p: select(Film.id).where(Film.title.contains(p)), id="contains"),
    pytest.param(lambda p: select(Film.id).where(Film.title.startswith(p)), id="startswith"),
    pytest.param(lambda p: select(func.coalesce(Film.subtitle, p)), id="function"),
    pytest.param(lambda p: select(literal(p, String).label("a")), id="literal"),
    pytest.param(lambda p: select(cast(literal(p, String), String)), id="cast"),
    pytest.param(lambda p: select(Film.data[p].as_string()), id="json-key"),
    pytest.param(lambda p: select(Film.data["a"][p].as_string()), id="json-second-key"),
    pytest.param(lambda p: select(Film.id).where(Film.data["a"].as_string() == p), id="json-value"),
    pytest.param(lambda p: select(exists().where(Film.title == p)), id="exists"),
    pytest.param(lambda p: insert(Film).values(title=p).returning(Film.title), id="insert"),
    pytest.param(lambda p: insert(Film).values(title="x", data={p: p}).returning(Film.title), id="insert-json"),
    pytest.param(lambda p: update(Film).values(subtitle=p).where(Film.title == p), id="update"),
    pytest.param(lambda p: select(bindparam("p", p, String)), id="bindparam"),
]


@pytest.mark.asvs("V1.2.4")
@pytest.mark.parametrize("make", VALUES)
async def test_a_value_is_bound_and_never_in_the_text(database, make):
    async with Unit(database, is_read_only=False) as unit:
        await unit.session.connection()
        for payload in PAYLOADS:
            # What the database makes of it, say of a pattern that ends with a backslash, is an error of the value.
            with recorded(database) as recording, suppress(Exception):
                async with unit.session.begin_nested():
                    await unit.session.execute(make(marked(payload)))
            statements = [call for call in recording.calls if "SAVEPOINT" not in call[0]]
            assert len(statements) == 1
            assert MARK not in statements[0][0].lower()
            assert MARK in repr(statements[0][1])
        await unit.rollback()


NAMED = [
    pytest.param(text, id="text"),
    pytest.param(lambda p: p, id="string"),
    pytest.param(sql, id="sql"),
    pytest.param(lambda p: sql("SELECT " + p), id="sql-built"),
    pytest.param(lambda p: select(Film).where(sql_fragment(p)), id="fragment"),
    pytest.param(lambda p: sql("SELECT 1 FROM test_list_films ORDER BY :c", c=FilmColumn.choose(p)), id="identifier"),
    pytest.param(lambda p: sql("SELECT 1", **{p: 1}), id="sql-place"),
    pytest.param(lambda p: select(Film).where(text(p)), id="where"),
    pytest.param(lambda p: select(Film).order_by(p), id="order-by"),
    pytest.param(lambda p: select(Film).order_by(text(p)), id="order-by-text"),
    pytest.param(lambda p: select(Film).order_by(literal_column(p)), id="order-by-literal-column"),
    pytest.param(lambda p: select(Film.id).group_by(p), id="group-by"),
    pytest.param(lambda p: select(getattr(Film, p)), id="attribute"),
    pytest.param(lambda p: select(Film).filter_by(**{p: "x"}), id="filter-by"),
    pytest.param(lambda p: select(Film.title.label(p)), id="label"),
    pytest.param(lambda p: select(Film.title.label(p)).order_by(p), id="label-and-order-by"),
    pytest.param(lambda p: select(func.count().label(p)).select_from(Film), id="aggregate-label"),
    pytest.param(lambda p: select(aliased(Film, name=p)), id="alias"),
    pytest.param(lambda p: select(Film).join(aliased(Film, name=p), or_(True)), id="join-alias"),
    pytest.param(lambda p: select(select(Film.title).subquery(p)), id="subquery"),
    pytest.param(lambda p: select(select(Film.title).cte(p)), id="cte"),
    pytest.param(lambda p: select(select(Film.title.label(p)).subquery("s").c[p]), id="label-through-a-subquery"),
    pytest.param(lambda p: select(column(p)).select_from(Film), id="column"),
    pytest.param(lambda p: select(column(quoted_name(p, quote=False))), id="column-unquoted"),
    pytest.param(lambda p: select(table(p, column("a"))), id="table"),
    pytest.param(lambda p: select(table("a", column("a"), schema=p)), id="schema"),
    pytest.param(lambda p: select(Film.title.op(p)("a")), id="operator"),
    pytest.param(lambda p: select(getattr(func, p)(Film.title)), id="function"),
    pytest.param(lambda p: select(Film.title.collate(p)), id="collation"),
    pytest.param(lambda p: select(cast(Film.title, String(p))), id="type-length"),
    pytest.param(lambda p: select(extract(p, Film.released_on)), id="extract"),
    pytest.param(lambda p: select(Film).with_statement_hint(p), id="hint"),
    pytest.param(lambda p: select(Film).prefix_with(p), id="prefix"),
    pytest.param(lambda p: select(Film).suffix_with(p), id="suffix"),
    pytest.param(lambda p: select(Film).limit(p), id="limit"),
    pytest.param(lambda p: select(Film).offset(p), id="offset"),
    pytest.param(lambda p: select(Film).where(Film.title.like("a", escape=p)), id="like-escape"),
    pytest.param(lambda p: select(bindparam("a", p, String, literal_execute=True)), id="literal-execute"),
    pytest.param(lambda p: select(func.json_each(Film.data, type_=JSON).table_valued(p)), id="table-valued"),
    pytest.param(lambda p: insert(Film).values({p: "a"}), id="insert"),
    pytest.param(lambda p: update(Film).values({p: "a"}), id="update"),
    pytest.param(lambda p: select(Film.__table__.c[p]), id="column-of-the-table"),
    pytest.param(lambda p: select(Film).execution_options(schema_translate_map={None: p}), id="schema-translate"),
]


# What is written nowhere: parameters have numbers only, and SQLite has no flags.
LEFT_OUT = [
    pytest.param(lambda p: select(bindparam(p, "a", String)), True, id="parameter"),
    pytest.param(lambda p: select(Film).where(Film.title.regexp_match("a", flags=p)), True, id="flags"),
]


@pytest.mark.parametrize(
    ("make", "is_left_out"), [*(pytest.param(*case.values, False, id=case.id) for case in NAMED), *LEFT_OUT]
)
async def test_a_name_or_text_of_somebody_else_reaches_no_database(database, make, is_left_out):
    async with Unit(database, is_read_only=False) as unit:
        await unit.session.connection()
        for payload in NAMES:
            refused = False
            with recorded(database) as recording:
                try:
                    await unit.session.execute(make(marked(payload)))
                except Exception:  # noqa: BLE001 - Python, the toolkit or we; what counts is that nothing went out
                    refused = True
            assert [text_ for text_ in recording.texts if MARK in text_.lower()] == []
            assert refused or is_left_out
            assert recording.calls == [] or is_left_out


async def test_what_is_spelt_like_a_name_is_refused_by_the_database_at_the_worst(database):
    for payload in HARMLESS_NAMES:
        async with Unit(database, is_read_only=True) as unit:
            with pytest.raises(Exception, match=r"(?i)no such column|UndefinedColumn"):
                await unit.session.execute(select(column(payload)).select_from(Film))


async def test_errors_hold_no_payload():
    for payload in NAMES:
        with pytest.raises(FastnessError) as refused:
            sql(payload)
        assert payload not in str(refused.value)
