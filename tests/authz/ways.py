"""The ways to reach a guarded model. Each takes a session and `scope`, which puts the scope on a statement or leaves it out.

In scope a way returns what it got: titles of cases, texts of notes, or how many rows it has changed.
"""

import pytest
from sqlalchemy import (
    alias,
    bindparam,
    delete,
    exists,
    func,
    insert,
    literal,
    select,
    true,
    tuple_,
    union,
    union_all,
    update,
)
from sqlalchemy.orm import (
    Bundle,
    aliased,
    contains_eager,
    defer,
    immediateload,
    joinedload,
    lazyload,
    load_only,
    selectin_polymorphic,
    selectinload,
    subqueryload,
    undefer,
    with_polymorphic,
)

from tests.authz.models import Contract, Dossier, Drawer, Paper, Person, Remark, guarded_members

cases = Dossier.__table__
notes = Remark.__table__

VISIBLE = ["mine", "shared"]
NOTES = ["note of mine", "note of shared"]
WAYS = []


def way(expected, **marks):
    """Register a way, with what it gives in scope."""

    def register(function):
        WAYS.append(pytest.param(function, expected, id=function.__name__.replace("_", "-"), **marks))
        return function

    return register


async def scalars(session, statement):
    return sorted((await session.scalars(statement)).unique().all())


# -- the ORM's own statements


@way(VISIBLE)
async def select_entity(session, scope):
    return sorted(case.title for case in (await session.scalars(scope(select(Dossier)))).all())


@way(VISIBLE)
async def select_column(session, scope):
    return await scalars(session, scope(select(Dossier.title)))


@way([2])
async def select_count(session, scope):
    return await scalars(session, scope(select(func.count()).select_from(Dossier)))


@way([("shared",), ("mine",)])
async def order_and_limit(session, scope):
    return (await session.execute(scope(select(Dossier.title).order_by(Dossier.title.desc()).limit(2)))).all()


@way([("mine",)])
async def offset(session, scope):
    return (await session.execute(scope(select(Dossier.title).order_by(Dossier.title.desc()).limit(1).offset(1)))).all()


@way(VISIBLE)
async def where_that_is_always_true(session, scope):
    return await scalars(session, scope(select(Dossier.title).where(Dossier.is_open | ~Dossier.is_open | true())))


@way(VISIBLE)
async def alias_of_model(session, scope):
    other = aliased(Dossier, name="other")
    return await scalars(session, scope(select(other.title)))


@way(VISIBLE)
async def alias_of_alias(session, scope):
    once = alias(cases, "once")
    twice = once.alias("twice")
    return await scalars(session, scope(select(twice.c.title)))


@way(["mine", "mine", "shared", "shared"])
async def self_join(session, scope):
    other = aliased(Dossier)
    return sorted((await session.scalars(scope(select(Dossier.title).join(other, true())))).all())


@way([("mine", "note of mine"), ("shared", "note of shared")])
async def join_both_guarded(session, scope):
    return sorted(
        map(tuple, (await session.execute(scope(select(Dossier.title, Remark.text).join(Dossier.notes)))).all())
    )


@way(VISIBLE)
async def join_to_it_from_an_unguarded_model(session, scope):
    return await scalars(session, scope(select(Dossier.title).select_from(Person).join(Person.cases)))


@way([("ada", 1), ("bob", 1)])
async def outer_join_keeps_the_left_side(session, scope):
    counted = select(Person.name, func.count(Dossier.id)).outerjoin(Person.cases).group_by(Person.name)
    return sorted(map(tuple, (await session.execute(scope(counted))).all()))


@way([("ada", "mine"), ("bob", "shared")])
async def nested_join_in_an_outer_join(session, scope):
    inner = select(Dossier.owner_id, Dossier.title, Remark.text).join(Dossier.notes).subquery()
    statement = select(Person.name, inner.c.title).outerjoin(inner, inner.c.owner_id == Person.id)
    return sorted(map(tuple, (await session.execute(scope(statement))).all()))


@way(VISIBLE)
async def implicit_cross_join(session, scope):
    statement = scope(select(Dossier.title).where(Dossier.owner_id == Person.id))
    return await scalars(session, statement)


@way(VISIBLE)
async def bundle(session, scope):
    rows = (await session.execute(scope(select(Bundle("row", Dossier.title))))).all()
    return sorted(row[0].title for row in rows)


