"""`workflows`: every step that the app's objects can take, who may take it and what must hold.

It is what a review of business logic begins with: a step that is missing here cannot be taken, and one that should not be here
is seen. ASVS 5.0: V2.1.3.
"""

import json

from fastness.authz.workflows import Transition, declared_workflows
from fastness.cli.location import find_location, load_app
from fastness.cli.terminal import say, table


def show_workflows(app_name: str | None, *, as_json: bool) -> None:
    """List the workflows of the app's models."""
    load_app(find_location(app_name)).seal()
    steps = [step for flow in declared_workflows() for step in flow.transitions]
    if as_json:
        say(json.dumps([_fields(step) for step in steps], indent=2))
    elif not steps:
        say("No model has a workflow.")
    else:
        rows = [[step.label, ", ".join(map(str, step.sources)), str(step.to), step.may, step.must] for step in steps]
        say(table(["step", "from", "to", "who: may", "what must hold"], rows))


def _fields(step: Transition) -> dict[str, object]:
    return {
        "model": step.flow.model.__name__,
        "step": step.label,
        "from": [str(source) for source in step.sources],
        "to": str(step.to),
        "may": step.may,
        "must": step.must,
    }
