"""An actor without values, with which a policy is asked for its SQL.

Row-level security needs the condition of a policy once, for everybody: `actor.id` has to become an expression that the database
evaluates for each transaction. So the policy's method runs once with stand-ins. What goes into SQL works as with an actor of
a request. What decides in Python (`if actor.may(…)`, `actor.id == x`, `"editors" in actor.roles`) has no single answer, and a
stand-in that gave one would freeze it for everybody; it raises instead.

ASVS 5.0: V8.2.2, V8.3.1.
"""

from collections.abc import Iterator
from typing import Any, Final, NoReturn, cast
from uuid import UUID

from sqlalchemy import (
    Boolean,
    Cast,
    ColumnElement,
    Select,
    String,
    Text,
    Uuid,
    and_,
    func,
    literal,
    literal_column,
    or_,
    select,
)

from fastness.authz.actors import Actor
from fastness.authz.errors import RowSecurityError

ACTOR: Final = "fastness_actor"
"""What stands for the actor's values in the SQL of a policy, of the type jsonb."""


class Symbol:
    """A value of the actor that only the database will know."""

    __slots__ = ("_clause", "_name")
    __hash__ = None  # type: ignore[assignment] # a set or a dict would decide in Python

    def __init__(self, name: str, clause: ColumnElement[Any] | Select[Any]) -> None:
        self._name = name
        self._clause = clause

    def __clause_element__(self) -> ColumnElement[Any] | Select[Any]:
        return self._clause

    def __eq__(self, other: object) -> Any:  # noqa: ANN401 - as columns do
        return other == self._clause if _is_sql(other) else self._refuse("compares")

    def __ne__(self, other: object) -> Any:  # noqa: ANN401
        return other != self._clause if _is_sql(other) else self._refuse("compares")

    def __bool__(self) -> bool:  # noqa: PLE0304 - it never returns
        self._refuse("asks for")

    def __str__(self) -> str:  # noqa: PLE0307 - it never returns
        self._refuse("writes out")

    def __repr__(self) -> str:
        return f"<{self._name} of whoever will act>"

    def __format__(self, _specification: str) -> str:
        self._refuse("writes out")

    def __iter__(self) -> Iterator[Any]:
        self._refuse("goes through")

    def __len__(self) -> int:  # noqa: PLE0303 - it never returns
        self._refuse("counts")

    def __contains__(self, _item: object) -> bool:
        self._refuse("looks into")

    def __and__(self, other: Any) -> ColumnElement[bool]:  # noqa: ANN401
        return and_(self._truth(), other)

    def __or__(self, other: Any) -> ColumnElement[bool]:  # noqa: ANN401
        return or_(self._truth(), other)

    __rand__ = __and__
    __ror__ = __or__

    def _truth(self) -> ColumnElement[bool]:
        if not isinstance(self._clause, ColumnElement) or not isinstance(self._clause.type, Boolean):
            self._refuse("asks for")
        return self._clause

    def _refuse(self, verb: str) -> NoReturn:
        raise RowSecurityError(
            f"it {verb} actor.{self._name} in Python, so it has not one condition for everybody; write the decision in SQL: "
            "or_(Case.owner_id == actor.id, actor.may(…)), exists().where(…), Case.role.in_(actor.roles)"
        )


class SymbolicActor(Actor):
    """Whoever will act. Superusers never get to a policy, here as in the app."""

    __slots__ = ()

    def may(self, permission: str) -> bool:
        """The question whether they hold the permission, to be put into a condition."""
        names = literal_column(f"({ACTOR} -> 'permissions')", String())
        held = names.op("@>", is_comparison=True)(_as_json(permission))
        return cast("bool", Symbol(f"may({permission!r})", held))


def symbolic_actor(*, serves_anonymous: bool) -> Actor:
    """The stand-in for a policy; one that serves nobody anonymous is never asked about them."""
    anonymous = Symbol("is_anonymous", literal_column(f"({ACTOR} ->> 'is_anonymous')::boolean", Boolean()))
    return SymbolicActor(
        id=cast("UUID", Symbol("id", literal_column(f"({ACTOR} ->> 'id')::uuid", Uuid()))),
        roles=cast("frozenset[str]", Symbol("roles", _elements("roles"))),
        permissions=cast("frozenset[str]", Symbol("permissions", _elements("permissions"))),
        is_anonymous=cast("bool", anonymous) if serves_anonymous else False,
    )


def _elements(name: str) -> Select[Any]:
    words = f"jsonb_array_elements_text({ACTOR} -> '{name}')"
    return select(literal_column(words, String()))  # nosec FST001 # the two names are written above


def _as_json(text: str) -> ColumnElement[Any]:
    # A plain text, also where an enum's member was given.
    return func.to_jsonb(Cast(literal(str.__str__(text), String()), Text))


def _is_sql(value: object) -> bool:
    return isinstance(value, ColumnElement) or hasattr(value, "__clause_element__")