@way(VISIBLE)
async def load_only_some_columns(session, scope):
    return sorted(
        case.title for case in await session.scalars(scope(select(Dossier).options(load_only(Dossier.title))))
    )


@way(["mine", "shared"])
async def from_statement(session, scope):
    # The inner statement is what reaches the table, so the scope goes there.
    statement = select(Dossier).from_statement(scope(select(Dossier)))
    return sorted(case.title for case in await session.scalars(statement))


# -- subqueries


@way(VISIBLE)
async def subquery(session, scope):
    inner = select(Dossier.title).subquery()
    return await scalars(session, scope(select(inner.c.title)))


@way(VISIBLE)
async def subquery_of_subquery(session, scope):
    inner = select(select(select(Dossier.title).subquery()).subquery().c.title)
    return await scalars(session, scope(inner))


@way(VISIBLE)
async def entity_from_a_subquery(session, scope):
    of = aliased(Dossier, select(Dossier).subquery())
    return sorted(case.title for case in await session.scalars(scope(select(of))))


@way(VISIBLE)
async def cte(session, scope):
    inner = select(Dossier.title).cte("inner_cases")
    return await scalars(session, scope(select(inner.c.title)))


@way(["mine", "mine", "shared", "shared"])
async def recursive_cte(session, scope):
    start = select(Dossier.id, Dossier.title, literal(0).label("level")).cte("tree", recursive=True)
    tree = start.union_all(
        select(Dossier.id, Dossier.title, start.c.level + 1)
        .join(start, start.c.id == Dossier.id)
        .where(start.c.level < 1)
    )
    return sorted((await session.scalars(scope(select(tree.c.title)))).all())


@way(["ada", "bob"])
async def in_subquery(session, scope):
    statement = select(Person.name).where(Person.id.in_(select(Dossier.owner_id).where(Dossier.title != "x")))
    return await scalars(session, scope(statement))


@way([])
async def exists_subquery_about_somebody_elses(session, scope):
    statement = select(Person.name).where(exists().where(Dossier.owner_id == Person.id, Dossier.title == "theirs"))
    return await scalars(session, scope(statement))


@way([])
async def relationship_any(session, scope):
    return await scalars(session, scope(select(Person.name).where(Person.cases.any(Dossier.title == "theirs"))))


@way([("ada", 1), ("bob", 1)])
async def scalar_subquery_in_columns(session, scope):
    counted = select(func.count(Dossier.id)).where(Dossier.owner_id == Person.id).scalar_subquery()
    return sorted(map(tuple, (await session.execute(scope(select(Person.name, counted)))).all()))


@way([("ada",), ("bob",)])
async def scalar_subquery_in_order_by(session, scope):
    newest = select(func.max(Dossier.title)).where(Dossier.owner_id == Person.id).scalar_subquery()
    return [*map(tuple, (await session.execute(scope(select(Person.name).order_by(newest)))).all())]


@way(["ada", "bob"])
async def subquery_in_having(session, scope):
    counted = select(func.count(Dossier.id)).where(Dossier.owner_id == Person.id).correlate(Person).scalar_subquery()
    return await scalars(session, scope(select(Person.name).group_by(Person.id, Person.name).having(counted == 1)))


@way(VISIBLE)
async def union_of_two(session, scope):
    return await scalars(session, scope(union(select(Dossier.title), select(Dossier.title).where(Dossier.is_open))))


@way(["ada", "bob", "mine", "shared"])
async def union_with_an_unguarded_model(session, scope):
    return await scalars(session, scope(union_all(select(Person.name), select(Dossier.title))))


@way(VISIBLE)
async def entities_from_a_union(session, scope):
    both = union_all(select(Dossier).where(Dossier.is_open), select(Dossier).where(~Dossier.is_open)).subquery()
    return sorted(case.title for case in await session.scalars(scope(select(aliased(Dossier, both)))))


@way([("mine", 1), ("shared", 2)])
async def window_function(session, scope):
    number = func.row_number().over(order_by=Dossier.title)
    return sorted(map(tuple, (await session.execute(scope(select(Dossier.title, number)))).all()))


@way(["bob"])
async def tuple_in_subquery(session, scope):
    statement = select(Person.name).where(
        tuple_(Person.id, Person.name).in_(select(Dossier.owner_id, literal("bob")).where(Dossier.title != "mine"))
    )
    return await scalars(session, scope(statement))


# -- relationships


