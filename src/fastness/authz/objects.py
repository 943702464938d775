"""Objects as a request gets them: one by its key, a list, a choice from a form, always through the scope.

An id that comes from outside (path, query, form, JSON) is resolved here, with the action that is meant to follow, and what is
out of scope is as unknown as what never was: both are `None`, and the request answers 404. There is no step between finding an
object and asking whether it may be used that somebody could leave out (IDOR, CWE-639; CVE-2026-87975: row ids of a formset that
were looked up beside the limiting query).

ASVS 5.0: V8.2.2 (data-specific access), V8.2.3, V4.1.1.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple, TypeVar, cast
from uuid import UUID

from sqlalchemy import Column, ColumnElement, Select, literal, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapper
from sqlalchemy.orm import attributes as instrumentation

from fastness.authz.acting import acting_of, bind_actor
from fastness.authz.actors import Actor
from fastness.authz.advancing import advance, possible_steps
from fastness.authz.errors import PolicyError
from fastness.authz.reach import guarded_names
from fastness.authz.registry import registry
from fastness.authz.scope import VIEW, May, make_scope, unscoped, with_scope
from fastness.authz.workflows import Transition, Workflow
from fastness.db.model import Model, load_options
from fastness.kernel.because import Because

ModelT = TypeVar("ModelT", bound=Model)
StatementT = TypeVar("StatementT")

_MAX_INTEGER: Final = 2**63 - 1


class Plan(NamedTuple):
    """What loading a model takes, worked out once."""

    statement: Select[Any]
    key: Column[Any]
    model: type[Model]
    names: tuple[str, ...]
    others: tuple[type[Model], ...]
    """Guarded models that come along."""


class Objects:
    """Finds objects of guarded models for an actor."""

    __slots__ = ()

    def bind(self, session: AsyncSession, actor: Any, on_event: Any) -> None:  # noqa: ANN401 - bind_actor's types
        """Let the session work for the actor."""
        bind_actor(session, actor, on_event)

    def scoped(self, session: AsyncSession, statement: StatementT, actor: Actor, may: May = VIEW) -> StatementT:
        """The statement, limited to what the actor may; conditions are worked out once for a session."""
        acting = acting_of(session)
        return with_scope(statement, actor, may, lambda model, action: acting.condition(model, actor, action))

    def unscoped(self, statement: StatementT, because: Because) -> StatementT:
        """The statement, exempt for a reason."""
        return unscoped(statement, because)

    async def load(
        self,
        session: AsyncSession,
        model: type[ModelT],
        key: object,
        actor: Actor,
        *,
        may: May = VIEW,
        with_: Iterable[object] = (),
    ) -> ModelT | None:
        """The object with this key, if the actor may; a key of the wrong form is one that no object has."""
        plan = _plan(registry().generation, model, tuple(with_))
        value = _key_of(plan.key, key)
        if value is None:
            return None
        statement = self._planned(session, plan, actor, may).where(plan.key == value)
        found: ModelT | None = (await session.scalars(statement)).unique().one_or_none()
        return found

    async def all(
        self,
        session: AsyncSession,
        source: type[ModelT] | Select[Any],
        actor: Actor,
        *,
        may: May = VIEW,
        with_: Iterable[object] = (),
    ) -> Sequence[Any]:
        """All objects of a model, or of a statement, that the actor may."""
        if isinstance(source, Select):
            statement = self.scoped(session, source.options(*load_options(with_)), actor, may)
        else:
            plan = _plan(registry().generation, source, tuple(with_))
            statement = self._planned(session, plan, actor, may)
        return (await session.scalars(statement)).unique().all()

    async def may(self, session: AsyncSession, action: str, target: Model, actor: Actor) -> bool:
        """Whether the actor may do `action` with this object, as its row is now."""
        model = type(target)
        root = registry().policy_of(model).table_model
        mapper: Mapper[Any] = instrumentation.instance_state(target).mapper
        columns = root.__mapper__.local_table.primary_key
        identity = mapper.primary_key_from_instance(target)
        if None in identity:
            await session.flush()
            identity = mapper.primary_key_from_instance(target)
        row: list[ColumnElement[bool]] = [column == value for column, value in zip(columns, identity, strict=True)]
        statement = select(literal(1)).select_from(root).where(*row)
        return await session.scalar(self.scoped(session, statement, actor, {root: action})) is not None

    async def advance(self, session: AsyncSession, target: Model, transition: Transition) -> None:
        """Take a step of the object's workflow."""
        await advance(session, target, transition)

    async def steps(self, session: AsyncSession, target: Model, flow: type[Workflow[Any]]) -> frozenset[str]:
        """The names of the steps that the actor could take with this object, as its row is now."""
        return await possible_steps(session, target, flow)

    def _planned(self, session: AsyncSession, plan: Plan, actor: Actor, may: May) -> Select[Any]:
        acting = acting_of(session)
        actions = {plan.model: may} if isinstance(may, str) else dict(may)
        for other in plan.others:
            actions.setdefault(other, VIEW)
        scope = make_scope(plan.names, actions, actor, lambda model, action: acting.condition(model, actor, action))
        statement = plan.statement.options(scope)
        return statement.execution_options(populate_existing=True) if scope.writes else statement


@lru_cache(maxsize=1024)
def _plan(_generation: int, model: type[Model], with_: tuple[object, ...]) -> Plan:
    """Models and relationships are the program's own, so the cache holds as many plans as there are calls."""
    root = registry().policy_of(model).table_model
    keys = cast("tuple[Column[Any], ...]", root.__mapper__.primary_key)
    if len(keys) != 1:
        raise PolicyError(f"{model.__name__} has a key of {len(keys)} columns; load it with request.list and a where")
    statement = select(model).options(*load_options(with_))
    names = guarded_names(statement)
    guards = registry().guards
    reached = dict.fromkeys(of for name in names for of in guards[name].models)
    return Plan(statement, keys[0], root, names, tuple(other for other in reached if other is not root))


def _key_of(column: Column[Any], value: object) -> object:
    """The value as the column's type has it, or nothing where it cannot be one: no visitor may cause an error by it."""
    kind: type = column.type.python_type
    if kind is UUID and isinstance(value, str):
        return _uuid(value)
    if kind is int and isinstance(value, str):
        value = int(value) if len(value) <= 19 and value.isascii() and value.isdecimal() else None
    if not isinstance(value, kind) or isinstance(value, bool):
        return None
    if isinstance(value, int) and abs(value) > _MAX_INTEGER:
        return None
    if isinstance(value, str) and ("\0" in value or not value):
        return None
    return value


def _uuid(text: str) -> UUID | None:
    if len(text) != 36:
        return None  # UUID() takes braces, urn: and missing hyphens as well: one object has one id
    try:
        return UUID(text)
    except ValueError:
        return None
