"""What a flush may write: objects loaded for writing, rows that the policy lets come about, nothing else.

A flush never passes the events of statements as a whole, so the guard asks mapper by mapper, before SQLAlchemy writes each
object. A change needs an object that this session loaded for a writing action, a deletion one that was loaded for `delete`, an
insertion the policy's `create`. What was written is read again under its condition before the transaction can end: a form that
moves a row to somebody else, or creates it in another's name, fails although the object itself was allowed.

Rows of an association table are written with the object that holds the collection, and count as a change of it. What the
database does by itself (ON DELETE CASCADE, triggers) is not covered.

ASVS 5.0: V8.2.2, V8.2.3 (field-level and data-specific access for writes), V2.3.3 (all or nothing).
"""

from typing import Any, Final

from sqlalchemy import Connection, Table, and_, event, select
from sqlalchemy.orm import InstanceState, Mapper, QueryContext, Session, UOWTransaction, object_session
from sqlalchemy.orm import attributes as instrumentation
from sqlalchemy.orm.base import PASSIVE_NO_INITIALIZE

from fastness.authz.acting import UNSCOPED, Acting, acting_of
from fastness.authz.errors import ForbiddenWriteError
from fastness.authz.registry import registry
from fastness.authz.scope import AFTER, CREATE, DELETE, VIEW, PolicyCriterion, Scope, is_everything
from fastness.db.model import Model
from fastness.kernel.because import Because

CHECKING: Final = Because("the guard's own look at a row that this flush has written")
"""Exempt from scopes; row-level security holds for it, since whoever writes a row has to see it there."""


def watch_model(model: type[Model]) -> None:
    """Have every write of the model's objects, and every load, pass by here."""
    event.listen(model, "before_insert", _before_insert, propagate=True)
    event.listen(model, "before_update", _before_update, propagate=True)
    event.listen(model, "before_delete", _before_delete, propagate=True)
    event.listen(model, "load", _note_load, propagate=True, raw=True)
    event.listen(model, "refresh", _note_refresh, propagate=True, raw=True)


def _note_load(state: InstanceState[Any], context: QueryContext | None) -> None:
    if context is None:
        return  # made by merge(load=False): nothing was read
    for option in context.propagated_loader_options:
        if isinstance(option, Scope) and option.writes:
            _grant(state, context, option)


def _note_refresh(state: InstanceState[Any], context: QueryContext, _names: object) -> None:
    _note_load(state, context)


def _grant(state: InstanceState[Any], context: QueryContext, scope: Scope) -> None:
    model = registry().guarded_model(state.mapper)
    actions = {action for of, action in scope.writes if of is model}
    if actions:
        acting_of(context.session).grants.setdefault(state.key, set()).update(actions)


def _before_insert(mapper: Mapper[Any], _connection: Connection, target: object) -> None:
    acting = _acting_for(target)
    if acting is None:
        return
    model = _model_of(mapper)
    if CREATE not in registry().policy_of(model).actions:
        raise ForbiddenWriteError(
            f"a {model.__name__} was to be inserted, and its policy has no create(self, actor), the condition that a new row "
            "has to fulfil"
        )
    _begin_workflow(model, target)
    acting.actor  # noqa: B018 - raises where nobody acts
    _approve(acting, mapper)
    _approve_associations(acting, target, mapper)
    acting.pending.append((instrumentation.instance_state(target), CREATE))


def _before_update(mapper: Mapper[Any], _connection: Connection, target: object) -> None:
    acting = _acting_for(target)
    session = object_session(target)
    if acting is None or session is None:
        return
    has_links = _approve_associations(acting, target, mapper)
    if not has_links and not session.is_modified(target, include_collections=False):
        return  # a collection of other objects changed, and no UPDATE follows
    model = _model_of(mapper)
    state = instrumentation.instance_state(target)
    if not acting.grants.get(state.key):
        writing = " or ".join(f'may="{action}"' for action in sorted(registry().policy_of(model).writing - {DELETE}))
        raise ForbiddenWriteError(
            f"a {model.__name__} was changed that this request did not load for it; load it with {writing}"
        )
    _hold_workflow(model, target)
    acting.actor  # noqa: B018
    _approve(acting, mapper)
    acting.pending.append((state, AFTER))


def _before_delete(mapper: Mapper[Any], _connection: Connection, target: object) -> None:
    acting = _acting_for(target)
    if acting is None:
        return
    model = _model_of(mapper)
    state = instrumentation.instance_state(target)
    if DELETE not in acting.grants.get(state.key, ()):
        raise ForbiddenWriteError(
            f'a {model.__name__} was deleted that this request did not load for it; load it with may="delete"'
        )
    acting.actor  # noqa: B018
    _approve(acting, mapper)
    for relation in mapper.relationships:
        if isinstance(relation.secondary, Table):
            acting.approved[relation.secondary.name.lower()] = None


