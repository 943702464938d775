"""A mounted Starlette or FastAPI app, sealed route by route.

Each of its routes becomes a route of our own table, with the access rule that its endpoint declares or inherits, so that the
gates decide on it before any of the app's code runs: its middleware, its parsing of the body, its dependencies. A route without
a rule stops the start, and so does one of a kind that is not known here: what cannot be told cannot be guarded. The rule of an
endpoint replaces that of the router, the app and the mount it belongs to. ASVS 5.0 V8.1.1, V8.2.1, V8.3.1.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import Any, Final

import starlette.routing
from starlette.applications import Starlette
from starlette.convertors import FloatConvertor, IntegerConvertor, StringConvertor, UUIDConvertor
from starlette.routing import Mount, Router, compile_path

from fastness.web.access import public
from fastness.web.exchange import ASGIApp
from fastness.web.frozen import Check, Snapshot
from fastness.web.inclusions import included_routers, list_holders
from fastness.web.innererrors import answer_unexpected
from fastness.web.innermodels import refuse_models
from fastness.web.innerroutes import (
    Inner,
    Nested,
    Place,
    answers_preflights,
    chain_of,
    router_of,
    routes_of_app,
    rules_of_class,
)
from fastness.web.mounted import Doorway, Entry, Leaf, MountedApp, RouterGuard
from fastness.web.rates import rates_of
from fastness.web.route import MissingAccessError, Route, RouteError, RouteOptions, source_of
from fastness.web.routing import Declared, joined, seal_route

_ONE_SEGMENT: Final = (FloatConvertor, IntegerConvertor, StringConvertor, UUIDConvertor)
"""Convertors that never match a slash. Exact classes: a subclass may have another expression."""


def seal_declared(declared: Declared) -> list[Route]:
    """The finished routes of a declaration: one, or those of a mounted app."""
    mount = declared.endpoint if isinstance(declared.endpoint, Mount) else None
    if declared.kind != "mount" and mount is None:
        return list(seal_one(declared))
    path = (declared.path + (mount.path if mount is not None else "")).rstrip("/")
    app: ASGIApp = mount.app if mount is not None else declared.endpoint
    base: ASGIApp = mount._base_app if mount is not None else declared.endpoint  # noqa: SLF001 - Starlette has no other name for it
    if not isinstance(base, Starlette | Router):
        route = seal_route(declared)
        return [replace(route, endpoint=Entry(MountedApp(app, path, is_sealed=False), params_of(path)))]
    name = declared.options.get("name") or (mount.name if mount is not None else None) or path.strip("/") or "root"
    place = Place(path=path, name=name, access=declared.access, has_cors=answers_preflights(app))
    mounted = MountedApp(app, path, is_sealed=True)
    everything = list(routes_of_app(base, place))
    found = [one for one in everything if isinstance(one, Inner)]
    routes = [sealed(inner, mounted, declared.options, found) for inner in found]
    if not routes and declared.access is None:
        raise MissingAccessError(
            f"The app mounted at {path or '/'} has no routes and no rule. Add its routes before the first request, or "
            "write access=… on the mount."
        )
    refuse_models()
    # From here on nothing can be refused any more: now the app itself is changed.
    for inner, route in zip(found, routes, strict=True):
        leaf_on(inner.holder, inner.attribute).routes.add(route)
    for one in everything:
        if isinstance(one, Nested) and not isinstance(one.holder.app, Doorway):
            one.holder.app = Doorway(one.holder.app)
    mounted.checks = tuple(closed(base))
    # First, because a route object without methods takes OPTIONS, too.
    return [*preflights(found, routes, mounted), *routes]


def seal_one(declared: Declared) -> Iterator[Route]:
    """The route of a declaration; several where a class of Starlette's has a rule for each of its methods."""
    route = declared.endpoint
    if not isinstance(route, starlette.routing.Route) or not isinstance(route.endpoint, type):
        yield seal_route(declared)
        return
    path = declared.path + route.path
    for own, methods in rules_of_class(route.endpoint, frozenset(route.methods or ())).items():
        rule = joined(declared.access, own, path=path, where=source_of(route.endpoint))
        yield replace(seal_route(replace(declared, access=rule)), methods=methods)


