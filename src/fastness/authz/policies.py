"""Policies: one definition that is both the filter of a list and the check of one object.

    class CasePolicy(Policy[Case]):
        def view(self, actor: Actor) -> ColumnElement[bool]:
            return or_(Case.owner_id == actor.id, Case.members.any(User.id == actor.id))

        def edit(self, actor: Actor) -> ColumnElement[bool]:
            return self.view(actor) & Case.is_open

A check in Python beside a filter in SQL is two rules that drift apart, and the list then shows what the page refuses, or the
other way round. Here each action is one SQL condition, and every statement on the model must carry it (`scope.py`, `guard.py`).
A model without a policy is not guarded: what everybody may see needs none.

The class protects from nothing by itself when it is never imported; put it beside its model.

ASVS 5.0: V8.1.2 (who may do what is documented in one place), V8.2.2 (data-specific access, against IDOR and BOLA), V8.2.3.
"""

from collections.abc import Callable
from types import FunctionType
from typing import ClassVar, Generic, TypeVar, cast, get_args, get_origin

from sqlalchemy import ColumnElement, Table, false, true

from fastness.authz.actors import Actor
from fastness.authz.errors import PolicyError
from fastness.authz.guard import guard_model
from fastness.authz.registry import registry
from fastness.authz.scope import DELETE, VIEW
from fastness.db.model import Model

ModelT = TypeVar("ModelT", bound=Model)
Method = Callable[[Actor], ColumnElement[bool]]


class Policy(Generic[ModelT]):
    """Who may do what with the rows of a model: one method for each action, which returns the condition in SQL.

    `view` is required. `create` is what a row must fulfil once it is inserted; without it nobody inserts. `after` is what a row
    must fulfil once it is changed; without it that is `view`. Conditions are made of the model's own columns and of
    subqueries, and take the actor's values as they are: they become bound parameters.
    """

    writing: ClassVar[frozenset[str]] = frozenset({"edit", DELETE})
    """The actions for which an object may be changed once it was loaded for one of them. Only `delete` lets it be deleted."""
    serves_anonymous: ClassVar[bool] = False
    """Whether the methods are asked about people who are not signed in; otherwise they get nothing."""

    row_security: ClassVar[bool] = False
    """Whether PostgreSQL enforces the policy as well; `fastness db rls` writes the migration."""

    model: ClassVar[type[Model]]
    """The model in the brackets."""
    actions: ClassVar[frozenset[str]] = frozenset()
    """The actions that the class defines."""

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        model = model_in_brackets(cls, Policy)
        if model is None:
            return  # a base class of an app's own, still generic
        _check_model(cls, model)
        cls.model = model
        cls.actions = _actions_of(cls)
        if VIEW not in cls.actions:
            raise PolicyError(f"{cls.__name__} has no method view(self, actor); without it nobody could see anything")
        registry().add(cls())
        guard_model(model)

    @property
    def table_model(self) -> type[Model]:
        """The model whose table the conditions are about."""
        return self.model

    def condition(self, actor: Actor, action: str) -> ColumnElement[bool]:
        """The condition under which the actor may do `action`.

        Raises:
            PolicyError: there is no such action, or its method returned something else than a condition on its own model.
        """
        if action not in self.actions:
            known = ", ".join(sorted(self.actions))
            raise PolicyError(f"{type(self).__name__} has no action {action!r}; it has {known}")
        if actor.is_superuser:
            return true()
        if not self.serves_anonymous and actor.is_anonymous:
            return false()
        method: Method = getattr(self, action)
        return check_condition(self.model, f"{type(self).__name__}.{action}", method(actor))


def check_condition(model: type[Model], where: str, condition: object) -> ColumnElement[bool]:
    """What a policy's method returned, if it is a condition on the model's own rows; `where` is its name for the message.

    Raises:
        PolicyError: it is none.
    """
    if hasattr(condition, "__clause_element__"):
        condition = condition.__clause_element__()
    if not isinstance(condition, ColumnElement):
        raise PolicyError(
            f"{where} returned {type(condition).__name__}; return a condition in SQL, such as {model.__name__}.owner_id "
            "== actor.id, or true() and false() of SQLAlchemy"
        )
    table = model.__mapper__.local_table
    foreign = {str(source) for source in condition._from_objects if source != table}  # noqa: SLF001 - no public way
    if foreign:
        raise PolicyError(
            f"{where} uses columns of {', '.join(sorted(foreign))} outside a subquery, which would join all their rows; "
            "write relationship.any(…), relationship.has(…) or exists().where(…)"
        )
    return cast("ColumnElement[bool]", condition)


def model_in_brackets(declared: type[object], base: type[object]) -> type[Model] | None:
    """The model of `class CasePolicy(Policy[Case])`; nothing for a base class that is still generic.

    Raises:
        PolicyError: the brackets hold something else, or the class derives from one that has its model already.
    """
    for generic in getattr(declared, "__orig_bases__", ()):
        origin = get_origin(generic)
        if isinstance(origin, type) and issubclass(origin, base):
            argument = get_args(generic)[0]
            if isinstance(argument, type) and issubclass(argument, Model):
                return argument
            if isinstance(argument, TypeVar):
                return None
            raise PolicyError(
                f"{declared.__name__} needs a model in its brackets, a subclass of fastness.Model: {base.__name__}[Case]"
            )
    inherited: type[Model] | None = getattr(declared, "model", None)
    if inherited is not None:
        kind = base.__name__.lower()
        raise PolicyError(
            f"{declared.__name__} derives from the {kind} of {inherited.__name__}; a model has one {kind}"
        )
    return None


def _check_model(policy: type[object], model: type[Model]) -> None:
    mapper = getattr(model, "__mapper__", None)
    if mapper is None or not isinstance(mapper.local_table, Table):
        raise PolicyError(f"{policy.__name__}: {model.__name__} has no table of its own")
    if mapper.inherits is not None:
        raise PolicyError(
            f"{policy.__name__}: {model.__name__} is a kind of {mapper.inherits.class_.__name__}; put the policy there, "
            "it holds for all kinds"
        )
    if model.__module__.partition(".")[0] == "fastness":
        raise PolicyError(
            f"{policy.__name__}: {model.__name__} belongs to Fastness, which has to read it to sign people in"
        )


def _actions_of(policy: type[object]) -> frozenset[str]:
    names: set[str] = set()
    for base in policy.__mro__:
        if base is Policy:
            break
        names.update(
            name for name, value in vars(base).items() if isinstance(value, FunctionType) and not name.startswith("_")
        )
    reserved = names & {"condition", "table_model"}
    if reserved:
        raise PolicyError(f"{policy.__name__} defines {', '.join(sorted(reserved))}, which is Policy's own")
    return frozenset(names)
