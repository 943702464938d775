"""The development error page: the whole story, for the developer at this machine alone.

It exists in the development profile only, answers loopback peers only (the peer of the connection, and only where no header
says that it asks for somebody else), and shows no value that may be a secret: variables and headers whose name sounds like one
and values of `Secret` are blanked before the template sees them. It cannot recognise a secret under an innocent name, in a line
of source or in the message of an exception, nor a tunnel that passes bytes on and tells nothing. In production this module is
never asked. ASVS 5.0 V13.4.2.
"""

import ipaddress
import linecache
import sysconfig
import traceback
from collections.abc import Mapping
from pathlib import Path
from types import FrameType, TracebackType
from typing import Final

from fastness.kernel.cookies import find_cookie
from fastness.kernel.errors import FastnessError
from fastness.kernel.events import is_secret_name
from fastness.kernel.secret import Secret
from fastness.kernel.values import dataclass
from fastness.web.exchange import Exchange
from fastness.web.recording import request_id
from fastness.web.refusals import RefusedError
from fastness.web.requests import Request
from fastness.web.responses import HTMLResponse, Response
from fastness.web.statuses import title_of

DEBUG_COOKIE: Final = "fastness-debug"
_SOURCE_LINES: Final = 5
_MAX_VALUE: Final = 300
_MAX_FRAMES: Final = 40
_HIDDEN: Final = "not shown"
_FORWARDING: Final = frozenset({b"forwarded", b"via", b"true-client-ip", b"client-ip", b"fastly-client-ip"})
_FORWARDING_FAMILIES: Final = (
    b"x-forwarded",
    b"x-real-",
    b"x-original-",
    b"x-client-",
    b"x-cluster-client-",
    b"x-envoy-",
    b"x-amzn-",
    b"x-arr-",
    b"cf-",
    b"cdn-",
    b"fly-",
    b"ngrok-",
    b"tailscale-",
)
"""RFC 7239 and RFC 9110 §7.6.3 first, then what proxies, content networks and tunnels write instead."""
_LIBRARIES: Final = (f"{Path(__file__).parent.parent}/", f"{sysconfig.get_path('stdlib')}/", "<frozen")
"""Fastness and Python; where they lie, and not how a folder is called: an app may stand below a folder of any name."""
_SHOWN_TYPES: Final = (str, int, float, bool, type(None))

Value = tuple[str, str, bool]
"""A name, its text, and whether the text was blanked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One frame of the traceback, ready to be shown."""

    function: str
    file: str
    line: int
    is_app: bool
    source: list[tuple[int, str]]
    values: list[Value]


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """An exception's kind and text; `fix` is what our own errors say to do."""

    kind: str
    message: str
    code: str = ""
    fix: str = ""


def is_debug_wanted(exchange: Exchange, error: Exception) -> bool:
    """Whether this is development, the caller this machine or a holder of the token, and the error a failure of code."""
    site = exchange.site
    if not site.is_development or not exchange.wants_page or isinstance(error, RefusedError):
        return False
    if is_loopback(exchange.peer_ip) and not was_forwarded(exchange.headers):
        return True
    # In a container the developer's browser is no loopback peer: it shows the token that `fastness dev` printed.
    token = find_cookie(exchange.headers.get(b"cookie", b""), DEBUG_COOKIE.encode())
    return site.debug_token is not None and token is not None and site.debug_token == Secret(token)


def was_forwarded(headers: Mapping[bytes, bytes]) -> bool:
    """Whether somebody passed the request on.

    A tunnel or a proxy on the developer's machine is a loopback peer, and some write "localhost" into Host: behind it stands
    the world. All of them say for whom they ask, in one header or another, and a browser at this machine sends none of these.
    """
    return any(name in _FORWARDING or name.startswith(_FORWARDING_FAMILIES) for name in headers)


def is_loopback(address: str) -> bool:
    """Whether the peer is this machine."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def debug_response(request: Request, error: Exception) -> Response:
    """The page with traceback, values and headers."""
    exchange = request.exchange
    status = error.status if isinstance(error, FastnessError) else 500
    stories = [story_of(error)]
    for story in map(story_of, causes_of(error)):
        # A database layer raises an error anew at each of its levels.
        if story != stories[-1]:
            stories.append(story)
    route = exchange.route
    context = {
        "status": status,
        "title": title_of(status),
        "exception": stories[0],
        "causes": stories[1:],
        "frames": frames_of(error.__traceback__),
        "request_line": f"{exchange.method} {request.path}",
        "headers": headers_of(exchange),
        "route": "" if route is None else f"{route.name}, {route.where}",
        "request_id": request_id(exchange),
        "static": exchange.static,
        "nonce": exchange.nonce,
    }
    return HTMLResponse(exchange.site.render("errors/development.html", context), status=status)


def causes_of(error: BaseException) -> list[BaseException]:
    """What led to an exception, the nearest first, each once: one that a library raised from itself is its own cause."""
    found = [error]
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    while cause is not None and not any(cause is known for known in found) and len(found) <= _MAX_FRAMES:
        found.append(cause)
        cause = cause.__cause__
    return found[1:]


def story_of(error: BaseException) -> Story:
    """Kind and message of an exception."""
    kind = f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins.")
    if isinstance(error, FastnessError):
        return Story(kind=kind, message=type(error).__doc__ or kind, code=error.code, fix=error.detail)
    return Story(kind=kind, message="".join(traceback.format_exception_only(error)).strip()[:2000])


def frames_of(trace: TracebackType | None) -> list[Frame]:
    """The innermost frames, outermost first."""
    found = list(traceback.walk_tb(trace))[-_MAX_FRAMES:]
    return [frame_of(frame, line) for frame, line in found]


def frame_of(frame: FrameType, line: int) -> Frame:
    """One frame with its source and its values."""
    file = frame.f_code.co_filename
    first = max(1, line - _SOURCE_LINES)
    source = [
        (number, linecache.getline(file, number).rstrip("\n")) for number in range(first, line + _SOURCE_LINES + 1)
    ]
    is_app = "site-packages" not in file and not file.startswith(_LIBRARIES)
    return Frame(
        function=frame.f_code.co_qualname,
        file=file,
        line=line,
        is_app=is_app,
        source=[(number, text) for number, text in source if text],
        # Values of library frames are noise, and those of our own hold keys and tokens.
        values=[value_of(name, value) for name, value in frame.f_locals.items()] if is_app else [],
    )


def value_of(name: str, value: object) -> Value:
    """A variable's text, or a blank for what may be secret."""
    if is_secret_name(name) or isinstance(value, Secret):
        return (name, _HIDDEN, True)
    # Exact types: a subclass has a repr of its own, which may show anything or raise.
    if type(value) in _SHOWN_TYPES:
        text = repr(value)
    elif isinstance(value, bytes | bytearray):
        text = f"{len(value)} bytes"
    else:
        # Another object's repr may hold anything, a password hash or a whole form: its type has to do.
        text = f"<{type(value).__module__}.{type(value).__qualname__}>"
    return (name, text[:_MAX_VALUE], False)


def headers_of(exchange: Exchange) -> list[Value]:
    """The request's headers, without what authenticates."""
    return [
        (name, _HIDDEN, True) if is_secret_name(name) else (name, value.decode("latin-1")[:_MAX_VALUE], False)
        for name, value in ((name.decode("latin-1"), value) for name, value in exchange.headers.items())
    ]
