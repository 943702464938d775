"""Lists that a visitor sorts, filters, searches and pages: only as declared.

    CASES = ListQuery(
        model=Case,
        sorts={"opened": Case.opened_on, "title": Case.title, "number": (Case.year, Case.number)},
        default_sort="-opened",
        filters={"status": Filter(Case.status)},
        search=(Case.title, Case.client),
    )

    listing = await CASES.load(request, select(Case))

Protects against names from a request that become identifiers, operators or options (eight of the nine injections that
Django had to fix from 2024 to 2026), against order and filter on columns that the page does not show, and against pages
that cost more than they show. `sort`, `q`, `size`, `after`, `before` and the declared filters are all that an address may
hold. Anything else is answered with 400: a misspelt filter that was ignored would show, or hand to a program that acts on
it, more than was asked for. What the handler reads itself, and marks of campaigns on a public page, are named in `also`.

A page begins behind a row, and the address names that row by its id. So it holds no values that would end up in logs, and
nothing that has to be signed: the row is looked up in the very statement that the handler gave, with its scope, and an id
of somebody else's row is as unknown as one that never was. The list then begins anew.

ASVS 5.0: V1.2.4 (values are bound), V2.2.1 (positive validation), V8.2.2 (the scope stays), V14.2.1 (no values in addresses),
V15.2.2 (bounded work).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, replace
from types import MappingProxyType
from typing import Final, Generic, Protocol, TypeAlias, TypeVar, TypeVarTuple, cast

from sqlalchemy import ColumnElement, FrozenResult, Row, Select, SQLColumnExpression, inspect
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapper
from sqlalchemy.sql.elements import UnaryExpression
from sqlalchemy.sql.operators import asc_op, desc_op
from sqlalchemy.types import String

from fastness.db.errors import UnknownChoiceError
from fastness.db.keyset import SortKey, element_of, key_of, rows_behind
from fastness.db.model import Model, load_options
from fastness.kernel.errors import ConfigError
from fastness.kernel.values import dataclass
from fastness.web.filters import (
    MAX_VALUES,
    Comparison,
    Filter,
    ListParameterError,
    check_text,
    read_id,
    search_condition,
    write_id,
)
from fastness.web.listlinks import AFTER, BEFORE, OWN_NAMES, SEARCH, SIZE, SORT, ListChoices, Listing, make_listing

ItemT = TypeVar("ItemT")
Items = TypeVarTuple("Items")

Column: TypeAlias = SQLColumnExpression[object]
FilterLike: TypeAlias = Filter | Mapping[str, ColumnElement[bool]]
"""A filter of a column, or named conditions: `{"overdue": Case.due_on < func.current_date()}`."""

MAX_PAGE_SIZE: Final = 500


class ListParameters(Protocol):
    """The query of an address."""

    def multi_items(self) -> list[tuple[str, str]]:
        """Every name and value, in order."""


class ListRequest(Protocol):
    """What a list needs of a request."""

    @property
    def db(self) -> AsyncSession:
        """The session that the rows come from."""

    @property
    def query(self) -> ListParameters:
        """The query of the address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Page(Generic[*Items]):
    """The rows of a page, with one more if there are more, and the ids behind each."""

    result: FrozenResult[*Items]
    choices: ListChoices
    is_restarted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ListQuery:
    """What a request may ask of a list."""

    model: type[Model]
    """The model whose rows are listed; the statement has one row for each."""
    sorts: Mapping[str, Column | tuple[Column, ...]]
    """Name in the address → column, or columns; `.desc()` turns one round. They order rows, so none is an aggregate."""
    default_sort: str
    """The order of a bare address, such as `-opened`."""
    filters: Mapping[str, FilterLike] = field(default_factory=lambda: MappingProxyType({}))
    """Name of the parameter → what it filters."""
    search: tuple[Column, ...] = ()
    """The text columns in which `q` looks; with none, there is no `q`."""
    page_sizes: tuple[int, ...] = (25,)
    """Rows of a page: the default first, then what `size` may choose."""
    also: tuple[str, ...] = ()
    """Parameters that belong to the handler; they stay in the addresses."""
    _keys: Mapping[str, tuple[SortKey, ...]] = field(init=False, repr=False)
    _ids: tuple[SortKey, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        _check(self)
        mapper = inspect(self.model)
        keys = {name: _keys_of(mapper, columns) for name, columns in self.sorts.items()}
        object.__setattr__(self, "_keys", MappingProxyType(keys))
        object.__setattr__(self, "_ids", _ids_of(mapper))

    async def load(
        self, request: ListRequest, statement: Select[ItemT], *, with_: Iterable[object] = ()
    ) -> Listing[ItemT]:
        """The page that a request asks for, of a statement that selects objects.

        Args:
            request: gives the parameters and the database session.
            statement: what the list is taken from, with its scope, without order and limit.
            with_: relationships to load along, each through its own policy's `view`.

        Raises:
            UnknownChoiceError, ListParameterError: the address asks for something that was not declared; 400.
        """
        page = await self._fetch(request, statement.options(*load_options(with_)))
        return self._listing(tuple(page.result().scalars()), page)

    async def load_rows(self, request: ListRequest, statement: Select[*Items]) -> Listing[Row[*Items]]:
        """The same of a statement that selects several things, such as an object and a count."""
        page = await self._fetch(request, statement)
        width = len(statement.column_descriptions)
        return self._listing(tuple(page.result().columns(*range(width))), page)

    def read(self, parameters: Iterable[tuple[str, str]]) -> ListChoices:
        """What the parameters of an address choose. Raises `ListParameterError` or `UnknownChoiceError`."""
        given = self._given(parameters)
        order = given[SORT][0] if SORT in given else self.default_sort
        name = order.removeprefix("-")
        if name not in self.sorts:
            raise UnknownChoiceError("the address names a sort that the list does not declare")
        sizes = {str(size): size for size in self.page_sizes}
        size = given[SIZE][0] if SIZE in given else str(self.page_sizes[0])
        if size not in sizes:
            raise UnknownChoiceError("the address names a page size that the list does not declare")
        if AFTER in given and BEFORE in given:
            raise ListParameterError("a page begins behind one row or ends before one, not both")
        return ListChoices(
            sort=name,
            is_descending=order.startswith("-"),
            filters={one: given[one] for one in self.filters if one in given},
            q=" ".join(given[SEARCH][0].split()) if SEARCH in given else "",
            size=sizes[size],
            also=tuple((one, text) for one in self.also for text in given.get(one, ())),
            after=given.get(AFTER, ("",))[0],
            before=given.get(BEFORE, ("",))[0],
            default_sort=self.default_sort,
            default_size=self.page_sizes[0],
        )

    def narrow(self, statement: Select[*Items], choices: ListChoices) -> Select[*Items]:
        """The statement with the conditions of the filters and the search, for a count or an export."""
        conditions = [_condition(self.filters[name], texts) for name, texts in choices.filters.items()]
        if choices.q:
            conditions += search_condition(self.search, choices.q)
        return statement.where(*conditions)

    def _given(self, parameters: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
        known = {SORT, AFTER, BEFORE, *self.filters, *self.also}
        known |= {SEARCH} if self.search else set()
        known |= {SIZE} if len(self.page_sizes) > 1 else set()
        given: dict[str, tuple[str, ...]] = {}
        for name, text in parameters:
            if name not in known:
                raise ListParameterError(
                    f"the address has a parameter that the list does not declare; it takes {', '.join(sorted(known))}. "
                    "What others append is named in also=(…)"
                )
            # A form with an empty field sends it all the same.
            if text:
                if name not in self.also:
                    check_text(text)
                given[name] = (*given.get(name, ()), text)
        for name, texts in given.items():
            if len(texts) > (MAX_VALUES if name in self.also or _takes_several(self.filters.get(name)) else 1):
                raise ListParameterError("the address gives a parameter too often")
        return given

    async def _fetch(self, request: ListRequest, statement: Select[*Items]) -> _Page[*Items]:
        choices = self.read(request.query.multi_items())
        narrowed = self.narrow(statement, choices)
        keys = self._order(choices)
        is_restarted = False
        if choices.after or choices.before:
            values = await self._values(request.db, statement, keys, choices.after or choices.before)
            if values is None:
                is_restarted = True
                choices = choices.turned()
            else:
                keys = tuple(key.backward() for key in keys) if choices.before else keys
                narrowed = narrowed.where(rows_behind(keys, values))
        ordered = narrowed.order_by(None).order_by(*(key.order() for key in keys)).limit(choices.size + 1)
        ids = [key.column.label(f"list_id_{number}") for number, key in enumerate(self._ids)]
        result = await request.db.execute(ordered.add_columns(*ids))
        return _Page(result=result.freeze(), choices=choices, is_restarted=is_restarted)

    def _order(self, choices: ListChoices) -> tuple[SortKey, ...]:
        keys = self._keys[choices.sort]
        if choices.is_descending:
            keys = tuple(replace(key, is_descending=not key.is_descending) for key in keys)
        return (*keys, *self._ids)

    async def _values(
        self, session: AsyncSession, statement: Select[*Items], keys: tuple[SortKey, ...], row_id: str
    ) -> tuple[object, ...] | None:
        """The sort values of the row with this id, if the statement has it. The filters may have lost it meanwhile."""
        wanted = read_id(row_id, [key.column.type for key in self._ids])
        same = [key.is_same(value) for key, value in zip(self._ids, wanted, strict=True)]
        columns = [key.column.label(f"list_key_{number}") for number, key in enumerate(keys)]
        found = (await session.execute(statement.where(*same).order_by(None).limit(1).add_columns(*columns))).first()
        return None if found is None else tuple(found)[-len(keys) :]

    def _listing(self, items: tuple[ItemT, ...], page: _Page[*Items]) -> Listing[ItemT]:
        choices = page.choices
        width = len(self._ids)
        rows = cast("Iterable[Sequence[object]]", page.result())
        ids = [write_id(row[-width:]) for row in rows]
        has_more = len(ids) > choices.size
        items, ids = items[: choices.size], ids[: choices.size]
        if choices.before:
            items, ids = items[::-1], ids[::-1]
        has_next, has_previous = (True, has_more) if choices.before else (has_more, bool(choices.after))
        return make_listing(
            items,
            choices,
            sorts=tuple(self.sorts),
            filters={name: _choices_of(one) for name, one in self.filters.items()},
            sizes=self.page_sizes,
            after=ids[-1] if ids and has_next else "",
            before=ids[0] if ids and has_previous else "",
            is_restarted=page.is_restarted,
        )


def _check(query: ListQuery) -> None:
    if query.default_sort.removeprefix("-") not in query.sorts:
        raise ConfigError(f"default_sort={query.default_sort!r} is none of the sorts of the list")
    if any(name.startswith("-") for name in query.sorts):
        raise ConfigError("a sort's name does not begin with a minus, which stands for descending")
    if not query.page_sizes or not all(1 <= size <= MAX_PAGE_SIZE for size in query.page_sizes):
        raise ConfigError(f"page_sizes names at least one number of rows, each from 1 to {MAX_PAGE_SIZE}")
    names = [*sorted(OWN_NAMES), *query.filters, *query.also]
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise ConfigError(
            f"each parameter of the list of {query.model.__name__} has one meaning, and {', '.join(doubled)} would have two; "
            f"{', '.join(sorted(OWN_NAMES))} are taken"
        )
    if not all(isinstance(getattr(column, "type", None), String) for column in query.search):
        raise ConfigError("search=(…) takes text columns, such as (Case.title,)")


def _keys_of(mapper: Mapper[Model], columns: Column | tuple[Column, ...]) -> tuple[SortKey, ...]:
    """The sort keys of one declared sort."""
    return tuple(_key_of(mapper, column) for column in (columns if isinstance(columns, tuple) else (columns,)))


def _key_of(mapper: Mapper[Model], column: Column) -> SortKey:
    if not isinstance(column, SQLColumnExpression):
        raise ConfigError('sorts={"title": Case.title} takes columns and expressions, no strings')
    is_descending = isinstance(column, UnaryExpression) and column.modifier is desc_op
    if isinstance(column, UnaryExpression) and column.modifier in {asc_op, desc_op}:
        column = column.element
    element = element_of(column)
    # A column of another table has no value where an outer join found no row.
    is_own = getattr(element, "table", None) in mapper.tables
    return key_of(column, is_descending=is_descending, is_nullable=not is_own or getattr(element, "nullable", True))


def _ids_of(mapper: Mapper[Model]) -> tuple[SortKey, ...]:
    names = [mapper.get_property_by_column(column).key for column in mapper.primary_key]
    return tuple(key_of(getattr(mapper.class_, name), is_nullable=False) for name in names)


def _takes_several(declared: FilterLike | None) -> bool:
    return isinstance(declared, Filter) and declared.comparison is Comparison.ONE_OF


def _choices_of(declared: FilterLike) -> tuple[str, ...]:
    return declared.choices if isinstance(declared, Filter) else tuple(declared)


def _condition(declared: FilterLike, texts: tuple[str, ...]) -> ColumnElement[bool]:
    if isinstance(declared, Filter):
        return declared.condition(texts)
    if texts[0] not in declared:
        raise UnknownChoiceError("a filter was given a value that is none of its choices")
    return declared[texts[0]]
