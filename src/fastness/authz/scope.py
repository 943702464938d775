"""The scope: what a statement carries so that it reaches the rows of guarded models, and only those the actor may.

`scoped(statement, actor, may="view")` notes the conditions of the policies on the statement; the compiler puts each on every
place where the guarded table stands (`compiling.py`), also in joins, aliases, subqueries and the statements that eager loading
sends afterwards. The conditions are part of the statement's cache key and the actor's values in them are bound parameters: two
actors share one compiled statement and never a value. `unscoped(statement, Because("…"))` is the way out.

Tables that the statement reaches without `scoped` having seen them stay uncovered, and the guard refuses the statement.

ASVS 5.0: V8.2.2 (data-specific access), V8.3.1 (enforced where the data is).
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from sqlalchemy import Column, ColumnElement, Delete, FromClause, Insert, Select, Table, Update
from sqlalchemy.orm import FromStatement
from sqlalchemy.orm.interfaces import CompileStateOption
from sqlalchemy.sql import visitors
from sqlalchemy.sql.elements import True_
from sqlalchemy.sql.selectable import CompoundSelect
from sqlalchemy.sql.visitors import InternalTraversal

from fastness.authz.acting import UNSCOPED
from fastness.authz.actors import Actor
from fastness.authz.errors import PolicyError
from fastness.authz.reach import guarded_names, inner_options
from fastness.authz.registry import Guard, registry
from fastness.db.model import Model
from fastness.kernel.because import Because

StatementT = TypeVar("StatementT", bound=Any)
Condition = ColumnElement[bool]
May = str | Mapping[type[Model], str]
Evaluate = Callable[[type[Model], str], Condition]

VIEW: Final = "view"
CREATE: Final = "create"
AFTER: Final = "after"
DELETE: Final = "delete"
"""The actions of a policy that mean something here; all others are the app's own words."""


class PolicyCriterion(ColumnElement[bool]):
    """A policy's condition at one place of a statement; subqueries in it are exempt, and correlate with that place only."""

    __visit_name__ = "policy_criterion"
    inherit_cache = True
    _traverse_internals = [("condition", InternalTraversal.dp_clauseelement)]  # noqa: RUF012 - SQLAlchemy reads it once

    def __init__(self, condition: Condition, place: FromClause, name: str) -> None:
        self.condition = condition
        self.place = place
        self.name = name

    def _compiler_dispatch(self, visitor: Any, **kw: Any) -> str:  # noqa: ANN401 - SQLAlchemy's signature
        visit = getattr(visitor, "visit_policy_criterion", None)
        # Another compiler, such as the one behind str(statement), executes nothing.
        text: str = visitor.process(self.condition, **kw) if visit is None else visit(self, **kw)
        return text


class Scope(CompileStateOption):
    """The option on a statement that covers guarded tables with conditions, or exempts it."""

    propagate_to_loaders = True

    def __init__(
        self,
        *,
        conditions: Mapping[str, Condition] | None = None,
        actions: Mapping[type[Model], str] | None = None,
        locked: Mapping[str, frozenset[str]] | None = None,
        is_superuser: bool = False,
        because: Because | None = None,
    ) -> None:
        self.conditions: Mapping[str, Condition] = conditions or {}
        self.actions: Mapping[type[Model], str] = actions or {}
        self.locked: Mapping[str, frozenset[str]] = locked or {}
        self.is_superuser = is_superuser
        self.because = because
        self.is_proof = True
        """Whether what the statement loads fulfils the conditions here: not where a part of it has a scope of its own."""
        self.writes = frozenset(
            (model, action) for model, action in self.actions.items() if action in registry().policy_of(model).writing
        )

    def _gen_cache_key(self, anon_map: Any, bindparams: Any) -> Any:  # noqa: ANN401 - SQLAlchemy's signature
        conditions = tuple(
            (name, condition._gen_cache_key(anon_map, bindparams))  # noqa: SLF001 - that is how options take part
            for name, condition in self.conditions.items()
        )
        return (Scope, self.because is not None, self.is_superuser, tuple(self.locked.items()), conditions)


def scoped(statement: StatementT, actor: Actor, may: May = VIEW) -> StatementT:
    """The statement, limited to the rows that the actor may see or change.

    Args:
        statement: a SELECT, UNION, UPDATE or DELETE.
        actor: who acts.
        may: the action. A text is for the first guarded model of the statement, all others get `view`; a mapping says it for
            each model, and may name models that the statement reaches by ways that cannot be seen from it.

    Raises:
        PolicyError: nothing in the statement is guarded, an action does not exist or does not allow this kind of statement.
    """
    return with_scope(statement, actor, may, lambda model, action: condition(model, actor, action))


def unscoped(statement: StatementT, because: Because) -> StatementT:
    """The statement, exempt from every policy for the reason given, together with all that it loads."""
    if not isinstance(because, Because):
        raise PolicyError('unscoped needs a reason: unscoped(statement, Because("…"))')
    _refuse_kind(statement, exempting=True)
    exempt: StatementT = statement.options(Scope(because=because)).execution_options(**{UNSCOPED: because})
    return exempt


