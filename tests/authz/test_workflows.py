import asyncio
import uuid

import pytest
from sqlalchemy import func, insert, select, update

from fastness import Because, Transition, Workflow
from fastness.authz.acting import bind_actor, bind_unscoped
from fastness.authz.actors import ANONYMOUS, Actor
from fastness.authz.advancing import advance, possible_steps
from fastness.authz.errors import ForbiddenWriteError, PolicyError, TransitionRefusedError, UnscopedError
from fastness.authz.objects import Objects
from fastness.authz.registry import registry
from fastness.authz.scope import scoped, unscoped
from fastness.authz.workflows import declared_workflows
from fastness.db.unit import Unit
from tests.authz.flowmodels import (
    Letter,
    Line,
    Order,
    OrderFlow,
    OrderPolicy,
    Packet,
    PacketFlow,
    Stage,
)
from tests.authz.models import Drawer

TEST = Because("the tests look at what is really there")
OWNER = Actor(id=uuid.UUID(int=11))
CLERK = Actor(id=uuid.UUID(int=12))
STRANGER = Actor(id=uuid.UUID(int=13))
ROOT = Actor(id=uuid.UUID(int=14), is_superuser=True)


@pytest.fixture
def order(database):
    """Writes an order in a stage, with or without a line, and returns its id."""

    async def make(stage=Stage.DRAFT, *, has_line=True):
        async with Unit(database, is_read_only=False) as unit:
            bind_unscoped(unit.session, TEST)
            order = Order(owner_id=OWNER.id, clerk_id=CLERK.id, stage=stage)
            unit.session.add(order)
            await unit.session.flush()
            if has_line:
                unit.session.add(Line(order_id=order.id))
            return order.id

    return make


@pytest.fixture
def begin(database):
    def open_unit(actor):
        unit = Unit(database, is_read_only=False)
        bind_actor(unit.session, actor)
        return unit

    return open_unit


async def stage_of(database, key):
    async with Unit(database, is_read_only=True) as unit:
        return await unit.session.scalar(unscoped(select(Order.stage).where(Order.id == key), TEST))


async def take(unit, key, transition):
    target = await unit.session.scalar(unscoped(select(Order).where(Order.id == key), TEST))
    await advance(unit.session, target, transition)
    return target


@pytest.mark.parametrize(
    ("actor", "stage", "transition", "after"),
    [
        pytest.param(OWNER, Stage.DRAFT, OrderFlow.send, Stage.SENT, id="owner sends"),
        pytest.param(CLERK, Stage.SENT, OrderFlow.pay, Stage.PAID, id="clerk collects"),
        pytest.param(ROOT, Stage.SENT, OrderFlow.pay, Stage.PAID, id="superuser collects"),
        pytest.param(OWNER, Stage.PAID, OrderFlow.take_back, Stage.DRAFT, id="owner takes back what is paid"),
        pytest.param(OWNER, Stage.SENT, OrderFlow.take_back, Stage.DRAFT, id="owner takes back what is sent"),
    ],
)
async def test_a_step_is_taken_and_written(database, order, begin, actor, stage, transition, after):
    key = await order(stage)
    async with begin(actor) as unit:
        target = await take(unit, key, transition)
        assert target.stage == after
    assert await stage_of(database, key) == after


@pytest.mark.parametrize(
    ("actor", "stage", "transition", "has_line", "reason"),
    [
        pytest.param(OWNER, Stage.DRAFT, OrderFlow.take_back, True, "state", id="step that does not begin here"),
        pytest.param(CLERK, Stage.DRAFT, OrderFlow.pay, True, "state", id="step that skips one"),
        pytest.param(CLERK, Stage.PAID, OrderFlow.pay, True, "state", id="step taken twice"),
        pytest.param(ROOT, Stage.PAID, OrderFlow.pay, True, "state", id="superuser twice"),
        pytest.param(OWNER, Stage.DRAFT, OrderFlow.send, False, "condition", id="condition that does not hold"),
        pytest.param(ROOT, Stage.DRAFT, OrderFlow.send, False, "condition", id="condition holds for superusers too"),
    ],
)
async def test_a_step_out_of_turn_is_refused(database, order, begin, actor, stage, transition, has_line, reason):
    key = await order(stage, has_line=has_line)
    unit = begin(actor)
    with pytest.raises(TransitionRefusedError) as refused:
        await take(unit, key, transition)
    await unit.finish(500)
    assert refused.value.reason == reason
    assert refused.value.status == 409
    assert (refused.value.public == "An order needs at least one line.") is (reason == "condition")
    assert await stage_of(database, key) == stage


