"""The dependencies of a project: which they are, what is known against them, and whether they are pinned.

Three answers are kept apart: vulnerable, clean, and could not be checked. The third is no pass: an audit that finds
nothing because it could not ask has said nothing.

ASVS 5.0: V15.1.2 (an inventory), V15.2.1 (no component past its time), V15.2.4 (from the expected place).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Final

from fastness.audit import advisories
from fastness.audit.dependencynotices import NOT_ASKED, UNHASHED, UNLOCKED, UNPINNED
from fastness.audit.index import ask_index
from fastness.audit.installed import installed_below
from fastness.audit.licences import licence_findings
from fastness.audit.lifetimes import unsupported
from fastness.audit.online import ask_service
from fastness.audit.osv import SnapshotError, look_up
from fastness.audit.outcome import Outcome, joined
from fastness.audit.pins import Dependency, Pins, read_pins
from fastness.kernel.findings import Finding, Topic
from fastness.kernel.report import Unchecked
from fastness.kernel.values import dataclass

_WHAT: Final = "Known vulnerabilities"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where knowledge about packages comes from."""

    snapshot: Path | None = None
    """A folder or ZIP file of OSV records; without one, the service that pip-audit is set up for."""
    is_offline: bool = False
    """Nothing is asked of the network."""


def audit_dependencies(
    folder: Path, sources: Sources, *, now: datetime, on_step: Callable[[str], None]
) -> tuple[Outcome, tuple[Dependency, ...]]:
    """Look at what the project pins and installs; also returns the packages that were looked at."""
    pins = read_pins(folder)
    installed, missing = installed_below(pins.wanted)
    pinned = {dependency.name for dependency in pins.dependencies}
    dependencies = merged([*pins.dependencies, *installed])
    missing = [each for each in missing if each.what not in pinned]
    findings = [
        *_loose_ends(pins),
        *unsupported(dependencies, today=now.date()),
        *licence_findings(dependencies),
    ]
    on_step(f"asking about {len(dependencies)} packages")
    parts = [
        Outcome(findings=tuple(findings), unchecked=(*pins.unchecked, *missing)),
        _vulnerabilities(folder, dependencies, sources, now),
    ]
    if sources.is_offline:
        parts.append(Outcome(findings=(NOT_ASKED.found(),)))
    elif dependencies:
        on_step("asking the index for newer and withdrawn versions")
        parts.append(ask_index(folder, dependencies))
    outcome = joined(parts)
    unchecked = tuple(replace(one, topic=Topic.COMPONENTS) for one in outcome.unchecked)
    return replace(outcome, unchecked=unchecked), dependencies


def merged(dependencies: Iterable[Dependency]) -> tuple[Dependency, ...]:
    """The same version of the same package once, with every place that names it."""
    found: dict[tuple[str, str], Dependency] = {}
    for each in dependencies:
        same = found.get((each.name, each.version))
        found[each.name, each.version] = (
            each
            if same is None
            else replace(
                same,
                where=same.where if each.where in same.where.split(", ") else f"{same.where}, {each.where}",
                hashes=tuple(dict.fromkeys((*same.hashes, *each.hashes))),
            )
        )
    return tuple(found[key] for key in sorted(found))


def _vulnerabilities(folder: Path, dependencies: Sequence[Dependency], sources: Sources, now: datetime) -> Outcome:
    if not dependencies:
        return Outcome()
    if sources.snapshot is not None:
        try:
            known = look_up(sources.snapshot, dependencies, now=now)
        except SnapshotError as error:
            return Outcome(unchecked=(Unchecked(what=_WHAT, why=str(error)),))
        return Outcome(findings=tuple(advisories.findings_of(known.advisories)), unchecked=known.unchecked)
    if sources.is_offline:
        why = "Without a network there is nobody to ask: give a snapshot of OSV with --osv."
        return Outcome(unchecked=(Unchecked(what=_WHAT, why=why),))
    answer = ask_service(folder, dependencies)
    return Outcome(findings=tuple(advisories.findings_of(answer.advisories)), unchecked=answer.unchecked)


def _loose_ends(pins: Pins) -> Iterator[Finding]:
    for name, where in pins.loose:
        yield UNPINNED.found(where=f"{where}: {name}")
    for file in pins.files:
        bare = [each.name for each in pins.dependencies if each.where == file and not each.hashes]
        if bare and file != "pyproject.toml":
            yield UNHASHED.found(where=f"{file}: {', '.join(bare[:5])}{' …' if len(bare) > 5 else ''}")
    if pins.wanted and not any(file != "pyproject.toml" for file in pins.files):
        yield UNLOCKED.found(where="pyproject.toml")
