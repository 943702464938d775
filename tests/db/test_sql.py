import functools
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from enum import Enum
from types import SimpleNamespace

import pytest
from sqlalchemy import Integer, String, column, select

from fastness.db.engine import Database
from fastness.db.errors import NotLiteralError, UnknownChoiceError
from fastness.db.rules import DatabaseRules
from fastness.db.sql import (
    Identifiers,
    SQLText,
    from_template,
    insecure_sql,
    is_template,
    sql,
    sql_fragment,
)
from fastness.db.unit import Unit
from fastness.kernel.because import Because
from fastness.kernel.errors import ConfigError
from tests.db.films import Film, Kind, make_tables

CONSTANT = "SELECT 1 FROM a_table"
TABLE = ("SELECT 1 FROM a", "SELECT 2 FROM b")
BUILT = Because("a test builds it")


class FilmColumn(Identifiers):
    TITLE = "title"
    STARS = "test_list_films.stars"
    FILMS = "test_list_films"


@pytest.fixture
async def database(database_url):
    database = Database(database_url, rules=DatabaseRules(read_connections=2, queue_seconds=5))
    await database.open()
    await make_tables(database)
    async with Unit(database, is_read_only=False) as unit:
        unit.session.add_all(
            [
                Film(title="Alien", stars=5, shown_at=datetime(2026, 1, 2, 3, tzinfo=UTC)),
                Film(title="Brazil", stars=4, kind=Kind.SHORT),
                Film(title="Cube", stars=None),
            ]
        )
    yield database
    await database.close()


@pytest.fixture
async def session(database):
    async with Unit(database, is_read_only=True) as unit:
        yield unit.session


# Who may give which text.


def test_a_literal_in_the_call():
    assert isinstance(sql("SELECT 1 FROM a_table"), SQLText)
    # fmt: off
    assert isinstance(sql("SELECT 1 "
                          "FROM a_table"), SQLText)
    # fmt: on
    assert isinstance(
        sql("""SELECT 1
        FROM a_table"""),
        SQLText,
    )  # fmt: skip


def test_a_literal_in_a_variable_of_the_same_function():
    text = "SELECT 1 FROM a_table" if CONSTANT else "SELECT 2 FROM a_table"
    assert isinstance(sql(text), SQLText)


def test_a_literal_in_a_lambda_and_in_a_comprehension():
    make = lambda: sql("SELECT 1 FROM a_table")  # noqa: E731
    assert isinstance(make(), SQLText)
    assert [type(sql("SELECT :n", n=number)) for number in range(2)] == [SQLText, SQLText]


async def test_a_literal_in_a_coroutine_and_in_a_generator():
    def several():
        yield sql("SELECT 1 FROM a_table")

    assert isinstance(next(several()), SQLText)


AT_THE_TOP = sql("SELECT 3 FROM a_table")


def through_another(text):
    return sql(text)


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: sql(CONSTANT), id="constant-of-the-module"),
        pytest.param(lambda: sql(TABLE[0]), id="constant-in-a-tuple"),
        pytest.param(lambda: sql(f"SELECT {CONSTANT}"), id="f-string"),
        pytest.param(lambda: sql("SELECT %s" % CONSTANT), id="percent"),  # noqa: UP031
        pytest.param(lambda: sql("SELECT {}".format(CONSTANT)), id="format"),  # noqa: UP032
        pytest.param(lambda: sql("SELECT " + CONSTANT), id="plus"),
        pytest.param(lambda: sql(" ".join(["SELECT", "1"])), id="join"),  # noqa: FLY002
        pytest.param(lambda: sql("SELECT 1 FROM A_TABLE".lower()), id="lower"),
        pytest.param(lambda: through_another("SELECT 1 FROM a_table"), id="literal-of-another-function"),
        pytest.param(functools.partial(sql, "SELECT 1 FROM a_table"), id="partial"),
        pytest.param(lambda: list(map(sql, TABLE)), id="map"),
        pytest.param(lambda: sql(b"SELECT 1"), id="bytes"),  # type: ignore[call-overload]
        pytest.param(lambda: sql(1), id="number"),  # type: ignore[call-overload]
        pytest.param(lambda: sql(sql("SELECT 1 FROM a_table")), id="statement"),  # type: ignore[call-overload]
        pytest.param(lambda: sql(type("Text", (str,), {})("SELECT 1 FROM a_table")), id="subclass-of-str"),
        pytest.param(lambda: sql_fragment(CONSTANT), id="fragment-constant-of-the-module"),
        pytest.param(lambda: sql_fragment(f"{CONSTANT} = 1"), id="fragment-f-string"),
    ],
)
def test_any_other_text_is_refused(make):
    with pytest.raises(NotLiteralError) as refused:
        make()
    assert refused.value.code == "not_literal"
    assert "a_table" not in refused.value.detail  # the text may be an attacker's
    assert "insecure_sql" in refused.value.detail


