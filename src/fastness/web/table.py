"""The compiled route table: one look-up, whatever the number of routes.

Starlette tries its routes one after the other, so that the five-hundredth costs five hundred regular expressions. Here the
paths become a tree of segments when the app is sealed. The tree only narrows: it yields every route that could match, and the
route's own expression (the one that Starlette would have used) decides, in the order of declaration. So the first declared
wins, as in Starlette, and a property test holds the two against each other. Paths without parameters are resolved when the
table is made and cost one dict look-up.

A match is exact on the decoded path. `fullmatch` is used because `$` also matches before a line feed.
"""

import math
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from starlette.convertors import FloatConvertor, IntegerConvertor, StringConvertor, UUIDConvertor
from starlette.routing import PARAM_REGEX

from fastness.kernel.limits import KNOWN_METHODS
from fastness.web.route import Route

_ONE_SEGMENT: Final = (FloatConvertor, IntegerConvertor, StringConvertor, UUIDConvertor)
"""Convertors that never match a slash. Exact classes: a subclass may have another expression."""
WEBSOCKET: Final = "WEBSOCKET"
_SOCKET_KINDS: Final = frozenset({"websocket", "websocket-asgi"})
_ALL_METHODS: Final = (*KNOWN_METHODS, WEBSOCKET)
_MAX_SLOW_PATH: Final = 1024
"""Trying two open-ended parameters costs the square of the path's length."""
_MAX_INT64: Final = 2**63 - 1
_LONGEST_SURE_NUMBER: Final = 18
"""A path with no more letters holds no number above 64 bits."""
_NO_PARAMS: Final[Mapping[str, Any]] = MappingProxyType({})


class Found(NamedTuple):
    """The route that answers, with its parameters; or, in `allowed`, the methods that the address would have answered."""

    route: Route | None
    params: Mapping[str, Any]
    allowed: frozenset[str] = frozenset()


class Table:
    """All routes of a sealed app."""

    __slots__ = ("_fixed", "_root", "routes")

    def __init__(self, routes: Iterable[Route]) -> None:
        self.routes = tuple(routes)
        self._root = Node()
        for index, route in enumerate(self.routes):
            self._root.add(segments_of(route), index)
        self._fixed: dict[str, dict[str, Found | None]] = {
            route.path: {method: self._search(route.path, method) for method in _ALL_METHODS}
            for route in self.routes
            if not route.convertors
        }

    def find(self, path: str, method: str) -> Found | None:
        """What answers `method` on `path`; `None` where nothing lives. A socket's method is `WEBSOCKET`."""
        answers = self._fixed.get(path)
        return self._search(path, method) if answers is None else answers[method]

    def _search(self, path: str, method: str) -> Found | None:
        is_websocket = method == WEBSOCKET
        allowed: frozenset[str] = frozenset()
        for route in self._narrow(path):
            kind = route.kind
            if kind != "mount" and (kind in _SOCKET_KINDS) is not is_websocket:
                continue
            params: Mapping[str, Any] = _NO_PARAMS
            if route.convertors:
                if route.is_slow_to_refuse and len(path) > _MAX_SLOW_PATH:
                    continue
                match = route.regex.fullmatch(path)
                if match is None:
                    continue
                convertors = route.convertors
                try:
                    params = {name: convertors[name].convert(value) for name, value in match.groupdict().items()}
                except ValueError:
                    # Python refuses to convert thousands of digits (CVE-2020-10735): such a number is nobody's.
                    continue
                if len(path) > _LONGEST_SURE_NUMBER and any(map(is_beyond_bounds, params.values())):
                    continue
            if method in route.methods or not route.methods:
                return Found(route, params)
            if not route.is_hidden:
                # "Use another method" would tell that there is something.
                allowed |= route.methods
        return Found(None, _NO_PARAMS, allowed) if allowed else None

    def _narrow(self, path: str) -> list[Route]:
        """Every route that could match, in the order of declaration. One without parameters does match."""
        found: list[int] = []
        self._root.collect(path.split("/"), 1, found)
        if len(found) > 1:
            found.sort()
        routes = self.routes
        return [routes[index] for index in found]


def is_beyond_bounds(value: object) -> bool:
    """Whether a parameter is a number that no database holds: the driver would raise, and nothing lives there."""
    if type(value) is int:
        return value > _MAX_INT64
    return type(value) is float and math.isinf(value)


class Node:
    """One segment's place in the tree."""

    __slots__ = ("any_segment", "leaves", "literals", "tails")

    def __init__(self) -> None:
        self.literals: dict[str, Node] = {}
        self.any_segment: Node | None = None
        self.leaves: tuple[int, ...] = ()
        self.tails: tuple[int, ...] = ()
        """Routes that take whatever follows here."""

    def add(self, segments: list[str | None], index: int) -> None:
        """Put a route below this node, segment by segment."""
        node = self
        for segment in segments:
            if segment == TAIL:
                node.tails += (index,)
                return
            if segment is None:
                if node.any_segment is None:
                    node.any_segment = Node()
                node = node.any_segment
            else:
                node = node.literals.setdefault(segment, Node())
        node.leaves += (index,)

    def collect(self, segments: list[str], position: int, found: list[int]) -> None:
        """Add the indices of all routes that the segments from `position` on could reach."""
        if self.tails:
            found += self.tails
        if position == len(segments):
            found += self.leaves
            return
        child = self.literals.get(segments[position])
        if child is not None:
            child.collect(segments, position + 1, found)
        child = self.any_segment
        if child is not None and segments[position]:
            child.collect(segments, position + 1, found)


TAIL: Final = "/"
"""Marks, among segments, that anything may follow: no segment holds a slash."""


def segments_of(route: Route) -> list[str | None]:
    """The route's path as literals, `None` for a segment with parameters, and `TAIL` from where a slash could be matched."""
    segments: list[str | None] = []
    for segment in route.path.split("/")[1:]:
        names = [match.group(1) for match in PARAM_REGEX.finditer(segment)]
        if not names:
            segments.append(segment)
        elif all(type(route.convertors[name]) in _ONE_SEGMENT for name in names):
            segments.append(None)
        else:
            segments.append(TAIL)
            break
    return segments
