"""How policies are declared, evaluated and bound: what is refused, and that values never stay in a cached statement."""

import gc
import uuid
from types import new_class

import pytest
from sqlalchemy import Column, ForeignKey, Table, and_, event, select, true
from sqlalchemy.orm import DeclarativeBase, Mapped, aliased, mapped_column, relationship

from fastness import Model, PublicID
from fastness.auth.users import User
from fastness.authz.actors import ANONYMOUS, Actor
from fastness.authz.errors import PolicyError, UnscopedError
from fastness.authz.policies import Policy
from fastness.authz.registry import Registry, registry
from fastness.authz.scope import condition, scoped
from fastness.db.unit import Unit
from tests.authz.conftest import ADA, BOB, ROOT
from tests.authz.models import Contract, Dossier, DossierPolicy, Paper, Person, Plain, Remark


class Foreign(DeclarativeBase):
    pass


class Stranger(Foreign):
    __tablename__ = "guarded_strangers"
    id: Mapped[int] = mapped_column(primary_key=True)


@pytest.fixture
def own_registry(monkeypatch):
    """Declarations of this test leave no policy behind."""
    monkeypatch.setitem(Model.metadata.info, "fastness_policies", Registry())


def declare(model, **methods):
    return new_class(
        "Declared", (Policy.__class_getitem__(model),), exec_body=lambda namespace: namespace.update(methods)
    )


def view(_self, actor):
    return Plain.owner_id == actor.id


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: declare(Plain), id="no-view"),
        pytest.param(lambda: declare(Plain, edit=view), id="other-actions-only"),
        pytest.param(lambda: declare(Plain, view=view, condition=view), id="name-of-the-base"),
        pytest.param(lambda: declare(Contract, view=view), id="subclass-of-a-model"),
        pytest.param(lambda: declare(User, view=view), id="model-of-the-framework"),
        pytest.param(lambda: declare(Stranger, view=view), id="other-declarative-base"),
        pytest.param(lambda: declare(int, view=view), id="no-model"),
        pytest.param(lambda: [declare(Plain, view=view), declare(Plain, view=view)], id="second-policy"),
        pytest.param(lambda: new_class("Heir", (declare(Plain, view=view),)), id="policy-of-a-policy"),
    ],
)
def test_a_declaration_that_cannot_be_right_is_refused(own_registry, make):
    with pytest.raises(PolicyError):
        make()


def test_one_that_is_right_is_not(own_registry):
    policy = declare(Plain, view=view)
    assert policy.actions == {"view"}
    assert policy.model is Plain


@pytest.mark.parametrize(
    "returned",
    [
        pytest.param(lambda actor: actor.id == ADA.id, id="bool-of-python"),
        pytest.param(lambda actor: None, id="nothing"),
        pytest.param(lambda actor: "owner_id = 1", id="text"),
        pytest.param(lambda actor: Person.id == actor.id, id="column-of-another-table"),
        pytest.param(
            lambda actor: and_(Plain.owner_id == Dossier.owner_id, Dossier.title == "x"), id="join-without-a-subquery"
        ),
    ],
)
def test_a_method_returns_a_condition_on_its_own_model(own_registry, returned):
    policy = declare(Plain, view=lambda _self, actor: returned(actor))()
    with pytest.raises(PolicyError):
        policy.condition(ADA, "view")


def test_a_condition_in_sql_passes(own_registry):
    policy = declare(Plain, view=lambda _self, actor: (Plain.owner_id == actor.id) & true())()
    assert policy.condition(ADA, "view") is not None


@pytest.mark.parametrize(
    ("actor", "expected"),
    [
        pytest.param(ROOT, "true", id="superuser"),
        pytest.param(ANONYMOUS, "false", id="anonymous"),
        pytest.param(Actor(id=uuid.UUID(int=0)), "guarded_cases.owner_id = :owner_id_1", id="signed-in"),
    ],
)
def test_who_is_asked_about_and_who_is_not(actor, expected):
    assert str(condition(Dossier, actor, "edit")) == expected


def test_the_anonymous_are_asked_about_where_the_policy_serves_them(own_registry):
    policy = declare(Plain, view=view, serves_anonymous=True)()
    assert "owner_id" in str(policy.condition(ANONYMOUS, "view"))


def test_an_action_that_nobody_wrote_is_refused():
    with pytest.raises(PolicyError, match="edti"):
        DossierPolicy().condition(ROOT, "edti")


@pytest.mark.parametrize("name", ["__init__", "_checked", "condition", "table_model", "writing", "model", "actions"])
def test_attributes_of_the_class_are_no_actions(name):
    with pytest.raises(PolicyError):
        DossierPolicy().condition(ADA, name)