def test_an_equal_string_is_not_the_literal():
    text = "SELECT 1 FROM a_table"
    assert isinstance(sql(text), SQLText)
    with pytest.raises(NotLiteralError):
        sql("".join([text[:6], text[6:]]))  # "SELECT 1 FROM a_table" is a constant here, but not this object


def test_the_class_makes_no_statement():
    with pytest.raises(ConfigError):
        SQLText("SELECT 1")


@pytest.mark.parametrize(
    ("text", "values"),
    [
        pytest.param("SELECT :a", {}, id="missing"),
        pytest.param("SELECT 1", {"a": 1}, id="unused"),
        pytest.param("SELECT :a", {"a": 1, "b": 2}, id="one-too-many"),
        pytest.param("SELECT :a", {"A": 1}, id="other-case"),
        pytest.param("SELECT x::a", {"a": 1}, id="a-cast-is-no-place"),
    ],
)
def test_places_and_values_have_to_agree(text, values):
    with pytest.raises(ConfigError):
        insecure_sql(text, because=BUILT, **values)


def test_an_expression_is_no_value():
    with pytest.raises(ConfigError):
        sql("SELECT :a", a=Film.title)
    with pytest.raises(ConfigError):
        sql("SELECT :a", a=column("title"))


def test_what_is_built_needs_a_reason():
    assert isinstance(insecure_sql("SELECT " + CONSTANT, because=BUILT), SQLText)
    with pytest.raises(TypeError):
        insecure_sql("SELECT 1")  # type: ignore[call-arg]
    with pytest.raises(ConfigError):
        insecure_sql("SELECT 1", because="it is harmless, I promise")


# Identifiers.


@pytest.mark.parametrize(
    ("name", "is_good"),
    [
        pytest.param("title", True, id="column"),
        pytest.param("films.title", True, id="table-and-column"),
        pytest.param("_x1", True, id="underscore"),
        pytest.param("a" * 63, True, id="as-long-as-may-be"),
        pytest.param("a" * 64, False, id="too-long"),
        pytest.param("", False, id="empty"),
        pytest.param("1a", False, id="digit-first"),
        pytest.param("a b", False, id="blank"),
        pytest.param('a"b', False, id="quote"),
        pytest.param("a;b", False, id="semicolon"),
        pytest.param("a.b.c", False, id="two-dots"),
        pytest.param("a.", False, id="dot-at-the-end"),
        pytest.param("naïve", False, id="not-ascii"),
        pytest.param("a\n", False, id="newline-at-the-end"),
        pytest.param(1, False, id="number"),
    ],
)
def test_an_identifier_is_checked_where_it_is_declared(name, is_good):
    if is_good:
        assert Identifiers("Names", {"NAME": name}).NAME.value == name  # type: ignore[call-arg]
    else:
        with pytest.raises(ConfigError):
            Identifiers("Names", {"NAME": name})  # type: ignore[call-arg]


def test_a_name_of_a_request_chooses_a_member_or_nothing():
    assert FilmColumn.choose("title") is FilmColumn.TITLE
    for name in ("TITLE", "password_hash", "__class__", "title; DROP TABLE films", ""):
        with pytest.raises(UnknownChoiceError) as refused:
            FilmColumn.choose(name)
        assert refused.value.status == 400


