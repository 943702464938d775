"""What a flush may write: changed, added and deleted objects, rows of association tables, and what it must leave alone."""

import uuid

import pytest
from sqlalchemy import delete, event, inspect, select, union_all, update
from sqlalchemy.orm import aliased, make_transient_to_detached, selectinload

from fastness import Because
from fastness.authz.acting import acting_of, bind_actor, bind_unscoped
from fastness.authz.actors import ANONYMOUS
from fastness.authz.errors import ForbiddenWriteError, UnscopedError
from fastness.authz.scope import scoped, unscoped
from fastness.db.unit import Unit
from fastness.kernel.errors import ConfigError
from tests.authz.conftest import ADA, BOB, ROOT, TEST
from tests.authz.models import (
    Contract,
    Dossier,
    Label,
    Paper,
    Person,
    Remark,
    guarded_labellings,
    guarded_members,
)


async def load(session, title, may, actor=ADA, model=Dossier, column=Dossier.title, options=()):
    statement = scoped(select(model).where(column == title).options(*options), actor, may)
    return (await session.scalars(statement)).unique().one()


ALL = ["mine", "shared", "theirs"]


@pytest.mark.parametrize(
    ("may", "title", "passes"),
    [
        pytest.param("edit", "mine", True, id="loaded-for-editing"),
        pytest.param("share", "mine", True, id="loaded-for-another-writing-action"),
        pytest.param("view", "mine", False, id="loaded-for-viewing"),
        pytest.param("view", "shared", False, id="loaded-for-viewing-what-may-not-be-edited"),
        pytest.param("comment", "mine", False, id="loaded-for-an-action-that-writes-elsewhere"),
    ],
)
async def test_a_change_needs_an_object_loaded_for_it(session, may, title, passes):
    case = await load(session, title, may)
    case.title = "changed"
    if passes:
        await session.flush()
    else:
        with pytest.raises(ForbiddenWriteError):
            await session.flush()


MADE_OF = [
    pytest.param(lambda: select(aliased(Dossier, scoped(select(Dossier), ADA).subquery())), id="subquery"),
    pytest.param(lambda: select(aliased(Dossier, scoped(select(Dossier), ADA).cte())), id="cte"),
    pytest.param(lambda: select(Dossier).from_statement(scoped(select(Dossier), ADA)), id="statement"),
    pytest.param(
        lambda: select(Dossier).from_statement(union_all(scoped(select(Dossier), ADA), select(Dossier))), id="union"
    ),
    pytest.param(lambda: select(aliased(Dossier, unscoped(select(Dossier), TEST).subquery())), id="exempt-subquery"),
]
"""Statements whose rows come from a part with a scope of its own, which decides what they are."""


@pytest.mark.parametrize("rows", MADE_OF)
async def test_a_part_in_view_lets_nothing_be_changed(session, truth, rows):
    cases = {case.title: case for case in await session.scalars(scoped(rows(), ADA, "edit"))}
    cases["shared"].title = "changed"
    with pytest.raises(ForbiddenWriteError):
        await session.flush()
    await session.rollback()
    assert await truth(Dossier.title) == ALL


@pytest.mark.parametrize("rows", MADE_OF)
async def test_what_may_be_changed_may_be_changed_there_too(session, rows):
    cases = {case.title: case for case in await session.scalars(scoped(rows(), ADA, "edit"))}
    cases["mine"].title = "changed"
    await session.flush()


async def test_a_part_in_view_lets_nothing_be_deleted(session):
    remark = aliased(Remark, scoped(select(Remark), ADA).subquery())
    notes = {note.text: note for note in await session.scalars(scoped(select(remark), ADA, "delete"))}
    await session.delete(notes["note of mine"])
    await session.flush()
    await session.delete(notes["note of shared"])
    with pytest.raises(ForbiddenWriteError, match="was deleted"):
        await session.flush()


@pytest.mark.parametrize(
    "again",
    [
        pytest.param(lambda statement: scoped(statement, ADA), id="viewed"),
        pytest.param(lambda statement: unscoped(statement, TEST), id="exempt"),
    ],
)
async def test_a_scope_that_was_replaced_lets_nothing_be_changed(session, again):
    cases = {case.title: case for case in await session.scalars(again(scoped(select(Dossier), ADA, "edit")))}
    cases["shared"].title = "changed"
    with pytest.raises(ForbiddenWriteError):
        await session.flush()


