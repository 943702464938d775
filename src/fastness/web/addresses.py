"""Addresses by name: routes and static files.

Values go into a path percent-encoded, and the result is a path below the route's own: which host it is on is nobody's choice
but the browser's. A value that would make another address of it (`/evil.example` as the first part of a path, `..`)
raises, because there is no spelling of it that a browser leaves alone (CWE-601, client-side path traversal).
"""

from collections.abc import Mapping
from string import punctuation
from urllib.parse import quote, unquote

from fastness.html.values import TrustedURL
from fastness.kernel.errors import ConfigError
from fastness.kernel.paths import decide_path
from fastness.kernel.verdicts import Allow
from fastness.web.route import Route
from fastness.web.static import StaticFiles
from fastness.web.table import Table


class UnknownRouteError(ConfigError):
    """`url()` or `redirect()` named a route that does not exist, or with other parameters than it has."""

    code = "unknown_route"


class Addresses:
    """The address book of a sealed app."""

    __slots__ = ("_ambiguous", "_routes", "_static", "_table")

    def __init__(self, table: Table, static: StaticFiles) -> None:
        by_name: dict[str, list[Route]] = {}
        for route in table.routes:
            by_name.setdefault(route.name, []).append(route)
        self._table = table
        self._routes = by_name
        self._ambiguous = ambiguous(by_name)
        self._static = static

    def path(self, name: str, params: Mapping[str, object]) -> str:
        """The path of the route `name`. A name that GET and POST share is one address."""
        routes = self._routes.get(name)
        if routes is None:
            raise UnknownRouteError(
                f"There is no route named {name!r}. Known names: {', '.join(sorted(self._routes))}."
            )
        wanted = params.keys()
        if name in self._ambiguous and (several := self._ambiguous[name].get(frozenset(wanted))):
            raise UnknownRouteError(
                f"The name {name!r} is that of several routes: {', '.join(several)}. Give them names of their own, such as "
                f'name="{name}_…".'
            )
        for route in routes:
            if route.convertors.keys() == wanted:
                return fill(route, params)
        raise UnknownRouteError(
            f"The route {name!r} takes {sorted(routes[0].convertors) or 'no parameters'}, not {sorted(wanted) or 'none'}."
        )

    def name_at(self, path: str) -> str:
        """The name of the route that shows a page at the decoded path; empty if none does."""
        found = self._table.find(path, "GET")
        return "" if found is None or found.route is None else found.route.name

    def static(self, name: str) -> TrustedURL:
        """The address of a static file; it changes with the file's content."""
        return self._static.address(name)


def ambiguous(by_name: Mapping[str, list[Route]]) -> Mapping[str, Mapping[frozenset[str], list[str]]]:
    """The paths that share a name and the names of their parameters: a link to the first would pass for one to the other.

    It is no error as long as nothing asks for an address by such a name.
    """
    found: dict[str, dict[frozenset[str], list[str]]] = {}
    for name, routes in by_name.items():
        if len(routes) == 1:
            continue
        paths: dict[frozenset[str], list[str]] = {}
        for route in routes:
            same = paths.setdefault(frozenset(route.convertors), [])
            if route.path not in same:
                same.append(route.path)
        if several := {parameters: same for parameters, same in paths.items() if len(same) > 1}:
            found[name] = several
    return found


def fill(route: Route, params: Mapping[str, object]) -> str:
    """The route's path with its parameters filled in."""
    path = route.path_format
    if not path.isascii():
        path = quote(path, safe=punctuation)
    if not route.convertors:
        return path
    for name, convertor in route.convertors.items():
        if params[name] is None:
            raise UnknownRouteError(
                f"The address of the route {route.name!r} needs a {name}, and it is None. "
                "An object that was just added has its id after `await request.db.flush()`."
            )
        text = str(convertor.to_string(params[name]))
        path = path.replace(
            "{" + name + "}", quote(text, safe="/" if "/" in convertor.regex or convertor.regex == ".*" else "")
        )
    # Starlette's convertors refuse a wrong value with an assertion; the expression decides here, also under -O.
    is_matched = route.regex.fullmatch(unquote(path) if "%" in path else path) is not None
    # Quoting leaves nothing in a path that could need the long look, but slashes and dots.
    if not is_matched or (
        ("//" in path or "/." in path)
        and not isinstance(decide_path(path.encode("ascii"), allow_encoded_slash=True), Allow)
    ):
        raise UnknownRouteError(f"The route {route.name!r} cannot have these values for {', '.join(params)}.")
    return path
