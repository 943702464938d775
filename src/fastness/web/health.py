"""`/-/health` answers before the host check: a load balancer asks by address, and learns nothing but that the process lives."""

from collections.abc import Awaitable
from typing import Final

from fastness.web.exchange import ASGIApp, Receive, Scope, Send, route_path_of

HEALTH_PATH: Final = "/-/health"
_BODY: Final = b"ok\n"


class HealthStage:
    """Answers GET and HEAD on the health path; everything else passes."""

    __slots__ = ("app",)

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        path = route_path_of(scope) if scope.get("root_path") else scope["path"]
        if path == HEALTH_PATH and scope["type"] == "http" and scope["method"] in {"GET", "HEAD"}:
            return answer(send)
        return self.app(scope, receive, send)


async def answer(send: Send) -> None:
    """Say that the process lives."""
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", b"%d" % len(_BODY)),
        (b"cache-control", b"no-store"),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": _BODY})
