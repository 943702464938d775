"""Statements that may hold input as SQL are refused where they become text: in the compiler.

Protects against SQL injection (CWE-89) through the openings that an SQL toolkit leaves on purpose. Values are bound, so
what is left to an attacker is text: `text()`, `literal_column()`, operators, hints, prefixes, names of functions, labels
and aliases, types, fields of EXTRACT. Django's list of injections since 2022 has no bound value in it, only such places
(CVE-2022-28346, CVE-2022-34265, CVE-2024-42005, CVE-2025-57833, CVE-2025-59681, CVE-2026-1287, CVE-2026-1312). Each is
refused here unless `sql` or `sql_fragment` made it, or it is one of a few harmless forms.

The compiler is the place where nothing is missed, whatever way a statement came: every text passes through it, and since
SQLAlchemy keeps compiled statements by their structure, a statement that is used again costs nothing. Text that is given
to the driver itself does not pass it; on the connections of a unit it is refused as well.

It does not cover a driver's connection that somebody takes out of SQLAlchemy, and it cannot tell who wrote a name that is
spelt like any other: `getattr(func, name)` with a name from a request chooses among the functions of the database.

ASVS 5.0: V1.2.4 (queries are protected against injection), V1.2.1 (context-aware encoding), V2.2.1 (allow lists).
"""

import re
from collections.abc import Callable, Mapping
from functools import wraps
from types import MappingProxyType
from typing import Any, Final, NoReturn

from sqlalchemy import DDL, ColumnClause, Connection, Engine, Function, TextClause, event
from sqlalchemy.engine.interfaces import DBAPICursor, ExecutionContext
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.sql.compiler import Compiled, DDLCompiler, IdentifierPreparer, SQLCompiler
from sqlalchemy.sql.elements import Extract, quoted_name
from sqlalchemy.sql.operators import custom_op
from sqlalchemy.util import immutabledict

from fastness.db.errors import BuiltSQLError
from fastness.db.sql import SQLText
from fastness.kernel.because import Because

EXEMPTION: Final = "insecure_sql"
OWN_SQL: Final = immutabledict({EXEMPTION: Because("a constant of the framework, with nothing put in")})
"""Execution options for the framework's own `exec_driver_sql("…")`."""
FOR_MIGRATIONS: Final = immutabledict({"unscoped": Because("a migration changes the rows of everybody")})
"""Execution options of an engine for migrations: policies (`fastness.authz`), which ask who acts, do not hold there."""

_NAME: Final = re.compile(r"[\w$]+")
_QUOTED_NAME: Final = re.compile(r"[\w$ .-]+")
_COLLATION: Final = re.compile(r"[A-Za-z_]\w*(?:-\w+)*(?:\.(?:utf|UTF)-?8)?(?:@\w+)?")
_FUNCTION: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PLACE: Final = re.compile(r"[\w$ .-]+")

_LITERAL_COLUMNS: Final = frozenset({"*", "1", "'%'"})
"""What SQLAlchemy itself writes for count(*), exists() and contains()."""

_SYMBOLS: Final = re.compile(r"[-+*/<>=~!@#%^&|?:]{1,4}")
_COMMENTS: Final = ("--", "/*", "*/")
_WORDS: Final = frozenset({"AND", "AT TIME ZONE", "COLLATE", "GLOB", "MATCH", "OR", "OVERLAPS", "REGEXP", "SIMILAR TO"})
"""Operators that are words, for `op("GLOB")`."""

_FIELDS: Final = frozenset({
    "century", "day", "decade", "dow", "doy", "epoch", "hour", "isodow", "isoyear", "microseconds", "millennium",
    "milliseconds", "minute", "month", "quarter", "second", "timezone", "timezone_hour", "timezone_minute", "week", "year",
})  # fmt: skip
"""https://www.postgresql.org/docs/current/functions-datetime.html#FUNCTIONS-DATETIME-EXTRACT"""

