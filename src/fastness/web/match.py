"""Path, then route: everything below asks the route object, never the path again.

A path that two parsers could read differently (`//`, `..`, an encoded slash, a backslash) is refused before it is matched, so
no rule can be walked around by spelling (CWE-22, CWE-436). The route's own limits and header profile hold from here.
"""

from collections.abc import Awaitable, Mapping

from fastness.kernel.ownership import PROOF_HEADER, PROOF_PATH, try_answer
from fastness.kernel.paths import PathReason, decide_path
from fastness.kernel.verdicts import Allow, Deny
from fastness.kernel.wires import ACTIVE
from fastness.web.exchange import (
    MATCH,
    SCOPE_KEY,
    ASGIApp,
    Exchange,
    Receive,
    Scope,
    Send,
    raw_path_of,
    route_path_of,
    sent_address_of,
)
from fastness.web.headers import HeaderProfile
from fastness.web.refusals import MalformedRequestError, MethodRefusedError, NotFoundError
from fastness.web.route import Route
from fastness.web.table import Table


class MatchStage:
    """Finds the route and writes it into the exchange."""

    __slots__ = ("app", "profiles", "table")

    def __init__(self, app: ASGIApp, *, table: Table, profiles: Mapping[Route, HeaderProfile]) -> None:
        self.app = app
        self.table = table
        self.profiles = profiles

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        exchange: Exchange = scope[SCOPE_KEY]
        raw_path = raw_path_of(scope)
        verdict = decide_path(raw_path)
        has_encoded_slash = isinstance(verdict, Deny) and verdict.reason is PathReason.ENCODED_SLASH
        if has_encoded_slash:
            verdict = decide_path(raw_path, allow_encoded_slash=True)
        if not isinstance(verdict, Allow):
            raise MalformedRequestError(verdict.reason)
        path: str = route_path_of(scope) if scope.get("root_path") else scope["path"]
        if path == PROOF_PATH:
            proof = try_proof(exchange)
            if proof is not None:
                return send_proof(send, proof)
        found = self.table.find(path, exchange.method)
        if found is None:
            if has_encoded_slash:
                # The address with the other slash is made from the raw path, where this one is none.
                raise MalformedRequestError(PathReason.ENCODED_SLASH)
            return self._miss(scope, exchange, path, send)
        route = found.route
        if route is None:
            allowed = ", ".join(sorted(found.allowed))
            raise MethodRefusedError("method_not_of_route", headers={"allow": allowed})
        if has_encoded_slash and not route.encoded_slash:
            raise MalformedRequestError(PathReason.ENCODED_SLASH)
        exchange.route = route
        exchange.path_params = found.params
        if route.is_hidden:
            # Until the last gate knows better.
            exchange.is_concealed = True
            exchange.plain_profile = exchange.profile
        exchange.profile = self.profiles[route]
        if route.max_body_bytes is not None:
            exchange.max_body_bytes = route.max_body_bytes
        exchange.stamps |= MATCH
        # Not taken back: what a handler has started goes on in copies of this context. A server may hand it on to the request
        # that was sent behind this one on its connection (uvicorn does), which sets it anew here.
        ACTIVE.set(exchange)
        return self.app(scope, receive, send)

    def _miss(self, scope: Scope, exchange: Exchange, path: str, send: Send) -> Awaitable[None]:
        """404, or for a page load the same address with or without its last slash, if something lives there."""
        if exchange.method in {"GET", "HEAD"} and path != "/":
            other = path[:-1] if path.endswith("/") else path + "/"
            found = self.table.find(other, exchange.method)
            if found is not None and found.route is not None and not found.route.is_hidden:
                return send_to_other_slash(scope, send)
        raise NotFoundError


def try_proof(exchange: Exchange) -> bytes | None:
    """Tell whoever holds the app's key, that this is the app; for everybody else nothing is here, or what the app has there."""
    question = exchange.text(PROOF_HEADER)
    if question is None or exchange.method != "GET":
        return None
    return try_answer(exchange.site.keyring, question, exchange.host, now=exchange.site.clock.epoch())


async def send_proof(send: Send, proof: bytes) -> None:
    """Answer with it; no cache keeps it."""
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", b"%d" % len(proof)),
        (b"cache-control", b"no-store"),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": proof})


async def send_to_other_slash(scope: Scope, send: Send) -> None:
    """Redirect with the last slash added or taken away. Only the path is sent: the Host header has no say in it."""
    path, mark, query = sent_address_of(scope).partition(b"?")
    other = path[:-1] if path.endswith(b"/") else path + b"/"
    headers = [
        (b"location", other + mark + query),
        (b"content-length", b"0"),
        # Browsers keep a 308 for ever, and would go round in a circle once the app moves the page to the other address.
        (b"cache-control", b"no-store"),
    ]
    await send({"type": "http.response.start", "status": 308, "headers": headers})
    await send({"type": "http.response.body", "body": b""})
