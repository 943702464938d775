"""SQL that is written, never built: literal text at the call site, values bound, names from declared enums.

Protects against SQL injection (CWE-89) where a statement is written as text. The app's author is trusted with what stands
in the source; everything that is only known while the program runs may come from an attacker. So `sql` looks at the code
that calls it: the text must be one of that code's own constants, the very object and not an equal one. A string that was
put together (an f-string, `%`, `+`, `format`, `join`) is a new object and is refused, and so is one that came in as an
argument. This needs no source file, costs well under a microsecond, and fails closed for callers without Python code.
Type checkers say it earlier, because the text is a `LiteralString`.

    sql("SELECT count(*) FROM cases WHERE client = :client", client=name)
    sql(t"SELECT count(*) FROM cases WHERE client = {name}")          # Python 3.14

It does not judge what the literal does, nor what a function in the database makes of a value that it executes.

ASVS 5.0: V1.2.4 (queries are parameterised), V1.3.7 (no template is built from untrusted input).
"""

import re
import sys
from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import Enum
from functools import lru_cache
from types import CodeType
from typing import Final, LiteralString, Protocol, Self, TypeVar, cast, overload

from sqlalchemy import Boolean, ClauseElement, ColumnElement, TextClause, bindparam, column, table
from sqlalchemy.sql.elements import Grouping
from sqlalchemy.sql.visitors import InternalTraversal
from sqlalchemy.types import TypeEngine

from fastness.db.errors import NotLiteralError, UnknownChoiceError
from fastness.db.model import UTCDateTime
from fastness.kernel.because import Because
from fastness.kernel.errors import ConfigError

ValueT = TypeVar("ValueT")

MAX_IDENTIFIER_LENGTH: Final = 63
"""PostgreSQL's NAMEDATALEN - 1: it cuts longer names off, so that two of them may become one."""

_IDENTIFIER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)?")
# The names that SQLAlchemy finds in a text; the compiler looks for the same.
_PLACEHOLDER: Final = re.compile(r"(?<![:\w\\]):(\w+)(?![:\w])")
_SEVERAL: Final = (list, tuple, set, frozenset)


class Interpolation(Protocol):
    """A `{value}` in a t-string (PEP 750)."""

    @property
    def value(self) -> object:
        """What stands in the braces, evaluated."""

    @property
    def conversion(self) -> str | None:
        """`!r` and the like, which no SQL needs."""

    @property
    def format_spec(self) -> str:
        """What follows a colon in the braces."""


class Template(Protocol):
    """A t-string (PEP 750); Python has them from 3.14 on."""

    @property
    def strings(self) -> tuple[str, ...]:
        """The literal pieces, one more than there are values."""

    @property
    def interpolations(self) -> tuple[Interpolation, ...]:
        """The values between them."""


class Identifiers(Enum):
    """Names of tables and columns that may stand in a statement, declared beforehand.

    class CaseColumn(Identifiers):
        TITLE = "title"
        OPENED = "cases.opened_on"

    A member given to `sql` becomes a quoted identifier; a string never does.
    """

    def __init__(self, name: object) -> None:
        if not isinstance(name, str) or len(name) > MAX_IDENTIFIER_LENGTH or not _IDENTIFIER.fullmatch(name):
            raise ConfigError(
                f"{type(self).__name__} holds {name!r}: an identifier is ASCII letters, digits and underscores, at most "
                f"{MAX_IDENTIFIER_LENGTH}, with one dot between table and column at the most"
            )

    @classmethod
    def choose(cls, text: str) -> Self:
        """The member that a visitor named by its value.

        Raises:
            UnknownChoiceError: there is none; the answer is 400.
        """
        for member in cls:
            if member.value == text:
                return member
        raise UnknownChoiceError(f"the value names no member of {cls.__name__}")


class SQLText(TextClause):
    """A statement made by `sql` or `insecure_sql`; nothing else makes one."""

    inherit_cache = True

    def __init__(self, text: str) -> None:  # noqa: ARG002 - SQLAlchemy's signature
        raise ConfigError('SQLText is made by sql("…", name=value), which takes a literal only')


