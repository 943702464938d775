"""Which tables are guarded, and how the condition of a model reads in terms of each of them.

A policy guards more than its model's table. Rows of a joined subclass and of an association table tell about the same
objects, so they get a condition of their own, made from the model's: the row must belong to an object in scope. Tables are
known by name, in any case, because another `Table` object of the same name reads the same rows.

The policies live with the models, in `Model.metadata.info`: there is one set of tables in a process. Whatever is added
later raises the generation, and a statement that was compiled before is looked at once more.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, Protocol, cast

from sqlalchemy import Column, ColumnElement, Table, and_, event, select, tuple_
from sqlalchemy.orm import Mapper, RelationshipProperty

from fastness.authz.actors import Actor
from fastness.authz.errors import PolicyError
from fastness.db.model import Model
from fastness.kernel.values import dataclass

_KEY: Final = "fastness_policies"

Conditions = Mapping[type[Model], ColumnElement[bool]]


class PolicyLike(Protocol):
    """What the guard needs of a policy."""

    @property
    def table_model(self) -> type[Model]: ...

    @property
    def actions(self) -> frozenset[str]: ...

    @property
    def writing(self) -> frozenset[str]: ...

    @property
    def serves_anonymous(self) -> bool: ...

    @property
    def row_security(self) -> bool: ...

    def condition(self, actor: Actor, action: str) -> ColumnElement[bool]: ...


class WorkflowLike(Protocol):
    """What the guard needs of a workflow."""

    @property
    def column(self) -> str: ...

    @property
    def initial(self) -> object: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """One guarded table."""

    name: str
    """The table's name in small letters."""
    table: Table
    models: tuple[type[Model], ...]
    """Whose policies decide about its rows."""
    is_own: bool
    """The table of the model itself, not one that only belongs to it."""
    condition: Callable[[Conditions], ColumnElement[bool]]
    """The models' conditions, in terms of this table."""

    @property
    def label(self) -> str:
        """How messages call it."""
        names = " and ".join(model.__name__ for model in self.models)
        return names if self.is_own else f"{names} (table {self.table.name})"


class Registry:
    """All policies of the process."""

    def __init__(self) -> None:
        self.policies: dict[type[Model], PolicyLike] = {}
        self.workflows: dict[type[Model], WorkflowLike] = {}
        """By the model of the policy, which is that of the table."""
        self.generation = 0
        self.has_row_security = False
        """Whether a policy asks for row-level security, so that the database is told who acts."""
        self._guards: Mapping[str, Guard] = {}
        self._pattern: re.Pattern[str] | None = None
        self._made_for = -1

    def add(self, policy: PolicyLike) -> None:
        """Note a policy.

        Raises:
            PolicyError: the model has one already.
        """
        model = policy.table_model
        if model in self.policies:
            raise PolicyError(
                f"{model.__name__} has two policies, {type(self.policies[model]).__name__} and {type(policy).__name__}; "
                "a model has one"
            )
        self.policies[model] = policy
        self.has_row_security = self.has_row_security or policy.row_security
        self.generation += 1

    def touch(self) -> None:
        """Note that tables or relationships may have been added."""
        self.generation += 1

    @property
    def guards(self) -> Mapping[str, Guard]:
        """The guarded tables by their names in small letters."""
        if self._made_for != self.generation:
            self._make()
        return self._guards

    def policy_of(self, model: type[object]) -> PolicyLike:
        """The policy of a model, or of the model that it is a kind of.

        Raises:
            PolicyError: there is none.
        """
        for base in model.__mro__:
            policy = self.policies.get(base)
            if policy is not None:
                return policy
        raise PolicyError(
            f"{model.__name__} has no policy; declare class {model.__name__}Policy(Policy[{model.__name__}])"
        )

    def guarded_model(self, mapper: Mapper[object]) -> type[Model] | None:
        """The model whose policy decides about objects of this mapper."""
        return next((item.class_ for item in mapper.iterate_to_root() if item.class_ in self.policies), None)

    def names_in(self, text: str) -> frozenset[str]:
        """The guarded tables that a text of SQL names; a column or a word of that name counts as well."""
        if self._made_for != self.generation:
            self._make()
        if self._pattern is None:
            return frozenset()
        if 'U&"' in text or 'u&"' in text:
            return frozenset(self._guards)  # PostgreSQL's identifiers with escapes: U&"\0063ases" is cases
        return frozenset(map(str.lower, self._pattern.findall(text)))

    def _make(self) -> None:
        if self.policies:
            Model.registry.configure()
        made_for = self.generation
        guards: dict[str, Guard] = {}
        for model in self.policies:
            for guard in _guards_of(model):
                _add(guards, guard)
        if self.policies:
            for guard in self._associations(guards):
                _add(guards, guard)
        names = "|".join(re.escape(name) for name in sorted(guards, key=len, reverse=True))
        self._pattern = re.compile(rf"(?<![\w$])(?:{names})(?![\w$])", re.IGNORECASE) if names else None
        self._guards = guards
        self._made_for = made_for

    def _associations(self, guards: Mapping[str, Guard]) -> Iterable[Guard]:
        sides: dict[Table, dict[type[Model], Sequence[tuple[Column[object], Column[object]]]]] = {}
        for mapper in Model.registry.mappers:
            for relation in mapper.relationships:
                parent, target = self.guarded_model(mapper), self.guarded_model(relation.mapper)
                if parent is None and target is None:
                    continue
                _refuse_unwatched(relation, parent_is_guarded=parent is not None)
                secondary = relation.secondary
                if not isinstance(secondary, Table) or secondary.name.lower() in guards:
                    continue
                pairs = sides.setdefault(secondary, {})
                if parent is not None:
                    pairs[parent] = cast("Sequence[tuple[Column[object], Column[object]]]", relation.synchronize_pairs)
                if target is not None:
                    pairs[target] = cast(
                        "Sequence[tuple[Column[object], Column[object]]]", relation.secondary_synchronize_pairs
                    )
        for secondary, pairs_by_model in sides.items():
            yield _association_guard(secondary, pairs_by_model)


