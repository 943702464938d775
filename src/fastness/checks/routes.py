"""The exits that routes take, with the reasons their authors gave.

None is a mistake by itself, or the app would not have started. Together they are the list that a reviewer asks for first.

ASVS 5.0: V15.1.5 (dangerous functionality is documented), V3.5.1, V3.4.6.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from fastness.checks.check import Deployment
from fastness.kernel.crosssite import SAFE_METHODS
from fastness.kernel.findings import Finding, Notice, Severity, Topic
from fastness.web.accessrules import Access, All, AnyOf, FromNetwork, Hidden, Public, rules_in
from fastness.web.rates import told
from fastness.web.route import Route

_OWN_FOLDER: Final = Path(__file__).parent.parent

EXEMPTION: Final = Notice(
    id="FST-ROUTES-002",
    severity=Severity.INFO,
    title="A route leaves out a protection",
    why="The route says why.",
    fix="Read the reason: does it still hold?",
    topic=Topic.MISCONFIGURATION,
    asvs=("V15.1.5",),
)
FRAMED_ROUTE: Final = Notice(
    id="FST-ROUTES-003",
    severity=Severity.INFO,
    title="A route may be shown in a frame",
    why="Its page can be clicked by a visitor who sees something else.",
    fix="Make sure that no click on it changes anything that matters.",
    topic=Topic.DESIGN,
    asvs=("V3.4.6",),
)
ROUTE_ORIGINS: Final = Notice(
    id="FST-ROUTES-004",
    severity=Severity.INFO,
    title="A route takes requests from other sites",
    why="Pages of these origins can send it requests with the visitor's cookies.",
    fix="Make sure that the origins are still the partner's.",
    topic=Topic.ACCESS_CONTROL,
    asvs=("V3.5.1",),
)
RATED_ROUTE: Final = Notice(
    id="FST-ROUTES-005",
    severity=Severity.INFO,
    title="A route has a rate",
    why="More requests than that are answered with 429.",
    fix="Make sure that people who use the page as it is meant stay below it, with many of them behind one address.",
    topic=Topic.DESIGN,
    asvs=("V2.4.1",),
)
PUBLIC_WRITE: Final = Notice(
    id="FST-ROUTES-006",
    severity=Severity.INFO,
    title="Anybody may send changes to a route",
    why="It takes unsafe requests without a sign-in; its rates are counted by client.",
    fix="Make sure that what it writes is meant for strangers.",
    topic=Topic.ACCESS_CONTROL,
    asvs=("V8.2.1", "V2.4.1"),
)
UNRATED_PUBLIC_WRITE: Final = Notice(
    id="FST-ROUTES-007",
    severity=Severity.LOW,
    title="Anybody may send changes to a route, as often as they like",
    why="A program fills the database, or sends as many mails as it likes in the site's name.",
    fix="Give it a rate (rate=Rate(20, per=3600), docs/guides/throttling.md), or ask for a sign-in.",
    topic=Topic.DESIGN,
    asvs=("V2.4.1",),
)
ANY_NETWORK: Final = Notice(
    id="FST-ROUTES-008",
    severity=Severity.MEDIUM,
    title="A rule of networks lets everybody in",
    why="Half of all addresses or more are in one of its networks.",
    fix="Name the networks of those who are meant.",
    topic=Topic.ACCESS_CONTROL,
    asvs=("V8.2.1",),
)

NOTICES: Final = (
    EXEMPTION,
    FRAMED_ROUTE,
    ROUTE_ORIGINS,
    RATED_ROUTE,
    PUBLIC_WRITE,
    UNRATED_PUBLIC_WRITE,
    ANY_NETWORK,
)


def check_routes(deployment: Deployment) -> Iterator[Finding]:
    """What routes change about the gates above them."""
    for route in deployment.routes:
        where = f"{route.path} ({route.name})"
        for name, reason in route.exemptions():
            yield EXEMPTION.found(where=f"{where}: {name}", detail=f"The reason given: {reason.text}")
        if route.framing != "deny":
            yield FRAMED_ROUTE.found(where=where)
        if route.rates and not _is_our_own(route):
            yield RATED_ROUTE.found(where=f"{where}: {told(route.rates)}")
        if route.trusted_origins:
            yield ROUTE_ORIGINS.found(where=f"{where}: {', '.join(route.trusted_origins)}")


def check_access(deployment: Deployment) -> Iterator[Finding]:
    """What strangers may do at the app's own routes; the framework's have limits of their own."""
    for route in deployment.routes:
        where = f"{' '.join(sorted(route.methods)) or route.kind} {route.path} ({route.name})"
        for rule in rules_in(route.access):
            if isinstance(rule, FromNetwork) and any(network.prefixlen <= 1 for network in rule.networks):
                yield ANY_NETWORK.found(where=f"{where}: {rule}")
        if opens_for_anybody(route.access) and _takes_changes(route) and not _is_our_own(route):
            yield (PUBLIC_WRITE if route.client_rates else UNRATED_PUBLIC_WRITE).found(where=where)


def opens_for_anybody(rule: Access) -> bool:
    """Whether somebody who is not signed in gets through, from somewhere."""
    match rule:
        case Public() | FromNetwork():
            return True
        case All(parts):
            return all(map(opens_for_anybody, parts))
        case AnyOf(parts):
            return any(map(opens_for_anybody, parts))
        case Hidden(inner):
            return opens_for_anybody(inner)
        case _:
            return False


def _takes_changes(route: Route) -> bool:
    # An app that states no methods takes any, and a socket takes messages.
    return not route.methods or bool(route.methods - SAFE_METHODS)


def _is_our_own(route: Route) -> bool:
    return route.where.startswith(str(_OWN_FOLDER))
