"""A mounted app between two locks: the entry before all of its code, the leaf before each of its endpoints.

The gates decide on a route of our own table and know nothing of the mounted app's router, which matches once more. Two matchers
can disagree: a middleware that rewrites path or method, a route added late, another version of the library. So the entry
hands the request on together with the route it was admitted for, and every endpoint of the mounted app stands behind a leaf
that knows for which routes it may answer. A request that arrives at another one is answered 500 and leaves an event, and so is
every request after the routers were changed (CWE-285, CWE-863). What is not a Starlette or FastAPI app has no leaves: one rule
holds for all of it.

An attacker can send any request. The mounted app's own code is trusted not to work against its own marks.
ASVS 5.0 V8.2.1, V8.3.1, V16.5.3.
"""

from collections.abc import MutableMapping
from typing import Any, Final

from starlette.requests import ClientDisconnect
from starlette.websockets import WebSocketDisconnect

from fastness.kernel.errors import FastnessError
from fastness.web.errors import conclude, ungrouped
from fastness.web.exchange import (
    BEFORE_HANDLER,
    SCOPE_KEY,
    ASGIApp,
    Exchange,
    Message,
    Receive,
    Scope,
    Send,
    route_path_of,
)
from fastness.web.frozen import Check
from fastness.web.innererrors import is_left_to_app, own_handlers, plain_error
from fastness.web.receiving import hold_to_parsed_size
from fastness.web.refusals import MethodRefusedError, PipelineFaultError
from fastness.web.route import Route

_ANSWERS: Final = frozenset({"http.response.start", "websocket.accept", "websocket.http.response.start"})
_PREFLIGHT: Final = (b"origin", b"access-control-request-method")
_FIRST_REFUSAL: Final = 400
_ALONE: Final = "This app was mounted in a Fastness app. It answers there, and no longer by itself."


class MountedApp:
    """An app, where it is mounted, and what has to be as it was sealed."""

    __slots__ = ("app", "checks", "is_sealed", "path", "segments", "state")

    def __init__(self, app: ASGIApp, path: str, *, is_sealed: bool) -> None:
        self.app = app
        self.path = path
        self.is_sealed = is_sealed
        """Whether its routes were sealed one by one."""
        self.segments = path.count("/")
        self.checks: tuple[Check, ...] = ()
        self.state: MutableMapping[str, Any] = {}
        """What its lifespan left for its requests."""

    def require_unchanged(self) -> None:
        """Raise if the routers are no longer those that were sealed."""
        if not all(holds() for holds in self.checks):
            raise PipelineFaultError(
                "router_changed",
                f"The routes of the app mounted at {self.path or '/'} have changed since it was sealed. "
                "Add all routes before the first request.",
            )

    def scope_below(self, scope: Scope, params: tuple[str, ...]) -> Scope:
        """The scope that Starlette's `Mount` would have made, in a copy: the server's own stays as it is."""
        exchange: Exchange = scope[SCOPE_KEY]
        path = route_path_of(scope)
        root: str = scope.get("root_path") or ""
        end = 0
        for _ in range(self.segments):
            end = path.find("/", end + 1)
            if end == -1:
                end = len(path)
        prefix = path[:end] if self.segments else ""
        below = dict(scope)
        below["path"] = root + path
        below["root_path"] = root + prefix
        below["path_params"] = {name: exchange.path_params[name] for name in params}
        below["state"] = {**(scope.get("state") or {}), **self.state}
        return below


class Entry:
    """Where one route of our table leads into a mounted app."""

    __slots__ = ("answers_preflight", "head_as_get", "mounted", "params")

    def __init__(
        self,
        mounted: MountedApp,
        params: tuple[str, ...],
        *,
        head_as_get: bool = False,
        answers_preflight: bool = False,
    ) -> None:
        """Note the way in.

        Args:
            mounted: the app.
            params: the parameters of the mount's own path.
            head_as_get: the app knows no HEAD for this route; GET answers, and its body is dropped.
            answers_preflight: only the app's CORS middleware answers; no endpoint may.
        """
        self.mounted = mounted
        self.params = params
        self.head_as_get = head_as_get
        self.answers_preflight = answers_preflight

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange: Exchange = scope[SCOPE_KEY]
        mounted = self.mounted
        mounted.require_unchanged()
        if self.answers_preflight and not all(name in exchange.headers for name in _PREFLIGHT):
            raise MethodRefusedError("no_preflight")
        if mounted.is_sealed and is_parsed_whole(exchange.headers.get(b"content-type", b"")):
            # Its own code will make objects of the body at once, on the event loop.
            hold_to_parsed_size(exchange)
        below = mounted.scope_below(scope, self.params)
        if self.head_as_get and exchange.method == "HEAD":
            below["method"] = "GET"
            send = without_body(send)
        if not exchange.is_websocket:
            receive = remembering(exchange, receive)
        try:
            await mounted.app(below, receive, send)
        except Exception as error:
            # Starlette's outermost middleware answers, by `innererrors`, and raises once more for the server's log.
            if error is not exchange.answered_error:
                raise