# What it does.


async def test_values_are_bound(session):
    found = await session.execute(sql("SELECT title, stars FROM test_list_films WHERE title = :title", title="Alien"))
    assert found.all() == [("Alien", 5)]
    found = await session.execute(sql("SELECT title FROM test_list_films WHERE title = :title", title="' OR '1'='1"))
    assert found.all() == []


async def test_one_value_in_several_places(session):
    statement = sql("SELECT count(*) FROM test_list_films WHERE title = :t OR subtitle = :t", t="Cube")
    assert await session.scalar(statement) == 1


@pytest.mark.parametrize(
    "several", [["Alien", "Cube"], ("Alien", "Cube"), {"Alien", "Cube"}, frozenset({"Alien", "Cube"})]
)
async def test_several_values_for_in(session, several):
    statement = sql("SELECT title FROM test_list_films WHERE title IN :titles ORDER BY title", titles=several)
    assert (await session.scalars(statement)).all() == ["Alien", "Cube"]


def test_no_value_for_in_has_no_type():
    with pytest.raises(ConfigError):
        sql("SELECT title FROM test_list_films WHERE title IN :titles", titles=[])


async def test_a_point_in_time_is_utc_wherever_it_comes_from(session):
    east = datetime(2026, 1, 2, 6, tzinfo=timezone(timedelta(hours=3)))
    statement = sql("SELECT title FROM test_list_films WHERE shown_at = :at", at=east)
    assert (await session.scalars(statement)).all() == ["Alien"]


async def test_nothing_is_null(session):
    assert await session.scalar(sql("SELECT count(*) FROM test_list_films WHERE coalesce(:a, stars) > 1", a=None)) == 2


async def test_identifiers_stand_in_the_text(session):
    statement = sql(
        "SELECT :title FROM :films WHERE :stars = :five ORDER BY :stars",
        title=FilmColumn.TITLE,
        films=FilmColumn.FILMS,
        stars=FilmColumn.STARS,
        five=5,
    )
    assert (await session.scalars(statement)).all() == ["Alien"]


@pytest.mark.parametrize("member", [pytest.param(Kind.LONG, id="text"), pytest.param(Enum("Other", ["A"]).A, id="any")])
def test_an_enum_of_another_kind_is_ambiguous(member):
    with pytest.raises(ConfigError):
        sql("SELECT :a", a=member)


async def test_objects_come_from_a_statement(session):
    statement = sql("SELECT * FROM test_list_films WHERE stars >= :stars ORDER BY stars", stars=4)
    films = (await session.scalars(select(Film).from_statement(statement))).all()
    assert [(type(film), film.title) for film in films] == [(Film, "Brazil"), (Film, "Alien")]


async def test_a_fragment_is_a_condition(session):
    statement = select(Film.title).where(
        sql_fragment("stars > :n OR title = :t", n=4, t="Cube"), Film.is_rare.is_(False)
    )
    assert sorted(await session.scalars(statement)) == ["Alien", "Cube"]


async def test_a_fragment_stands_in_parentheses_and_is_turned_round(session):
    statement = select(Film.title).where(~sql_fragment("stars = :n OR title = :t", n=5, t="Cube"))
    assert (await session.scalars(statement)).all() == ["Brazil"]


async def test_a_fragment_with_a_type_is_a_value(session):
    length = sql_fragment("length(:column) + :more", Integer, column=FilmColumn.TITLE, more=1)
    statement = select(Film.title, length.label("size")).where(length > 5).order_by(length.desc(), Film.title)
    assert (await session.execute(statement)).all() == [("Brazil", 7), ("Alien", 6)]
    titles = select(sql_fragment("upper(title)", String)).select_from(Film).order_by(Film.title)
    assert (await session.scalars(titles)).first() == "ALIEN"


async def test_two_fragments_with_a_value_of_one_name(session):
    statement = select(Film.title).where(sql_fragment("stars >= :n", n=4), sql_fragment("stars < :n", n=5))
    assert (await session.scalars(statement)).all() == ["Brazil"]


