"""What a list's page shows: the rows, and the addresses of its neighbours.

An address is a query only (`?sort=-opened&after=…`), so it stays on the page whatever its path is, and it is made from
what was read and found good, never from the query as it came. The default choices are left out, which keeps addresses
short and the same page under one address.

ASVS 5.0: V1.2.2 (values in addresses are encoded), V14.2.1 (no values of rows in addresses).
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final, Generic, TypeVar
from urllib.parse import urlencode

from fastness.kernel.values import dataclass

ItemT = TypeVar("ItemT")

SORT: Final = "sort"
SEARCH: Final = "q"
SIZE: Final = "size"
AFTER: Final = "after"
BEFORE: Final = "before"
OWN_NAMES: Final = frozenset({SORT, SEARCH, SIZE, AFTER, BEFORE})


@dataclass(frozen=True, slots=True, kw_only=True)
class ListChoices:
    """What a request chose, each a declared thing."""

    sort: str
    is_descending: bool
    filters: Mapping[str, tuple[str, ...]]
    """By name, the texts of the filters that are set."""
    q: str
    size: int
    also: tuple[tuple[str, str], ...]
    """What belongs to the handler, kept in every address."""
    after: str = ""
    before: str = ""
    default_sort: str = ""
    default_size: int = 0

    @property
    def order(self) -> str:
        """The order as it stands in an address: `-opened` for the newest first."""
        return f"-{self.sort}" if self.is_descending else self.sort

    def pairs(self) -> list[tuple[str, str]]:
        """The parameters that lead here, without those that would change nothing."""
        found: list[tuple[str, str]] = []
        if self.order != self.default_sort:
            found.append((SORT, self.order))
        if self.q:
            found.append((SEARCH, self.q))
        found += [(name, text) for name, texts in self.filters.items() for text in texts]
        if self.size != self.default_size:
            found.append((SIZE, str(self.size)))
        found += self.also
        if self.after:
            found.append((AFTER, self.after))
        if self.before:
            found.append((BEFORE, self.before))
        return found

    def address(self) -> str:
        """The query that leads here."""
        return "?" + urlencode(self.pairs(), errors="replace")

    def turned(self, *, after: str = "", before: str = "") -> "ListChoices":
        """Another page of the same list, or the first."""
        return replace(self, after=after, before=before)

    def without(self, name: str) -> Mapping[str, tuple[str, ...]]:
        """The other filters."""
        return {other: texts for other, texts in self.filters.items() if other != name}


@dataclass(frozen=True, slots=True, kw_only=True)
class SortLink:
    """A heading that sorts."""

    name: str
    address: str
    is_current: bool
    is_descending: bool
    """Whether the list is sorted by it, the greatest first."""

    @property
    def aria(self) -> str:
        """The value of `aria-sort` for the heading."""
        return "none" if not self.is_current else "descending" if self.is_descending else "ascending"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoiceLink:
    """A value of a filter, or a page size, and where choosing it leads."""

    value: str
    address: str
    is_current: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterState:
    """A declared filter as the page shows it."""

    name: str
    values: tuple[str, ...]
    """What it is set to; empty when it is not set."""
    choices: tuple[ChoiceLink, ...]
    """What may be chosen, where that can be counted."""
    address: str
    """Where the list is without this filter."""

    @property
    def value(self) -> str:
        """What it is set to, for a field of a form."""
        return self.values[0] if self.values else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing(Generic[ItemT]):
    """A page of a list, for a template to walk through."""

    items: tuple[ItemT, ...]
    sorts: Mapping[str, SortLink]
    filters: Mapping[str, FilterState]
    sizes: tuple[ChoiceLink, ...]
    choices: ListChoices
    first: str
    """The address of the first page."""
    next: str | None
    """The address of the page behind this one."""
    previous: str | None
    """The address of the page before this one."""
    is_restarted: bool = False
    """The row that the page should begin behind is gone, so this is the first page."""

    def __iter__(self) -> Iterator[ItemT]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    @property
    def q(self) -> str:
        """What is searched for."""
        return self.choices.q

    @property
    def sort(self) -> str:
        """The order, with a minus for descending."""
        return self.choices.order

    def hidden(self, *shown: str) -> tuple[tuple[str, str], ...]:
        """The parameters that a form has to carry in hidden fields; `shown` are those it has visible fields for."""
        return tuple(pair for pair in self.choices.turned().pairs() if pair[0] not in shown)


def make_listing(
    items: tuple[ItemT, ...],
    choices: ListChoices,
    *,
    sorts: tuple[str, ...],
    filters: Mapping[str, tuple[str, ...]],
    sizes: tuple[int, ...],
    after: str,
    before: str,
    is_restarted: bool,
) -> Listing[ItemT]:
    """The page with its addresses; `filters` holds the choices of each, `after` and `before` are ids or empty."""
    here = choices.turned()
    return Listing(
        items=items,
        choices=choices,
        sorts={name: _sort_link(here, name) for name in sorts},
        filters={name: _filter_state(here, name, offered) for name, offered in filters.items()},
        sizes=tuple(
            ChoiceLink(value=str(size), address=replace(here, size=size).address(), is_current=size == choices.size)
            for size in sizes
        ),
        first=here.address(),
        next=here.turned(after=after).address() if after else None,
        previous=here.turned(before=before).address() if before else None,
        is_restarted=is_restarted,
    )


def _sort_link(here: ListChoices, name: str) -> SortLink:
    is_current = name == here.sort
    # The heading of the current order turns it round; another begins as the default does, or ascending.
    is_descending = not here.is_descending if is_current else here.default_sort == f"-{name}"
    return SortLink(
        name=name,
        address=replace(here, sort=name, is_descending=is_descending).address(),
        is_current=is_current,
        is_descending=is_current and here.is_descending,
    )


def _filter_state(here: ListChoices, name: str, offered: tuple[str, ...]) -> FilterState:
    others = here.without(name)
    values = here.filters.get(name, ())
    return FilterState(
        name=name,
        values=values,
        choices=tuple(
            ChoiceLink(
                value=value,
                address=replace(here, filters={**others, name: (value,)}).address(),
                is_current=value in values,
            )
            for value in offered
        ),
        address=replace(here, filters=others).address(),
    )