@pytest.mark.parametrize(
    ("may", "passes"),
    [
        pytest.param("delete", True, id="loaded-for-deleting"),
        pytest.param("edit", False, id="loaded-for-editing"),
        pytest.param("view", False, id="loaded-for-viewing"),
    ],
)
async def test_a_deletion_needs_an_object_loaded_for_it(session, may, passes):
    contract = await load(session, "note of mine", may, model=Remark, column=Remark.text)
    await session.delete(contract)
    if passes:
        await session.flush()
    else:
        with pytest.raises(ForbiddenWriteError):
            await session.flush()


async def test_a_deletion_cascades_only_to_what_may_be_deleted(session):
    case = await load(session, "mine", "delete", options=[selectinload(Dossier.notes), selectinload(Dossier.members)])
    await session.delete(case)
    with pytest.raises(ForbiddenWriteError, match="Remark was deleted"):
        await session.flush()


async def test_an_object_loaded_twice_may_what_the_second_load_allows(session):
    case = await load(session, "mine", "view")
    assert await load(session, "mine", "edit") is case
    case.title = "changed"
    await session.flush()


@pytest.mark.parametrize(
    "end",
    [
        pytest.param(lambda unit: unit.commit(), id="committed"),
        pytest.param(lambda unit: unit.rollback(), id="rolled-back"),
    ],
)
@pytest.mark.parametrize("was_given_away", [pytest.param(True, id="given-away"), pytest.param(False, id="kept")])
async def test_the_next_transaction_of_a_unit_asks_again(begin, database, end, was_given_away):
    """In the first one the case was hers to edit; in between somebody else's transaction may have taken that away."""
    unit = begin()
    case = await load(unit.session, "mine", "edit")
    await end(unit)
    if was_given_away:
        async with Unit(database, is_read_only=False) as other:
            bind_unscoped(other.session, TEST)
            row = (await other.session.scalars(select(Dossier).where(Dossier.title == "mine"))).one()
            row.owner_id = BOB.id
            await other.session.execute(guarded_members.insert().values(case_id=row.id, person_id=ADA.id))
    case.title = "changed"
    try:
        if was_given_away:
            with pytest.raises(ForbiddenWriteError):
                await unit.session.flush()
        else:
            await unit.session.flush()
    finally:
        await unit.finish(500)


async def test_viewing_again_takes_nothing_away(session):
    case = await load(session, "mine", "edit")
    await load(session, "mine", "view")
    case.title = "changed"
    await session.flush()


@pytest.mark.parametrize(
    ("owner", "passes"),
    [pytest.param(ADA, True, id="for-oneself"), pytest.param(BOB, False, id="in-somebody-elses-name")],
)
async def test_an_insert_fulfils_create(session, truth, owner, passes):
    session.add(Dossier(owner_id=owner.id, title="new"))
    if passes:
        await session.commit()
        assert "new" in await truth(Dossier.title)
    else:
        with pytest.raises(ForbiddenWriteError):
            await session.commit()
        assert await truth(Dossier.title) == ALL


async def test_an_insert_beside_an_allowed_one_is_found(session, truth):
    session.add_all([Dossier(owner_id=ADA.id, title="a"), Dossier(owner_id=BOB.id, title="b")])
    with pytest.raises(ForbiddenWriteError):
        await session.commit()
    assert await truth(Dossier.title) == ALL


async def test_a_row_below_one_that_may_not_be_touched_is_found(session):
    """The id of the parent came from a form."""
    theirs = (await session.scalars(unscoped(select(Dossier.id).where(Dossier.title == "theirs"), TEST))).one()
    session.add(Remark(case_id=theirs, text="planted"))
    with pytest.raises(ForbiddenWriteError):
        await session.flush()


async def test_without_create_nobody_inserts(session):
    session.add(Paper(owner_id=ADA.id, name="new"))
    with pytest.raises(ForbiddenWriteError, match="no create"):
        await session.flush()


async def test_a_subclass_obeys_the_policy_of_its_base(session):
    contract = await load(session, "contract mine", "edit", model=Contract, column=Contract.name)
    contract.amount = 8
    await session.flush()
    session.add(Contract(owner_id=ADA.id, name="new", amount=1))
    with pytest.raises(ForbiddenWriteError, match="no create"):
        await session.flush()


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda case: setattr(case, "owner_id", BOB.id), id="given-away"),
        pytest.param(lambda case: setattr(case, "owner_id", ANONYMOUS.id), id="given-to-nobody"),
    ],
)
async def test_a_changed_row_stays_in_view(session, truth, change):
    case = await load(session, "mine", "edit")
    change(case)
    with pytest.raises((ForbiddenWriteError, Exception)):
        await session.commit()
    await session.rollback()
    assert await truth(Dossier.owner_id) == sorted([ADA.id, BOB.id, BOB.id])


