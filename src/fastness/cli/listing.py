"""`routes`: every address of the app and whom it admits, as the sealed table has it.

ASVS 5.0: V8.1.1 (who may use what), V15.1.5 (what is left out, and why).
"""

import json

from fastness.checks.lock import methods_of
from fastness.cli.location import find_location, load_app
from fastness.cli.terminal import say, table
from fastness.web.rates import told
from fastness.web.route import Route


def show_routes(app_name: str | None, *, as_json: bool) -> None:
    """List the routes of the sealed app."""
    app = load_app(find_location(app_name))
    if as_json:
        say(json.dumps([route_fields(route) for route in app.routes], indent=2))
        return
    rows = [
        [
            route.path,
            ", ".join(methods_of(route)),
            route.name,
            str(route.access),
            told(route.rates),
            "; ".join(f"{name}: {reason.text}" for name, reason in route.exemptions()),
        ]
        for route in app.routes
    ]
    say(table(["path", "methods", "name", "access", "rate", "leaves out"], rows))


def route_fields(route: Route) -> dict[str, object]:
    """A route for other programs."""
    return {
        "path": route.path,
        "methods": methods_of(route),
        "name": route.name,
        "access": str(route.access),
        "kind": route.kind,
        "where": route.where,
        "exemptions": {name: reason.text for name, reason in route.exemptions()},
        "framing": route.framing if isinstance(route.framing, str) else list(route.framing),
        "trusted_origins": list(route.trusted_origins),
        "rates": [
            {"requests": rate.requests, "seconds": rate.seconds, "by": str(rate.by), "counts": rate.scope}
            for rate in route.rates
        ],
    }
