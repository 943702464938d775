"""A list of guarded objects: whatever an address asks for, it stays inside the scope of its statement."""

from types import SimpleNamespace

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import selectinload
from starlette.datastructures import QueryParams

from fastness.authz.errors import UnscopedError
from fastness.authz.scope import scoped, unscoped
from fastness.kernel.because import Because
from fastness.web.filters import Comparison, Filter
from fastness.web.listing import ListQuery
from tests.authz.conftest import ADA, BOB
from tests.authz.models import Dossier, Person, Remark

CASES = ListQuery(
    model=Dossier,
    sorts={"title": Dossier.title, "owner": Person.name, "open": Dossier.is_open},
    default_sort="title",
    filters={
        "title": Filter(Dossier.title),
        "part": Filter(Dossier.title, Comparison.CONTAINS),
        "open": Filter(Dossier.is_open),
    },
    search=(Dossier.title,),
    page_sizes=(1, 10),
)
JOINED = select(Dossier).join(Dossier.owner)
REASON = Because("the test looks for the ids of others")


def ask(unit, query):
    return SimpleNamespace(db=unit.session, query=QueryParams(query.removeprefix("?")))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param("size=10", ["mine", "shared"], id="bare"),
        pytest.param("size=10&sort=-title", ["shared", "mine"], id="sorted"),
        pytest.param("size=10&sort=owner", ["mine", "shared"], id="sorted-by-another-table"),
        pytest.param("size=10&title=theirs", [], id="filtered-by-what-is-not-theirs"),
        pytest.param("size=10&part=HA", ["shared"], id="part"),
        pytest.param("size=10&q=h", ["shared"], id="search"),
        pytest.param("size=10&open=true", ["mine", "shared"], id="boolean"),
    ],
)
async def test_every_address_stays_in_the_scope(begin, query, expected):
    unit = begin(ADA)
    statement = scoped(JOINED.options(selectinload(Dossier.notes)), ADA)
    page = await CASES.load(ask(unit, query), statement)
    assert [case.title for case in page] == expected
    assert [len(case.notes) for case in page] == [1] * len(expected)
    await unit.finish(500)


async def test_pages_there_and_back(begin):
    unit = begin(ADA)
    first = await CASES.load(ask(unit, ""), scoped(JOINED, ADA))
    second = await CASES.load(ask(unit, first.next), scoped(JOINED, ADA))
    again = await CASES.load(ask(unit, second.previous), scoped(JOINED, ADA))
    assert [[case.title for case in page] for page in (first, second, again)] == [["mine"], ["shared"], ["mine"]]
    assert second.next is None
    await unit.finish(500)


@pytest.mark.parametrize("name", ["after", "before"])
async def test_the_id_of_somebody_elses_row_is_as_unknown_as_any(begin, name):
    unit = begin(ADA)
    theirs = await unit.session.scalar(unscoped(select(Dossier.id).where(Dossier.title == "theirs"), REASON))
    page = await CASES.load(ask(unit, f"{name}={theirs}&size=10"), scoped(JOINED, ADA))
    assert page.is_restarted
    assert [case.title for case in page] == ["mine", "shared"]
    await unit.finish(500)


async def test_rows_with_a_count(begin):
    unit = begin(BOB)
    counted = scoped(select(Dossier, func.count(Remark.id)).join(Dossier.notes).group_by(Dossier.id), BOB)
    query = ListQuery(model=Dossier, sorts={"title": Dossier.title}, default_sort="-title", page_sizes=(1,))
    page = await query.load_rows(ask(unit, ""), counted)
    assert [(case.title, count) for case, count in page] == [("theirs", 1)]
    assert page.next is not None
    await unit.finish(500)


async def test_a_list_without_a_scope_is_refused(begin):
    unit = begin(ADA)
    with pytest.raises(UnscopedError):
        await CASES.load(ask(unit, ""), JOINED)
    await unit.finish(500)
