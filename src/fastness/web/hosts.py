"""Only the declared names are served (ASVS 5.0 V4.1.1 sees to the rest of the header).

A Host header that the site did not choose ends up in links, mails and caches: password-reset poisoning starts here. Nothing
below builds an address from the header before this stage has accepted it.
"""

from collections.abc import Awaitable
from typing import Final

from fastness.kernel.hosts import HostRules, decide_host
from fastness.kernel.verdicts import Allow
from fastness.web.exchange import HOST, SCOPE_KEY, ASGIApp, Exchange, Receive, Scope, Send
from fastness.web.refusals import HostRefusedError

_MAX_ACCEPTED: Final = 64


class HostStage:
    """Refuses hosts that are not in the rules."""

    __slots__ = ("accepted", "app", "rules")

    def __init__(self, app: ASGIApp, *, rules: HostRules) -> None:
        self.app = app
        self.rules = rules
        self.accepted: dict[bytes, str] = {}

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        exchange: Exchange = scope[SCOPE_KEY]
        header = exchange.headers.get(b"host", b"")
        host = self.accepted.get(header)
        if host is None:
            host = self._decide(header)
        exchange.host = host
        exchange.stamps |= HOST
        return self.app(scope, receive, send)

    def _decide(self, header: bytes) -> str:
        host = header.decode("latin-1")
        verdict = decide_host(self.rules, host or None)
        if not isinstance(verdict, Allow):
            raise HostRefusedError(
                verdict.reason,
                "The Host header names no host of this site. Add the name to FASTNESS_HOSTS if it should.",
            )
        # A verdict holds for ever, so the few spellings that real clients send are kept. An attacker who varies the port
        # fills the table once and then pays for each look himself.
        if len(self.accepted) < _MAX_ACCEPTED:
            self.accepted[header] = host
        return host
