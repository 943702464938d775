"""Whatever a request sends, the statement's text is the one that a harmless request makes."""

import re
from contextlib import suppress
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import String, cast, column, func, select
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import aliased

from fastness.db.errors import BuiltSQLError, NotLiteralError
from fastness.db.sql import sql, sql_fragment
from fastness.db.statements import refuse_built_sql
from fastness.kernel.errors import InvalidInputError
from fastness.web.filters import Comparison, Filter, search_condition
from fastness.web.listing import ListQuery
from tests.db.films import Film

NAME = re.compile(r"[\w$]+")
LIST = ListQuery(
    model=Film,
    sorts={"title": Film.title, "stars": Film.stars},
    default_sort="title",
    filters={
        "title": Filter(Film.title),
        "part": Filter(Film.title, Comparison.CONTAINS),
        "stars": Filter(Film.stars, Comparison.AT_LEAST),
        "shown": Filter(Film.shown_at),
        "kind": Filter(Film.kind, Comparison.ONE_OF),
    },
    search=(Film.title, Film.subtitle),
    page_sizes=(25, 50),
    also=("tab",),
)
# Where the name is a name, it is written as it stands; letters of SQL and other alphabets are what matters.
texts = st.one_of(st.text(), st.text(alphabet="'\"`;-/*%\\()[]{}=,. \x00\n$:?@#<>|&aZ0_ü\u2028"))


def guarded(dialect):
    refuse_built_sql(SimpleNamespace(dialect=dialect))
    return dialect


DIALECTS = [
    pytest.param(guarded(kind.dialect()), id=kind.__name__.rpartition(".")[2]) for kind in (sqlite, postgresql, mysql)
]


def written(statement, dialect):
    return statement.compile(dialect=dialect).string


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda text: select(Film.title.label(text)), id="label"),
        pytest.param(lambda text: select(aliased(Film, name=text).title), id="alias"),
        pytest.param(lambda text: select(Film.id).join(aliased(Film, name=text), Film.id == Film.id), id="join"),
        pytest.param(lambda text: select(select(Film.title).cte(text).c.title), id="cte"),
        pytest.param(lambda text: select(column(text)), id="column"),
        pytest.param(lambda text: select(getattr(func, text)(1)), id="function"),
    ],
)
@given(text=texts.filter(bool))
def test_a_name_is_a_name_or_refused(make, dialect, text):
    try:
        statement = written(make(text), dialect)
    except (BuiltSQLError, SQLAlchemyError, AttributeError, TypeError):
        return
    assert NAME.fullmatch(text)
    assert not set(statement) - set(written(make("plain"), dialect)) - set(text) - set('"`')


@pytest.mark.parametrize("dialect", DIALECTS)
@given(text=texts)
def test_a_value_changes_nothing_in_the_text(dialect, text):
    def make(value):
        return select(Film.id).where(
            Film.title == value,
            Film.title.in_([value]),
            Film.title.icontains(value, autoescape=True),
            Film.data[value].as_string() == value,
            sql_fragment("title <> :value", value=value),
            cast(value, String) == value,
        )

    assert written(make(text), dialect) == written(make("plain"), dialect)


@given(text=st.text(min_size=2))
def test_a_text_from_outside_is_no_statement(text):
    with pytest.raises(NotLiteralError):
        sql(text + " ")


@pytest.mark.parametrize("dialect", DIALECTS)
@given(
    pairs=st.lists(
        st.tuples(st.one_of(st.sampled_from(["q", "tab", "sort", "size", *LIST.filters]), texts), texts), max_size=5
    )
)
def test_an_address_makes_one_of_the_declared_statements(dialect, pairs):
    with suppress(InvalidInputError):
        choices = LIST.read(pairs)
        statement = written(LIST.narrow(select(Film.id), choices), dialect)
        plain = select(Film.id)
        for name, given_texts in choices.filters.items():
            plain = LIST.narrow(plain, LIST.read([(name, one) for one in given_texts]))
        words = len(choices.q.split())
        if words:
            plain = plain.where(*search_condition(LIST.search, "plain " * words))
        assert statement == written(plain, dialect)
        assert choices.address().isascii()
