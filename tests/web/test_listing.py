"""Lists on both databases: the order is total, pages fit together, and an address asks for nothing undeclared."""

import uuid
from contextlib import suppress
from datetime import UTC, date, datetime
from decimal import Decimal
from types import SimpleNamespace
from urllib.parse import parse_qsl

import pytest
import pytest_asyncio
from sqlalchemy import Integer, func, select, text
from sqlalchemy.orm import Mapped, mapped_column, selectinload
from starlette.datastructures import QueryParams

from fastness.db.engine import Database
from fastness.db.errors import UnknownChoiceError
from fastness.db.model import Model
from fastness.db.rules import DatabaseRules
from fastness.db.sql import sql_fragment
from fastness.db.unit import Unit
from fastness.kernel.errors import ConfigError, InvalidInputError
from fastness.web.filters import MAX_TEXT_LENGTH, MAX_VALUES, Comparison, Filter, ListParameterError
from fastness.web.listing import ListQuery
from tests.db.films import Film, Kind, Studio, make_tables
from tests.db.payloads import MARK, NAMES, PAYLOADS
from tests.db.recording import recorded

# One database of each kind for all tests here; they only read it.
pytestmark = pytest.mark.asyncio(loop_scope="module")

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
ODD = ("100% Wolf", "A_B", "A/B", "A\\B", "AxB", "Ähre", "it's", 'say "x"')
FILMS = [
    {"title": "Alien", "stars": 5, "price": Decimal("9.99"), "released_on": date(1979, 5, 25), "shown_at": NOON},
    {"title": "Brazil", "stars": 5, "kind": Kind.SHORT, "price": Decimal("0.10"), "is_rare": True},
    {"title": "Cube", "stars": None, "released_on": date(1997, 9, 9), "subtitle": "Six sides"},
    {"title": "Dune", "stars": 4, "length": 2.5, "shown_at": NOON.replace(microsecond=5), "data": {"a": {"b": "sand"}}},
    {"title": "Eraserhead", "stars": None},
    *({"title": title, "stars": 1} for title in ODD),
]

LIST = ListQuery(
    model=Film,
    sorts={
        "title": Film.title,
        "stars": Film.stars,
        "price": Film.price,
        "released": Film.released_on,
        "shown": Film.shown_at,
        "kind": Film.kind,
        "rare": Film.is_rare,
        "length": Film.length,
        "best": (Film.stars.desc(), Film.title),
        "id": Film.id,
        "lower": func.lower(Film.title),
        "where": Film.data["a"]["b"].as_string(),
        "fragment": sql_fragment("length(test_list_films.title)", Integer),
        "studio": Studio.name,
    },
    default_sort="title",
    filters={
        "stars": Filter(Film.stars),
        "from": Filter(Film.stars, Comparison.AT_LEAST),
        "to": Filter(Film.stars, Comparison.AT_MOST),
        "kind": Filter(Film.kind, Comparison.ONE_OF),
        "rare": Filter(Film.is_rare),
        "id": Filter(Film.id),
        "released": Filter(Film.released_on),
        "shown": Filter(Film.shown_at),
        "price": Filter(Film.price),
        "subtitle": Filter(Film.subtitle, Comparison.CONTAINS),
        "title": Filter(Film.title),
        "place": Filter(Film.data["a"]["b"].as_string()),
        "state": {"unrated": Film.stars.is_(None), "old": Film.released_on < date(1990, 1, 1)},
    },
    search=(Film.title, Film.subtitle),
    page_sizes=(3, 1, 100),
    also=("tab",),
)
JOINED = select(Film).outerjoin(Film.studio)


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["sqlite", "postgresql"])
async def database(request, tmp_path_factory):
    url = f"sqlite:///{tmp_path_factory.mktemp('lists')}/app.db"
    if request.param == "postgresql":
        server = request.getfixturevalue("running_postgres")
        url = server.url(server.create_database())
    database = Database(url, rules=DatabaseRules(read_connections=2, queue_seconds=5))
    await database.open()
    await make_tables(database)
    async with Unit(database, is_read_only=False) as unit:
        fox = Studio(name="Fox")
        unit.session.add_all([Film(**film) for film in FILMS])
        unit.session.add(Film(title="Fargo", stars=4, studio=fox))
    yield database
    await database.close()


@pytest_asyncio.fixture(loop_scope="module")
async def session(database):
    async with Unit(database, is_read_only=True) as unit:
        yield unit.session


def ask(session, query):
    return SimpleNamespace(db=session, query=QueryParams(query.removeprefix("?") if isinstance(query, str) else query))