@way(["note of mine", "note of shared"])
async def eager_selectin(session, scope):
    found = (await session.scalars(scope(select(Dossier).options(selectinload(Dossier.notes))))).all()
    return sorted(note.text for case in found for note in case.notes)


@way(["note of mine", "note of shared"])
async def eager_joined(session, scope):
    found = (await session.scalars(scope(select(Dossier).options(joinedload(Dossier.notes))))).unique().all()
    return sorted(note.text for case in found for note in case.notes)


@way(["note of mine", "note of shared"])
async def eager_joined_with_limit(session, scope):
    statement = select(Dossier).options(joinedload(Dossier.notes)).order_by(Dossier.title).limit(2)
    found = (await session.scalars(scope(statement))).unique().all()
    return sorted(note.text for case in found for note in case.notes)


@way(["note of mine", "note of shared"])
async def eager_subquery(session, scope):
    found = (await session.scalars(scope(select(Dossier).options(subqueryload(Dossier.notes))))).all()
    return sorted(note.text for case in found for note in case.notes)


@way(["note of mine", "note of shared"])
async def eager_immediate(session, scope):
    found = (await session.scalars(scope(select(Dossier).options(immediateload(Dossier.notes))))).all()
    return sorted(note.text for case in found for note in case.notes)


@way(["note of mine", "note of shared"])
async def contains_eager_of_a_join(session, scope):
    statement = select(Dossier).join(Dossier.notes).options(contains_eager(Dossier.notes))
    found = (await session.scalars(scope(statement))).unique().all()
    return sorted(note.text for case in found for note in case.notes)


@way(VISIBLE)
async def eager_from_an_unguarded_parent(session, scope):
    people = (await session.scalars(scope(select(Person).options(selectinload(Person.cases))))).all()
    return sorted(case.title for person in people for case in person.cases)


@way(["note of mine", "note of shared"])
async def eager_of_eager(session, scope):
    statement = select(Person).options(selectinload(Person.cases).selectinload(Dossier.notes))
    people = (await session.scalars(scope(statement))).all()
    return sorted(note.text for person in people for case in person.cases for note in case.notes)


@way(VISIBLE)
async def mapper_that_joins_by_itself(session, scope):
    shelves = (await session.scalars(scope(select(Drawer)))).unique().all()
    return sorted(shelf.case.title for shelf in shelves if shelf.case is not None)


@way(VISIBLE)
async def lazy_load(session, scope):
    people = (await session.scalars(scope(select(Person).options(lazyload(Person.cases))))).all()
    return sorted(await session.run_sync(lambda _: [case.title for person in people for case in person.cases]))


@way(VISIBLE)
async def many_to_many(session, scope):
    statement = select(Dossier).options(selectinload(Dossier.members)).order_by(Dossier.title)
    return [case.title for case in (await session.scalars(scope(statement))).all() if case.members is not None]


@way([("shared", "ada")])
async def join_over_an_association_table(session, scope):
    return [*map(tuple, (await session.execute(scope(select(Dossier.title, Person.name).join(Dossier.members)))).all())]


@way([1])
async def association_table_alone(session, scope):
    return await scalars(session, scope(select(func.count()).select_from(guarded_members)))


@way(VISIBLE)
async def deferred_column(session, scope):
    found = (await session.scalars(scope(select(Dossier).options(defer(Dossier.title))))).all()
    return sorted(await session.run_sync(lambda _: [case.title for case in found]))


@way(VISIBLE)
async def undeferred_column(session, scope):
    return sorted(case.title for case in await session.scalars(scope(select(Dossier).options(undefer(Dossier.title)))))


# -- inheritance


@way(["contract mine", "mine"])
async def base_of_a_hierarchy(session, scope):
    return sorted(paper.name for paper in await session.scalars(scope(select(Paper))))


@way(["contract mine"])
async def joined_subclass(session, scope):
    return sorted(paper.name for paper in await session.scalars(scope(select(Contract))))


@way([7])
async def table_of_a_subclass(session, scope):
    return await scalars(session, scope(select(Contract.__table__.c.amount)))


@way(["contract mine", "mine"])
async def polymorphic_entity(session, scope):
    everything = with_polymorphic(Paper, [Contract])
    return sorted(paper.name for paper in await session.scalars(scope(select(everything))))


@way([7])
async def subclasses_by_selectin(session, scope):
    statement = select(Paper).options(selectin_polymorphic(Paper, [Contract]))
    papers = (await session.scalars(scope(statement))).all()
    return [paper.amount for paper in papers if isinstance(paper, Contract)]