async def test_two_actors_share_a_cached_statement_and_see_their_own_rows(database, begin):
    sent = []

    def note(_connection, _cursor, text, parameters, context, _many):
        if "guarded_cases" in text:
            sent.append((text, context.cache_hit.name, repr(parameters)))

    event.listen(database.write.sync_engine, "before_cursor_execute", note)
    seen = {}
    for actor in (ADA, BOB):
        unit = begin(actor)
        titles = await unit.session.scalars(scoped(select(Dossier.title).order_by(Dossier.title), actor))
        seen[actor.id] = titles.all()
        await unit.finish(500)
    event.remove(database.write.sync_engine, "before_cursor_execute", note)
    assert seen == {ADA.id: ["mine", "shared"], BOB.id: ["shared", "theirs"]}
    (first, _, hers), (second, hit, his) = sent
    assert first == second
    assert hit == "CACHE_HIT"
    assert hers != his


async def test_so_do_the_statements_of_eager_loading(begin):
    seen = {}
    for actor in (ADA, BOB, ADA):
        unit = begin(actor)
        people = select(Person).order_by(Person.name)
        loaded = (await unit.session.scalars(scoped(people.options(*with_cases()), actor))).all()
        seen.setdefault(actor.id, []).append(sorted(case.title for person in loaded for case in person.cases))
        await unit.finish(500)
    assert seen == {ADA.id: [["mine", "shared"]] * 2, BOB.id: [["shared", "theirs"]]}


def with_cases():
    from fastness.db.model import load_options

    return load_options([(Person.cases, Dossier.notes)])


async def test_a_superuser_and_an_actor_do_not_share_one(begin):
    for actor, expected in ((ROOT, 3), (ADA, 2), (ROOT, 3)):
        unit = begin(actor)
        assert len((await unit.session.scalars(scoped(select(Dossier.id), actor))).all()) == expected
        await unit.finish(500)


async def test_a_policy_means_the_same_whatever_is_joined_beside_it(session):
    """Its subqueries do not take the tables of the statement around them for their own."""
    beside = aliased(Dossier)
    statements = [
        select(Remark.text),
        select(Remark.text).join(Remark.case),
        select(Remark.text).join(Dossier, true()),
        select(Remark.text).join(beside, true()).join(Person, true()),
        select(Remark.text).where(Remark.case_id.in_(select(Dossier.id))),
    ]
    for statement in statements:
        found = set((await session.scalars(scoped(statement, ADA))).all())
        assert found == {"note of mine", "note of shared"}


async def test_actions_are_said_for_each_model(session):
    joined = select(Dossier.title, Remark.text).join(Dossier.notes)
    rows = (await session.execute(scoped(joined, ADA, {Dossier: "view", Remark: "edit"}))).all()
    assert [tuple(row) for row in rows] == [("mine", "note of mine")]


async def test_the_first_model_gets_the_action_and_the_others_view(session):
    rows = (await session.execute(scoped(select(Dossier.title, Remark.text).join(Dossier.notes), ADA, "edit"))).all()
    assert [tuple(row) for row in rows] == [("mine", "note of mine")]


def test_a_relationship_whose_writes_nobody_sees_is_refused(own_registry):
    links = Table(
        "guarded_blind_links",
        Model.metadata,
        Column("plain_id", ForeignKey("guarded_plain.id"), primary_key=True),
        Column("blind_id", ForeignKey("guarded_blind.id"), primary_key=True),
    )

    class Blind(Model):
        __tablename__ = "guarded_blind"
        id: Mapped[PublicID]
        plains: Mapped[list[Plain]] = relationship(secondary=links)

    declare(Plain, view=view)
    with pytest.raises(PolicyError, match="back_populates"):
        _ = registry().guards
    assert Blind.__tablename__


def test_a_late_relationship_with_an_update_of_its_own_is_refused(own_registry):
    class Bookcase(Model):
        __tablename__ = "guarded_shelf"
        id: Mapped[PublicID]

    class Volume(Model):
        __tablename__ = "guarded_volume"
        id: Mapped[PublicID]
        shelf_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey(Bookcase.id))

    declare(Volume, view=view)
    gc.collect()
    assert list(registry().guards) == ["guarded_volume"]
    # Its UPDATE of other rows would go with those that a flush was allowed.
    Bookcase.volumes = relationship(Volume, post_update=True)
    with pytest.raises(PolicyError, match="post_update"):
        _ = registry().guards


async def test_a_policy_that_comes_late_holds_for_statements_that_ran_before(own_registry, database):
    # Models of other tests, which this registry would refuse, go when somebody looks for them.
    gc.collect()
    async with Unit(database, is_read_only=True) as unit:
        assert (await unit.session.scalars(select(Plain))).all() == []
        policy = declare(Plain, view=view)
        with pytest.raises(UnscopedError):
            await unit.session.scalars(select(Plain))
        assert (await unit.session.scalars(scoped(select(Plain.id), ADA))).all() == []
    assert policy.model is Plain


def test_the_papers_of_a_hierarchy_have_one_policy():
    assert registry().policy_of(Contract) is registry().policy_of(Paper)