@pytest.mark.parametrize(
    ("actor", "stage", "transition"),
    [
        pytest.param(OWNER, Stage.SENT, OrderFlow.pay, id="owner may not collect"),
        pytest.param(STRANGER, Stage.SENT, OrderFlow.pay, id="stranger"),
        pytest.param(ANONYMOUS, Stage.SENT, OrderFlow.pay, id="nobody"),
        pytest.param(STRANGER, Stage.PAID, OrderFlow.pay, id="who may not is not told the state"),
    ],
)
async def test_a_step_of_somebody_else_is_forbidden(database, order, begin, actor, stage, transition):
    key = await order(stage)
    unit = begin(actor)
    with pytest.raises(ForbiddenWriteError):
        await take(unit, key, transition)
    await unit.finish(500)
    assert await stage_of(database, key) == stage


async def test_of_two_who_take_the_same_step_one_is_refused(database, order, begin):
    key = await order(Stage.SENT)
    both = asyncio.Barrier(2)

    async def collect():
        unit = begin(CLERK)
        target = await unit.session.scalar(unscoped(select(Order).where(Order.id == key), TEST))
        await unit.session.rollback()  # SQLite lets one writer in at a time: both have looked before either writes
        await both.wait()
        try:
            await advance(unit.session, target, OrderFlow.pay)
        except TransitionRefusedError as error:
            await unit.finish(409)
            return error.reason
        await unit.finish(200)
        return "paid"

    assert sorted(await asyncio.gather(collect(), collect())) == ["paid", "state"]


async def test_the_column_is_not_written_by_hand(database, order, begin):
    key = await order(Stage.DRAFT)
    unit = begin(OWNER)
    target = await Objects().load(unit.session, Order, key, OWNER, may="edit")
    target.stage = Stage.PAID
    with pytest.raises(ForbiddenWriteError, match=r"request\.advance"):
        await unit.session.flush()
    await unit.finish(500)
    assert await stage_of(database, key) == Stage.DRAFT


async def test_other_columns_are_written_as_before(database, order, begin):
    key = await order(Stage.SENT)
    async with begin(OWNER) as unit:
        target = await Objects().load(unit.session, Order, key, OWNER, may="edit")
        target.label = "urgent"
        await advance(unit.session, target, OrderFlow.take_back)
        target.label = "not urgent"
    async with Unit(database, is_read_only=True) as unit:
        row = await unit.session.scalar(unscoped(select(Order).where(Order.id == key), TEST))
        assert (row.label, row.stage) == ("not urgent", Stage.DRAFT)


async def test_a_bulk_update_does_not_set_the_column(database, order, begin):
    key = await order(Stage.DRAFT)
    unit = begin(OWNER)
    with pytest.raises(PolicyError, match="stage"):
        await unit.session.execute(scoped(update(Order).values(stage=Stage.PAID), OWNER, "edit"))
    await unit.finish(500)
    unit = begin(OWNER)
    with pytest.raises(UnscopedError):
        await unit.session.execute(update(Order).values(stage=Stage.PAID))
    await unit.finish(500)
    async with begin(OWNER) as unit:
        await unit.session.execute(scoped(update(Order).values(label="in bulk"), OWNER, "edit"))
    assert await stage_of(database, key) == Stage.DRAFT


