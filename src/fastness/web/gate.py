"""The last gate: it stands round each matched route, and nothing of the body was read before it.

It first asks whether every gate above it ran. A request that reaches a route without having passed one of them is refused with
500, and the event names what is missing: a pipeline with a hole is closed, not open (ASVS 5.0 V16.5.3). Then the route's own
rule decides (V8.3.1).
"""

from fastness.kernel.verdicts import Allow
from fastness.web.access import AccessFacts, AccessReason, decide_access, public
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
from fastness.web.refusals import AccessRefusedError, PipelineFaultError, SignInRequiredError


class GateStage:
    """Checks the stamps, then the rule of the matched route."""

    __slots__ = ("app",)

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange: Exchange = scope[SCOPE_KEY]
        route = exchange.route
        if route is None or exchange.stamps & BEFORE_ACCESS != BEFORE_ACCESS:
            missing = missing_stamps(exchange.stamps, BEFORE_ACCESS)
            raise PipelineFaultError("stage_missing", f"These stages did not run before the route: {missing}.")
        rule = route.access
        if rule is not public:
            exchange.is_private = True
            session = exchange.session
            identity = None if session is None else session.identity
            facts = AccessFacts(identity=identity, client_ip=exchange.client_ip, now=exchange.site.clock.epoch())
            verdict = decide_access(rule, facts)
            if not isinstance(verdict, Allow):
                if verdict.reason is AccessReason.NOT_SIGNED_IN:
                    raise SignInRequiredError(verdict.reason, f"{route.name} needs {rule}")
                raise AccessRefusedError(verdict.reason, f"{route.name} needs {rule}")
        exchange.stamps |= ACCESS
        await self.app(scope, receive, send)
