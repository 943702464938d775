"""Taking a step of a workflow: one UPDATE that compares the state, the policy and the condition as it writes.

There is no moment between looking and writing in which somebody else could take the same step: of two requests one changes the
row, the other changes none and is refused (CWE-362, CWE-367). Why it was refused is read afterwards, for the message only.

ASVS 5.0: V2.3.1, V2.3.3, V2.3.4.
"""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import CursorResult, and_, case, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstanceState, Session
from sqlalchemy.orm import attributes as instrumentation

from fastness.authz.acting import UNSCOPED, Acting, acting_of
from fastness.authz.errors import ForbiddenWriteError, PolicyError, TransitionRefusedError
from fastness.authz.scope import AFTER, Condition, PolicyCriterion, Scope
from fastness.authz.workflows import Transition, Workflow
from fastness.authz.writes import CHECKING, check_row
from fastness.db.errors import TransactionConflictError
from fastness.db.model import Model
from fastness.kernel.because import Because

EXEMPT: Final = Because("a step that a session without a person takes; its state and its condition hold all the same")


async def advance(session: AsyncSession, target: Model, transition: Transition) -> None:
    """Take a step with an object, and write it at once; other changes of the session are flushed before.

    Raises:
        TransitionRefusedError: the object is in another state, or the condition of the step does not hold.
        ForbiddenWriteError: the actor may not take it.
    """
    await session.run_sync(lambda sync: _advance(sync, target, transition))


async def possible_steps(session: AsyncSession, target: Model, flow: type[Workflow[Any]]) -> frozenset[str]:
    """The names of the steps that the actor could take with an object as its row is now: for the buttons of its page."""
    return await session.run_sync(lambda sync: _possible(sync, target, flow))


def _advance(session: Session, target: Model, transition: Transition) -> None:
    session.flush()
    flow = transition.flow
    row = _row(flow, target)
    acting = acting_of(session)
    held = _held(transition)
    statement: Any = update(flow.model).where(row, *held).values({flow.column: transition.to})
    if acting.because is not None:
        statement = statement.options(Scope(because=EXEMPT))
    else:
        statement = statement.options(_scope(acting, transition)).where(_permission(acting, transition))
    try:
        result = session.execute(statement.execution_options(synchronize_session=False))
    except TransactionConflictError as error:
        # PostgreSQL's way of saying that somebody else has just written the row.
        raise TransitionRefusedError("state", f"{transition.label}: {error}") from None
    if not isinstance(result, CursorResult) or result.rowcount != 1:
        raise _refusal(session, acting, transition, row)
    instrumentation.set_committed_value(target, flow.column, transition.to)
    if acting.because is None:
        if acting.actor.is_superuser:
            acting.tell_superuser()
        check_row(session, acting, _state(target), AFTER)


def _possible(session: Session, target: Model, flow: type[Workflow[Any]]) -> frozenset[str]:
    session.flush()
    acting = acting_of(session)
    columns = []
    for transition in flow.transitions:
        conditions = _held(transition)
        if acting.because is None:
            conditions.append(_permission(acting, transition))
        columns.append(case((and_(*conditions), 1), else_=0).label(transition.name))
    statement = select(*columns).where(_row(flow, target)).execution_options(**{UNSCOPED: CHECKING})
    found = session.execute(statement).one_or_none()
    names = [transition.name for transition in flow.transitions]
    return frozenset() if found is None else frozenset(name for name, may in zip(names, found, strict=True) if may)


def _refusal(session: Session, acting: Acting, transition: Transition, row: Condition) -> Exception:
    flow = transition.flow
    column = flow.model.__mapper__.columns[flow.column]
    statement = select(column).where(row)
    if acting.because is None:
        statement = statement.where(_permission(acting, transition))
    state = session.scalar(statement.execution_options(**{UNSCOPED: CHECKING}))
    if state is None:
        return ForbiddenWriteError(f"the policy does not let this actor take {transition.label} ({transition.may})")
    if state not in transition.sources:
        return TransitionRefusedError("state", f"{transition.label} does not lead from the object's state, {state}")
    return TransitionRefusedError("condition", f"the condition of {transition.label} does not hold", transition.must)


def _held(transition: Transition) -> list[Condition]:
    """The state and the condition, as the UPDATE compares them."""
    flow = transition.flow
    held: list[Condition] = [flow.model.__mapper__.columns[flow.column].in_(transition.sources)]
    condition = transition.condition()
    if condition is not None:
        # As a policy's: its subqueries look at all rows, whoever asks.
        held.append(_criterion(flow, condition, ""))
    return held


def _permission(acting: Acting, transition: Transition) -> PolicyCriterion:
    flow = transition.flow
    return _criterion(flow, acting.condition(flow.model, acting.actor, transition.may), _table_name(flow))


def _scope(acting: Acting, transition: Transition) -> Scope:
    flow, actor = transition.flow, acting.actor
    condition = acting.condition(flow.model, actor, transition.may)
    return Scope(conditions={_table_name(flow): condition}, is_superuser=actor.is_superuser)


def _criterion(flow: type[Workflow[Any]], condition: Condition, name: str) -> PolicyCriterion:
    return PolicyCriterion(condition, flow.model.__mapper__.local_table, name)


def _table_name(flow: type[Workflow[Any]]) -> str:
    return str(flow.model.__tablename__).lower()


def _row(flow: type[Workflow[Any]], target: Model) -> Condition:
    if not isinstance(target, flow.model):
        raise PolicyError(f"{flow.__name__} is about {flow.model.__name__}, not about {type(target).__name__}")
    identity: Sequence[object] = _state(target).mapper.primary_key_from_instance(target)
    keys = flow.model.__mapper__.local_table.primary_key
    return and_(*(column == value for column, value in zip(keys, identity, strict=True)))


def _state(target: Model) -> InstanceState[Any]:
    return instrumentation.instance_state(target)