async def test_what_was_just_made_may_be_finished(session):
    case = Dossier(owner_id=ADA.id, title="new")
    session.add(case)
    await session.flush()
    case.title = "newer"
    await session.flush()
    case.owner_id = BOB.id
    with pytest.raises(ForbiddenWriteError):
        await session.flush()


async def test_a_merged_copy_is_written_only_over_a_loaded_object(session):
    case = await load(session, "mine", "edit")
    await session.merge(Dossier(id=case.id, title="merged"))
    await session.flush()
    assert case.title == "merged"


async def test_a_merged_copy_over_a_viewed_object_is_not_written(session):
    case = await load(session, "mine", "view")
    await session.merge(Dossier(id=case.id, title="merged"))
    with pytest.raises(ForbiddenWriteError):
        await session.flush()


async def test_a_forged_object_is_not_written(session):
    theirs = (await session.scalars(unscoped(select(Dossier.id).where(Dossier.title == "theirs"), TEST))).one()
    forged = Dossier(id=theirs)
    make_transient_to_detached(forged)
    session.add(forged)
    forged.title = "forged"
    with pytest.raises(ForbiddenWriteError):
        await session.flush()


async def test_an_object_of_another_session_brings_no_grant_along(begin):
    first = begin()
    case = await load(first.session, "mine", "edit")
    await first.finish(200)
    second = begin()
    second.session.add(case)
    case.title = "changed"
    with pytest.raises(ForbiddenWriteError):
        await second.session.flush()
    await second.finish(500)


async def test_an_object_of_another_session_brings_no_scope_along(begin):
    first = begin(BOB)
    dossier = await load(first.session, "theirs", "view", BOB)
    await first.finish(200)
    second = begin()
    second.session.add(dossier)
    with pytest.raises(UnscopedError):
        await second.session.refresh(dossier)
    await second.finish(500)


async def test_an_exempt_load_is_no_grant(session):
    case = (await session.scalars(unscoped(select(Dossier).where(Dossier.title == "mine"), TEST))).one()
    case.title = "changed"
    with pytest.raises(ForbiddenWriteError):
        await session.flush()


# -- collections


async def test_a_row_added_to_a_collection_is_checked_as_an_insert(session):
    case = await load(session, "shared", "view", options=[selectinload(Dossier.notes)])
    case.notes.append(Remark(text="a comment"))
    await session.flush()


async def test_an_orphan_is_a_deletion(session):
    case = await load(session, "mine", "edit", options=[selectinload(Dossier.notes)])
    case.notes.clear()
    with pytest.raises(ForbiddenWriteError, match="Remark was deleted"):
        await session.flush()


@pytest.mark.parametrize(
    ("may", "passes"), [pytest.param("share", True, id="writing"), pytest.param("view", False, id="viewing")]
)
async def test_a_member_is_added_by_whoever_may_change_the_case(session, may, passes):
    case = await load(session, "mine", may, options=[selectinload(Dossier.members)])
    case.members.append((await session.scalars(select(Person).where(Person.id == BOB.id))).one())
    if passes:
        await session.flush()
    else:
        with pytest.raises(ForbiddenWriteError):
            await session.flush()


async def test_a_member_is_removed_only_by_whoever_may_change_the_case(session):
    case = await load(session, "shared", "view", options=[selectinload(Dossier.members)])
    case.members.clear()
    with pytest.raises(ForbiddenWriteError):
        await session.flush()


async def person(session, actor):
    """Somebody, with what belongs to them as far as Ada may see it."""
    everything = select(Person).where(Person.id == actor.id)
    everything = everything.options(selectinload(Person.cases), selectinload(Person.joined))
    return (await session.scalars(scoped(everything, ADA))).one()


