"""The routes of a Starlette or FastAPI app, found wherever the libraries keep them.

Each is found with what it inherits: the rules of its router, its app and the mount, and whether a CORS middleware stands before
it. Nothing is changed here. A kind of route that is not known ends the search with an error: what cannot be told cannot be
guarded (ASVS 5.0 V8.1.1, V8.3.1).
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Final, NamedTuple

import starlette.routing
from starlette.applications import Starlette
from starlette.endpoints import HTTPEndpoint
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import BaseRoute, Mount, Router, WebSocketRoute

from fastness.kernel.errors import ConfigError
from fastness.kernel.values import dataclass
from fastness.web.accessrules import Access
from fastness.web.inclusions import (
    Effective,
    effective_routes,
    frontends_of,
    is_context,
    is_inclusion,
)
from fastness.web.mounted import Leaf, RouterGuard
from fastness.web.route import Kind, RouteError, source_of
from fastness.web.routing import below, by_rule, joined

_KNOWN_MODULES: Final = frozenset({"starlette.routing", "fastapi.routing"})
_ENDPOINT_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_DECIDING: Final = ("matches", "handle", "__call__")
"""Methods of a route object by which it could answer without its app."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inner:
    """A route of a mounted app, found but not yet sealed."""

    path: str
    kind: Kind
    methods: frozenset[str]
    name: str
    endpoint: object
    holder: object
    attribute: str = "app"
    """Which attribute of `holder` answers, and gets the leaf."""
    access: Access | None
    max_body_bytes: int | None = None
    has_cors: bool = False


