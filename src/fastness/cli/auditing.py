"""`audit`: the project of the current folder, its source, repository and dependencies. The app is not imported.

The libraries that look come with the extra `audit`, so that a server need not have them.

ASVS 5.0: V15.1.2 (an inventory), V15.1.5 (what is loosened, and why), V15.2.1 (no component past its time).
"""

import contextlib
import json
import tomllib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from rich.console import Console

from fastness.audit.catalogue import KNOWN_IDS
from fastness.cli.checking import json_of
from fastness.cli.errors import CommandError
from fastness.cli.location import PROJECT_FILE, find_location
from fastness.cli.notices import accepted_for
from fastness.cli.probing import text_of_report
from fastness.cli.terminal import remark, say

_LIBRARIES: Final = ("bandit", "cyclonedx", "packageurl", "packaging", "pip_audit")


def audit_project(
    *, snapshot: Path | None, sbom: Path | None, is_offline: bool, as_json: bool, output: Path | None
) -> bool:
    """Audit the project, show what was found, and return whether it passes."""
    if any(find_spec(name) is None for name in _LIBRARIES):
        raise CommandError('The audit needs libraries that are not installed: pip install "fastness[audit]".')
    # Only now: they need those libraries.
    from fastness.audit.dependencies import Sources
    from fastness.audit.runner import Project, run_audit
    from fastness.audit.sbom import write_sbom

    location = find_location()
    now = datetime.now(UTC)
    project = Project(
        folder=location.folder,
        accepted=accepted_for(KNOWN_IDS, location.accepted),
        sources=Sources(snapshot=snapshot, is_offline=is_offline),
    )
    with _steps() as on_step:
        audit = run_audit(project, now=now, on_step=on_step)
    if sbom is not None:
        name, version = _name_of(location.folder)
        write_sbom(sbom, project=name, version=version, dependencies=audit.dependencies, now=now)
        remark(f"Wrote {sbom}.")
    text = json.dumps(json_of(audit.report, None), indent=2) if as_json else text_of_report(audit.report)
    if output is None:
        say(text)
    else:
        output.write_text(text + "\n", encoding="utf-8")
        remark(f"Wrote {output}.")
    return audit.report.is_passed


@contextlib.contextmanager
def _steps() -> Iterator[Callable[[str], None]]:
    """Whoever is told what comes next: a moving line where a person looks, a line for each step elsewhere."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield remark
        return
    with console.status("starting") as status:
        yield status.update


def _name_of(folder: Path) -> tuple[str, str]:
    """What pyproject.toml calls the project; its folder's name where it does not."""
    try:
        project = tomllib.loads((folder / PROJECT_FILE).read_text(encoding="utf-8")).get("project", {})
    except FileNotFoundError:
        project = {}
    return str(project.get("name", folder.name)), str(project.get("version", "0"))
