"""Routes, and the rule that goes with each.

A route states who may use it: `access=` on the route, on its group, or on its class. One that states nothing stops the app
from starting, because a page that nobody thought about is the page that leaks (ASVS 5.0 V8.1.1, V8.2.1; OWASP A01). What a
route changes about the gates above it hangs on the same object, in names that say so, each with a reason that `fastness check`
lists; there is no list of exempt paths anywhere.
"""

import inspect
from collections.abc import Awaitable, Callable, Iterator, Mapping
from types import CodeType, MethodType
from typing import Any, Final, Literal, TypeVar, Unpack

import starlette.routing
from starlette.routing import BaseRoute, Mount

from fastness.kernel.values import dataclass
from fastness.web.accessrules import Access, AccessRuleError, narrowed
from fastness.web.exchange import ASGIApp
from fastness.web.rates import Rate, RateOption, rates_of
from fastness.web.requests import Request
from fastness.web.route import Kind, MissingAccessError, Route, RouteError, RouteOptions, source_of
from fastness.web.sockets import WebSocket

Handler = Callable[[Request], Awaitable[Any]]
SocketHandler = Callable[[WebSocket], Awaitable[None]]
HandlerT = TypeVar("HandlerT", bound=Handler)
SocketHandlerT = TypeVar("SocketHandlerT", bound=SocketHandler)
EndpointT = TypeVar("EndpointT", bound=type)

_ENDPOINT_METHODS: Final = ("get", "head", "post", "put", "patch", "delete", "options")