async def load(session, query="", statement=JOINED):
    return await LIST.load(ask(session, query), statement)


async def titles(session, query="", statement=JOINED):
    return [film.title for film in await load(session, query, statement)]


async def walk(session, query):
    """Every page from the first to the last, then back again."""
    forward = [await load(session, query)]
    while forward[-1].next:
        forward.append(await load(session, forward[-1].next))
    backward = [forward[-1]]
    while backward[-1].previous:
        backward.append(await load(session, backward[-1].previous))
    return forward, backward[::-1]


# Pages.


@pytest.mark.parametrize("direction", [pytest.param("", id="ascending"), pytest.param("-", id="descending")])
@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize("sort", LIST.sorts)
async def test_pages_hold_every_row_once_in_one_order_both_ways(session, sort, size, direction):
    order = [film.id for film in await load(session, f"sort={direction}{sort}&size=100")]
    assert len(set(order)) == len(FILMS) + 1
    forward, backward = await walk(session, f"sort={direction}{sort}&size={size}")
    assert [film.id for page in forward for film in page] == order
    assert all(1 <= len(page) <= size for page in forward)
    assert forward[0].previous is None
    there = [film.id for page in backward for film in page]
    # Coming back, the first page holds what is left.
    assert there == order


@pytest.mark.parametrize(
    ("query", "first", "last"),
    [
        pytest.param("sort=stars", "1", "none", id="ascending"),
        pytest.param("sort=-stars", "5", "none", id="descending"),
    ],
)
async def test_rows_without_a_value_stand_at_the_end_on_every_database(session, query, first, last):
    stars = [str(film.stars).lower() for film in await load(session, query + "&size=100")]
    assert (stars[0], stars[-1], stars[-2]) == (first, last, last)


async def test_several_columns_each_with_its_direction(session):
    best = await titles(session, "sort=best&size=100")
    assert best[:4] == ["Alien", "Brazil", "Dune", "Fargo"]
    assert best[-2:] == ["Cube", "Eraserhead"]
    turned = await titles(session, "sort=-best&size=100")
    assert turned[-2:] == ["Eraserhead", "Cube"]


async def test_an_order_or_limit_of_the_statement_gives_way(session):
    assert (await titles(session, "", JOINED.order_by(Film.title.desc())))[0] == "100% Wolf"


async def test_relationships_and_rows(session):
    page = await load(session, "title=Fargo", JOINED.options(selectinload(Film.studio)))
    assert [film.studio.name for film in page] == ["Fox"]
    page = await LIST.load(ask(session, "title=Fargo"), JOINED, with_=[Film.studio])
    assert [film.studio.name for film in page] == ["Fox"]
    statement = select(Film, func.count(Studio.id)).outerjoin(Film.studio).group_by(Film.id)
    rows = await LIST.load_rows(ask(session, "sort=-title&size=3"), statement)
    assert all(len(row) == 2 for row in rows)
    behind = await LIST.load_rows(ask(session, rows.next), statement)
    assert {film.id for film, _ in rows}.isdisjoint({film.id for film, _ in behind})
    assert {count for _, count in (*rows, *behind)} <= {0, 1}


async def test_a_page_stays_in_the_statement_it_was_given(session):
    """The row of an address is looked up in the scope: somebody else's is as unknown as one that never was."""
    cube = await session.scalar(select(Film.id).where(Film.title == "Cube"))
    mine = select(Film).where(Film.stars == 5)
    for row_id in (cube, uuid.uuid4()):
        for name in ("after", "before"):
            page = await LIST.load(ask(session, f"{name}={row_id}&sort=-title"), mine)
            assert page.is_restarted
            assert [film.title for film in page] == ["Brazil", "Alien"]


async def test_a_row_that_left_the_filter_still_marks_its_place(session):
    cube = await session.scalar(select(Film.id).where(Film.title == "Cube"))
    page = await load(session, f"stars=4&after={cube}")
    assert not page.is_restarted
    assert [film.title for film in page] == ["Dune", "Fargo"]


async def test_nothing_found(session):
    page = await load(session, "q=nothing+like+this")
    assert (list(page), len(page), page.next, page.previous) == ([], 0, None, None)


