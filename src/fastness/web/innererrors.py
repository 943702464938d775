"""What goes wrong inside a mounted app is told as elsewhere on the site.

FastAPI's own answer to input that does not fit repeats the input: a password, a card number, a script. Here the answer names the
place and the kind of each error and nothing that was sent, and a handler that an app registered itself gets the error in that
form. Errors for which the app has no handler of its own become the site's page or problem document, with their event, and
never a traceback or a bare text. FastAPI is not imported: its errors are known by the module of their classes.
ASVS 5.0 V16.5.1, V14.2.1.
"""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Final

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.requests import Request as StarletteRequest
from starlette.websockets import WebSocket as StarletteWebSocket

from fastness.kernel.errors import FastnessError
from fastness.kernel.texts import Text
from fastness.web.errors import conclusion_of, report, sendable, ungrouped
from fastness.web.exchange import SCOPE_KEY, Exchange, Scope
from fastness.web.inputerrors import InputRefusedError
from fastness.web.invalidvalues import errors_of, field_errors
from fastness.web.pages import problem
from fastness.web.requests import Request
from fastness.web.responses import Response

_FASTAPI_ERRORS: Final = "fastapi.exceptions"
_OWN_HANDLERS: Final = frozenset({"fastapi.exception_handlers", "starlette.middleware.exceptions"})
_POLICY_VIOLATION: Final = 1008
Handler = Callable[[Any, Any], Any]
"""An exception handler: of the connection and the error."""


class ResponseShapeError(FastnessError):
    """An endpoint of a mounted app returned something that does not fit its declared response."""

    code: ClassVar[str] = "response_shape"
    status: ClassVar[int] = 500
    public: str = Text("Something went wrong here.")


def own_handlers(known: tuple[Mapping[Any, Handler], Any]) -> tuple[dict[Any, Handler], Any]:
    """An app's exception handlers, the library's own ones replaced, and the others given errors without input."""
    by_class, by_status = known
    handlers: dict[Any, Handler] = {}
    for kind, handler in by_class.items():
        is_librarys = getattr(handler, "__module__", "") in _OWN_HANDLERS
        name = library_name(kind)
        if name == "RequestValidationError":
            handlers[kind] = answer_invalid if is_librarys else without_input(handler)
        elif name == "WebSocketRequestValidationError":
            handlers[kind] = close_invalid if is_librarys else without_input(handler)
        elif kind is HTTPException and is_librarys:
            handlers[kind] = answer_http
        else:
            handlers[kind] = handler
    return handlers, by_status


def library_name(kind: object) -> str:
    """The name of a class of FastAPI's errors; empty for any other."""
    return kind.__name__ if isinstance(kind, type) and kind.__module__ == _FASTAPI_ERRORS else ""


def without_input(handler: Handler) -> Handler:
    """An app's own handler of validation errors; what it formats holds nothing that was sent."""

    async def cleaned(connection: HTTPConnection, error: Any) -> Any:  # noqa: ANN401 - FastAPI is not imported
        clean = type(error)(errors_of(error, connection.scope))
        if inspect.iscoroutinefunction(handler):
            return await handler(connection, clean)
        return await run_in_threadpool(handler, connection, clean)

    return cleaned


def is_left_to_app(scope: Scope, error: Exception) -> bool:
    """Whether the app answers this error itself, further out."""
    if isinstance(error, FastnessError):
        return False
    handlers = getattr(scope.get("app"), "exception_handlers", {})
    own = handlers.get(500) or handlers.get(Exception)
    return own is not None and own is not answer_unexpected


def plain_error(scope: Scope, error: Exception) -> Exception:
    """The error without the values that made it, where FastAPI's would carry them into the log."""
    if library_name(type(error)) != "ResponseValidationError":
        return error
    found = ", ".join(f"{one.field}: {one.rule}" for one in field_errors(error, scope))
    return ResponseShapeError(f"The endpoint's return value does not fit its response model: {found}.")


async def answer_http(request: StarletteRequest, error: HTTPException) -> Response:
    """The site's answer to an `HTTPException`; to programs with the detail, which its author wrote for them."""
    scope = request.scope
    exchange: Exchange = scope[SCOPE_KEY]
    if exchange.receive_error is not None:
        # FastAPI makes "400, there was an error parsing the body" of a body that was too large or came too slowly.
        report(exchange, exchange.receive_error)
        return conclusion_of(Request(scope, request.receive), exchange.receive_error)
    headers = sendable(error.headers or {})
    if error.status_code < 400:
        return Response(status=error.status_code, headers=headers)
    report(exchange, error)
    if exchange.wants_page:
        return conclusion_of(Request(scope, request.receive), error)
    exchange.is_private = True
    return problem(exchange, error.status_code, "foreign_refusal", error.detail, headers)


async def answer_unexpected(request: StarletteRequest, raised: Exception) -> Response:
    """The site's answer to what a middleware of the app raised."""
    exchange: Exchange | None = request.scope.get(SCOPE_KEY)
    if exchange is None:
        return Response(status=500)
    error = ungrouped(exchange, raised)
    if exchange.answered_error is not raised:
        # An app within the app has answered for it already, and raised it once more.
        exchange.answered_error = raised
        report(exchange, error)
    return conclusion_of(Request(request.scope, request.receive), error)


async def answer_invalid(request: StarletteRequest, error: Exception) -> Response:
    """The site's answer to values that do not fit: it names the places and the rules, and repeats nothing."""
    scope = request.scope
    refusal = InputRefusedError(field_errors(error, scope))
    report(scope[SCOPE_KEY], refusal)
    return conclusion_of(Request(scope, request.receive), refusal)


async def close_invalid(socket: StarletteWebSocket, error: Exception) -> None:
    """Refuse a socket whose parameters do not fit; FastAPI's own reason would repeat them."""
    report(socket.scope[SCOPE_KEY], InputRefusedError(field_errors(error, socket.scope)))
    await socket.close(_POLICY_VIOLATION)