def condition(model: type[Model], actor: Actor, action: str = VIEW) -> Condition:
    """The condition of a model's policy, for a query that shows what somebody may do with each row."""
    return registry().policy_of(model).condition(actor, action)


def with_scope(statement: StatementT, actor: Actor, may: May, evaluate: Evaluate) -> StatementT:
    """`scoped`, with the conditions taken from `evaluate(model, action)`."""
    _refuse_kind(statement, exempting=False)
    names = guarded_names(statement)
    actions = _actions(statement, names, may)
    scope = make_scope(names, actions, actor, evaluate)
    if isinstance(statement, Update | Delete):
        write: StatementT = _scoped_write(statement, scope, evaluate)
        return write
    if scope.writes:
        scope.is_proof = not any(isinstance(option, Scope) for option in inner_options(statement))
    statement = statement.options(scope)
    if scope.writes:
        # An object that is in the session already is written over from the row, so that it is known to be loaded for writing.
        statement = statement.execution_options(populate_existing=True)
    return statement


def make_scope(names: tuple[str, ...], actions: Mapping[type[Model], str], actor: Actor, evaluate: Evaluate) -> Scope:
    """The option that covers the tables `names` and those of the models in `actions`."""
    guards = registry().guards
    own = {model: evaluate(model, action) for model, action in actions.items()}
    conditions: dict[str, Condition] = {}
    for name, guard in guards.items():
        if (name in names or guard.is_own) and all(model in own for model in guard.models):
            conditions[name] = guard.condition(own)
    return Scope(conditions=conditions, actions=actions, is_superuser=actor.is_superuser)


def _actions(statement: object, names: tuple[str, ...], may: May) -> dict[type[Model], str]:
    guards, policies = registry().guards, registry()
    models = list(dict.fromkeys(model for name in names for model in guards[name].models))
    if isinstance(may, str):
        if not models:
            raise PolicyError("scoped(…) was given a statement that touches no model with a policy")
        actions = {models[0]: may}
    else:
        actions = {policies.policy_of(model).table_model: action for model, action in may.items()}
    for model in models:
        actions.setdefault(model, VIEW)
    if isinstance(statement, Update | Delete):
        _check_write(statement, guards, actions)
    return actions


def _check_write(statement: Update | Delete, guards: Mapping[str, Guard], actions: Mapping[type[Model], str]) -> None:
    table = statement.table
    guard = guards.get(table.name.lower()) if isinstance(table, Table) else None
    if guard is None:
        return
    if not guard.is_own:
        raise PolicyError(f"rows of {guard.label} are written through the objects they belong to, not in bulk")
    model = guard.models[0]
    writing = {DELETE} if isinstance(statement, Delete) else registry().policy_of(model).writing
    if actions[model] not in writing:
        raise PolicyError(
            f"{type(statement).__name__.upper()} on {model.__name__} needs an action of {', '.join(sorted(writing))}, "
            f"not {actions[model]!r}"
        )


def _scoped_write(statement: Any, scope: Scope, evaluate: Evaluate) -> Any:  # noqa: ANN401 - the caller's type
    """UPDATE and DELETE carry the conditions in their WHERE: the database compares each row as it writes it."""
    target = statement.table.name.lower()
    guard = registry().guards.get(target)
    if guard is None:
        return statement.options(scope)
    if isinstance(statement, Update):
        model = guard.models[0]
        after = AFTER if AFTER in registry().policy_of(model).actions else VIEW
        flow = registry().workflows.get(model)
        states = frozenset() if flow is None else _columns_in(model.__mapper__.columns[flow.column], guard.table)
        scope.locked = {target: _columns_in(evaluate(model, after), guard.table) | states}
    criterion = PolicyCriterion(scope.conditions[target], statement.table, target)
    return statement.options(scope).where(criterion)


def _columns_in(condition_: Condition, table: Table) -> frozenset[str]:
    """The columns of a table on which a condition depends: a bulk UPDATE must not set them, as nobody looks at each row."""
    columns = (
        element for element in visitors.iterate(condition_) if isinstance(element, Column) and element.table == table
    )
    return frozenset(name for column in columns for name in (column.key, column.name))


def _refuse_kind(statement: object, *, exempting: bool) -> None:
    if isinstance(statement, Insert) and not exempting:
        raise PolicyError(
            "an INSERT has no rows yet that a scope could limit: add objects to the session, whose rows are checked by the "
            'policy\'s create, or say unscoped(statement, Because("…"))'
        )
    if not hasattr(statement, "options"):
        raise PolicyError(f"{type(statement).__name__} can carry no scope; write it as select, update or delete")
    known = (Select, CompoundSelect, Update, Delete, FromStatement)
    if not exempting and not isinstance(statement, known):
        raise PolicyError(f"{type(statement).__name__} can carry no scope; write it as select, update or delete")


def is_everything(condition_: Condition) -> bool:
    """Whether a condition lets every row through."""
    return isinstance(condition_, True_)