def sealed(inner: Inner, mounted: MountedApp, inherited: RouteOptions, all_found: Iterable[Inner]) -> Route:
    """The route of our table that leads to `inner`."""
    endpoint = inner.endpoint
    where = source_of(endpoint)
    if inner.access is None:
        raise MissingAccessError(
            f"The route {inner.path!r} ({inner.name}, {where}) of a mounted app does not say who may use it. Write "
            "@access.requires(access.signed_in) on its endpoint, or give the mount a rule: "
            f"mount({mounted.path or '/'!r}, app, access=…).{page_advice(endpoint)}"
        )
    own_options: dict[str, Any] = getattr(endpoint, "route_options", {})
    options: dict[str, Any] = {**inherited, **own_options}
    # An endpoint can ask for a further rate; those of its mount and their groups hold as well.
    rates = [rates_of(each["rate"], where=where) for each in (dict(inherited), own_options) if "rate" in each]
    options["rate"] = tuple(chain(*rates))
    options.pop("name", None)
    if inner.max_body_bytes is not None:
        options.setdefault("max_body_bytes", inner.max_body_bytes)
    if inner.kind == "websocket-asgi":
        options.pop("csrf", None)
    methods = inner.methods
    head_as_get = (
        "GET" in methods
        and "HEAD" not in methods
        and not any(one.path == inner.path and "HEAD" in one.methods for one in all_found)
    )
    return Route(
        path=inner.path,
        endpoint=Entry(mounted, params_of(mounted.path), head_as_get=head_as_get),
        kind=inner.kind,
        methods=methods | {"HEAD"} if head_as_get else methods,
        name=inner.name,
        access=inner.access,
        where=where,
        **options,
    )


def preflights(found: list[Inner], routes: list[Route], mounted: MountedApp) -> Iterator[Route]:
    """A route for the preflight of each address behind a CORS middleware: that middleware answers, and nothing else may."""
    answered = {inner.path for inner in found if inner.kind != "asgi" or "OPTIONS" in inner.methods}
    for inner, route in zip(found, routes, strict=True):
        if inner.has_cors and inner.path not in answered:
            answered.add(inner.path)
            yield Route(
                path=inner.path,
                endpoint=Entry(mounted, params_of(mounted.path), answers_preflight=True),
                kind="asgi",
                methods=frozenset({"OPTIONS"}),
                name=f"{inner.name}:preflight",
                access=public,
                where=route.where,
                read_session=False,
            )


def leaf_on(holder: Any, attribute: str) -> Leaf:  # noqa: ANN401 - a route object
    """The leaf round what answers for a route object; the one that is there, where the app is mounted twice."""
    app = getattr(holder, attribute)
    if isinstance(app, Leaf):
        return app
    leaf = Leaf(app)
    setattr(holder, attribute, leaf)
    return leaf


def closed(app: Starlette | Router) -> Iterator[Check]:
    """Freeze the routers of an app and of those mounted in it, and give what has to hold from now on."""
    router = router_of(app)
    if isinstance(app, Starlette):
        # Built anew with the first request: what was built before may stand round another router.
        app.middleware_stack = None
        if 500 not in app.exception_handlers:
            app.exception_handlers.setdefault(Exception, answer_unexpected)
        yield partial(is_router_of, app, router)
    guard(router)
    for one in included_routers(router):
        # Redirects to the other slash are made by the gates, for addresses that exist.
        one.redirect_slashes = False
        for route in one.routes:
            base = getattr(route, "_base_app", None)
            if isinstance(base, Starlette | Router):
                yield from closed(base)
        yield Snapshot(one, list_holders(one)).holds


def is_router_of(app: Starlette, router: Router) -> bool:
    """Whether the app still uses this router."""
    return app.router is router


def guard(router: Router) -> None:
    """Put the guard round a router, inside of the middleware that it may have."""
    holder: Any = router
    attribute = "middleware_stack"
    for one in chain_of(router.middleware_stack):
        inner = getattr(one, "app", None)
        if inner == router.app or isinstance(inner, RouterGuard):
            holder, attribute = one, "app"
    inner = getattr(holder, attribute)
    if not isinstance(inner, RouterGuard):
        setattr(holder, attribute, RouterGuard(inner))


def params_of(path: str) -> tuple[str, ...]:
    """The parameters of a mount's own path."""
    try:
        _, _, convertors = compile_path(path)
    except (AssertionError, KeyError, ValueError) as error:
        raise RouteError(f"The path {path!r} of a mount cannot be compiled: {error}.") from None
    if not all(type(convertor) in _ONE_SEGMENT for convertor in convertors.values()):
        raise RouteError(
            f"The path {path!r} of a mount has a parameter that may take slashes; where the mount ends is not known."
        )
    return tuple(convertors)


def page_advice(endpoint: object) -> str:
    """What to do about FastAPI's own pages."""
    if getattr(endpoint, "__module__", "") != "fastapi.applications":
        return ""
    return " Or leave the page out: FastAPI(openapi_url=None, docs_url=None, redoc_url=None)."
