"""Published flaws of the field about objects that a form writes; each would pass if an id or a row were not asked about."""

import pytest
from sqlalchemy import func, select, update

from fastness.authz.errors import ForbiddenWriteError, UnscopedError
from fastness.authz.objects import Objects
from fastness.authz.scope import scoped, unscoped
from tests.authz.conftest import ADA, TEST
from tests.authz.models import Dossier, Remark


@pytest.fixture
async def theirs(session):
    return (await session.scalars(unscoped(select(Dossier.id).where(Dossier.title == "theirs"), TEST))).one()


@pytest.fixture
async def shared(session):
    return (await session.scalars(unscoped(select(Dossier.id).where(Dossier.title == "shared"), TEST))).one()


async def test_cve_2026_4277_a_nested_row_is_added_only_by_who_may_add(session, shared):
    """A forged inline form added rows without the permission to add."""
    case = (await session.scalars(scoped(select(Dossier).where(Dossier.id == shared), ADA))).one()
    case.is_open  # noqa: B018 - still open, so commenting is allowed
    session.add(Remark(case_id=shared, text="a comment"))
    await session.flush()
    await session.execute(
        update(Dossier).where(Dossier.id == shared).values(is_open=False), execution_options={"unscoped": TEST}
    )
    session.add(Remark(case_id=shared, text="a comment on a closed case"))
    with pytest.raises(ForbiddenWriteError):
        await session.flush()


async def test_cve_2026_4292_a_bulk_edit_creates_no_row(session, truth):
    """A forged list of edits created rows with keys of its own."""
    statement = scoped(update(Dossier).where(Dossier.title == "new"), ADA, "edit").values(title="newer")
    assert (await session.execute(statement)).rowcount == 0
    with pytest.raises(UnscopedError):
        await session.merge(Dossier(owner_id=ADA.id, title="new", id=ADA.id))


async def test_cve_2026_87975_a_row_id_of_a_form_is_looked_up_in_scope(session, theirs):
    """A formset with an editable key deleted rows outside the query that was meant to limit it."""
    objects = Objects()
    assert await objects.load(session, Dossier, str(theirs), ADA, may="delete") is None
    mine = (await session.scalars(scoped(select(Dossier.id).where(Dossier.title == "mine"), ADA))).one()
    assert (await objects.load(session, Dossier, str(mine), ADA, may="delete")).title == "mine"


async def test_cve_2026_15307_a_filter_of_the_address_reaches_no_hidden_row(session):
    """Filters of a list reached rows by the relations of what was listed."""
    by_relation = select(func.count()).select_from(Dossier).where(Dossier.notes.any(Remark.text == "note of theirs"))
    assert await session.scalar(scoped(by_relation, ADA)) == 0
