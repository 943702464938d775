"""What FastAPI makes of an included router and of a frontend folder: routes without an app of their own.

FastAPI keeps `include_router` as one lazy route object and builds, when first asked, an effective context for each route in it:
the route with the prefix and dependencies of this inclusion. It is the context's app that answers, never `route.app`, so it is
the context that gets a leaf. The names used here are FastAPI's own private ones, read off its objects and not imported; a test
for each fails when a release changes them, and where one is missing the app does not start.
"""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from starlette.routing import BaseRoute, Router

_MODULE: Final = "fastapi.routing"
_FRONTEND_METHODS: Final = frozenset({"GET", "HEAD"})


class Effective(NamedTuple):
    """A route as one inclusion serves it."""

    route: Any
    """A route object of Starlette's, or FastAPI's context, which has the same attributes."""
    original: BaseRoute


class Frontend(NamedTuple):
    """A folder that FastAPI serves where no other route matches."""

    path: str
    holder: object
    attribute: str
    """Which attribute of `holder` answers."""
    methods: frozenset[str] = _FRONTEND_METHODS


def is_of_fastapi(thing: object, name: str) -> bool:
    """Whether an object is of FastAPI's routing class `name`."""
    return any(kind.__module__ == _MODULE and kind.__name__ == name for kind in type(thing).__mro__)


def is_inclusion(route: BaseRoute) -> bool:
    """Whether the route stands for an included router."""
    return is_of_fastapi(route, "_IncludedRouter")


def is_context(route: object) -> bool:
    """Whether this is FastAPI's effective context of one of its own routes."""
    return is_of_fastapi(route, "_EffectiveRouteContext")


def effective_routes(inclusion: Any) -> Iterator[Effective | BaseRoute]:  # noqa: ANN401 - FastAPI is not imported
    """What an inclusion answers with, in order; inclusions within it as they are."""
    for candidate in inclusion.effective_candidates():
        if is_inclusion(candidate):
            yield candidate
        else:
            # FastAPI's own routes answer by their context, Starlette's by a copy of the route with the prefix.
            yield Effective(candidate.starlette_route or candidate, candidate.original_route)


def frontends_of(router: Router) -> Iterator[Frontend]:
    """The frontend folders of a router and of those it includes, the most specific path first."""
    found: list[Frontend] = []
    for group in getattr(router, "_low_priority_routes", ()):
        found += [Frontend(route.path, group, "handle") for route in group.routes]
    for route in router.routes:
        if is_inclusion(route):
            inclusion: Any = route
            for context in inclusion.effective_low_priority_routes():
                prefix = context.frontend_prefix
                found += [Frontend(joined(prefix, one.path), context, "app") for one in context.original_route.routes]
    return iter(sorted(found, key=lambda one: -len(one.path)))


def joined(prefix: str, path: str) -> str:
    """A frontend's path below a prefix."""
    return (prefix if path == "/" else prefix + path) or "/"


def included_routers(router: Router) -> Iterator[Router]:
    """The router itself and all that it includes, each once."""
    seen: set[int] = set()
    waiting = [router]
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        for route in one.routes:
            if is_inclusion(route):
                inclusion: Any = route
                waiting.append(inclusion.original_router)


def list_holders(router: Any) -> list[tuple[object, str]]:  # noqa: ANN401 - FastAPI is not imported
    """Every list of routes that a router keeps: the object and the name of its attribute."""
    holders: list[tuple[object, str]] = [(router, "routes")]
    if hasattr(router, "_low_priority_routes"):
        holders.append((router, "_low_priority_routes"))
        holders += [(group, "routes") for group in router._low_priority_routes]  # noqa: SLF001 - see above
    return holders