# -- Core


@way(VISIBLE)
async def core_select(session, scope):
    return await scalars(session, scope(select(cases.c.title)))


@way(VISIBLE)
async def core_select_star(session, scope):
    return sorted(row.title for row in (await session.execute(scope(select(cases)))).all())


@way(VISIBLE)
async def core_table_alias(session, scope):
    other = cases.alias()
    return await scalars(session, scope(select(other.c.title)))


@way([("ada", "mine"), ("bob", "shared")])
async def core_join(session, scope):
    people = Person.__table__
    joined = people.join(cases, people.c.id == cases.c.owner_id)
    return sorted(
        map(tuple, (await session.execute(scope(select(people.c.name, cases.c.title).select_from(joined)))).all())
    )


@way(VISIBLE)
async def statement_on_the_connection(session, scope):
    connection = await session.connection()
    return sorted((await connection.scalars(scope(select(cases.c.title)))).all())


@way(VISIBLE)
async def statement_in_run_sync(session, scope):
    return sorted(await session.run_sync(lambda sync: sync.scalars(scope(select(Dossier.title))).all()))


@way(VISIBLE)
async def streamed(session, scope):
    result = await session.stream_scalars(scope(select(Dossier.title)))
    return sorted([title async for title in result])


@way(VISIBLE)
async def in_portions(session, scope):
    statement = scope(select(Dossier.title)).execution_options(yield_per=1)
    return sorted(await session.run_sync(lambda sync: sync.scalars(statement).all()))


@way(VISIBLE)
async def partitions_of_a_stream(session, scope):
    result = await session.stream(scope(select(Dossier)).execution_options(yield_per=1))
    return sorted([row[0].title async for rows in result.partitions() for row in rows])


# -- bulk writes


@way(1)
async def bulk_update(session, scope):
    return (await session.execute(scope(update(Dossier).values(title="changed"), may="edit"))).rowcount


@way(1)
async def bulk_update_with_fetch(session, scope):
    statement = update(Dossier).values(title="changed").execution_options(synchronize_session="fetch")
    return (await session.execute(scope(statement, may="edit"))).rowcount


@way(["mine"])
async def bulk_update_returning(session, scope):
    statement = update(Dossier).values(is_open=False).returning(Dossier.title)
    return await scalars(session, scope(statement, may="edit"))


@way(0)
async def bulk_update_of_somebody_elses(session, scope):
    statement = update(Dossier).where(Dossier.title == "theirs").values(title="changed")
    return (await session.execute(scope(statement, may="edit"))).rowcount


@way(1)
async def bulk_update_by_subquery(session, scope):
    chosen = select(Dossier.id).where(Dossier.title != "x")
    statement = update(Dossier).where(Dossier.id.in_(chosen)).values(title="changed")
    return (await session.execute(scope(statement, may="edit"))).rowcount


@way(1)
async def core_update(session, scope):
    return (await session.execute(scope(cases.update().values(title="changed"), may="edit"))).rowcount


@way(1)
async def core_update_of_many(session, scope):
    statement = scope(cases.update().where(cases.c.title == bindparam("old")).values(title="changed"), may="edit")
    await session.execute(statement, [{"old": "mine"}, {"old": "theirs"}])
    return len((await session.scalars(scope(select(Dossier.id).where(Dossier.title == "changed")))).all())


@way(1)
async def bulk_delete(session, scope):
    return (await session.execute(scope(delete(Remark), may="delete"))).rowcount


@way(["note of mine"])
async def bulk_delete_returning(session, scope):
    return await scalars(session, scope(delete(Remark).returning(Remark.text), may="delete"))


@way(1)
async def core_delete(session, scope):
    return (await session.execute(scope(notes.delete(), may="delete"))).rowcount


@way(1)
async def update_in_a_cte(session, scope):
    # The database runs it although only its result is asked for.
    changed = scope(update(Dossier).values(title="changed"), may="edit")
    if session.get_bind().dialect.name == "sqlite":
        return (await session.execute(changed)).rowcount
    return await session.scalar(select(func.count()).select_from(changed.returning(cases.c.id).cte("changed")))


@way(2)
async def insert_from_select(session, scope):
    # The rows come from a guarded table, and go where no policy is.
    source = scope(select(Dossier.id, Dossier.title, Dossier.id))
    target = Drawer.__table__
    statement = insert(target).from_select(["id", "label", "case_id"], source)
    return (await session.execute(statement)).rowcount
