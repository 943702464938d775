"""The whole audit of a project's folder: its source, its repository, its dependencies.

The app is not imported and nothing of it is run, so that a project can be audited before it is trusted.
ASVS 5.0: V15.1.2, V15.1.5, V15.2.1.
"""

from collections.abc import Callable, Mapping
from dataclasses import field, replace
from datetime import datetime
from pathlib import Path
from typing import Final

from fastness.audit.catalogue import KNOWN_IDS
from fastness.audit.dependencies import Sources, audit_dependencies
from fastness.audit.outcome import Outcome, joined
from fastness.audit.pins import Dependency
from fastness.audit.repository import audit_repository
from fastness.audit.sources import audit_sources
from fastness.kernel.because import Because
from fastness.kernel.report import Report, make_report
from fastness.kernel.values import dataclass

TOOL: Final = "audit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """What is audited."""

    folder: Path
    accepted: Mapping[str, Because] = field(default_factory=dict)
    """Findings by id that the team lives with."""
    sources: Sources = field(default_factory=Sources)


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What came of it."""

    report: Report
    dependencies: tuple[Dependency, ...]
    """Everything that was looked at, for the list of components."""


def run_audit(project: Project, *, now: datetime, on_step: Callable[[str], None] = lambda _: None) -> Audit:
    """Audit a project; `on_step` is told what comes next."""
    on_step("reading the source")
    source = audit_sources(project.folder)
    on_step("looking at the repository")
    repository = audit_repository(project.folder, today=now.date())
    packages, dependencies = audit_dependencies(project.folder, project.sources, now=now, on_step=on_step)
    return Audit(report=_report(project, joined([source, repository, packages])), dependencies=dependencies)


def _report(project: Project, outcome: Outcome) -> Report:
    report = make_report(TOOL, outcome.findings, project.accepted, KNOWN_IDS, outcome.unchecked)
    return replace(report, accepted=(*report.accepted, *outcome.accepted))