class SQLFragment(Grouping[ValueT]):
    """A piece of an expression made by `sql_fragment`; it stands in parentheses."""

    inherit_cache = True
    # Two fragments of one text may have two types, and a cached statement knows how to read its results.
    _cache_key_traversal = [  # noqa: RUF012 - SQLAlchemy reads it once
        ("element", InternalTraversal.dp_clauseelement),
        ("type", InternalTraversal.dp_type),
    ]

    def _ungroup(self) -> ColumnElement[ValueT]:
        return self


@overload
def sql(text: LiteralString, /, **values: object) -> SQLText: ...
@overload
def sql(text: Template, /) -> SQLText: ...
def sql(text: LiteralString | Template, /, **values: object) -> SQLText:
    """A statement from a literal written right here; `:name` places are bound to the values.

    Args:
        text: a string literal in the same function as the call, or a t-string.
        values: one for each `:name`. A list that is not empty becomes the row of an `IN :name`, a member of an
            `Identifiers` enum an identifier, a `sql_fragment` itself, everything else a bound parameter.

    Raises:
        NotLiteralError: the text was put together, or comes from somewhere else.
        ConfigError: a place has no value, or a value no place.
    """
    return _make(text, values, sys._getframe(1).f_code)  # noqa: SLF001 - there is no other way to ask who calls


@overload
def sql_fragment(
    text: LiteralString, kind: TypeEngine[ValueT] | type[TypeEngine[ValueT]], /, **values: object
) -> ColumnElement[ValueT]: ...
@overload
def sql_fragment(text: Template, kind: TypeEngine[ValueT] | type[TypeEngine[ValueT]], /) -> ColumnElement[ValueT]: ...
@overload
def sql_fragment(text: LiteralString, /, **values: object) -> ColumnElement[bool]: ...
@overload
def sql_fragment(text: Template, /) -> ColumnElement[bool]: ...
def sql_fragment(
    text: LiteralString | Template,
    kind: TypeEngine[ValueT] | type[TypeEngine[ValueT]] | None = None,
    /,
    **values: object,
) -> ColumnElement[ValueT] | ColumnElement[bool]:
    """A piece of SQL inside an expression, such as `select(Case).where(sql_fragment("title GLOB :p", p=pattern))`.

    The same rules as for `sql`. The piece is put into parentheses, so that no operator beside it reaches in. Without
    a type, such as `String`, it is a condition.
    """
    piece = _make(text, values, sys._getframe(1).f_code)  # noqa: SLF001
    if kind is None:
        condition: SQLFragment[bool] = SQLFragment(piece)
        condition.type = Boolean()
        return condition
    fragment: SQLFragment[ValueT] = SQLFragment(piece)
    fragment.type = kind() if isinstance(kind, type) else kind
    return fragment


def insecure_sql(text: str, /, *, because: Because, **values: object) -> SQLText:
    """A statement from a text that was built. Whoever can write into it can do what the database's user can.

    Args:
        text: any string; it must not hold anything that came from a visitor.
        because: why no literal will do here; a reviewer reads it.
        values: one for each `:name`, as in `sql`.
    """
    if not isinstance(because, Because):
        raise ConfigError('insecure_sql needs because=Because("…"), the reason why sql("…") will not do')
    return _bind(text, _places(text), values)


def _make(text: object, values: Mapping[str, object], code: CodeType) -> SQLText:
    if type(text) is str:
        if not any(constant is text for constant in code.co_consts):
            raise NotLiteralError(_help(code))
        return _bind(text, _places(text), values)
    if is_template(text):
        return from_template(cast("Template", text), code)
    raise NotLiteralError(_help(code))


def is_template(value: object) -> bool:
    """Whether the value is a t-string. Asked by name: the class exists in newer Pythons only, and cannot be derived from."""
    kind = type(value)
    return kind.__name__ == "Template" and kind.__module__ == "string.templatelib"