@pytest.mark.parametrize("model", [Packet, Letter])
@pytest.mark.parametrize(
    "written",
    [
        pytest.param(lambda model: update(model).values(stage=Stage.PAID), id="by-attribute"),
        pytest.param(lambda model: update(model).values({model.stage: Stage.PAID}), id="by-instrumented"),
        pytest.param(lambda _: update(Packet.__table__).values(state_key=Stage.PAID), id="by-column"),
        pytest.param(lambda model: update(model).ordered_values((model.stage, Stage.PAID)), id="in-order"),
        pytest.param(lambda model: update(model).values(stage=func.lower("PAID")), id="by-expression"),
    ],
)
async def test_a_column_of_another_name_is_not_set_in_bulk(database, begin, model, written):
    async with begin(OWNER) as unit:
        parcel = model(owner_id=OWNER.id)
        unit.session.add(parcel)
        await unit.session.flush()
        key = parcel.id
    unit = begin(OWNER)
    with pytest.raises(PolicyError, match="state"):
        await unit.session.execute(scoped(written(model), OWNER, "edit"))
    await unit.finish(500)
    async with Unit(database, is_read_only=True) as unit:
        assert await unit.session.scalar(unscoped(select(Packet.stage).where(Packet.id == key), TEST)) == Stage.DRAFT


@pytest.mark.parametrize("model", [Packet, Letter])
async def test_a_subclass_takes_the_same_steps(begin, model):
    async with begin(OWNER) as unit:
        parcel = model(owner_id=OWNER.id)
        unit.session.add(parcel)
        await unit.session.flush()
        await advance(unit.session, parcel, PacketFlow.send)
        assert parcel.stage == Stage.SENT
        key = parcel.id
    unit = begin(OWNER)
    target = await Objects().load(unit.session, model, key, OWNER, may="edit")
    target.stage = Stage.PAID
    with pytest.raises(ForbiddenWriteError, match=r"request\.advance"):
        await unit.session.flush()
    await unit.finish(500)
    unit = begin(OWNER)
    unit.session.add(model(owner_id=OWNER.id, stage=Stage.PAID))
    with pytest.raises(ForbiddenWriteError, match="begins as"):
        await unit.session.flush()
    await unit.finish(500)


async def test_a_new_object_begins_at_the_beginning(begin):
    unit = begin(OWNER)
    fresh = Order(owner_id=OWNER.id, clerk_id=CLERK.id)
    unit.session.add(fresh)
    await unit.session.flush()
    assert fresh.stage == Stage.DRAFT
    unit.session.add(Order(owner_id=OWNER.id, clerk_id=CLERK.id, stage=Stage.PAID))
    with pytest.raises(ForbiddenWriteError, match="begins as draft"):
        await unit.session.flush()
    await unit.finish(500)


async def test_a_merged_copy_does_not_bring_a_state(database, order, begin):
    key = await order(Stage.DRAFT)
    unit = begin(OWNER)
    known = await Objects().load(unit.session, Order, key, OWNER, may="edit")
    assert known is await unit.session.merge(Order(id=key, owner_id=OWNER.id, clerk_id=CLERK.id, stage=Stage.PAID))
    with pytest.raises(ForbiddenWriteError):
        await unit.session.flush()
    await unit.finish(500)


async def test_a_session_without_a_person_takes_steps_in_turn_and_repairs_by_hand(database, order):
    key = await order(Stage.SENT)
    async with Unit(database, is_read_only=False) as unit:
        bind_unscoped(unit.session, TEST)
        target = await unit.session.get(Order, key)
        await advance(unit.session, target, OrderFlow.pay)
        with pytest.raises(TransitionRefusedError):
            await advance(unit.session, target, OrderFlow.pay)
        target.stage = Stage.SENT
    assert await stage_of(database, key) == Stage.SENT


