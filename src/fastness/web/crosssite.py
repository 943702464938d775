"""Unsafe requests come from this site's own pages, or not at all.

The browser itself says where a request comes from (`Sec-Fetch-Site`, `Origin`), and no page can forge it; the kernel's
decision reads the two. A client that sends neither is no current browser: it passes when it carries no session cookie, and
otherwise must hold a form token: `needs_form_token` tells the form-token stage to ask for it whatever the body is. A WebSocket
upgrade counts as unsafe, before `accept()`: same-origin policy does not hold for sockets (CWE-1385). ASVS 5.0 V3.5.1, V3.5.3,
V4.4.2.
"""

from collections.abc import Awaitable, Mapping
from typing import Final

from fastness.kernel.crosssite import CrossSiteReason, CrossSiteRules, decide_cross_site
from fastness.kernel.limits import SAFE_METHODS
from fastness.kernel.verdicts import ALLOW, Allow, Verdict
from fastness.web.exchange import CROSS_SITE, SCOPE_KEY, ASGIApp, Exchange, Receive, Scope, Send
from fastness.web.refusals import CrossSiteError, PipelineFaultError
from fastness.web.route import Route
from fastness.web.tokens import bearer_token

_OWN_PAGES: Final = CrossSiteRules()


class CrossSiteStage:
    """Refuses unsafe requests of other sites."""

    __slots__ = ("app", "cookie_name", "rules", "rules_by_route")

    def __init__(
        self, app: ASGIApp, *, rules: CrossSiteRules, rules_by_route: Mapping[Route, CrossSiteRules], cookie_name: bytes
    ) -> None:
        """Take the site's rules, and those of the routes that trust more."""
        self.app = app
        self.rules = rules
        self.rules_by_route = rules_by_route
        self.cookie_name = cookie_name

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        exchange: Exchange = scope[SCOPE_KEY]
        if exchange.method not in SAFE_METHODS:
            self._decide(exchange)
        exchange.stamps |= CROSS_SITE
        return self.app(scope, receive, send)

    def _decide(self, exchange: Exchange) -> None:
        route = exchange.route
        if route is None:
            raise PipelineFaultError("stage_missing", "The cross-site stage ran before a route was matched.")
        if route.insecure_cross_site is not None:
            return
        rules = self.rules_by_route[route] if route.trusted_origins else self.rules
        verdict = self._ask(rules, exchange)
        if isinstance(verdict, Allow):
            headers = exchange.headers
            exchange.has_origin_evidence = b"sec-fetch-site" in headers or b"origin" in headers
            # Whoever passes only because of the declared origins is another site's page, whichever header said so; it has
            # no way to know a form token.
            exchange.is_trusted_cross_site = (
                bool(rules.trusted_origins) and self._ask(_OWN_PAGES, exchange) is not ALLOW
            )
        elif verdict.reason is not CrossSiteReason.NO_ORIGIN_WITH_COOKIE:
            raise CrossSiteError(verdict.reason)
        else:
            exchange.needs_form_token = True

    def _ask(self, rules: CrossSiteRules, exchange: Exchange) -> Verdict:
        cookies = exchange.headers.get(b"cookie")
        return decide_cross_site(
            rules,
            method=exchange.method,
            is_websocket=exchange.is_websocket,
            sec_fetch_site=exchange.text(b"sec-fetch-site"),
            origin=exchange.text(b"origin"),
            scheme=exchange.scheme,
            host=exchange.host,
            # With a token the cookie counts for nothing, and no page can make a browser send one to another site.
            has_session_cookie=cookies is not None
            and cookies.find(self.cookie_name) >= 0
            and bearer_token(exchange) is None,
        )
