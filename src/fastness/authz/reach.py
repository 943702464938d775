"""Which guarded tables a statement reaches, as far as it can be seen from the statement.

This only decides which conditions a scope brings along. Whether they are enough is decided where the SQL is written: a table
that was missed here makes the statement fail there, it does not leak.
"""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import ClauseElement, ColumnClause, FromClause
from sqlalchemy.orm import Mapper, RelationshipProperty
from sqlalchemy.orm.interfaces import ORMOption
from sqlalchemy.sql import visitors
from sqlalchemy.sql.selectable import TableClause

from fastness.authz.registry import registry

_EAGER = frozenset({"joined", "selectin", "subquery", "immediate", False, "dynamic", "write_only"})


def guarded_names(statement: object) -> tuple[str, ...]:
    """The guarded tables of a statement in small letters; that of what it selects or writes comes first."""
    guards = registry().guards
    found: dict[str, None] = {}
    mappers: dict[Mapper[Any], None] = {}
    for name in _names(statement, mappers):
        if name in guards:
            found.setdefault(name)
    for mapper in _with_eager(mappers):
        for table in mapper.tables:
            name = str(getattr(table, "name", "")).lower()
            if name in guards:
                found.setdefault(name)
        for relation in mapper.relationships:
            name = str(getattr(relation.secondary, "name", "")).lower()
            if name in guards and relation.lazy in _EAGER:
                found.setdefault(name)
    return tuple(found)


def inner_options(statement: ClauseElement) -> Iterator[object]:
    """The options of the statements inside a statement, also of those that only a column comes from."""
    waiting: list[ClauseElement] = [statement]
    seen: set[ClauseElement] = set()
    while waiting:
        root = waiting.pop()
        if root in seen:
            continue
        seen.add(root)
        for element in visitors.iterate(root):
            if element is not statement:
                yield from getattr(element, "_with_options", ())
            if isinstance(element, ColumnClause) and element.table is not None:
                waiting.append(element.table)


def _names(statement: object, mappers: dict[Mapper[Any], None]) -> Iterator[str]:
    if isinstance(statement, ClauseElement):
        sources: dict[FromClause, None] = {}
        yield from _names_in(statement, mappers, sources)
        seen: set[FromClause] = set()
        while waiting := [source for source in sources if source not in seen]:
            # What a column comes from need not stand anywhere else in the statement: an alias in the ON of a relationship.
            for source in waiting:
                seen.add(source)
                yield from _names_in(source, mappers, sources)


def _names_in(root: ClauseElement, mappers: dict[Mapper[Any], None], sources: dict[FromClause, None]) -> Iterator[str]:
    options: list[object] = []
    for element in visitors.iterate(root):
        if isinstance(element, TableClause):
            yield element.name.lower()
        elif isinstance(element, ColumnClause) and element.table is not None:
            if isinstance(element.table, TableClause):
                yield element.table.name.lower()
            else:
                sources.setdefault(element.table)
        entity = getattr(element, "_annotations", {}).get("parententity")
        if entity is not None:
            mappers.setdefault(entity.mapper)
            # A column or an alias of a joined subclass stands for all the tables of its mapper.
            yield from (str(getattr(table, "name", "")).lower() for table in entity.mapper.tables)
        options.extend(getattr(element, "_with_options", ()))
    # Last, as what is loaded along is not what the statement is about.
    for option in options:
        yield from _names_of_option(option, mappers)


def _names_of_option(option: object, mappers: dict[Mapper[Any], None]) -> Iterator[str]:
    if not isinstance(option, ORMOption):
        return
    for step in getattr(option, "context", ()):
        for part in step.path.path:
            if isinstance(part, RelationshipProperty):
                mappers.setdefault(part.mapper)
                if part.secondary is not None:
                    yield str(getattr(part.secondary, "name", "")).lower()
                yield from (str(getattr(table, "name", "")).lower() for table in part.mapper.tables)


def _with_eager(mappers: dict[Mapper[Any], None]) -> Iterator[Mapper[Any]]:
    """The mappers, and those whose objects come along without being asked for."""
    waiting, seen = list(mappers), set[Mapper[Any]]()
    while waiting:
        mapper = waiting.pop()
        if mapper in seen:
            continue
        seen.add(mapper)
        yield mapper
        for kind in mapper.self_and_descendants:
            waiting.extend(relation.mapper for relation in kind.relationships if relation.lazy in _EAGER)
            if kind is not mapper:
                waiting.append(kind)