# Filters and search.


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param("stars=5", ["Alien", "Brazil"], id="number"),
        pytest.param("from=4", ["Alien", "Brazil", "Dune", "Fargo"], id="at-least"),
        pytest.param("from=4&to=4", ["Dune", "Fargo"], id="between"),
        pytest.param("kind=short-film", ["Brazil"], id="enum-by-its-value"),
        pytest.param("kind=short-film&kind=long&q=Brazil", ["Brazil"], id="one-of-several"),
        pytest.param("rare=true", ["Brazil"], id="boolean"),
        pytest.param("rare=false&q=Brazil", [], id="boolean-false"),
        pytest.param("released=1979-05-25", ["Alien"], id="date"),
        pytest.param("shown=2026-05-01T14:00:00%2B02:00", ["Alien"], id="point-in-time"),
        pytest.param("price=0.10", ["Brazil"], id="decimal"),
        pytest.param("subtitle=SIDES", ["Cube"], id="part-of-a-text"),
        pytest.param("title=Dune", ["Dune"], id="text"),
        pytest.param("title=dune", [], id="text-in-another-case"),
        pytest.param("place=sand", ["Dune"], id="json"),
        pytest.param("state=unrated", ["Cube", "Eraserhead"], id="named-condition"),
        pytest.param("state=old", ["Alien"], id="other-named-condition"),
        pytest.param("state=unrated&released=1997-09-09", ["Cube"], id="both"),
        pytest.param("stars=&kind=&q=&from=5", ["Alien", "Brazil"], id="empty-fields-of-a-form"),
        pytest.param("tab=notes&stars=5", ["Alien", "Brazil"], id="the-handlers-own"),
        pytest.param("q=alien", ["Alien"], id="search-in-any-case"),
        pytest.param("q=cube+sides", ["Cube"], id="search-words-in-several-columns"),
        pytest.param("q=cube+nothing", [], id="search-every-word"),
        pytest.param("q=++e%20raser", ["Eraserhead"], id="search-blanks"),
        pytest.param("q=%25", ["100% Wolf"], id="search-percent"),
        pytest.param("q=_", ["A_B"], id="search-underscore"),
        pytest.param("q=/", ["A/B"], id="search-slash"),
        pytest.param("q=%5C", ["A\\B"], id="search-backslash"),
        pytest.param("q=%5C%25", [], id="search-backslash-percent"),
        pytest.param("q=%27", ["it's"], id="search-quote"),
        pytest.param("q=%22", ['say "x"'], id="search-double-quote"),
        pytest.param("q=%C3%84hre", ["Ähre"], id="search-not-ascii"),
    ],
)
async def test_a_filter_finds(session, query, expected):
    assert sorted(await titles(session, query + "&size=100")) == sorted(expected)


@pytest.mark.parametrize(
    ("query", "error"),
    [
        pytest.param("sort=password_hash", UnknownChoiceError, id="sort-by-another-column"),
        pytest.param("sort=__class__", UnknownChoiceError, id="sort-by-an-attribute"),
        pytest.param("sort=films.title", UnknownChoiceError, id="sort-with-a-dot"),
        pytest.param("sort=title;drop", UnknownChoiceError, id="sort-with-a-semicolon"),
        pytest.param("sort=title+desc", UnknownChoiceError, id="sort-with-a-word"),
        pytest.param("sort=--title", UnknownChoiceError, id="sort-turned-twice"),
        pytest.param("sort=Title", UnknownChoiceError, id="sort-in-another-case"),
        pytest.param("sort=title&sort=stars", ListParameterError, id="sort-twice"),
        pytest.param("size=2", UnknownChoiceError, id="size-not-offered"),
        pytest.param("size=1000000", UnknownChoiceError, id="size-of-everything"),
        pytest.param("size=-1", UnknownChoiceError, id="size-negative"),
        pytest.param("size=3.0", UnknownChoiceError, id="size-not-whole"),
        pytest.param("staus=open", ListParameterError, id="misspelt"),
        pytest.param("password_hash=x", ListParameterError, id="another-column"),
        pytest.param("title__startswith=A", ListParameterError, id="lookup"),
        pytest.param("_connector=OR", ListParameterError, id="private-option"),
        pytest.param("stars=five", ListParameterError, id="no-number"),
        pytest.param("stars=5.0", ListParameterError, id="not-whole"),
        pytest.param("stars=%D9%A5", ListParameterError, id="arabic-digit"),
        pytest.param("stars=1e3", ListParameterError, id="exponent"),
        pytest.param("stars=99999999999", ListParameterError, id="number-beyond-the-column"),
        pytest.param("stars=" + "9" * 199, ListParameterError, id="very-long-number"),
        pytest.param("stars=4&stars=5", ListParameterError, id="two-values"),
        pytest.param("kind=LONG", UnknownChoiceError, id="enum-by-its-name"),
        pytest.param("kind=other", UnknownChoiceError, id="enum-unknown"),
        pytest.param("&".join(["kind=long"] * (MAX_VALUES + 1)), ListParameterError, id="too-many-values"),
        pytest.param("rare=1", UnknownChoiceError, id="boolean-as-a-number"),
        pytest.param("rare=True", UnknownChoiceError, id="boolean-in-capitals"),
        pytest.param("released=25.05.1979", ListParameterError, id="date-in-another-form"),
        pytest.param("released=1979-02-30", ListParameterError, id="date-that-never-was"),
        pytest.param("shown=2026-05-01T12:00:00", ListParameterError, id="time-without-a-zone"),
        pytest.param("shown=0001-01-01T00:00:00%2B14:00", ListParameterError, id="time-before-time"),
        pytest.param("price=1e999999999", ListParameterError, id="decimal-with-an-exponent"),
        pytest.param("price=NaN", ListParameterError, id="decimal-that-is-none"),
        pytest.param("id=1", ListParameterError, id="no-uuid"),
        pytest.param("state=secret", UnknownChoiceError, id="condition-unknown"),
        pytest.param("after=1", ListParameterError, id="after-no-id"),
        pytest.param(f"after={uuid.uuid4()},1", ListParameterError, id="after-two-ids"),
        pytest.param(f"after={uuid.uuid4()}&before={uuid.uuid4()}", ListParameterError, id="after-and-before"),
        pytest.param("q=" + "a" * (MAX_TEXT_LENGTH + 1), ListParameterError, id="search-too-long"),
        pytest.param("q=" + "a+" * 9, ListParameterError, id="search-too-many-words"),
        pytest.param("q=%00", ListParameterError, id="search-nul"),
        pytest.param("q=a%1Fb", ListParameterError, id="search-control-character"),
        pytest.param("title=a%0Ab", ListParameterError, id="text-newline"),
    ],
)
async def test_anything_else_is_answered_with_400(session, database, query, error):
    with recorded(database) as recording, pytest.raises(error) as refused:
        await load(session, query)
    assert refused.value.status == 400
    assert recording.calls == []


