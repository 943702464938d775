"""Pages by position: a page begins behind a row, not after a count of rows.

`OFFSET 1000000` makes the database read a million rows for a request that costs its sender one line, and rows that come or
go meanwhile are shown twice or never. A condition on the sort columns does neither. For that, every order has to be total:
the primary key comes last, so that no two rows are equal. Rows without a value stand at the end, in both directions and on
every database (left alone, PostgreSQL puts them last and SQLite first).

The columns come from the app's source and the values from the database; nothing of a request is used here.

ASVS 5.0: V15.2.2 (no request that multiplies its own work), V1.2.4 (values are bound).
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

from sqlalchemy import ColumnElement, SQLColumnExpression, and_, false, literal, or_

from fastness.kernel.values import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SortKey:
    """One column of an order."""

    column: ColumnElement[object]
    is_descending: bool = False
    is_nullable: bool = True
    """Whether rows without a value can occur; an index serves an order better where it is known that none do."""
    is_backward: bool = False
    """Whether the page is read from its end: then rows without a value come first."""

    def order(self) -> ColumnElement[object]:
        """The column in an ORDER BY."""
        ordered = self.column.desc() if self.is_descending else self.column.asc()
        if not self.is_nullable:
            return ordered
        return ordered.nulls_first() if self.is_backward else ordered.nulls_last()

    def backward(self) -> "SortKey":
        """The same column, read from the end."""
        return replace(self, is_descending=not self.is_descending, is_backward=not self.is_backward)

    def is_same(self, value: object) -> ColumnElement[bool]:
        """The rows that have this value, too."""
        return self.column.is_(None) if value is None else self.column == self._bound(value)

    def is_behind(self, value: object) -> ColumnElement[bool]:
        """The rows behind this value."""
        if value is None:
            return self.column.is_not(None) if self.is_backward else false()
        bound = self._bound(value)
        behind = self.column < bound if self.is_descending else self.column > bound
        return or_(behind, self.column.is_(None)) if self.is_nullable and not self.is_backward else behind

    def is_not_before(self, value: object) -> ColumnElement[bool]:
        """The rows with this value and those behind it; only for a column that always has one."""
        bound = self._bound(value)
        return self.column <= bound if self.is_descending else self.column >= bound

    def _bound(self, value: object) -> ColumnElement[object]:
        # With the type said: SQLAlchemy takes a bare True for a constant and refuses to compare with it.
        return literal(value, self.column.type)


def key_of(column: SQLColumnExpression[object], *, is_descending: bool = False, is_nullable: bool = True) -> SortKey:
    """A sort key of a column, attribute or expression."""
    return SortKey(column=element_of(column), is_descending=is_descending, is_nullable=is_nullable)


def element_of(column: SQLColumnExpression[object]) -> ColumnElement[object]:
    """The expression behind a mapped attribute."""
    return cast(
        "ColumnElement[object]", column.__clause_element__() if hasattr(column, "__clause_element__") else column
    )


def rows_behind(keys: Sequence[SortKey], values: Sequence[object]) -> ColumnElement[bool]:
    """The rows behind the one with these values, in the order of the keys."""
    ways = [
        and_(
            *(key.is_same(value) for key, value in zip(keys[:number], values, strict=False)),
            keys[number].is_behind(values[number]),
        )
        for number in range(len(keys))
    ]
    condition = or_(*ways)
    if keys[0].is_nullable:
        return condition
    # Says nothing new, but an index can begin here; alone, the alternatives make the database read from the start.
    return and_(keys[0].is_not_before(values[0]), condition)