def _begin_workflow(model: type[Model], target: object) -> None:
    flow = registry().workflows.get(model)
    if flow is None:
        return
    if getattr(target, flow.column) is None:
        setattr(target, flow.column, flow.initial)
    elif getattr(target, flow.column) != flow.initial:
        raise ForbiddenWriteError(
            f"a new {model.__name__} begins as {flow.initial}: leave {flow.column} out, and go on with request.advance"
        )


def _hold_workflow(model: type[Model], target: object) -> None:
    flow = registry().workflows.get(model)
    if flow is not None and instrumentation.get_history(target, flow.column).has_changes():
        name = type(flow).__name__
        raise ForbiddenWriteError(
            f"the {flow.column} of a {model.__name__} changes by the transitions of {name} only: "
            f"await request.advance(…, {name}.…)"
        )


def _acting_for(target: object) -> Acting | None:
    """Who acts, or nobody if the session is exempt."""
    session = object_session(target)
    if session is None:
        raise ForbiddenWriteError(f"a {type(target).__name__} is written outside a session")
    acting = acting_of(session)
    return None if acting.because is not None else acting


def _model_of(mapper: Mapper[Any]) -> type[Model]:
    return registry().policy_of(mapper.class_).table_model


def _approve(acting: Acting, mapper: Mapper[Any]) -> None:
    cache = mapper.base_mapper._compiled_cache  # noqa: SLF001 - by it the guard knows the unit of work's own statements
    for table in mapper.tables:
        if isinstance(table, Table):
            acting.approved[table.name.lower()] = cache


def _approve_associations(acting: Acting, target: object, mapper: Mapper[Any]) -> bool:
    has_changes = False
    for relation in mapper.relationships:
        secondary = relation.secondary
        if isinstance(secondary, Table) and not relation.viewonly:
            history = instrumentation.get_history(target, relation.key, passive=PASSIVE_NO_INITIALIZE)
            if history.added or history.deleted:
                has_changes = True
                acting.approved[secondary.name.lower()] = None
    return has_changes


@event.listens_for(Session, "detached_to_persistent")
def _leave_scope_behind(_session: Session, target: object) -> None:
    """An object of another session was loaded for whoever acted there; what it loads from here on needs a scope of here."""
    state = instrumentation.instance_state(target)
    state.load_options = tuple(option for option in state.load_options if not isinstance(option, Scope))


@event.listens_for(Session, "before_flush")
def _begin(session: Session, _context: UOWTransaction, _instances: object) -> None:
    _forget(session)


@event.listens_for(Session, "after_soft_rollback")
def _undone(session: Session, _transaction: object) -> None:
    _forget(session)
    acting_of(session).told = None


def _forget(session: Session) -> None:
    acting = acting_of(session)
    acting.pending.clear()
    acting.approved.clear()


@event.listens_for(Session, "after_flush")
def _check_rows(session: Session, _context: UOWTransaction) -> None:
    acting = acting_of(session)
    pending, acting.pending = acting.pending, []
    acting.approved.clear()
    for state, action in pending:
        check_row(session, acting, state, action)


def check_row(session: Session, acting: Acting, state: InstanceState[Any], action: str) -> None:
    """Read a row that was just written, and raise `ForbiddenWriteError` if the policy does not let it be as it is."""
    mapper = state.mapper
    model = _model_of(mapper)
    policy = registry().policy_of(model)
    actor = acting.actor
    if action == AFTER and AFTER not in policy.actions:
        action = VIEW
    condition = acting.condition(model, actor, action)
    identity = tuple(mapper.primary_key_from_instance(state.obj()))
    if actor.is_superuser:
        acting.tell_superuser()
    if not is_everything(condition):
        root = model.__mapper__.local_table
        columns = tuple(root.primary_key)
        row = and_(*(column == value for column, value in zip(columns, identity, strict=True)))
        statement = (
            select(*columns).where(row, PolicyCriterion(condition, root, "")).execution_options(**{UNSCOPED: CHECKING})
        )
        if session.connection(bind_arguments={"mapper": mapper}).execute(statement).first() is None:
            raise ForbiddenWriteError(
                f"the policy of {model.__name__} does not let this actor leave the row so ({action})"
            )
    if action == CREATE:
        # Whoever may create a row may also finish it within the same unit; the row is checked after each flush.
        acting.grants.setdefault(mapper.identity_key_from_instance(state.obj()), set()).add(CREATE)
