"""Responses: Starlette's, made cheaper, and redirects that stay on the site.

`Response` is a Starlette response in every respect, so foreign code can handle it; only its construction is direct, because
the general one costs more than all gates of a hello page. Header values are checked where they leave (`web/headers.py`).
"""

import json
from collections.abc import Callable, Mapping
from typing import Final

from starlette.responses import Response as StarletteResponse

from fastness.kernel.errors import FastnessError
from fastness.kernel.headers import check_header_name, check_header_value
from fastness.kernel.redirects import decide_redirect
from fastness.kernel.texts import Text
from fastness.kernel.verdicts import Allow
from fastness.web.exchange import Receive, Scope, Send
from fastness.web.requests import Request

_MODEL_MARK: Final = "__mapper__"
"""What SQLAlchemy puts on classes with a table; asked by name, so that an app without a database does not load it."""


class UnserialisableModelError(FastnessError):
    """A model object was about to be sent as it is, with every column it has or will have."""

    code = "unserialisable_model"
    status = 500

    def __init__(self, model: type) -> None:
        name = model.__name__
        super().__init__(
            f"A {name} is not sent as it is: it would show every column, today's and tomorrow's. Declare what may be seen, "
            f"class {name}Out(Output, model={name}), and return JSONResponse({name}Out.of(…)), "
            f"or {name}Out.all_of(…) for several."
        )


def encode_special(value: object) -> object:
    """What the encoder does not know: the objects of `Output` classes; a model object raises."""
    kind = type(value)
    as_json: Callable[[object], object] | None = getattr(kind, "fastness_json", None)
    if as_json is not None:
        return as_json(value)
    if hasattr(kind, _MODEL_MARK):
        raise UnserialisableModelError(kind)
    raise TypeError(f"JSON does not know {kind.__name__}; declare an Output for it, or convert it.")


def model_in(value: object) -> type | None:
    """The class of a model object that `value` is, or that a list or mapping holds."""
    held = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else (value,)
    return next((type(one) for one in held if hasattr(type(one), _MODEL_MARK)), None)


_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=encode_special)
_C_ENCODER: Final = getattr(json.encoder, "c_make_encoder", None)
_ENCODE: Final = (
    None
    if _C_ENCODER is None
    # No circle check: a circle ends in RecursionError, which is an error page all the same.
    else _C_ENCODER(None, _ENCODER.default, json.encoder.encode_basestring, None, ":", ",", False, False, False)  # noqa: FBT003
)
_BODILESS: Final = frozenset({204, 304})


class UnsafeRedirectError(FastnessError):
    """A handler was about to send people to an address that is neither this site's nor a declared one."""

    code = "unsafe_redirect"
    status = 400
    public: str = Text("This link leads somewhere it should not.")


class Response(StarletteResponse):
    """A response with its body in hand."""

    media_type = "text/plain"

    def __init__(
        self,
        content: str | bytes = b"",
        *,
        status: int = 200,
        media_type: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.status_code = status
        self.background = None
        body = self.body = content.encode() if isinstance(content, str) else content
        kind = media_type or self.media_type or "application/octet-stream"
        if kind.startswith("text/") and "charset" not in kind:
            kind += "; charset=utf-8"
        if status in _BODILESS:
            # RFC 9110 §6.4.1: bytes behind such a status would be read as the next response.
            self.body = b""
            self.raw_headers = []
        else:
            self.raw_headers = [(b"content-length", b"%d" % len(body)), (b"content-type", kind.encode("latin-1"))]
        if headers is not None:
            given = [(check_header_name(name), check_header_value(value)) for name, value in headers.items()]
            names = {name.lower() for name, _ in given}
            # The length is counted, never believed: two of them, or a wrong one, and the next response is read from the wrong
            # place (RFC 9112 §6.3). A type that is given takes the place of the class's own.
            self.raw_headers = [
                pair for pair in self.raw_headers if pair[0] == b"content-length" or pair[0] not in names
            ]
            self.raw_headers += [pair for pair in given if pair[0].lower() != b"content-length"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await super().__call__(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self.body})
        if self.background is not None:
            await self.background()


class HTMLResponse(Response):
    """A page. `render` makes one from a template."""

    media_type = "text/html"


class JSONResponse(Response):
    """A JSON document. NaN and infinities raise: no parser has to accept them."""

    media_type = "application/json"

    def __init__(self, content: object, *, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(encode_json(content), status=status, headers=headers)


def encode_json(content: object) -> str:
    """A JSON document without spaces. NaN, infinities and what JSON does not know raise.

    `JSONEncoder.encode` builds the encoder in C anew for each call; here it is built once where the interpreter has it.
    """
    if _ENCODE is None:
        return _ENCODER.encode(content)
    return "".join(_ENCODE(content, 0))


def redirect(request: Request, target: str, *, status: int = 303, **params: object) -> Response:
    """Send the browser to a route by name, or to an address of this site or of a declared host.

    A `target` that starts with `/` or holds a `:` is an address, anything else the name of a route. Raises
    `UnsafeRedirectError` for an address elsewhere (CWE-601) and `UnknownRouteError` for a name that no route has; what
    came with the request goes through `kernel.redirects.try_safe_target` first, which gives nothing for either.
    """
    if target[:1] in {"/", "\\"} or ":" in target:
        site = request.site
        verdict = decide_redirect(site.redirects, target, own_host=request.host)
        if not isinstance(verdict, Allow):
            raise UnsafeRedirectError(
                f"The redirect target was refused: {verdict.reason}. Redirect to a route by its name, or put the host into "
                "FASTNESS_REDIRECTS_ALLOWED_HOSTS if it is right."
            )
        location = target
    else:
        location = request.path_for(target, **params)
    response = Response(status=status)
    response.raw_headers.append((b"location", check_header_value(location)))
    return response
