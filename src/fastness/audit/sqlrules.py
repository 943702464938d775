"""SQL that is put together from texts and values.

The database cannot tell what the author wrote from what a visitor wrote: `' OR 1=1 --` in a name reads every row. A value
that has a parameter of its own is never read as SQL. Whether the value can be chosen by a visitor is not asked: it cannot
today, and the next change brings a name from a form.

ASVS 5.0: V1.2.4 (parameterised queries).
"""

import ast
import re
from collections.abc import Iterator
from typing import Final

from fastness.audit.module import Module, argument, method
from fastness.audit.rule import Hit, Rule
from fastness.kernel.findings import Notice, Severity, Topic

BUILT_SQL: Final = Notice(
    id="FST-SOURCE-001",
    severity=Severity.HIGH,
    title="SQL is put together from texts",
    why="Whoever chooses a part of the text chooses what the database runs.",
    fix='Write sql("… WHERE name = :name", name=name), or a SELECT of SQLAlchemy. For names of columns, see '
    "docs/guides/queries.md: Identifiers.",
    topic=Topic.INJECTION,
    asvs=("V1.2.4",),
)


_TAKES_SQL: Final = frozenset({"sqlalchemy.text", "sqlalchemy.sql.text", "sqlalchemy.literal_column", "fastness.sql"})
_SQL_METHODS: Final = frozenset({"exec_driver_sql"})
# Other things have an `execute`, too: there the text has to look like SQL.
_EXECUTING: Final = frozenset(
    {"execute", "executemany", "executescript", "scalar", "scalars", "fetch", "fetchrow", "fetchval"}
)
_SQL: Final = re.compile(
    r"\s*(?:SELECT\s|INSERT\s+INTO\s|UPDATE\s+\S+\s+SET\s|DELETE\s+FROM\s|WITH\s|CREATE\s|ALTER\s|DROP\s|TRUNCATE\s"
    r"|GRANT\s|MERGE\s+INTO\s)",
    re.IGNORECASE,
)


def find_built_sql(module: Module) -> Iterator[Hit]:
    """Texts with values in them where SQL is expected."""
    for call in module.all(ast.Call):
        statement = argument(call, 0, "statement")
        if statement is None:
            continue
        is_sql = module.origin(call.func) in _TAKES_SQL or method(call) in _SQL_METHODS
        if is_sql or method(call) in _EXECUTING:
            parts = [*text_parts(module, statement)]
            if None in parts and (is_sql or _SQL.match("".join(part or "x" for part in parts))):
                yield Hit(call)


def text_parts(module: Module, node: ast.expr) -> Iterator[str | None]:
    """The parts of a text that is put together, None for each that is not written in the file; nothing for another value."""
    value = module.value(node)
    match value:
        case ast.Constant(value=str(text)):
            yield text
        case ast.JoinedStr():
            for part in value.values:
                yield module.text(part.value if isinstance(part, ast.FormattedValue) else part)
        case ast.BinOp(op=ast.Add()):
            yield from _sum(module, value)
        case ast.BinOp(op=ast.Mod(), left=left):
            yield from _filled(module, left)
        case ast.Call(func=ast.Attribute(value=owner, attr="format"), args=args, keywords=keywords) if args or keywords:
            yield from _filled(module, owner)


def _filled(module: Module, node: ast.expr) -> Iterator[str | None]:
    """A text with places in it, and what comes there."""
    text = module.text(node)
    if text is not None:
        yield from (text, None)


def _sum(module: Module, node: ast.BinOp) -> Iterator[str | None]:
    """Texts and values with `+` between them; a sum without any text in it is not one of texts."""
    parts = [[*text_parts(module, side)] for side in (node.left, node.right)]
    if any(parts):
        for part in parts:
            yield from part or [None]


RULES: Final = (Rule(notice=BUILT_SQL, find=find_built_sql, same_as=("B608",)),)