def from_template(template: Template, code: CodeType) -> SQLText:
    """The statement of a t-string that is written in `code`."""
    strings = template.strings
    # The compiler keeps the pieces as constants of the code, alone or in one tuple. A Template put together at run time
    # has pieces of its own.
    constants = [*code.co_consts, *(piece for known in code.co_consts if type(known) is tuple for piece in known)]
    if not all(any(piece is constant for constant in constants) for piece in strings if piece):
        raise NotLiteralError(_help(code))
    if any(_PLACEHOLDER.search(piece) for piece in strings):
        raise ConfigError("a t-string takes its values in braces: write {value} where the text has :value")
    values: dict[str, object] = {}
    text = strings[0]
    for number, (place, piece) in enumerate(zip(template.interpolations, strings[1:], strict=True), start=1):
        if place.conversion or place.format_spec:
            raise ConfigError("a value in sql(t'…') is bound as it is: no !r, !s or format after the braces' value")
        name = f"value_{number}"
        values[name] = place.value
        # Blanks, lest the place grow together with a letter or colon beside it and be no place any more.
        text = f"{text} :{name} {piece}"
    return _bind(text, tuple(values), values)


@lru_cache(maxsize=1024)
def _places(text: str) -> tuple[str, ...]:
    """The names of the places. Texts are constants of the program, so the cache holds as many as it has statements."""
    return tuple(dict.fromkeys(_PLACEHOLDER.findall(text)))


def _bind(text: str, places: tuple[str, ...], values: Mapping[str, object]) -> SQLText:
    if values.keys() != set(places):
        missing = ", ".join(sorted(set(places) - values.keys())) or "none"
        unused = ", ".join(sorted(values.keys() - set(places))) or "none"
        raise ConfigError(
            f"every :name in the SQL needs a value of that name; missing: {missing}; without a place: {unused}"
        )
    statement = SQLText.__new__(SQLText)
    statement.text = text
    # SQLAlchemy asks for parameters only by type: any clause can stand in a place, and is part of the cache key.
    statement._bindparams = {name: _clause(name, values[name]) for name in places}  # type: ignore[misc]  # noqa: SLF001
    return statement


def _clause(name: str, value: object) -> ClauseElement:
    if isinstance(value, Identifiers):
        first, _, second = value.value.rpartition(".")
        return cast("ClauseElement", table(first, column(second)).c[second]) if first else column(second)
    if isinstance(value, SQLFragment):
        return value
    if isinstance(value, ClauseElement) or hasattr(value, "__clause_element__"):
        raise ConfigError(
            f"the value of :{name} is an SQL expression; sql takes values, members of Identifiers and sql_fragment"
        )
    if isinstance(value, Enum):
        raise ConfigError(
            f"the value of :{name} is a member of an enum; give its name, which is what a model stores, or its value"
        )
    if isinstance(value, _SEVERAL):
        items = list(value)
        if not items:
            # PostgreSQL would have to guess the type of nothing.
            raise ConfigError(f"the value of :{name} is empty; leave the statement out, or use Model.column.in_([…])")
        return bindparam(name, items, expanding=True, unique=True, type_=_type_of(items))
    return bindparam(name, value, unique=True, type_=_type_of((value,)))


def _type_of(values: Iterable[object]) -> TypeEngine[datetime] | None:
    """Points in time are UTC everywhere; SQLAlchemy finds out the other types itself."""
    return UTCDateTime() if any(isinstance(value, datetime) for value in values) else None


def _help(code: CodeType) -> str:
    return (
        f"{code.co_qualname} gave sql or sql_fragment a text that is not a literal of its own. Write the SQL as one string "
        'literal in the call, sql("… WHERE title = :title", title=title), with :name for each value, a member of an '
        'Identifiers enum for a column or table, and sql_fragment("…") for a piece; what must be built says '
        'insecure_sql(text, because=Because("…"))'
    )