def registry() -> Registry:
    """The policies of this process's models."""
    found: Registry = Model.metadata.info[_KEY]
    return found


def _add(guards: dict[str, Guard], guard: Guard) -> None:
    if guard.name in guards:
        raise PolicyError(
            f"two guarded tables are called {guard.table.name}, in different schemas; give them two names"
        )
    guards[guard.name] = guard


def _guards_of(model: type[Model]) -> Iterable[Guard]:
    mapper: Mapper[Model] = model.__mapper__
    root = mapper.local_table
    if not isinstance(root, Table):
        raise PolicyError(f"{model.__name__} is mapped to a query; put the policy on the model of the table")

    def own(conditions: Conditions) -> ColumnElement[bool]:
        return conditions[model]

    yield Guard(name=root.name.lower(), table=root, models=(model,), is_own=True, condition=own)
    for sub in mapper.self_and_descendants:
        if sub.concrete:
            raise PolicyError(
                f"{sub.class_.__name__} is a concrete subclass of {model.__name__}, which no policy can cover"
            )
        for table in sub.tables:
            if isinstance(table, Table) and table is not root and sub.local_table is table:
                yield _subclass_guard(model, root, table)


def _subclass_guard(model: type[Model], root: Table, table: Table) -> Guard:
    keys, own = tuple(root.primary_key.columns), tuple(table.primary_key.columns)
    if len(keys) != len(own):
        raise PolicyError(f"the table {table.name} has another primary key than {root.name}")

    def belongs(conditions: Conditions) -> ColumnElement[bool]:
        return _among(own, select(*keys).where(conditions[model]))

    return Guard(name=table.name.lower(), table=table, models=(model,), is_own=False, condition=belongs)


def _association_guard(
    table: Table, sides: Mapping[type[Model], Sequence[tuple[Column[object], Column[object]]]]
) -> Guard:
    def belongs(conditions: Conditions) -> ColumnElement[bool]:
        parts: list[ColumnElement[bool]] = []
        for model, pairs in sides.items():
            root = model.__mapper__.local_table
            keys = [_on_root(model, column) for column, _ in pairs]
            parts.append(_among([own for _, own in pairs], select(*keys).select_from(root).where(conditions[model])))
        return and_(*parts)

    return Guard(name=table.name.lower(), table=table, models=tuple(sides), is_own=False, condition=belongs)


def _on_root(model: type[Model], column: Column[object]) -> Column[object]:
    root = cast("Table", model.__mapper__.local_table)
    if column.table is root:
        return column
    # The key of a joined subclass's table is that of its base, column by column.
    own: list[Column[object]] = [*column.table.primary_key.columns]
    keys: list[Column[object]] = [*root.primary_key.columns]
    if column in own:
        return keys[own.index(column)]
    raise PolicyError(
        f"{column} joins an association table to a subclass of {model.__name__} by another column than its key"
    )


def _among(columns: Sequence[Column[object]], chosen: object) -> ColumnElement[bool]:
    row = columns[0] if len(columns) == 1 else tuple_(*columns)
    return cast("ColumnElement[bool]", row.in_(chosen))  # type: ignore[arg-type]


def _refuse_unwatched(relation: RelationshipProperty[object], *, parent_is_guarded: bool) -> None:
    """Refuse the relationships whose writes the guard would not see."""
    if relation.post_update:
        raise PolicyError(f"{relation} has post_update, whose UPDATE no policy sees; leave it out")
    if (
        relation.secondary is not None
        and not parent_is_guarded
        and not relation.viewonly
        and not relation.back_populates
    ):
        raise PolicyError(
            f"{relation} writes the association table of {relation.mapper.class_.__name__}, which has a policy; "
            "name the other side with back_populates, or say viewonly=True"
        )


@event.listens_for(Mapper, "after_configured")
def _tables_may_have_come() -> None:
    registry().touch()


@event.listens_for(Model, "attribute_instrument", propagate=True)
def _relationship_may_have_come(_model: type[Model], _name: str, _attribute: object) -> None:
    # One that is added to a model which is configured already tells nobody else.
    registry().touch()


Model.metadata.info.setdefault(_KEY, Registry())