class Nested(NamedTuple):
    """The mount of an app within the mounted app, whose routes are found besides."""

    holder: Mount


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where in a mounted app the search is: what the routes found there inherit."""

    path: str
    name: str
    access: Access | None
    has_cors: bool

    def within(self, thing: object) -> "Place":
        """The same place inside a router or an app that may have a mark."""
        mark = mark_of(thing)
        if mark is None:
            return self
        return replace(self, access=joined(self.access, mark, path=self.path or "/", where=source_of(thing)))


def routes_of_app(app: Starlette | Router, place: Place) -> Iterator[Inner | Nested]:
    """The routes of an app or a bare router."""
    router = router_of(app)
    if isinstance(app, Starlette):
        require_plain(app, place)
        place = replace(
            place, has_cors=place.has_cors or any(is_cors(middleware.cls) for middleware in app.user_middleware)
        )
    place = replace(
        place.within(app).within(router),
        has_cors=place.has_cors or answers_preflights(router.middleware_stack),
    )
    if getattr(router.default, "__func__", None) is not Router.not_found:
        raise RouteError(
            f"The router mounted at {place.path or '/'} has a default of its own, which would answer every address. "
            "Mount that app as a route, with a rule."
        )
    for route in router.routes:
        yield from routes_of(route, route, place)
    for frontend in frontends_of(router):
        folder = place.path + frontend.path.rstrip("/")
        for path in {below(folder): None, folder or "/": None}:
            yield Inner(
                path=path,
                kind="asgi",
                methods=frontend.methods,
                name=f"{place.name}:frontend",
                endpoint=frontend.holder,
                holder=frontend.holder,
                attribute=frontend.attribute,
                access=place.access,
            )


def routes_of(route: Any, original: BaseRoute, place: Place) -> Iterator[Inner | Nested]:  # noqa: ANN401 - or FastAPI's context of one
    """The routes that one route object stands for. `original` is the object as its author made it."""
    if is_inclusion(route):
        place = place.within(route.original_router)
        for one in effective_routes(route):
            if isinstance(one, Effective):
                yield from routes_of(one.route, one.original, place)
            else:
                yield from routes_of(one, one, place)
        return
    require_known(original, place)
    if isinstance(route, Mount):
        yield from routes_of_mount(route, place)
    elif isinstance(route, WebSocketRoute | starlette.routing.Route) or is_context(route):
        yield from routes_of_endpoint(route, place)
    else:
        raise RouteError(unknown(original, place))


def routes_of_mount(mount: Mount, place: Place) -> Iterator[Inner | Nested]:
    """The routes of an app or router that is mounted in the mounted one; one for all of an app that is neither."""
    base = mount._base_app  # noqa: SLF001 - Starlette has no other name for it
    path = place.path + mount.path
    name = f"{place.name}:{mount.name or mount.path.strip('/')}"
    if isinstance(base, Starlette | Router):
        yield Nested(mount)
        has_cors = place.has_cors or answers_preflights(mount.app)
        yield from routes_of_app(base, replace(place, path=path, name=name, has_cors=has_cors))
        return
    yield Inner(
        path=below(path),
        kind="mount",
        methods=frozenset(),
        name=name,
        endpoint=base,
        holder=mount,
        access=place.within(base).access,
        has_cors=place.has_cors,
    )


def routes_of_endpoint(route: Any, place: Place) -> Iterator[Inner]:  # noqa: ANN401 - as above
    """The route of an endpoint; of a class one for each rule that its methods have."""
    is_socket = isinstance(route, WebSocketRoute)
    endpoint = unpacked(route.endpoint)
    methods = frozenset() if is_socket else frozenset(route.methods or ())
    by_mark = {mark_of(endpoint): methods}
    if not is_socket and isinstance(endpoint, type):
        by_mark = dict(rules_of_class(endpoint, methods))
    for mark, some in by_mark.items():
        yield Inner(
            path=place.path + route.path,
            kind="websocket-asgi" if is_socket else "asgi",
            methods=some,
            name=f"{place.name}:{route.name}",
            endpoint=endpoint,
            holder=route,
            access=joined(place.access, mark, path=place.path + route.path, where=source_of(endpoint)),
            max_body_bytes=getattr(route, "max_body_size", None),
            has_cors=place.has_cors,
        )


def rules_of_class(endpoint: type, methods: frozenset[str]) -> Mapping[Access | None, frozenset[str]]:
    """The methods that a class answers, by the rule for them."""
    if issubclass(endpoint, HTTPEndpoint):
        own = {name for name in _ENDPOINT_METHODS if hasattr(endpoint, name.lower())}
        answered = own | ({"HEAD"} if "GET" in own else set())
        return by_rule(endpoint, frozenset(answered & methods if methods else answered))
    return {mark_of(endpoint): methods}


def router_of(app: Starlette | Router) -> Router:
    """The router of an app, or the bare router itself."""
    return app.router if isinstance(app, Starlette) else app


def chain_of(app: Any) -> Iterator[Any]:  # noqa: ANN401 - any ASGI app
    """The middleware objects of a router, from the outermost inwards."""
    while app is not None and not isinstance(app, RouterGuard) and not hasattr(app, "__func__"):
        yield app
        app = getattr(app, "app", None)


def answers_preflights(app: object) -> bool:
    """Whether a CORS middleware stands round an app."""
    return any(is_cors(type(one)) for one in chain_of(app))


def is_cors(kind: object) -> bool:
    """Whether a middleware class answers preflights."""
    return isinstance(kind, type) and issubclass(kind, CORSMiddleware)


def mark_of(thing: object) -> Access | None:
    """The rule that `access.requires` put on an endpoint, router or app."""
    mark = getattr(unpacked(thing), "access", None)
    if mark is not None and not isinstance(mark, Access):
        raise RouteError(
            f"access of {source_of(unpacked(thing))} is {mark!r}; write a rule with @access.requires(access.signed_in)."
        )
    return mark


def unpacked(endpoint: object) -> object:
    """The function in a `functools.partial`, which carries the marks."""
    while isinstance(endpoint, partial):
        endpoint = endpoint.func
    return endpoint


def require_plain(app: Starlette, place: Place) -> None:
    """Refuse settings of a mounted app that work against the site's."""
    where = place.path or "/"
    if app.debug:
        raise ConfigError(
            f"The app mounted at {where} has debug=True: it would show its source to visitors. Leave it out; "
            "`fastness dev` has debug pages."
        )
    root_path = getattr(app, "root_path", "")
    if root_path:
        raise ConfigError(
            f"The app mounted at {where} has root_path={root_path!r}. Leave it out: the mount says where the app is."
        )


def require_known(route: BaseRoute, place: Place) -> None:
    """Refuse a route object that might answer in a way that is not known here."""
    kind = type(route)
    for name in _DECIDING:
        own = vars(route).get(name)
        method = getattr(kind, name, None)
        if (own is not None and not isinstance(own, Leaf)) or getattr(method, "__module__", None) not in _KNOWN_MODULES:
            raise RouteError(unknown(route, place))


def unknown(route: BaseRoute, place: Place) -> str:
    """The message for a route that cannot be sealed."""
    kind = type(route)
    return (
        f"The app mounted at {place.path or '/'} has a {kind.__module__}.{kind.__qualname__} "
        f"({getattr(route, 'path', getattr(route, 'host', ''))}), a kind of route that cannot be sealed. Use the routes of "
        "Starlette and FastAPI, or mount what it leads to as an app of its own, with a rule."
    )
