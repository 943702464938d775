"""The last gate: it stands round each matched route, and nothing of the body was read before it.

It first asks whether every gate above it ran. A request that reaches a route without having passed one of them is refused with
500, and the event names what is missing: a pipeline with a hole is closed, not open (ASVS 5.0 V16.5.3). Then the route's own
rule decides (V8.3.1).
"""

from collections.abc import Awaitable, Mapping
from enum import StrEnum
from typing import Final

from fastness.kernel.verdicts import Allow
from fastness.sessions.identity import Identity
from fastness.web.access import Access, AccessFacts, AccessReason, conceals, decide_access, is_allowed, public
from fastness.web.bodies import own_fields
from fastness.web.exchange import (
    ACCESS,
    BEFORE_ACCESS,
    SCOPE_KEY,
    ASGIApp,
    Exchange,
    Receive,
    Scope,
    Send,
    missing_stamps,
)
from fastness.web.recording import record_superuser
from fastness.web.refusals import (
    AccessRefusedError,
    FreshSignInRequiredError,
    PipelineFaultError,
    RefusedError,
    SecondFactorRequiredError,
    SignInRequiredError,
)

_REFUSALS: Final[Mapping[StrEnum, type[RefusedError]]] = {
    AccessReason.NOT_SIGNED_IN: SignInRequiredError,
    AccessReason.NO_SECOND_FACTOR: SecondFactorRequiredError,
}
"""What the person can do about it; for all other reasons there is nothing, and they are not told which it was."""


class GateStage:
    """Checks the stamps, then the rule of the matched route."""

    __slots__ = ("app",)

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        exchange: Exchange = scope[SCOPE_KEY]
        route = exchange.route
        needed = BEFORE_ACCESS if route is None else route.needed_stamps
        if route is None or exchange.stamps & needed != needed:
            missing = missing_stamps(exchange.stamps, needed)
            raise PipelineFaultError("stage_missing", f"These stages did not run before the route: {missing}.")
        rule = route.access
        if rule is not public:
            exchange.is_private = True
            session = exchange.session
            identity = None if session is None or exchange.must_confirm else session.identity
            facts = AccessFacts(identity=identity, client_ip=exchange.client_ip, now=exchange.site.clock.epoch())
            verdict = decide_access(rule, facts)
            if not isinstance(verdict, Allow):
                exchange.is_concealed = route.is_hidden and conceals(rule, facts)
                if verdict.reason is AccessReason.NOT_FRESH or exchange.must_confirm:
                    return ask_again(exchange, receive, verdict.reason)
                kind = _REFUSALS.get(verdict.reason, AccessRefusedError)
                raise kind(verdict.reason, f"{route.name} needs {rule}", headers=challenge(exchange))
            exchange.is_concealed = False
            if identity is not None and identity.is_superuser and is_superuser_needed(rule, facts, identity):
                record_superuser(exchange, str(rule))
        exchange.stamps |= ACCESS
        return self.app(scope, receive, send)


async def ask_again(exchange: Exchange, receive: Receive, reason: str) -> None:
    """Raise the refusal that a new proof lifts, with the fields of a form that a page of this site sent."""
    if exchange.must_confirm:
        reason = "context_changed"
    # Nothing is done with it: it goes back to the person who sent it, to be looked at.
    fields = await own_fields(exchange, receive)
    route = exchange.route
    rule = "" if route is None else f"{route.name} needs {route.access}"
    raise FreshSignInRequiredError(reason, rule, headers=challenge(exchange), fields=fields)


def challenge(exchange: Exchange) -> Mapping[str, str]:
    """What a program learns about tokens on a route that takes them (RFC 6750 §3)."""
    route = exchange.route
    if route is None or not route.tokens:
        return {}
    if exchange.token_id:
        return {"www-authenticate": 'Bearer error="insufficient_scope"'}
    return {"www-authenticate": "Bearer"} if exchange.session is None or exchange.session.identity is None else {}


def is_superuser_needed(rule: Access, facts: AccessFacts, identity: Identity) -> bool:
    """Whether the person would be refused without the superuser's role."""
    return not is_allowed(rule, facts._replace(identity=identity.without_superuser()))