@pytest.mark.parametrize("is_loaded", [pytest.param(True, id="loaded"), pytest.param(False, id="not-loaded")])
@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda people, theirs: people[0].joined.remove(theirs), id="taken-out"),
        pytest.param(lambda people, theirs: people[1].joined.append(theirs), id="put-in"),
        pytest.param(lambda people, theirs: people.append(Person(name="eve", joined=[theirs])), id="with-a-new-object"),
    ],
)
async def test_a_change_of_ones_own_members_lets_no_others_through(session, truth, change, is_loaded):
    """The rows are those of one table, and come from the side that has no policy."""
    people = [await person(session, ADA), await person(session, BOB)]
    mine = await load(session, "mine", "edit", options=[selectinload(Dossier.members)])
    shared = await load(session, "shared", "view", options=[selectinload(Dossier.members)] if is_loaded else [])
    mine.members.append(people[1])
    change(people, shared)
    session.add_all(people)
    with pytest.raises((ForbiddenWriteError, UnscopedError)):
        await session.flush()
    await session.rollback()
    assert len(await truth(guarded_members.c.case_id)) == 2


async def test_ones_own_members_may_be_changed_from_the_other_side(session, truth):
    bob = await person(session, BOB)
    mine = await load(session, "mine", "edit")
    bob.joined.append(mine)
    await session.commit()
    assert mine.id in await truth(guarded_members.c.case_id)
    bob.joined.remove(mine)
    await session.commit()
    assert mine.id not in await truth(guarded_members.c.case_id)


async def test_rows_of_members_come_and_go_with_their_case(session, truth):
    session.add(Dossier(owner_id=ADA.id, title="new", members=[await person(session, BOB)]))
    await session.commit()
    assert len(await truth(guarded_members.c.case_id)) == 3
    loaded = [selectinload(Dossier.members), selectinload(Dossier.notes)]
    await session.delete(await load(session, "new", "delete", options=loaded))
    await session.commit()
    assert len(await truth(guarded_members.c.case_id)) == 2


async def test_what_may_only_be_viewed_may_be_put_into_a_collection_of_ones_own(session, truth):
    """The row counts as a change of the object that holds the collection, whatever the other side calls it."""
    paper = await load(session, "mine", "edit", model=Paper, column=Paper.name, options=[selectinload(Paper.labels)])
    paper.labels.append(await load(session, "urgent", "view", model=Label, column=Label.text))
    await session.commit()
    assert await truth(guarded_labellings.c.paper_id) == [paper.id]


async def test_nothing_is_put_into_a_collection_of_somebody_elses(session):
    async with session.begin_nested():
        paper = (await session.scalars(unscoped(select(Paper).where(Paper.name == "theirs"), TEST))).one()
        label = await load(
            session, "urgent", "view", model=Label, column=Label.text, options=[selectinload(Label.papers)]
        )
    label.papers.append(paper)
    with pytest.raises(ForbiddenWriteError):
        await session.flush()


async def test_rows_of_a_listener_are_those_of_the_object_that_changed(session):
    shared = await load(session, "shared", "view")

    def listener(_mapper, connection, _target):
        connection.execute(guarded_members.insert(), [{"case_id": shared.id, "person_id": BOB.id}])

    mine = await load(session, "mine", "edit", options=[selectinload(Dossier.members)])
    mine.title = "changed"
    mine.members.append(await person(session, BOB))
    event.listen(Dossier, "after_update", listener)
    try:
        with pytest.raises(UnscopedError):
            await session.flush()
    finally:
        event.remove(Dossier, "after_update", listener)


async def test_deleting_something_unguarded_does_not_reach_guarded_rows(session, truth):
    await session.delete(await person(session, ADA))
    with pytest.raises((ForbiddenWriteError, UnscopedError)):
        await session.flush()
    await session.rollback()
    assert len(await truth(Dossier.title)) == 3
    assert len(await truth(guarded_members.c.case_id)) == 2


# -- the flush is no open door


async def test_statements_of_a_listener_inside_a_flush_need_their_scope(session):
    def listener(_mapper, connection, _target):
        connection.execute(Dossier.__table__.update().values(title="smuggled"))

    case = await load(session, "mine", "edit")
    case.title = "changed"
    event.listen(Dossier, "after_update", listener)
    try:
        with pytest.raises(UnscopedError):
            await session.flush()
    finally:
        event.remove(Dossier, "after_update", listener)


async def test_approval_ends_with_its_flush(session):
    case = await load(session, "mine", "edit")
    case.title = "changed"
    await session.flush()
    with pytest.raises(UnscopedError):
        await session.execute(Dossier.__table__.update().values(title="smuggled"))