class Routes:
    """A group of routes with a common prefix and, if given, a common access rule.

    A route's own `access` is asked for beside the group's: it can ask for more, never for less. Groups nest with `include`.
    """

    def __init__(
        self, prefix: str = "", *, access: Access | None = None, tokens: bool | None = None, rate: RateOption = ()
    ) -> None:
        if prefix and (not prefix.startswith("/") or prefix.endswith("/")):
            raise RouteError(f"The prefix {prefix!r} must start with '/' and not end with it.")
        self.prefix = prefix
        self.access = access
        self.tokens = tokens
        self.rates = rates_of(rate, where=f"the group {prefix or '/'}")
        self._declared: list[Declared] = []

    def get(
        self, path: str, *, access: Access | None = None, **options: Unpack[RouteOptions]
    ) -> Callable[[HandlerT], HandlerT]:
        """Answer GET and HEAD. The handler may read the database, not write to it."""
        return self._method("GET", path, access, options)

    def post(
        self, path: str, *, access: Access | None = None, **options: Unpack[RouteOptions]
    ) -> Callable[[HandlerT], HandlerT]:
        """Answer POST, inside one transaction."""
        return self._method("POST", path, access, options)

    def put(
        self, path: str, *, access: Access | None = None, **options: Unpack[RouteOptions]
    ) -> Callable[[HandlerT], HandlerT]:
        """Answer PUT, inside one transaction."""
        return self._method("PUT", path, access, options)

    def patch(
        self, path: str, *, access: Access | None = None, **options: Unpack[RouteOptions]
    ) -> Callable[[HandlerT], HandlerT]:
        """Answer PATCH, inside one transaction."""
        return self._method("PATCH", path, access, options)

    def delete(
        self, path: str, *, access: Access | None = None, **options: Unpack[RouteOptions]
    ) -> Callable[[HandlerT], HandlerT]:
        """Answer DELETE, inside one transaction."""
        return self._method("DELETE", path, access, options)

    def endpoint(
        self, path: str, *, access: Access | None = None, **options: Unpack[RouteOptions]
    ) -> Callable[[EndpointT], EndpointT]:
        """Answer with a class: its coroutine methods `get`, `post`, … each take the request.

        The rule may stand on the class, as an attribute `access`, and on its methods, with `@access.requires(…)`. All of them
        hold, those of the classes it is derived from too.
        """

        def declare(endpoint: EndpointT) -> EndpointT:
            handlers = {name.upper(): getattr(endpoint, name) for name in _ENDPOINT_METHODS if hasattr(endpoint, name)}
            if not handlers:
                raise RouteError(f"The class {endpoint.__qualname__} has no method get, post, put, patch or delete.")
            for handler in handlers.values():
                require_handler(handler, given=2)  # itself and the request
            # HEAD is answered by `get`, as with a function (RFC 9110 §9.1: both have to be supported).
            methods = frozenset(handlers) | ({"HEAD"} if "GET" in handlers else set())
            for own, some in by_rule(endpoint, methods).items():
                rule = joined(access, own, path=path, where=source_of(endpoint))
                self._declared.append(Declared(path, endpoint, "http", some, rule, options))
            return endpoint

        return declare

    def websocket(
        self, path: str, *, access: Access | None = None, **options: Unpack[RouteOptions]
    ) -> Callable[[SocketHandlerT], SocketHandlerT]:
        """Answer a WebSocket upgrade. It passes every gate before `accept()`."""

        def declare(handler: SocketHandlerT) -> SocketHandlerT:
            require_handler(handler)
            self._declared.append(Declared(path, handler, "websocket", frozenset(), access, options))
            return handler

        return declare

    def mount(self, path: str, app: ASGIApp, *, access: Access | None = None, **options: Unpack[RouteOptions]) -> None:
        """Put an ASGI app under `path`: Starlette's and FastAPI's are sealed route by route, any other has one rule."""
        self._declared.append(Declared(path, app, "mount", frozenset(), access, options))

    def include(
        self, routes: "Routes | BaseRoute", *, access: Access | None = None, **options: Unpack[RouteOptions]
    ) -> None:
        """Take in another group, or a route object of Starlette's (`Route`, `WebSocketRoute`, `Mount`).

        The options are those of one route; a group's routes have their own.
        """
        if isinstance(routes, Routes) and options:
            raise RouteError(
                f"A group takes no {', '.join(options)}: write it on each of its routes, where it is read."
            )
        self._declared.append(Declared("", routes, "include", frozenset(), access, options))

    def _method(
        self, method: str, path: str, access: Access | None, options: RouteOptions
    ) -> Callable[[HandlerT], HandlerT]:
        def declare(handler: HandlerT) -> HandlerT:
            require_handler(handler)
            methods = frozenset({"GET", "HEAD"} if method == "GET" else {method})
            self._declared.append(Declared(path, handler, "http", methods, access, options))
            return handler

        return declare

    def declared(
        self,
        prefix: str = "",
        access: Access | None = None,
        *,
        tokens: bool | None = None,
        rates: tuple[Rate, ...] = (),
    ) -> Iterator["Declared"]:
        """All routes of this group and those below it, with full path and effective rule, in the order of declaration."""
        where = f"the group {self.prefix or '/'}"
        prefix += self.prefix
        access = joined(access, self.access, path=prefix, where=where)
        tokens = tokens if self.tokens is None else self.tokens
        # All routes of the group are counted together.
        rates += tuple(rate.within(f"{prefix}/*") for rate in self.rates)
        for one in self._declared:
            own = joined(access, one.access, path=prefix + one.path, where=where)
            if isinstance(one.endpoint, Routes):
                yield from one.endpoint.declared(prefix, own, tokens=tokens, rates=rates)
            else:
                options = one.options
                if tokens is not None and "tokens" not in options:
                    options = {**options, "tokens": tokens}
                if rates or "rate" in options:
                    options = {**options, "rate": (*rates, *own_rates(one, prefix))}
                yield Declared(prefix + one.path, one.endpoint, one.kind, one.methods, own, options)


@dataclass(frozen=True, slots=True)
class Declared:
    """A route as its author wrote it, before sealing."""

    path: str
    endpoint: Any
    kind: Literal["http", "websocket", "mount", "include"]
    methods: frozenset[str]
    access: Access | None
    options: RouteOptions


def own_rates(declared: Declared, prefix: str) -> tuple[Rate, ...]:
    """The rates written on a route; those of a mount count all routes of the app in it."""
    path = prefix + declared.path
    rates = rates_of(declared.options.get("rate", ()), where=repr(path))
    is_mount = declared.kind == "mount" or isinstance(declared.endpoint, Mount)
    return tuple(rate.within(f"{path.rstrip('/')}/*") for rate in rates) if is_mount else rates


def joined(outer: Access | None, own: object, *, path: str, where: str) -> Access | None:
    """The rule of a route in its group, or of a method in its class: both hold. Raises `RouteError` naming the place."""
    if own is not None and not isinstance(own, Access):
        raise MissingAccessError(f"access of {path!r} ({where}) is {own!r}; write a rule such as access.signed_in.")
    try:
        return narrowed(outer, own)
    except AccessRuleError as error:
        raise RouteError(f"{path!r} ({where}): {error.detail}") from None