def is_parsed_whole(content_type: bytes) -> bool:
    """Whether a body of this type is JSON or a urlencoded form."""
    kind = content_type.partition(b";")[0].strip().lower()
    return kind.endswith((b"/json", b"+json", b"/x-www-form-urlencoded"))


def remembering(exchange: Exchange, receive: Receive) -> Receive:
    """A `receive` that notes what goes wrong there.

    FastAPI makes "400, there was an error parsing the body" of it, and Starlette's `BaseHTTPMiddleware` a group of errors.
    """

    async def remembered() -> Message:
        try:
            return await receive()
        except FastnessError as error:
            exchange.receive_error = error
            raise

    return remembered


def without_body(send: Send) -> Send:
    """RFC 9110 §9.3.2: what HEAD is answered with has no content."""

    async def bare(message: Message) -> None:
        if message["type"] == "http.response.body":
            if message.get("more_body", False):
                return
            message = {"type": "http.response.body", "body": b""}
        await send(message)

    return bare


class Leaf:
    """Stands round one endpoint of a mounted app."""

    __slots__ = ("_handlers", "app", "routes")

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.routes: set[Route] = set()
        """Those for which this endpoint may answer."""
        self._handlers: tuple[Any, Any] = (None, None)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = admitted(scope, self.routes)
        if isinstance(exchange, PipelineFaultError):
            if SCOPE_KEY not in scope:
                raise exchange
            await conclude(scope, receive, send, exchange)
            return
        exchange.has_reached_leaf = True
        known = scope.get("starlette.exception_handlers")
        if known is not None:
            if self._handlers[0] is not known:
                self._handlers = (known, own_handlers(known))
            scope["starlette.exception_handlers"] = self._handlers[1]
        if exchange.is_websocket:
            await self.app(scope, receive, send)
            return
        await self._answer(scope, receive, send, exchange)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, exchange: Exchange) -> None:
        has_started = False

        async def noted(message: Message) -> None:
            nonlocal has_started
            has_started = True
            await send(message)

        try:
            await self.app(scope, receive, noted)
        except (ClientDisconnect, WebSocketDisconnect):
            raise
        except Exception as error:
            if has_started or is_left_to_app(scope, ungrouped(exchange, error)):
                raise
            await conclude(scope, receive, noted, plain_error(scope, error))


def admitted(scope: Scope, routes: set[Route]) -> Exchange | PipelineFaultError:
    """The exchange of a request that was admitted for one of `routes`, or why it may not go on."""
    exchange: Exchange | None = scope.get(SCOPE_KEY)
    if exchange is None:
        return PipelineFaultError("no_perimeter", _ALONE)
    if exchange.route not in routes or exchange.stamps & BEFORE_HANDLER != BEFORE_HANDLER:
        name = "none" if exchange.route is None else exchange.route.name
        return PipelineFaultError(
            "other_endpoint",
            f"The request was admitted for {name} and arrived at another endpoint of the mounted app. A middleware that "
            "rewrites paths cannot stand inside a mounted app.",
        )
    if scope["type"] == "http":
        method = scope["method"]
        if method != exchange.method and (exchange.method, method) != ("HEAD", "GET"):
            return PipelineFaultError(
                "method_rewritten",
                f"The request was admitted as {exchange.method} and arrived as {method}. A middleware that rewrites methods "
                "cannot stand inside a mounted app.",
            )
    return exchange


class Doorway:
    """Stands round an app that is mounted in the mounted one: from here on that app's own guard watches, not the outer one."""

    __slots__ = ("app",)

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange: Exchange | None = scope.get(SCOPE_KEY)
        if exchange is not None:
            # Its middleware may answer, as that of the outer app may.
            exchange.has_reached_leaf = True
        await self.app(scope, receive, send)


class RouterGuard:
    """Stands round a sealed router, within its middleware: nothing but a leaf answers with success from there."""

    __slots__ = ("app",)

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        exchange: Exchange | None = scope.get(SCOPE_KEY)
        if exchange is None:
            raise PipelineFaultError("no_perimeter", _ALONE)
        exchange.has_reached_leaf = False

        async def guarded(message: Message) -> None:
            is_answer = message["type"] in _ANSWERS and message.get("status", 0) < _FIRST_REFUSAL
            if is_answer and not exchange.has_reached_leaf:
                raise PipelineFaultError(
                    "unsealed_route", "A route that was not sealed was about to answer. Its answer was withheld."
                )
            await send(message)

        await self.app(scope, receive, guarded)
