"""Conditions that can only become narrower when a subquery sees fewer rows.

With row-level security on, a subquery in a statement of the app sees what its actor may view. `exists(…)` then finds less,
which refuses more: it fails closed. `~exists(…)`, `not_in`, a count or an outer join could find less and so let more through,
for example past a table of bans that nobody may view. Such conditions on secured tables are refused when the rules are written.

ASVS 5.0: V8.2.2.
"""

from typing import Any, TypeAlias

from sqlalchemy import Alias, BinaryExpression, BooleanClauseList, Column, Exists, Join, Select, Table
from sqlalchemy.sql import operators, visitors
from sqlalchemy.sql.elements import Grouping
from sqlalchemy.sql.selectable import ScalarSelect, SelectStatementGrouping

from fastness.authz.errors import RowSecurityError

Place: TypeAlias = tuple[str, str]
"""A table, and the name that it has in a query."""


def refuse_hidden_rows(condition: object, secured: frozenset[str], *, own: str, where: str) -> None:
    """Raise `RowSecurityError` if rows that an actor does not see could make the condition true.

    Args:
        condition: of a policy.
        secured: the tables with row-level security.
        own: the policy's own table, whose row is there: its columns in subqueries are that row's.
        where: the policy and its action, for the message.
    """
    _walk(condition, secured, frozenset({(own, own)}), where)


def _walk(condition: object, secured: frozenset[str], around: frozenset[Place], where: str) -> None:
    if isinstance(condition, BooleanClauseList) and condition.operator in {operators.and_, operators.or_}:
        for part in condition.clauses:
            _walk(part, secured, around, where)
    elif isinstance(condition, Grouping | ScalarSelect | SelectStatementGrouping | Exists):
        _walk(condition.element, secured, around, where)
    elif isinstance(condition, BinaryExpression) and condition.operator is operators.in_op:
        _walk(condition.right, secured, around, where)
    elif isinstance(condition, Select) and _is_plain(condition):
        inside = around | _places(condition)
        for part in condition._where_criteria:  # noqa: SLF001 - not joined by AND yet
            _walk(part, secured, inside, where)
    elif isinstance(condition, visitors.ExternallyTraversible):
        hidden = sorted({table for table, _ in _queried(condition) - around} & secured)
        if hidden:
            raise RowSecurityError(
                f"{where} asks {', '.join(hidden)} in a way that could let more through when rows are hidden (a negation, a "
                "comparison with a subquery, a count, an outer join); with row-level security on that table, write exists(…) "
                "and in_(…) without a negation, or keep the answer in a column"
            )


def _is_plain(query: Select[Any]) -> bool:
    if query._group_by_clauses or query._having_criteria or query._has_row_limiting_clause:  # noqa: SLF001 - no public way
        return False
    joins = [element for element in visitors.iterate(query) if isinstance(element, Join)]
    flags = [flag for *_, flag in query._setup_joins]  # noqa: SLF001
    return not any(join.isouter or join.full for join in joins) and not any(
        flag["isouter"] or flag["full"] for flag in flags
    )


def _queried(condition: visitors.ExternallyTraversible) -> set[Place]:
    """The places that the subqueries of a condition speak of."""
    places: set[Place] = set()
    for element in visitors.iterate(condition):
        if isinstance(element, Select):
            places |= _places(element)
    return places


def _places(query: Select[Any]) -> frozenset[Place]:
    """What a query speaks of outside its own subqueries."""
    found: set[Place] = set()
    waiting: list[Any] = [*query.get_children()]
    while waiting:
        element = waiting.pop()
        if isinstance(element, Select):
            continue
        place = _place(element.table if isinstance(element, Column) else element)
        if place is None:
            waiting.extend(element.get_children())
        else:
            found.add(place)
    return frozenset(found)


def _place(source: object) -> Place | None:
    if isinstance(source, Alias) and isinstance(source.element, Table):
        return source.element.name, str(source.name)
    return (source.name, source.name) if isinstance(source, Table) else None
