"""What the code of an app says about itself, for the report: who gets where, what routes leave out, which steps objects take.

It is read from the sealed app, and no database is asked. ASVS 5.0: V8.1.1, V15.1.5, V2.1.3.
"""

from collections.abc import Iterable, Mapping

from fastness.authz.workflows import declared_workflows
from fastness.checks.lock import methods_of
from fastness.checks.matrix import Column, Outcome, cell_of, columns_of
from fastness.kernel.values import dataclass
from fastness.web.route import Route


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteFacts:
    """A route, whom it admits, and what it leaves out."""

    path: str
    methods: str
    name: str
    rule: str
    admits: tuple[tuple[str, tuple[str, ...]], ...]
    """Kinds of people by what becomes of them: ("allowed", ("signed in",)); nobody is left out."""
    exemptions: tuple[tuple[str, str], ...]
    """Names of `insecure_…` with their reasons."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFacts:
    """A step of a workflow."""

    model: str
    name: str
    sources: str
    to: str
    may: str
    must: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AppFacts:
    """All of it."""

    routes: tuple[RouteFacts, ...]
    steps: tuple[StepFacts, ...]


def facts_of(routes: Iterable[Route], roles: Mapping[str, frozenset[str]] | None = None) -> AppFacts:
    """Read the routes of the sealed app and the workflows of this process."""
    known = tuple(routes)
    columns = columns_of(known, roles)
    return AppFacts(routes=tuple(_route(route, columns) for route in known), steps=_steps())


def _route(route: Route, columns: Iterable[Column]) -> RouteFacts:
    admits: dict[str, list[str]] = {}
    for column in columns:
        admits.setdefault(str(cell_of(route, column.identity)), []).append(column.title)
    denied = admits.pop(Outcome.DENIED.value, None)
    if denied is not None:
        admits[Outcome.DENIED.value] = denied  # last
    return RouteFacts(
        path=route.path,
        methods=", ".join(methods_of(route)),
        name=route.name,
        rule=f"{route.access} [tokens]" if route.tokens else str(route.access),
        admits=tuple((outcome, tuple(titles)) for outcome, titles in admits.items()),
        exemptions=tuple((name, reason.text) for name, reason in route.exemptions()),
    )


def _steps() -> tuple[StepFacts, ...]:
    return tuple(
        StepFacts(
            model=flow.model.__name__,
            name=step.name,
            sources=", ".join(map(str, step.sources)),
            to=str(step.to),
            may=step.may,
            must=step.must,
        )
        for flow in declared_workflows()
        for step in flow.transitions
    )
