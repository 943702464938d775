"""Workflows: the states of an object, the steps between them, who may take each and what must hold.

    class CaseFlow(Workflow[Case]):
        column = "status"
        initial = Status.OPEN

        close = Transition(Status.OPEN, to=Status.CLOSED, may="edit", when=all_fees_paid, must="Every fee has to be paid first.")
        reopen = Transition(Status.CLOSED, to=Status.OPEN, may="reopen")

A step that is skipped, taken twice or taken by the wrong person is the mistake that no escaping and no token stops. So the
column that holds the state has no other writer: a flush that changes it and a bulk UPDATE that sets it are refused, a new
object begins at `initial`, and `request.advance(case, CaseFlow.close)` is one UPDATE that compares the state, the policy and
the condition as it writes (`advancing.py`). Of two people who press the button at once, one is told that it has happened.

A session that is exempt for a reason (`bind_unscoped`) may set any state: seeds and repairs need that. What the database does
by itself is not covered, nor a row that another transaction of PostgreSQL adds at that moment and that a condition looks at:
whoever adds one writes the object's row as well (docs/guides/workflows.md).

ASVS 5.0: V2.1.3 (limits of business logic are documented), V2.3.1 (steps in their order), V2.3.2, V2.3.4 (locked against doing
it twice).
"""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Final, Generic, TypeVar

from sqlalchemy import ColumnElement, Table

from fastness.authz.errors import PolicyError
from fastness.authz.policies import check_condition, model_in_brackets
from fastness.authz.registry import registry
from fastness.db.model import Model

ModelT = TypeVar("ModelT", bound=Model)

EDIT: Final = "edit"


class Transition:
    """One step: from any of some states to another."""

    __slots__ = ("_when", "flow", "may", "must", "name", "sources", "to")

    name: str
    """How the workflow calls it."""
    flow: "type[Workflow[Any]]"

    def __init__(
        self,
        *sources: object,
        to: object,
        may: str = EDIT,
        when: Callable[[], ColumnElement[bool]] | None = None,
        must: str = "",
    ) -> None:
        """Declare a step.

        Args:
            sources: the states that it leads from.
            to: the state that it leads to.
            may: the action of the model's policy that lets somebody take it.
            when: returns a condition in SQL on the object's row that must hold besides.
            must: the same as a sentence for people, who read it when it does not hold.

        Raises:
            PolicyError: there is no source, it leads nowhere, or one of `when` and `must` is missing.
        """
        if not sources or to in sources:
            raise PolicyError(f"a Transition leads from at least one state to another one, not from {sources} to {to}")
        if (when is None) is bool(must):
            raise PolicyError(
                'a Transition with a condition says it to people as well: when=all_paid, must="All fees have to be paid first."'
            )
        self.sources = sources
        self.to = to
        self.may = may
        self.must = must
        self._when = when

    def __set_name__(self, _owner: type, name: str) -> None:
        self.name = name

    @property
    def label(self) -> str:
        """How messages call it."""
        return f"{self.flow.__name__}.{self.name}"

    def condition(self) -> ColumnElement[bool] | None:
        """What must hold besides the state, in SQL."""
        return None if self._when is None else check_condition(self.flow.model, f"{self.label}: when", self._when())


class Workflow(Generic[ModelT]):
    """The states of a model's objects and the steps between them; the model needs a policy, declared before."""

    column: ClassVar[str]
    """The attribute that holds the state."""
    initial: ClassVar[object]
    """The state of a new object."""

    model: ClassVar[type[Model]]
    """The model in the brackets."""
    transitions: ClassVar[Sequence[Transition]] = ()
    """In the order of their declaration."""

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        model = model_in_brackets(cls, Workflow)
        if model is None:
            return
        cls.model = model
        cls.transitions = tuple(value for value in vars(cls).values() if isinstance(value, Transition))
        for transition in cls.transitions:
            transition.flow = cls
        _check(cls)
        known = registry().workflows
        if model in known:
            raise PolicyError(f"{model.__name__} has two workflows, {type(known[model]).__name__} and {cls.__name__}")
        known[model] = cls()
        # A bulk UPDATE that was compiled before did not know the column.
        registry().touch()


def declared_workflows() -> tuple[type[Workflow[Any]], ...]:
    """All workflows of the process, by the names of their models."""
    flows = (type(flow) for flow in registry().workflows.values())
    return tuple(sorted((flow for flow in flows if issubclass(flow, Workflow)), key=lambda flow: flow.model.__name__))


def _check(flow: type[Workflow[ModelT]]) -> None:
    name, model = flow.__name__, flow.model
    for needed, example in (("column", '"status"'), ("initial", "Status.OPEN")):
        if not hasattr(flow, needed):
            raise PolicyError(f"{name} needs {needed} = {example}")
    policy = registry().policies.get(model)
    if policy is None:
        raise PolicyError(
            f"{name}: declare class {model.__name__}Policy(Policy[{model.__name__}]) before it; the workflow asks it who may"
        )
    table = model.__mapper__.local_table
    column = model.__mapper__.columns.get(flow.column)
    if not isinstance(table, Table) or column is None or column.table is not table:
        raise PolicyError(f"{name}: {model.__name__} has no column {flow.column!r} in its own table")
    if not flow.transitions:
        raise PolicyError(f"{name} has no transitions; declare one: close = Transition(Status.OPEN, to=Status.CLOSED)")
    for transition in flow.transitions:
        if transition.may not in policy.actions:
            known = ", ".join(sorted(policy.actions))
            raise PolicyError(f"{transition.label}: the policy has no action {transition.may!r}; it has {known}")
        foreign = [state for state in (*transition.sources, transition.to) if type(state) is not type(flow.initial)]
        if foreign:
            raise PolicyError(f"{transition.label}: {foreign[0]!r} is no {type(flow.initial).__name__}, as initial is")
    _check_reach(flow)


def _check_reach(flow: type[Workflow[ModelT]]) -> None:
    reached = {flow.initial}
    left = list(flow.transitions)
    while usable := [transition for transition in left if reached.intersection(transition.sources)]:
        reached.update(transition.to for transition in usable)
        left = [transition for transition in left if transition not in usable]
    if left:
        raise PolicyError(f"{left[0].label} can never be taken: nothing leads from {flow.initial} to where it begins")
