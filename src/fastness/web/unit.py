"""One request, one transaction.

The unit opens when the handler first asks for `request.db`. It ends before the first byte of the response: a status below 400
commits, anything else rolls back, and a commit that fails becomes an error page. GET and HEAD get a read-only unit, so a link
in a mail or an image tag cannot change data (RFC 9110 §9.2.1); a route that must write says `insecure_write_on_get=`.
Security events are written elsewhere and survive the rollback.
"""

from functools import partial
from typing import Final

from fastness.auditlog.errors import AuditUnavailableError
from fastness.authz.actors import ANONYMOUS, Actor
from fastness.kernel.limits import SAFE_METHODS
from fastness.web.exchange import SCOPE_KEY, UNIT, ASGIApp, Exchange, Receive, Scope, Send
from fastness.web.recording import record
from fastness.web.site import UnitOfWork

_FAILED: Final = 500


class UnitStage:
    """Rolls back what a failing handler left open."""

    __slots__ = ("app",)

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange: Exchange = scope[SCOPE_KEY]
        exchange.stamps |= UNIT
        if exchange.method not in SAFE_METHODS:
            audit = exchange.site.audit
            if audit is not None and audit.is_broken:
                # What is known to leave no trace is not begun.
                raise AuditUnavailableError("The audit log takes no events at the moment, so nothing may be changed.")
        try:
            await self.app(scope, receive, send)
        finally:
            unit = exchange.unit
            if unit is not None:
                # Does nothing after the response; a unit that is still open belongs to a handler that failed, was
                # cancelled, or never answered.
                await unit.finish(_FAILED)


def require_unit(exchange: Exchange) -> UnitOfWork:
    """The request's unit of work, opened at the first call."""
    unit: UnitOfWork | None = exchange.unit
    if unit is None:
        route = exchange.route
        is_read_only = exchange.method in SAFE_METHODS and (route is None or route.insecure_write_on_get is None)
        unit = exchange.unit = exchange.site.open_unit(
            is_read_only=is_read_only, actor=partial(actor_for, exchange), on_event=partial(record, exchange)
        )
        # Before the session is saved, whichever was asked for first: a commit that fails must not leave a session that
        # tells of what was undone.
        exchange.before_response(unit.finish, is_first=True)
    return unit


def actor_for(exchange: Exchange) -> Actor:
    """Who acts in this request: asked at each use, since a sign-in changes it."""
    session = exchange.session
    identity = None if session is None or exchange.must_confirm else session.identity
    if identity is None:
        return ANONYMOUS
    return Actor(
        id=identity.id,
        roles=identity.roles,
        permissions=identity.permissions,
        is_superuser=identity.is_superuser,
    )