@pytest.mark.parametrize(
    ("actor", "stage", "has_line", "steps"),
    [
        pytest.param(OWNER, Stage.DRAFT, True, {"send"}, id="draft with lines"),
        pytest.param(OWNER, Stage.DRAFT, False, set(), id="draft without lines"),
        pytest.param(OWNER, Stage.SENT, True, {"take_back"}, id="owner of a sent one"),
        pytest.param(CLERK, Stage.SENT, True, {"pay", "take_back"}, id="clerk of a sent one"),
        pytest.param(STRANGER, Stage.SENT, True, set(), id="stranger"),
        pytest.param(ROOT, Stage.SENT, True, {"pay", "take_back"}, id="superuser"),
    ],
)
async def test_the_possible_steps_are_those_that_would_be_taken(order, begin, actor, stage, has_line, steps):
    key = await order(stage, has_line=has_line)
    async with begin(actor) as unit:
        target = await unit.session.scalar(unscoped(select(Order).where(Order.id == key), TEST))
        assert await possible_steps(unit.session, target, OrderFlow) == steps


async def test_an_object_of_another_model_is_refused(begin):
    async with begin(OWNER) as unit:
        with pytest.raises(PolicyError, match="Drawer"):
            await advance(unit.session, Drawer(label="x"), OrderFlow.pay)


async def test_a_core_insert_needs_an_exemption(begin):
    unit = begin(OWNER)
    with pytest.raises(UnscopedError):
        await unit.session.execute(
            insert(Order).values(id=uuid.uuid4(), owner_id=OWNER.id, clerk_id=OWNER.id, stage=Stage.PAID, label="")
        )
    await unit.finish(500)


def declare(**body):
    """A second workflow of the same model, as far as it gets."""
    name = body.pop("name", "OtherFlow")
    return type(name, (Workflow,), {"__orig_bases__": (Workflow[Order],), **body})


@pytest.mark.parametrize(
    ("body", "message"),
    [
        pytest.param({"initial": Stage.DRAFT}, "column", id="no column"),
        pytest.param({"column": "stage"}, "initial", id="no initial state"),
        pytest.param({"column": "shape", "initial": Stage.DRAFT}, "no column 'shape'", id="unknown column"),
        pytest.param({"column": "stage", "initial": Stage.DRAFT}, "no transitions", id="no transitions"),
        pytest.param(
            {"column": "stage", "initial": Stage.DRAFT, "go": Transition(Stage.DRAFT, to=Stage.SENT, may="fly")},
            "no action 'fly'",
            id="unknown action",
        ),
        pytest.param(
            {"column": "stage", "initial": Stage.DRAFT, "go": Transition(Stage.DRAFT, to="sent")},
            "is no Stage",
            id="state of another kind",
        ),
        pytest.param(
            {"column": "stage", "initial": Stage.DRAFT, "go": Transition(Stage.SENT, to=Stage.PAID)},
            "never be taken",
            id="step that nothing leads to",
        ),
        pytest.param(
            {"column": "stage", "initial": Stage.DRAFT, "go": Transition(Stage.DRAFT, to=Stage.SENT)},
            "two workflows",
            id="second workflow",
        ),
    ],
)
def test_a_workflow_that_cannot_be_right_is_refused(body, message):
    with pytest.raises(PolicyError, match=message):
        declare(**body)
    assert type(registry().workflows[Order]) is OrderFlow


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: Transition(to=Stage.PAID), id="no source"),
        pytest.param(lambda: Transition(Stage.PAID, to=Stage.PAID), id="to itself"),
        pytest.param(lambda: Transition(Stage.SENT, to=Stage.PAID, when=lambda: None), id="condition without words"),
        pytest.param(lambda: Transition(Stage.SENT, to=Stage.PAID, must="Pay."), id="words without condition"),
    ],
)
def test_a_step_that_cannot_be_right_is_refused(make):
    with pytest.raises(PolicyError):
        make()


def test_workflows_are_listed():
    assert OrderFlow in declared_workflows()
    assert [transition.label for transition in OrderFlow.transitions] == [
        "OrderFlow.send",
        "OrderFlow.pay",
        "OrderFlow.take_back",
    ]
    assert registry().policies[Order].__class__ is OrderPolicy