async def test_a_misspelt_parameter_is_answered_with_those_there_are_and_never_shown(session):
    with pytest.raises(ListParameterError) as refused:
        await load(session, "staus=open")
    assert "it takes after, before, " in refused.value.detail
    assert "staus" not in refused.value.detail + str(refused.value.public)


async def test_what_is_at_the_limit_passes(session):
    await load(session, "q=" + "a" * MAX_TEXT_LENGTH)
    await load(session, "q=" + "a+" * 8)
    await load(session, "&".join(["kind=long"] * MAX_VALUES))
    await load(session, "stars=2147483647")
    await load(session, "stars=-2147483648")


@pytest.mark.parametrize(
    "name", ["sort", "size", "q", "after", "before", "tab", *LIST.filters, pytest.param("the-name-itself", id="name")]
)
async def test_no_payload_is_ever_in_a_statement(session, database, name):
    for payload in (*PAYLOADS, *NAMES):
        texts = payload if MARK in payload else payload + MARK
        pairs = [(texts, "1")] if name == "the-name-itself" else [(name, texts)]
        with recorded(database) as recording:
            page = None
            with suppress(InvalidInputError):
                page = await LIST.load(ask(session, pairs), JOINED)
        assert [statement for statement in recording.texts if MARK in statement.lower()] == []
        if page is None:
            assert recording.calls == []
        else:
            # What passed was a value; the addresses hold it as one.
            kept = " ".join(texts.split()) if name == "q" else texts.encode(errors="replace").decode()
            assert parse_qsl(page.first[1:]) == [(name, kept)]


# Addresses.


async def test_addresses_say_what_was_chosen_and_nothing_else(session):
    page = await load(session, "sort=-stars&q=a&stars=1&size=1&tab=x%26y")
    assert page.first == "?sort=-stars&q=a&stars=1&size=1&tab=x%26y"
    assert page.next.startswith(page.first + "&after=")
    assert page.sorts["stars"].address == "?sort=stars&q=a&stars=1&size=1&tab=x%26y"
    assert page.sorts["title"].address == "?q=a&stars=1&size=1&tab=x%26y"
    assert (page.sorts["stars"].aria, page.sorts["title"].aria) == ("descending", "none")
    assert page.filters["stars"].address == "?sort=-stars&q=a&size=1&tab=x%26y"
    assert page.filters["stars"].value == "1"
    assert [(choice.value, choice.is_current) for choice in page.sizes] == [("3", False), ("1", True), ("100", False)]
    assert page.filters["state"].choices[0].address.endswith("&state=unrated&size=1&tab=x%26y")
    assert page.hidden("q", "stars") == (("sort", "-stars"), ("size", "1"), ("tab", "x&y"))
    assert page.sort == "-stars"