async def test_one_text_with_two_types(session):
    number, text = sql_fragment("stars", Integer), sql_fragment("stars", String)
    assert number._generate_cache_key() != text._generate_cache_key()


async def test_a_fragment_is_a_value_of_a_statement(session):
    statement = sql(
        "SELECT title FROM test_list_films WHERE :a AND :b", a=sql_fragment("stars > 3"), b=sql_fragment("stars < 5")
    )
    assert (await session.scalars(statement)).all() == ["Brazil"]


async def test_a_statement_is_compiled_once(session):
    def ask(title):
        return sql("SELECT stars FROM test_list_films WHERE title = :title", title=title)

    assert ask("a")._generate_cache_key() == ask("b")._generate_cache_key()
    assert [await session.scalar(ask(title)) for title in ("Alien", "Brazil", "Alien")] == [5, 4, 5]


async def test_writing(database):
    async with Unit(database, is_read_only=False) as unit:
        await unit.session.execute(sql("UPDATE test_list_films SET stars = :n WHERE title = :t", n=1, t="Cube"))
    async with Unit(database, is_read_only=True) as unit:
        assert await unit.session.scalar(select(Film.stars).where(Film.title == "Cube")) == 1


# t-strings, by what PEP 750 says they consist of.


@dataclass
class Place:
    value: object
    conversion: str | None = None
    format_spec: str = ""


def template(strings, *values):
    places = tuple(value if isinstance(value, Place) else Place(value) for value in values)
    return SimpleNamespace(strings=strings, interpolations=places)


def code_with(*constants):
    return SimpleNamespace(co_consts=constants, co_qualname="show_cases")


PIECES = ("SELECT title FROM test_list_films WHERE stars > ", " AND title IN ", "")


@pytest.mark.parametrize(
    "code",
    [pytest.param(code_with(1, PIECES), id="in-a-tuple"), pytest.param(code_with(1, *PIECES), id="each-on-its-own")],
)
async def test_a_template_written_in_the_code(session, code):
    statement = from_template(template(PIECES, 3, ["Alien", "Cube"]), code)
    assert (await session.scalars(statement)).all() == ["Alien"]


async def test_identifiers_and_fragments_in_a_template(session):
    pieces = ("SELECT ", " FROM test_list_films WHERE ", " AND title <> ", "")
    made = template(pieces, FilmColumn.TITLE, sql_fragment("stars > 3"), "Alien")
    assert (await session.scalars(from_template(made, code_with(pieces)))).all() == ["Brazil"]


@pytest.mark.parametrize(
    ("made", "error"),
    [
        pytest.param(template((CONSTANT.lower(),)), NotLiteralError, id="built"),
        pytest.param(template((PIECES[0], CONSTANT.lower()), 1), NotLiteralError, id="one-piece-built"),
        pytest.param(template(PIECES, Place(1, conversion="r"), 2), ConfigError, id="conversion"),
        pytest.param(template(PIECES, 1, Place(2, format_spec=".2f")), ConfigError, id="format"),
        pytest.param(template(("SELECT :x", ""), 1), ConfigError, id="place-of-the-other-kind"),
    ],
)
def test_any_other_template_is_refused(made, error):
    with pytest.raises(error):
        from_template(made, code_with(PIECES, ("SELECT :x", "")))


def test_a_template_is_known_by_its_class():
    like = type("Template", (), {"__module__": "string.templatelib"})
    assert is_template(like())
    assert not is_template(type("Template", (), {"__module__": "elsewhere"})())
    assert not is_template("SELECT 1")


if sys.version_info >= (3, 14):
    SOURCE = 'def make(sql, title):\n    return sql(t"SELECT stars FROM test_list_films WHERE title = {title}")'

    async def test_a_real_template(session):
        names = {}
        exec(SOURCE, names)  # noqa: S102 - older Pythons cannot parse it
        assert await session.scalar(names["make"](sql, "Alien")) == 5
