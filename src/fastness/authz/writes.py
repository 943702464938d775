"""What a flush may write: objects loaded for writing, rows that the policy lets come about, nothing else.

A flush never passes the events of statements as a whole, so the guard asks mapper by mapper, before SQLAlchemy writes each
object. A change needs an object that this session loaded for a writing action, a deletion one that was loaded for `delete`, an
insertion the policy's `create`. What was written is read again under its condition before the transaction can end: a form that
moves a row to somebody else, or creates it in another's name, fails although the object itself was allowed. A statement made
of parts that have a scope of their own does not prove what its objects may; each is asked of the database before it is written.

Rows of an association table are written with the object that holds the collection, and count as a change of it. What the
database does by itself (ON DELETE CASCADE, triggers) is not covered.

ASVS 5.0: V8.2.2, V8.2.3 (field-level and data-specific access for writes), V2.3.3 (all or nothing).
"""

from typing import Any, Final

from sqlalchemy import Connection, Table, and_, event, select
from sqlalchemy.orm import (
    InstanceState,
    Mapper,
    QueryContext,
    RelationshipProperty,
    Session,
    UOWTransaction,
    object_session,
)
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
    scope: Scope | None = None
    for option in context.propagated_loader_options:
        if isinstance(option, Scope):
            scope = option  # the one that was put on last is the one that holds
    if scope is not None and scope.writes:
        _grant(state, context, scope)


def _note_refresh(state: InstanceState[Any], context: QueryContext, _names: object) -> None:
    _note_load(state, context)


def _grant(state: InstanceState[Any], context: QueryContext, scope: Scope) -> None:
    model = registry().guarded_model(state.mapper)
    actions = {action for of, action in scope.writes if of is model}
    if actions:
        acting = acting_of(context.session)
        (acting.grants if scope.is_proof else acting.unproved).setdefault(state.key, set()).update(actions)


def _granted(session: Session, acting: Acting, state: InstanceState[Any]) -> set[str]:
    """The writing actions for which the object was loaded. One that its statement does not prove is asked of the row."""
    granted = acting.grants.setdefault(state.key, set())
    for action in acting.unproved.pop(state.key, ()):
        if state.key is not None and _fulfils(session, acting, state, action, state.key[1]):
            granted.add(action)
    return granted


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
    state = instrumentation.instance_state(target)
    has_links = _approve_associations(acting, target, mapper)
    if not has_links and not session.is_modified(target, include_collections=False):
        # A collection of other objects changed, and no UPDATE follows.
        if _approve_linked(session, acting, state):
            acting.pending.append((state, AFTER))
        return
    model = _model_of(mapper)
    if not _granted(session, acting, state):
        writing = " or ".join(f'may="{action}"' for action in sorted(registry().policy_of(model).writing - {DELETE}))
        raise ForbiddenWriteError(
            f"a {model.__name__} was changed that this request did not load for it; load it with {writing}"
        )
    _hold_workflow(model, target)
    acting.actor  # noqa: B018
    _approve(acting, mapper)
    _approve_linked(session, acting, state)
    acting.pending.append((state, AFTER))


def _before_delete(mapper: Mapper[Any], _connection: Connection, target: object) -> None:
    acting = _acting_for(target)
    session = object_session(target)
    if acting is None or session is None:
        return
    model = _model_of(mapper)
    state = instrumentation.instance_state(target)
    if DELETE not in _granted(session, acting, state):
        raise ForbiddenWriteError(
            f'a {model.__name__} was deleted that this request did not load for it; load it with may="delete"'
        )
    acting.actor  # noqa: B018
    _approve(acting, mapper)


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
        if isinstance(relation.secondary, Table) and not relation.viewonly:
            history = instrumentation.get_history(target, relation.key, passive=PASSIVE_NO_INITIALIZE)
            if history.added or history.deleted:
                has_changes = True
                _approve_links(acting, instrumentation.instance_state(target), relation)
    return has_changes


