"""The end of the pipeline: the matched route's own code.

`Dispatch` asks once more for every stamp, then calls what the route serves: a handler, a class with a method for each verb, a
WebSocket handler, or a foreign ASGI app, which gets the scope that Starlette's router would have given it.
"""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final

from starlette.responses import Response as StarletteResponse

from fastness.kernel.errors import FastnessError
from fastness.web.exchange import (
    BEFORE_HANDLER,
    SCOPE_KEY,
    ASGIApp,
    Exchange,
    Receive,
    Scope,
    Send,
    missing_stamps,
)
from fastness.web.mounted import Entry
from fastness.web.once import carried_out_once
from fastness.web.refusals import PipelineFaultError
from fastness.web.repeating import REPEATABLE, Checkpoint, may_repeat
from fastness.web.requests import Request
from fastness.web.responses import UnserialisableModelError, model_in
from fastness.web.route import Route
from fastness.web.sockets import WebSocket
from fastness.web.watching import watched

_MAY_BE_SOCKETS: Final = frozenset({"websocket", "websocket-asgi", "mount"})


class NoResponseError(FastnessError):
    """A handler returned something that is not a response."""

    code = "no_response"
    status = 500


class Dispatch:
    """Calls the matched route."""

    __slots__ = ("apps",)

    def __init__(self, routes: Iterable[Route]) -> None:
        self.apps = {
            route: watched(app_of(route)) if route.kind in _MAY_BE_SOCKETS else app_of(route) for route in routes
        }

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        exchange: Exchange = scope[SCOPE_KEY]
        route = exchange.route
        if route is None or exchange.stamps & BEFORE_HANDLER != BEFORE_HANDLER:
            missing = missing_stamps(exchange.stamps, BEFORE_HANDLER)
            raise PipelineFaultError("stage_missing", f"These stages did not run before the handler: {missing}.")
        return self.apps[route](scope, receive, send)


def app_of(route: Route) -> ASGIApp:
    """The ASGI app that serves a route."""
    app = served_by(route)
    return carried_out_once(app) if route.idempotency_key else app


def served_by(route: Route) -> ASGIApp:
    """What the route declares, as an ASGI app."""
    if isinstance(route.endpoint, Entry):
        return route.endpoint
    match route.kind:
        case "http":
            return class_app(route.endpoint) if isinstance(route.endpoint, type) else handler_app(route.endpoint)
        case "websocket":
            return socket_app(route.endpoint)
        case "asgi" | "websocket-asgi":
            return foreign_app(route.endpoint)
        case "mount":
            raise PipelineFaultError("no_entry", f"The mount {route.path} was not sealed.")


def handler_app(handler: Callable[[Request], Awaitable[Any]]) -> ASGIApp:
    """A coroutine function that takes the request and returns a response."""

    def app(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        return run(handler, Request(scope, receive), scope, receive, send)

    return app


async def run(
    handler: Callable[[Request], Awaitable[Any]], request: Request, scope: Scope, receive: Receive, send: Send
) -> None:
    """Call the handler, send its response, and close the files of its form."""
    before = Checkpoint(request.exchange)
    try:
        try:
            await answer(handler, request, scope, receive, send)
        except REPEATABLE:
            if not may_repeat(request):
                raise
            await before.restore(request)
            await answer(handler, request, scope, receive, send)
    finally:
        request.close()


async def answer(
    handler: Callable[[Request], Awaitable[Any]], request: Request, scope: Scope, receive: Receive, send: Send
) -> None:
    """Call the handler and send its response; the transaction ends before the first byte."""
    response = await handler(request)
    if not isinstance(response, StarletteResponse):
        raise_no_response(handler, response)
    await response(scope, receive, send)


def class_app(endpoint: type) -> ASGIApp:
    """A class with a coroutine method for each verb; an instance is made for each request."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        method = scope["method"].lower()
        instance = endpoint()
        handler = getattr(instance, method, None)
        if handler is None and method == "head":
            handler = instance.get
        if handler is None:
            raise PipelineFaultError("no_method", f"{endpoint.__qualname__} has no method {method}.")
        await run(handler, Request(scope, receive), scope, receive, send)

    return app


def socket_app(handler: Callable[[WebSocket], Awaitable[None]]) -> ASGIApp:
    """A coroutine function that takes the socket."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await handler(WebSocket(scope, receive, send))

    return app


def foreign_app(app: ASGIApp) -> ASGIApp:
    """A foreign app at one address."""

    async def at_address(scope: Scope, receive: Receive, send: Send) -> None:
        scope["path_params"] = {**scope.get("path_params", {}), **scope[SCOPE_KEY].path_params}
        scope["endpoint"] = app
        await app(scope, receive, send)

    return at_address


def raise_no_response(handler: Callable[..., Any], value: object) -> None:
    """Name the handler and what to return instead."""
    model = model_in(value)
    if model is not None:
        raise UnserialisableModelError(model)
    name = getattr(handler, "__qualname__", repr(handler))
    raise NoResponseError(
        f"The handler {name} returned {type(value).__name__}. Return render(request, …), redirect(request, …), "
        "JSONResponse(…) or another Response."
    )