_TYPE: Final = re.compile(
    r'(?:"?\w+"?\.)?"?[A-Za-z_]\w*"?(?: (?:PRECISION|VARYING|UNSIGNED|YEAR|MONTH|DAY|HOUR|MINUTE|SECOND|TO))*'
    r"(?: ?\(\d+(?:, ?\d+)*\))?(?: WITH(?:OUT)? TIME ZONE)?(?: COLLATE \"[\w.@-]+\")?(?:\[\d*\])*",
    re.ASCII,
)
"""A data type with its numbers: VARCHAR(20), TIMESTAMP(6) WITH TIME ZONE, INTEGER[]."""

_LITERAL: Final = re.compile(
    r"'\w{1,40}'|'[ .,:/!~^|;@+=-]{0,3}'|'\\{1,2}'|-?\d{1,40}(?:\.\d{1,40})?(?:e[-+]?\d{1,3})?|NULL|TRUE|FALSE",
    re.IGNORECASE,
)
"""A value that has to stand in the text, such as the character of ESCAPE."""


def refuse_built_sql(engine: Engine) -> None:
    """Give the engine a compiler and a quoter that refuse text nobody vouched for."""
    dialect = engine.dialect
    dialect.statement_compiler = _guarded(dialect.statement_compiler)
    preparer = dialect.preparer
    dialect.identifier_preparer = type(f"Guarded{preparer.__name__}", (_Names, preparer), {})(dialect)


def engine_for_units(engine: AsyncEngine) -> AsyncEngine:
    """The same engine and pool, for sessions: there, text given to the driver is refused, too."""
    for_units = engine.execution_options()
    event.listen(for_units.sync_engine, "before_cursor_execute", _check_driver_sql)
    return for_units


def _refuse(what: str, fix: str) -> NoReturn:
    # The text itself may be an attacker's, so the message does not repeat it.
    raise BuiltSQLError(f"the statement holds {what}, which may have been built from input; {fix}")


def _check_text(clause: TextClause) -> None:
    if type(clause) is not SQLText:
        _refuse(
            "text(…), or a plain string in prefix_with or suffix_with",
            'write sql("…", name=value) for a statement or its prefix, sql_fragment("…", name=value) in an expression',
        )


def _check_template(_clause: object) -> None:
    _refuse("tstring(…)", 'write sql(t"…") or sql_fragment(t"…"), which make sure that it is a literal')


def _check_column(column: ColumnClause[object]) -> None:
    if column.is_literal and column.name not in _LITERAL_COLUMNS:
        _refuse("literal_column(…)", 'write sql_fragment("…", Type, name=value)')


def _check_operator(_element: object, operator: custom_op[object]) -> None:
    text = operator.opstring
    if text not in _WORDS and (not _SYMBOLS.fullmatch(text) or any(mark in text for mark in _COMMENTS)):
        _refuse("op(…) with something else than an operator", 'write sql_fragment("…", name=value)')


def _check_reference(_element: object) -> None:
    _refuse(
        "a string in order_by or group_by",
        "order by a column, such as Case.title; keys from a request go through the declared sorts of a ListQuery",
    )


def _check_function(function: Function[object]) -> None:
    for name in (*function.packagenames, function.name):
        if not _FUNCTION.fullmatch(name):
            _refuse("a function with an unusual name", 'write func.name(…) in the source, or sql_fragment("…")')


def _check_extract(extract: Extract) -> None:
    if extract.field not in _FIELDS:
        _refuse("an EXTRACT of an unknown field", "name one of the database's fields, such as extract('year', …)")


def _check_place(name: str) -> None:
    if not _PLACE.fullmatch(name):
        _refuse("a parameter with an unusual name", "name parameters with letters, digits and underscores")


def _check_hint(*_arguments: object) -> None:
    _refuse("with_hint or with_statement_hint", 'write the hint as suffix_with(sql("…"))')


def _check_type(text: str) -> None:
    if not _TYPE.fullmatch(text):
        _refuse("a data type that is none", "give types their lengths and precisions as int, in the source")


def _check_cast(text: str) -> None:
    _check_type(text.rpartition("::")[2])