async def test_a_bare_address_is_the_default(session):
    assert (await load(session)).first == "?"
    assert (await load(session, "sort=title&size=3")).first == "?"


async def test_an_address_holds_no_value_of_a_row(session):
    page = await load(session, "sort=price&size=1")
    assert parse_qsl(page.next[1:]) == [("sort", "price"), ("size", "1"), ("after", str(page.items[0].id))]


# Declarations.


class Pair(Model):
    __tablename__ = "test_list_pairs"

    first: Mapped[int] = mapped_column(primary_key=True)
    second: Mapped[str] = mapped_column(primary_key=True)


async def test_a_key_of_two_columns(database):
    async with database.write.begin() as connection:
        await connection.run_sync(Model.metadata.create_all, tables=[Pair.__table__])
    keys = [(1, "a,b"), (1, "a"), (2, "%2C"), (2, "ä/?&=")]
    pairs = ListQuery(model=Pair, sorts={"first": Pair.first}, default_sort="-first", page_sizes=(1,))
    async with Unit(database, is_read_only=False) as unit:
        unit.session.add_all([Pair(first=first, second=second) for first, second in keys])
        await unit.session.flush()
        seen: list[tuple[int, str]] = []
        address: str | None = "?"
        while address:
            page = await pairs.load(ask(unit.session, address[1:]), select(Pair))
            seen += [(pair.first, pair.second) for pair in page]
            address = page.next
        assert sorted(seen) == sorted(keys)
        await unit.rollback()


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"default_sort": "title"}, id="default-not-declared"),
        pytest.param({"sorts": {"-name": Film.title}, "default_sort": "-name"}, id="sort-with-a-minus"),
        pytest.param({"sorts": {"name": "title"}}, id="sort-by-a-string"),
        pytest.param({"sorts": {"name": text("title")}}, id="sort-by-text"),
        pytest.param({"page_sizes": ()}, id="no-page-size"),
        pytest.param({"page_sizes": (25, 100_000)}, id="page-without-end"),
        pytest.param({"page_sizes": (0,)}, id="page-of-nothing"),
        pytest.param({"filters": {"sort": Filter(Film.stars)}}, id="filter-with-a-taken-name"),
        pytest.param({"also": ("after",)}, id="handler-with-a-taken-name"),
        pytest.param({"also": ("x",), "filters": {"x": Filter(Film.stars)}}, id="name-twice"),
        pytest.param({"search": (Film.stars,)}, id="search-in-numbers"),
    ],
)
async def test_a_declaration_that_cannot_be_right(wrong):
    with pytest.raises(ConfigError):
        ListQuery(**{"model": Film, "sorts": {"name": Film.title}, "default_sort": "name", **wrong})


async def test_a_taken_name_is_named_with_its_list():
    with pytest.raises(ConfigError, match="list of Film has one meaning, and before would have two"):
        ListQuery(
            model=Film, sorts={"title": Film.title}, default_sort="title", filters={"before": Filter(Film.released_on)}
        )


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: Filter(Film.data), id="json"),
        pytest.param(lambda: Filter("title"), id="string"),
        pytest.param(lambda: Filter(Film.stars, Comparison.CONTAINS), id="part-of-a-number"),
        pytest.param(lambda: Filter(Film.stars, choices=("five",)), id="choice-of-the-wrong-kind"),
    ],
)
async def test_a_filter_that_cannot_be_right(make):
    with pytest.raises((ConfigError, InvalidInputError)):
        make()


async def test_declared_choices_of_a_text(session):
    some = ListQuery(
        model=Film,
        sorts={"title": Film.title},
        default_sort="title",
        filters={"t": Filter(Film.title, choices=("Dune",))},
    )
    assert [film.title for film in await some.load(ask(session, "t=Dune"), select(Film))] == ["Dune"]
    with pytest.raises(UnknownChoiceError):
        await some.load(ask(session, "t=Cube"), select(Film))
    with pytest.raises(ListParameterError):
        await some.load(ask(session, "q=Cube"), select(Film))
    with pytest.raises(ListParameterError):
        await some.load(ask(session, "size=25"), select(Film))


async def test_a_count_of_what_is_filtered(session):
    choices = LIST.read([("stars", "5")])
    narrowed = LIST.narrow(JOINED, choices)
    assert await session.scalar(select(func.count()).select_from(narrowed.subquery())) == 2
