"""What the app declares and no route demands.

Such a permission may be asked for by a policy or a handler, and then all is well. Or it guards what it once guarded no more, and
people are given it in the belief that it does. (The other way round, a route that demands what nobody declares, the app does
not start.)

ASVS 5.0: V8.1.1 (rules are documented).
"""

from collections.abc import Iterator
from typing import Final

from fastness.checks.check import Deployment
from fastness.kernel.findings import Finding, Notice, Severity, Topic
from fastness.web.accessrules import permissions_in

UNUSED: Final = Notice(
    id="FST-PERMISSIONS-001",
    severity=Severity.INFO,
    title="No route demands a declared permission",
    why="It may be asked for in a policy or a handler; if not, whoever is given it is given nothing.",
    fix="Demand it with access.permission(…), or take it out of its enum.",
    topic=Topic.ACCESS_CONTROL,
    asvs=("V8.1.1",),
)

NOTICES: Final = (UNUSED,)


def check_permissions(deployment: Deployment) -> Iterator[Finding]:
    """The permissions of the app's own enums that no rule names."""
    demanded = {name for route in deployment.routes for name in permissions_in(route.access)}
    for name in deployment.permissions:
        if name not in demanded:
            yield UNUSED.found(where=name)