def by_rule(endpoint: type, methods: frozenset[str]) -> Mapping[Access | None, frozenset[str]]:
    """The methods of a class by the rule that it states for them, on itself, on them, and on the classes it is derived from."""
    found: dict[Access | None, frozenset[str]] = {}
    for method in sorted(methods):
        rule: Access | None = None
        name = "get" if method == "HEAD" and not hasattr(endpoint, "head") else method.lower()
        for one in reversed(endpoint.__mro__):
            # Of the class itself, not what it inherits: that has been looked at.
            for own in (vars(one).get("access"), getattr(vars(one).get(name), "access", None)):
                rule = joined(rule, own, path=f"{endpoint.__qualname__}.{name}", where=source_of(endpoint))
        found[rule] = found.get(rule, frozenset()) | {method}
    return found


def require_handler(handler: Callable[..., Any], *, given: int = 1) -> None:
    """Refuse a plain function, which would hold every other request, and parameters that nothing fills."""
    name = getattr(handler, "__qualname__", repr(handler))
    if not inspect.iscoroutinefunction(handler):
        raise RouteError(f"The handler {name} ({source_of(handler)}) must be written with 'async def'.")
    # A signature would cost the start of a large app more than the rest of its routes.
    code = getattr(handler, "__code__", None)
    given = 2 if isinstance(handler, MethodType) else given
    # A default fills nothing either: the handler would answer ?page=2 with the page of its default, and nobody would know.
    if isinstance(code, CodeType) and (beyond := code.co_varnames[given : code.co_argcount + code.co_kwonlyargcount]):
        raise RouteError(
            f"The handler {name} ({source_of(handler)}) takes {', '.join(beyond)} beside the request, which nothing fills. "
            f'What the path holds is request.path_params["{beyond[0]}"]; for the rest there are request.query_as, '
            "request.json_as and request.form. A value of the program's own is bound with functools.partial."
        )


def seal_route(declared: Declared) -> Route:
    """The finished route, or the message that says what is missing."""
    path, kind, methods, served = served_by(declared)
    # Name, rule and place of a route object of Starlette's are those of the endpoint in it.
    endpoint = getattr(declared.endpoint, "endpoint", declared.endpoint) if kind.endswith("asgi") else declared.endpoint
    where = source_of(endpoint)
    name = name_of(declared, path)
    access = declared.access
    if kind != "http" or not isinstance(endpoint, type):
        # A class of ours has said so already, for each of its methods. A foreign app may mean something else by the name.
        mark = getattr(endpoint, "access", None)
        is_ours = kind in {"http", "websocket"} or isinstance(mark, Access)
        access = joined(access, mark if is_ours else None, path=path, where=where)
    if not isinstance(access, Access):
        raise MissingAccessError(
            f"The route {path!r} ({name}, {where}) does not say who may use it. Write access=access.public, "
            'access=access.signed_in or access=access.permission("…") on the route or on its Routes(...) group.'
        )
    options = dict(declared.options)
    options.pop("name", None)
    return Route(
        path=path,
        endpoint=served,
        kind=kind,
        methods=methods,
        name=name,
        access=access,
        where=where,
        **options,  # type: ignore[arg-type]  # RouteOptions has the same names and types
    )


def name_of(declared: Declared, path: str) -> str:
    """The name that was given, else the handler's or Starlette's own, else the path."""
    own = getattr(declared.endpoint, "name" if declared.kind == "include" else "__name__", None)
    return declared.options.get("name") or own or path.removesuffix("{path:path}").strip("/") or "root"


def served_by(declared: Declared) -> tuple[str, Kind, frozenset[str], Any]:
    """Path, kind, methods and app of a declaration; route objects of Starlette's are opened here."""
    endpoint = declared.endpoint
    if declared.kind == "include":
        path = declared.path + getattr(endpoint, "path", "")
        if isinstance(endpoint, starlette.routing.Route):
            return path, "asgi", frozenset(endpoint.methods or ()), endpoint.app
        if isinstance(endpoint, starlette.routing.WebSocketRoute):
            return path, "websocket-asgi", frozenset(), endpoint.app
        if isinstance(endpoint, Mount):
            return below(path), "mount", frozenset(), endpoint.app
        raise RouteError(
            f"A {type(endpoint).__name__} cannot be included. Give a Routes group, or mount(path, app, access=…)."
        )
    if declared.kind == "mount":
        return below(declared.path), "mount", frozenset(), endpoint
    return declared.path, declared.kind, declared.methods, endpoint


def below(path: str) -> str:
    """The pattern of everything under a mount's path."""
    return path.rstrip("/") + "/{path:path}"