def _approve_linked(session: Session, acting: Acting, state: InstanceState[Any]) -> bool:
    """Let an object of the other side write rows with this one, if this one may be changed; whether there are such rows.

    What comes into a collection that was not loaded waits beside it. It is not taken for a change that has to be allowed: the
    object of the other side may be the one that holds the collection.
    """
    waiting = [key for key in state._pending_mutations if state.mapper.relationships[key].secondary is not None]  # noqa: SLF001
    if not waiting or not _granted(session, acting, state):
        return False
    for key in waiting:
        _approve_links(acting, state, state.mapper.relationships[key])
    return True


def _approve_links(acting: Acting, state: InstanceState[Any], relation: RelationshipProperty[Any]) -> None:
    if isinstance(relation.secondary, Table):
        acting.links.setdefault(relation.secondary.name.lower(), []).append((state, relation.synchronize_pairs))


@event.listens_for(Session, "detached_to_persistent")
def _leave_scope_behind(_session: Session, target: object) -> None:
    """An object of another session was loaded for whoever acted there; what it loads from here on needs a scope of here."""
    state = instrumentation.instance_state(target)
    state.load_options = tuple(option for option in state.load_options if not isinstance(option, Scope))


@event.listens_for(Session, "before_flush")
def _begin(session: Session, _context: UOWTransaction, _instances: object) -> None:
    _forget(session)
    acting = acting_of(session)
    if acting.because is not None:
        return
    # The rows of association tables go first, before SQLAlchemy says which object they go with.
    for target in session.deleted:
        state = instrumentation.instance_state(target)
        if registry().guarded_model(state.mapper) is not None and DELETE in _granted(session, acting, state):
            for relation in state.mapper.relationships:
                _approve_links(acting, state, relation)


@event.listens_for(Session, "after_soft_rollback")
def _undone(session: Session, _transaction: object) -> None:
    _forget(session)
    acting_of(session).told = None


def _forget(session: Session) -> None:
    acting = acting_of(session)
    acting.pending.clear()
    _disapprove(acting)


def _disapprove(acting: Acting) -> None:
    acting.approved.clear()
    acting.links.clear()


@event.listens_for(Session, "after_flush")
def _check_rows(session: Session, _context: UOWTransaction) -> None:
    acting = acting_of(session)
    pending, acting.pending = acting.pending, []
    _disapprove(acting)
    for state, action in pending:
        check_row(session, acting, state, action)


def check_row(session: Session, acting: Acting, state: InstanceState[Any], action: str) -> None:
    """Read a row that was just written, and raise `ForbiddenWriteError` if the policy does not let it be as it is."""
    mapper = state.mapper
    model = _model_of(mapper)
    if action == AFTER and AFTER not in registry().policy_of(model).actions:
        action = VIEW
    if acting.actor.is_superuser:
        acting.tell_superuser()
    if not _fulfils(session, acting, state, action, tuple(mapper.primary_key_from_instance(state.obj()))):
        raise ForbiddenWriteError(f"the policy of {model.__name__} does not let this actor leave the row so ({action})")
    if action == CREATE:
        # Whoever may create a row may also finish it within the same unit; the row is checked after each flush.
        acting.grants.setdefault(mapper.identity_key_from_instance(state.obj()), set()).add(CREATE)


def _fulfils(
    session: Session, acting: Acting, state: InstanceState[Any], action: str, identity: tuple[Any, ...]
) -> bool:
    """Whether the row, as it is in the database now, fulfils the condition of the action."""
    mapper = state.mapper
    model = _model_of(mapper)
    condition = acting.condition(model, acting.actor, action)
    if is_everything(condition):
        return True
    root = model.__mapper__.local_table
    columns = tuple(root.primary_key)
    row = and_(*(column == value for column, value in zip(columns, identity, strict=True)))
    statement = (
        select(*columns).where(row, PolicyCriterion(condition, root, "")).execution_options(**{UNSCOPED: CHECKING})
    )
    return session.connection(bind_arguments={"mapper": mapper}).execute(statement).first() is not None