def _check_literal(text: str) -> None:
    if not _LITERAL.fullmatch(text) or "--" in text:
        _refuse("a value inside its text", "bind the value: no literal_execute, literal_binds or flags from input")


# Method of the compiler → what its first arguments have to pass before it writes.
_BEFORE: Final[Mapping[str, Callable[..., None]]] = MappingProxyType(
    {
        "visit_textclause": _check_text,
        "visit_tstring": _check_template,
        "visit_column": _check_column,
        "visit_custom_op_binary": _check_operator,
        "visit_custom_op_unary_operator": _check_operator,
        "visit_custom_op_unary_modifier": _check_operator,
        "visit_textual_label_reference": _check_reference,
        "visit_function": _check_function,
        "visit_extract": _check_extract,
        "get_statement_hint_text": _check_hint,
        "_setup_select_hints": _check_hint,
        "_setup_crud_hints": _check_hint,
    }
)
# Method of the compiler → what the text that it has written has to pass.
_AFTER: Final[Mapping[str, Callable[[str], None]]] = MappingProxyType(
    {
        "visit_typeclause": _check_type,
        "render_bind_cast": _check_cast,
        "render_literal_value": _check_literal,
        "_truncate_bindparam": _check_place,
    }
)


class _GuardedCompiler:
    """The mark of a compiler that checks."""


def _guarded(compiler: type[SQLCompiler]) -> type[SQLCompiler]:
    methods: dict[str, Any] = {}
    for name, check in _BEFORE.items():
        methods[name] = _checked(getattr(compiler, name), before=check)
    for name, check in _AFTER.items():
        methods[name] = _checked(getattr(compiler, name), after=check)
    return type(f"Guarded{compiler.__name__}", (_GuardedCompiler, compiler), methods)


def _checked(
    method: Callable[..., Any],
    *,
    before: Callable[..., None] | None = None,
    after: Callable[[str], None] | None = None,
) -> Callable[..., Any]:
    @wraps(method)
    def checked(self: Compiled, *arguments: object, **kw: object) -> object:
        # Without a statement it writes a piece of DDL, such as a CHECK. That comes from the models, not from a request.
        is_statement = self.statement is not None
        if before is not None and is_statement:
            before(*arguments[: 2 if before is _check_operator else 1])
        text = method(self, *arguments, **kw)
        if after is not None and is_statement:
            after(text)
        return text

    return checked


class _Names(IdentifierPreparer):
    """Writes names of tables, columns, labels and aliases; an unusual one is refused rather than quoted."""

    def quote(self, ident: str) -> str:
        is_declared = isinstance(ident, quoted_name) and ident.quote
        if not (_QUOTED_NAME if is_declared else _NAME).fullmatch(ident):
            _refuse(
                "a name with characters other than letters, digits and underscores",
                "name labels and aliases in the source; a column that is really called so says quote=True",
            )
        return super().quote(ident)

    def format_collation(self, collation_name: str, collation_schema: str | None = None) -> str:
        if not _COLLATION.fullmatch(collation_name):
            _refuse("a collation with an unusual name", "name the collation in the source")
        name = self.quote_identifier(collation_name)
        return name if collation_schema is None else f"{self.quote_schema(collation_schema)}.{name}"


def _check_driver_sql(
    _connection: Connection,
    _cursor: DBAPICursor,
    _statement: str,
    _parameters: object,
    context: ExecutionContext | None,
    _is_many: bool,  # noqa: FBT001 - SQLAlchemy's signature
) -> None:
    compiled: object = None if context is None else context.compiled
    if isinstance(compiled, _GuardedCompiler):
        return
    if isinstance(compiled, DDLCompiler) and not isinstance(compiled.statement, DDL):
        return
    if context is not None and isinstance(context.execution_options.get(EXEMPTION), Because):
        return
    _refuse(
        "text for the driver (exec_driver_sql, DDL, or what another dialect compiled)",
        'write sql("…", name=value); if it must be, pass execution_options={"insecure_sql": Because("…")}',
    )
