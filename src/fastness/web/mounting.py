"""What the endpoints of a mounted app use: the request as the gates have read it, and what belongs to it.

Every function takes the connection that Starlette and FastAPI hand to their endpoints, and works as a dependency:

    @api.get("/me")
    @access.requires(access.signed_in)
    async def me(user: Annotated[Identity, Depends(mounting.current_user)]):
        return {"username": user.username}

FastAPI is not imported; it knows the parameter by its type. Inside a mounted app nothing else tells who is asking:
Starlette's own `request.user` and `request.session` belong to middleware that the app does not need any more.
ASVS 5.0 V8.3.1.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeVar, Unpack

from starlette.requests import HTTPConnection

from fastness.kernel.errors import ConfigError
from fastness.sessions.identity import Identity
from fastness.sessions.session import Session
from fastness.web.exchange import SCOPE_KEY, Receive, Scope
from fastness.web.requests import Connection, Request
from fastness.web.route import RouteOptions

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

EndpointT = TypeVar("EndpointT", bound=Callable[..., Any])

_REQUEST_KEY: Final = "fastness.request"


class NotMountedError(ConfigError):
    """A function of this module was called outside of a mounted app."""

    code = "not_mounted"


def options(**options: Unpack[RouteOptions]) -> Callable[[EndpointT], EndpointT]:
    """Say for one endpoint of a mounted app what a route of ours would say: its limits, `csrf`, `framing`, exemptions."""

    def mark(endpoint: EndpointT) -> EndpointT:
        endpoint.route_options = options  # type: ignore[attr-defined]  # read back when the mount is sealed
        return endpoint

    return mark


async def current_request(connection: HTTPConnection) -> Request:
    """Our own request: `user`, `session`, `db`, `load`, `path_for`, `csrf_token`, …; its body can be read once."""
    scope = require_scope(connection)
    request = scope.get(_REQUEST_KEY)
    if not isinstance(request, Request):
        receive: Receive = getattr(connection, "receive", no_body)
        request = scope[_REQUEST_KEY] = Request(scope, receive)
    return request


async def current_user(connection: HTTPConnection) -> Identity:
    """Who is signed in. Answers 401 on a public route where nobody is."""
    return Connection(require_scope(connection)).user


async def current_user_or_none(connection: HTTPConnection) -> Identity | None:
    """Who is signed in, or `None`."""
    return Connection(require_scope(connection)).user_or_none


async def current_session(connection: HTTPConnection) -> Session:
    """The visitor's session; it is saved before the response starts."""
    return Connection(require_scope(connection)).session


async def current_db(connection: HTTPConnection) -> "AsyncSession":
    """The database session of this request's transaction, which ends before the first byte of the response."""
    return (await current_request(connection)).db


def require_scope(connection: HTTPConnection) -> Scope:
    """The scope, if the gates have passed it on."""
    scope: Scope = connection.scope
    if SCOPE_KEY not in scope:
        raise NotMountedError(
            "This endpoint runs outside of a Fastness app. Mount its app: app.mount(path, api, access=…)."
        )
    return scope


async def no_body() -> Any:  # noqa: ANN401 - it never returns
    """Stands for the body of what has none."""
    raise NotMountedError("A socket has no body.")