async def test_approval_ends_with_a_flush_that_failed(session):
    session.add(Dossier(owner_id=BOB.id, title="new"))
    with pytest.raises(ForbiddenWriteError):
        await session.flush()
    await session.rollback()
    with pytest.raises(UnscopedError):
        await session.execute(Dossier.__table__.update().values(title="smuggled"))


async def test_a_savepoint_changes_nothing(session):
    async with session.begin_nested():
        case = await load(session, "mine", "edit")
        case.title = "changed"
    with pytest.raises(ForbiddenWriteError):
        async with session.begin_nested():
            session.add(Dossier(owner_id=BOB.id, title="new"))


# -- who acts


@pytest.mark.parametrize(
    "write",
    [
        pytest.param(lambda session: session.add(Dossier(owner_id=ADA.id, title="new")), id="insert"),
    ],
)
async def test_a_session_that_acts_for_nobody_writes_nothing(database, write):
    unit = Unit(database, is_read_only=False)
    write(unit.session)
    with pytest.raises(ForbiddenWriteError, match="acts for nobody"):
        await unit.session.flush()
    await unit.finish(500)


async def test_an_exempt_session_writes_and_reads_everything(database, truth):
    async with Unit(database, is_read_only=False) as unit:
        bind_unscoped(unit.session, TEST)
        for case in (await unit.session.scalars(select(Dossier))).all():
            case.title = f"archived {case.title}"
        unit.session.add(Paper(owner_id=ADA.id, name="new"))
    assert await truth(Dossier.title) == ["archived mine", "archived shared", "archived theirs"]


async def test_an_exemption_needs_a_reason_and_comes_first(database):
    async with Unit(database, is_read_only=True) as unit:
        with pytest.raises(ConfigError):
            bind_unscoped(unit.session, "because")
        await unit.session.scalars(select(Person))
        with pytest.raises(ConfigError):
            bind_unscoped(unit.session, TEST)


async def test_a_session_has_an_actor_or_a_reason_not_both(session, database):
    assert acting_of(session).actor == ADA
    with pytest.raises(ConfigError):
        bind_unscoped(session, Because("an attempt to get rid of the actor"))
    async with Unit(database, is_read_only=True) as unit:
        bind_unscoped(unit.session, TEST)
        with pytest.raises(ConfigError):
            bind_actor(unit.session, ADA)


async def test_a_superuser_passes_and_is_told_once(begin):
    events = []
    unit = begin(ROOT, events)
    await unit.session.scalars(select(Person))
    assert events == []
    for title in ("mine", "theirs"):
        case = await load(unit.session, title, "edit", ROOT)
        case.title = f"{title} by root"
    await unit.session.flush()
    assert events == [("authz_admin", "superuser_passes_policies")]
    await unit.finish(500)


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: (update(Dossier).values(title="x"), "edit"), id="update"),
        pytest.param(lambda: (delete(Remark), "delete"), id="delete"),
        pytest.param(lambda: (select(Person.name).where(Person.cases.any()), "view"), id="subquery"),
    ],
)
async def test_a_superuser_is_told_for_statements_of_every_kind(begin, make):
    events = []
    unit = begin(ROOT, events)
    statement, may = make()
    await unit.session.execute(scoped(statement, ROOT, may))
    assert events == [("authz_admin", "superuser_passes_policies")]
    await unit.finish(500)


async def test_a_superuser_is_told_for_a_write_alone(begin):
    events = []
    unit = begin(ROOT, events)
    unit.session.add(Dossier(owner_id=BOB.id, title="new"))
    await unit.session.flush()
    assert events == [("authz_admin", "superuser_passes_policies")]
    await unit.finish(500)


async def test_a_superuser_who_forgets_the_scope_is_refused_like_anybody(begin):
    unit = begin(ROOT)
    with pytest.raises(UnscopedError):
        await unit.session.scalars(select(Dossier))
    await unit.finish(500)


async def test_the_anonymous_get_nothing_unless_the_policy_serves_them(begin):
    unit = begin(ANONYMOUS)
    assert (await unit.session.scalars(scoped(select(Dossier), ANONYMOUS))).all() == []
    await unit.finish(500)


async def test_an_unflushed_key_is_random_and_known(session):
    case = Dossier(id=uuid.uuid4(), owner_id=ADA.id, title="new")
    session.add(case)
    await session.flush()
    assert inspect(case).persistent
