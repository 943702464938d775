"""Every error ends here: as a page or a problem document, an event where a gate refused, and a log line where code failed.

The visitor learns the status and a request id. What happened is in the log under that id; what was refused, by a gate or by a
part below it, is a security event with its reason, and so is code that failed: both are what probing looks like from here.
An error after the response has begun cannot be told any more: the connection is cut, so that nobody takes half a page for a
whole one. ASVS 5.0 V16.3.3, V16.3.4, V16.5.1, V16.5.4.
"""

import logging
from collections.abc import Mapping
from enum import StrEnum
from string import punctuation
from typing import Final
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.websockets import WebSocketDisconnect

from fastness.auth.errors import ThrottledError
from fastness.kernel.errors import DeniedError, FastnessError, InvalidInputError, TamperedError, UnavailableError
from fastness.kernel.events import EventName
from fastness.kernel.headers import HeaderValueError, check_header_name, check_header_value
from fastness.kernel.languages import LANGUAGE
from fastness.kernel.texts import Text
from fastness.tripwires.errors import TripwireError
from fastness.web.debug import debug_response, is_debug_wanted
from fastness.web.exchange import LIMITS, SCOPE_KEY, ASGIApp, Exchange, Receive, Scope, Send, is_http1, sent_address_of
from fastness.web.inputerrors import InputRefusedError
from fastness.web.language import language_of
from fastness.web.pages import CONFIRM_PATH, Confirmation, confirm_page, error_response, last_resort
from fastness.web.recording import record, request_id
from fastness.web.refusals import (
    FreshSignInRequiredError,
    MalformedRequestError,
    NotFoundError,
    RefusedError,
    SignInRequiredError,
)
from fastness.web.requests import Request
from fastness.web.responses import Response

_LOG: Final = logging.getLogger("fastness.errors")
_POLICY_VIOLATION: Final = 1008
_INTERNAL_ERROR: Final = 1011
_EVENTS: Final[Mapping[str, EventName]] = {
    "read_only": EventName.READ_ONLY_FAIL,
    "split_header": EventName.INPUT_VALIDATION_FAIL,
    "unsafe_redirect": EventName.REDIRECT_FAIL,
}
"""Errors of the parts that mean an attempt at something, by their code: naming their classes would load the database."""
_TOLD: Final = frozenset({"outbound_failed", "outbound_refused", "outbound_timeout", "outbound_too_large", "tripwire"})
"""Errors, by their code, of parts that have written the event already: it is there even where a handler catches the error."""
_EVENTS_OF_KINDS: Final[tuple[tuple[type[FastnessError], EventName], ...]] = (
    (UnavailableError, EventName.STORE_UNAVAILABLE),
    (DeniedError, EventName.AUTHZ_FAIL),
    (TamperedError, EventName.SIGNATURE_FAIL),
    (InvalidInputError, EventName.INPUT_VALIDATION_FAIL),
)


class UnexpectedError(FastnessError):
    """Stands for an exception that nobody expected."""

    code = "unexpected"
    status = 500
    public: str = Text("Something went wrong here.")


class ForeignRefusalError(RefusedError):
    """A mounted app or Starlette's own code refused with a status."""

    code = "foreign_refusal"
    event = None
    public: str = Text("This request was refused.")


class ErrorsStage:
    """Turns exceptions into answers."""

    __slots__ = ("app",)

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self.app(scope, receive, send)
        except WebSocketDisconnect:
            return
        except ClientDisconnect:
            if not scope[SCOPE_KEY].has_started:
                # The body broke off. Where it was malformed and not the line, somebody still waits for an answer.
                await answer(scope, receive, send, MalformedRequestError("body_broken_off"))
        except Exception as error:
            exchange: Exchange = scope[SCOPE_KEY]
            if not exchange.has_started:
                await conclude(scope, receive, send, error)
                return
            report(exchange, ungrouped(exchange, error))
            if not exchange.is_websocket:
                raise
            if not exchange.has_ended:
                await send({"type": "websocket.close", "code": _INTERNAL_ERROR})


def ungrouped(exchange: Exchange, raised: Exception) -> Exception:
    """What went wrong when a mounted app read the body, out of the groups that task groups of the app have made of it."""
    cause = exchange.receive_error
    if cause is None or not isinstance(raised, ExceptionGroup):
        return raised
    _, others = raised.split(lambda one: one is cause)
    return cause if others is None else raised


async def conclude(scope: Scope, receive: Receive, send: Send, error: Exception) -> None:
    """Record an error and answer for it."""
    exchange: Exchange = scope[SCOPE_KEY]
    error = ungrouped(exchange, error)
    report(exchange, error)
    if exchange.is_concealed:
        error = NotFoundError("hidden")
        exchange.profile = exchange.plain_profile or exchange.profile
    try:
        await answer(scope, receive, send, error)
    except Exception as failure:
        if exchange.has_started:
            raise
        # A page that cannot be rendered, or a session that cannot be saved. An answer is still owed, with the headers on
        # it: what escaped from here would be answered by the server, without them.
        report(exchange, failure)
        await last_resort(*visible(error))(scope, receive, send)


