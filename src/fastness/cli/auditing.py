"""`audit`: the project of the current folder, its source, repository and dependencies. The app is not imported.

The libraries that look come with the extra `audit`, so that a server need not have them.

ASVS 5.0: V15.1.2 (an inventory), V15.1.5 (what is loosened, and why), V15.2.1 (no component past its time).
"""

import contextlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from rich.console import Console

from fastness.audit.catalogue import KNOWN_IDS
from fastness.cli.errors import CommandError
from fastness.cli.location import find_location, name_of
from fastness.cli.notices import accepted_for
from fastness.cli.reporting import publish
from fastness.cli.terminal import remark
from fastness.reports.forms import Form
from fastness.reports.run import Package, Run

_LIBRARIES: Final = ("bandit", "cyclonedx", "packageurl", "packaging", "pip_audit")


def audit_project(*, snapshot: Path | None, sbom: Path | None, is_offline: bool, form: Form) -> bool:
    """Audit the project, show what was found, and return whether it passes."""
    run = _run(snapshot=snapshot, sbom=sbom, is_offline=is_offline)
    publish(run, form, folder=Path.cwd())
    return run.report.is_passed


def run_offline() -> Run:
    """Audit the project and ask nothing of the network."""
    return _run(snapshot=None, sbom=None, is_offline=True)


def _run(*, snapshot: Path | None, sbom: Path | None, is_offline: bool) -> Run:
    if any(find_spec(name) is None for name in _LIBRARIES):
        raise CommandError('The audit needs libraries that are not installed: pip install "fastness[audit]".')
    # Only now: they need those libraries.
    from fastness.audit.dependencies import Sources
    from fastness.audit.licences import licence_of
    from fastness.audit.runner import Project, run_audit
    from fastness.audit.sbom import write_sbom

    location = find_location()
    name, version = name_of(location.folder)
    now = datetime.now(UTC)
    project = Project(
        folder=location.folder,
        accepted=accepted_for(KNOWN_IDS, location.accepted),
        sources=Sources(snapshot=snapshot, is_offline=is_offline),
    )
    with _steps() as on_step:
        audit = run_audit(project, now=now, on_step=on_step)
    if sbom is not None:
        write_sbom(sbom, project=name, version=version, dependencies=audit.dependencies, now=now)
        remark(f"Wrote {sbom}.")
    packages = tuple(
        Package(
            name=one.name,
            version=one.version,
            where=one.where,
            has_hash=bool(one.hashes),
            licence=licence_of(one) or "",
        )
        for one in audit.dependencies
    )
    return Run(report=audit.report, made_at=now, subject=name, packages=packages)


@contextlib.contextmanager
def _steps() -> Iterator[Callable[[str], None]]:
    """Whoever is told what comes next: a moving line where a person looks, a line for each step elsewhere."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield remark
        return
    with console.status("starting") as status:
        yield status.update
