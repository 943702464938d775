"""Only the declared names are served (ASVS 5.0 V4.1.1 sees to the rest of the header).

A Host header that the site did not choose ends up in links, mails and caches: password-reset poisoning starts here. Nothing
below builds an address from the header before this stage has accepted it.
"""

from fastness.kernel.hosts import HostRules, decide_host
from fastness.kernel.verdicts import Allow
from fastness.web.exchange import HOST, SCOPE_KEY, ASGIApp, Exchange, Receive, Scope, Send
from fastness.web.refusals import HostRefusedError


class HostStage:
    """Refuses hosts that are not in the rules."""

    __slots__ = ("app", "rules")

    def __init__(self, app: ASGIApp, *, rules: HostRules) -> None:
        self.app = app
        self.rules = rules

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange: Exchange = scope[SCOPE_KEY]
        host = exchange.text(b"host")
        verdict = decide_host(self.rules, host)
        if not isinstance(verdict, Allow):
            raise HostRefusedError(
                verdict.reason,
                "The Host header names no host of this site. Add the name to FASTNESS_HOSTS if it should.",
            )
        exchange.host = host or ""
        exchange.stamps |= HOST
        await self.app(scope, receive, send)