def report(exchange: Exchange, error: Exception) -> None:
    """The event of a refusal, and the log line of a failure."""
    name, reason = event_of(error)
    if name is not None:
        # Names of declared fields and codes of rules: nothing that was sent.
        record(exchange, name, reason, **({"fields": error.rules()} if isinstance(error, InputRefusedError) else {}))
    extra = {"request_id": request_id(exchange)}
    if isinstance(error, RefusedError):
        _LOG.info("refused: %s", error.code, extra={**extra, "detail": error.detail})
    elif isinstance(error, UnavailableError):
        _LOG.error("unavailable: %s", error.code, extra={**extra, "detail": error.detail})
    elif isinstance(error, HTTPException) or (isinstance(error, FastnessError) and error.status < 500):
        _LOG.info("answered with an error", exc_info=error, extra=extra)
    else:
        _LOG.error("unexpected error", exc_info=error, extra=extra)


def event_of(error: Exception) -> tuple[EventName | None, str]:
    """What an error is to whoever watches, and why; no event for a plain 404 and its like."""
    if isinstance(error, RefusedError):
        return error.event, error.reason
    if isinstance(error, HTTPException):
        return None, ""
    if not isinstance(error, FastnessError):
        return EventName.SYS_CRASH, UnexpectedError.code
    if error.code in _TOLD:
        return None, ""
    name = _EVENTS.get(error.code)
    if name is None:
        name = next((name for kind, name in _EVENTS_OF_KINDS if isinstance(error, kind)), None)
    if name is None and error.status >= 500:
        name = EventName.SYS_CRASH
    reason = getattr(error, "reason", None)
    return name, reason if isinstance(reason, StrEnum) else error.code


async def answer(scope: Scope, receive: Receive, send: Send, error: Exception) -> None:
    """Send what the visitor is told."""
    exchange: Exchange = scope[SCOPE_KEY]
    if exchange.is_websocket:
        await send({"type": "websocket.close", "code": _POLICY_VIOLATION})
        return
    if not exchange.stamps & LIMITS and is_http1(scope):
        # Refused before it was known whether a body follows, and where it ends.
        exchange.add_response_header(b"connection", b"close")
    # Asked again: this is outside the stage that chose it, and what was refused further out never came there.
    former = LANGUAGE.set(language_of(exchange))
    try:
        response = conclusion_of(Request(scope, receive), error)
    finally:
        LANGUAGE.reset(former)
    await response(scope, receive, send)


def conclusion_of(request: Request, error: Exception) -> Response:
    """The page, problem document or redirect that an error ends in."""
    exchange = request.exchange
    # An error that a cache keeps is everybody's: one malformed request would take a page down for all (CPDoS).
    exchange.is_private = True
    response = sign_in_redirect(request) if isinstance(error, SignInRequiredError) else None
    if isinstance(error, FreshSignInRequiredError) and exchange.wants_page and exchange.site.sign_in_path is not None:
        response = confirm_first(request, error)
    if response is None and is_debug_wanted(exchange, error):
        response = debug_response(request, error)
    if response is None:
        known, headers = visible(error)
        response = error_response(request, known, headers)
    return response


def visible(error: Exception) -> tuple[FastnessError, Mapping[str, str]]:
    """The error as the visitor may see it, and the headers that go with it."""
    if isinstance(error, RefusedError):
        return error, error.headers
    if isinstance(error, ThrottledError):
        return error, {"retry-after": str(error.retry_after_seconds)}
    if isinstance(error, TripwireError):
        # Not even that there was a wire: whoever tripped it would try the next way.
        return UnexpectedError(error.code), {}
    if isinstance(error, FastnessError):
        return error, {}
    if isinstance(error, HTTPException):
        refusal = ForeignRefusalError("foreign")
        refusal.status = error.status_code  # type: ignore[misc]  # one instance stands for any status
        return refusal, sendable(error.headers or {})
    return UnexpectedError(type(error).__name__), {}


def sendable(headers: Mapping[str, str]) -> Mapping[str, str]:
    """Somebody else's headers, without those that no response can carry or that describe another body than ours."""
    kept: dict[str, str] = {}
    for name, value in headers.items():
        try:
            is_ours = check_header_name(name).startswith((b"content-", b"transfer-"))
            check_header_value(value)
        except HeaderValueError:
            continue
        if not is_ours:
            kept[name] = value
    return kept


def confirm_first(request: Request, error: FreshSignInRequiredError) -> Response:
    """Ask people to confirm that it is them, and take them back to the page, or to the form with what they typed."""
    exchange = request.exchange
    address = quote(sent_address_of(request.scope), safe=punctuation)
    if error.fields is not None:
        return confirm_page(request, Confirmation(action=address, fields=error.fields), status=error.status)
    location = exchange.address(CONFIRM_PATH)
    if exchange.method == "GET":
        location += "?next=" + quote(address, safe="/")
    return Response(status=303, headers={"location": location})


def sign_in_redirect(request: Request) -> Response | None:
    """Send people to the sign-in page and back; programs get the 401."""
    exchange = request.exchange
    sign_in_path = exchange.site.sign_in_path
    if sign_in_path is None or not exchange.wants_page:
        return None
    location = exchange.address(sign_in_path)
    if exchange.method == "GET":
        location += "?next=" + quote(sent_address_of(request.scope), safe="/")
    return Response(status=303, headers={"location": location})
