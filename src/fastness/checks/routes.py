"""The exits that routes take, with the reasons their authors gave.

None is a mistake by itself, or the app would not have started. Together they are the list that a reviewer asks for first.

ASVS 5.0: V15.1.5 (dangerous functionality is documented), V3.5.1, V3.4.6.
"""

from collections.abc import Iterator
from typing import Final

from fastness.checks.check import Deployment
from fastness.kernel.findings import Finding, Notice, Severity, Topic
from fastness.web.rates import told

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

NOTICES: Final = (EXEMPTION, FRAMED_ROUTE, ROUTE_ORIGINS, RATED_ROUTE)


def check_routes(deployment: Deployment) -> Iterator[Finding]:
    """What routes change about the gates above them."""
    for route in deployment.routes:
        where = f"{route.path} ({route.name})"
        for name, reason in route.exemptions():
            yield EXEMPTION.found(where=f"{where}: {name}", detail=f"The reason given: {reason.text}")
        if route.framing != "deny":
            yield FRAMED_ROUTE.found(where=where)
        if route.rates:
            yield RATED_ROUTE.found(where=f"{where}: {told(route.rates)}")
        if route.trusted_origins:
            yield ROUTE_ORIGINS.found(where=f"{where}: {', '.join(route.trusted_origins)}")
