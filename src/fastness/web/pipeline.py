"""The order of the gates. It is data: this tuple, a comment for each neighbour, and nothing else decides it.

A gate that has nothing to wait for is a plain function that returns what the next one returned. A coroutine for each gate would
cost more than what most of them look at, and would be gone through again whenever the handler waits.
"""

from collections.abc import Callable, Mapping
from dataclasses import field, replace
from types import MethodType
from typing import Final

from fastness.kernel.cookies import CookieRules
from fastness.kernel.crosssite import CrossSiteRules
from fastness.kernel.csp import CSPRules, compile_csp
from fastness.kernel.errors import ConfigError
from fastness.kernel.headers import HeaderRules, frame_ancestors_of
from fastness.kernel.hosts import HostRules
from fastness.kernel.limits import LimitRules
from fastness.kernel.proxies import ProxyRules
from fastness.kernel.tuples import refuse_bare_text
from fastness.kernel.values import dataclass
from fastness.web.crosssite import CrossSiteStage
from fastness.web.dispatch import Dispatch
from fastness.web.errors import ErrorsStage
from fastness.web.exchange import ASGIApp
from fastness.web.formtoken import FormTokenStage
from fastness.web.gate import GateStage
from fastness.web.headers import HeaderProfile, HeadersStage
from fastness.web.health import HealthStage
from fastness.web.hosts import HostStage
from fastness.web.https import HTTPSStage
from fastness.web.language import LanguageStage
from fastness.web.limits import LimitsStage
from fastness.web.match import MatchStage
from fastness.web.proxy import ProxyStage
from fastness.web.ratelimit import ClientRateStage, UserRateStage
from fastness.web.route import Framing, Route, RouteError
from fastness.web.session import SessionStage
from fastness.web.site import Site
from fastness.web.table import Table
from fastness.web.traffic import Traffic
from fastness.web.unit import UnitStage


@dataclass(frozen=True, slots=True, kw_only=True)
class PerimeterRules:
    """Everything that the gates are configured with."""

    limits: LimitRules = field(default_factory=LimitRules)
    proxy: ProxyRules = field(default_factory=ProxyRules)
    hosts: HostRules = field(default_factory=HostRules)
    is_https_required: bool = True
    """Plain HTTP is redirected or refused."""
    cross_site: CrossSiteRules = field(default_factory=CrossSiteRules)
    headers: HeaderRules = field(default_factory=HeaderRules)
    csp: CSPRules = field(default_factory=CSPRules)
    session_cookie: CookieRules


@dataclass(frozen=True, slots=True)
class Plan:
    """What stages are made from."""

    rules: PerimeterRules
    site: Site
    table: Table


StageFactory = Callable[[ASGIApp, Plan], ASGIApp]

STAGES: Final[tuple[StageFactory, ...]] = (
    # Outermost, so that whatever answers, an error page included, leaves with the headers.
    lambda app, plan: HeadersStage(app, site=plan.site, profile=profile_for(plan.rules, "deny")),
    # Directly below, so that a refusal of any gate becomes an answer.
    lambda app, _: ErrorsStage(app),
    # Before anything reads a header: what can be read in two ways never gets further.
    lambda app, plan: LimitsStage(app, rules=plan.rules.limits),
    # Before everything that looks at address or scheme.
    lambda app, plan: ProxyStage(
        app, rules=plan.rules.proxy, traffic=None if plan.site.is_development else Traffic(plan.rules.proxy)
    ),
    # Before the host check: a load balancer asks by address.
    lambda app, _: HealthStage(app),
    # Before anything builds an address from the Host header.
    lambda app, plan: HostStage(app, rules=plan.rules.hosts),
    # After the host: the redirect to https names it.
    lambda app, plan: HTTPSStage(app, is_required=plan.rules.is_https_required, exact_hosts=plan.rules.hosts.allowed),
    # Before anything is written for somebody to read. Not there in an app with one language.
    lambda app, plan: LanguageStage(app) if len(plan.site.languages) > 1 else app,
    # Everything below asks the route, not the path.
    lambda app, plan: MatchStage(app, table=plan.table, profiles=profiles_for(plan.rules, plan.table)),
    # Before the session is read: a forged request costs nothing more.
    lambda app, plan: CrossSiteStage(
        app,
        rules=plan.rules.cross_site,
        rules_by_route=cross_site_rules_for(plan.rules.cross_site, plan.table),
        cookie_name=plan.rules.session_cookie.name.encode(),
    ),
    # Before the session is read: one request too many costs no more than its count. Not there if no route asks for it.
    lambda app, plan: ClientRateStage(app) if has_rates(plan.table) else app,
    # Who is asking.
    lambda app, plan: SessionStage(app, cookie_name=plan.rules.session_cookie.name.encode()),
    # As soon as it is known who asks, before any rule or body of theirs is looked at.
    lambda app, plan: UserRateStage(app) if has_rates(plan.table) else app,
    # May they; nothing of the body was read so far.
    lambda app, _: GateStage(app),
    # Reads the first field of a form, at most.
    lambda app, plan: FormTokenStage(app, peek_bytes=plan.rules.limits.peek_bytes),
    # Innermost, so that nothing but the handler is inside the transaction.
    lambda app, _: UnitStage(app),
)


def build_pipeline(rules: PerimeterRules, site: Site, table: Table) -> ASGIApp:
    """The gates round the routes."""
    plan = Plan(rules, site, table)
    app: ASGIApp = Dispatch(table.routes)
    for make_stage in reversed(STAGES):
        app = make_stage(bound(app), plan)
    return app


def bound(app: ASGIApp) -> ASGIApp:
    """The method that calling a stage calls, looked up once: for each request that would cost as much as a small gate."""
    method: ASGIApp = getattr(app, "__call__", app)  # noqa: B004 - the method itself is wanted
    return app if isinstance(app, MethodType) else method


def has_rates(table: Table) -> bool:
    """Whether any route declares a rate; the last gate asks for both stamps then, on those routes."""
    return any(route.rates for route in table.routes)


def cross_site_rules_for(rules: CrossSiteRules, table: Table) -> Mapping[Route, CrossSiteRules]:
    """The rules of the routes that trust origins of their own, and the site's besides."""
    by_route: dict[Route, CrossSiteRules] = {}
    for route in table.routes:
        if route.trusted_origins:
            try:
                refuse_bare_text("trusted_origins", route.trusted_origins)
                by_route[route] = CrossSiteRules(trusted_origins=(*rules.trusted_origins, *route.trusted_origins))
            except ConfigError as error:
                raise RouteError(f"The route {route.path!r} ({route.where}): {error.detail}") from None
    return by_route


def profiles_for(rules: PerimeterRules, table: Table) -> Mapping[Route, HeaderProfile]:
    """Each route's headers; routes that are framed alike share one profile."""
    by_framing: dict[Framing, HeaderProfile] = {}
    for route in table.routes:
        if route.framing not in by_framing:
            by_framing[route.framing] = profile_for(rules, route.framing)
    return {route: by_framing[route.framing] for route in table.routes}


def profile_for(rules: PerimeterRules, framing: Framing) -> HeaderProfile:
    """The precomputed headers of routes that may be framed as `framing` says."""
    headers = rules.headers if framing == "deny" else replace(rules.headers, framing=framing)
    csp = rules.csp if framing == "deny" else replace(rules.csp, frame_ancestors=frame_ancestors_of(framing))
    return HeaderProfile(
        plain=headers.static_headers(https=False), with_hsts=headers.static_headers(https=True), csp=compile_csp(csp)
    )
