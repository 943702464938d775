"""Newer and withdrawn versions, from the package index that pip is set up for; no index is named here.

pip is asked what it would install, once for the pinned versions and once for the newest ones, without installing
anything: wheels only, because a source package runs its own code when it is looked at.

ASVS 5.0: V15.2.1 (no component past its time).
"""

import json
import re
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from fastness.audit.dependencynotices import OUTDATED, YANKED
from fastness.audit.outcome import Outcome
from fastness.audit.pins import Dependency
from fastness.audit.programs import ProgramError, Ran, run_module
from fastness.kernel.findings import Finding
from fastness.kernel.report import Unchecked

_SECONDS: Final = 600
_MISSING: Final = re.compile(r"No matching distribution found for ([A-Za-z0-9._-]+?)(?:==\S*)?$", re.MULTILINE)
_MAX_MISSING: Final = 10
"""pip names one missing package at a time; after so many the index is not the one for this project."""


def ask_index(folder: Path, dependencies: Sequence[Dependency]) -> Outcome:
    """Which of these were taken back, and which have newer versions."""
    chosen = {dependency.name: dependency for dependency in reversed(dependencies)}
    try:
        missing, pinned = _would_install(
            folder, {each.name: f"{each.name}=={each.version}" for each in chosen.values()}
        )
        _, newest = _would_install(folder, {name: name for name in chosen if name not in missing})
    except ProgramError as error:
        return Outcome(
            unchecked=(Unchecked(what="Newer and withdrawn versions", why=f"{error} --offline leaves this out."),)
        )
    findings: list[Finding] = [
        YANKED.found(
            where=f"{chosen[name].where}: {name} {chosen[name].version}",
            detail=f"{YANKED.why} Their reason: {_reason(package)}.",
        )
        for name, package in pinned.items()
        if package.get("is_yanked") is True
    ]
    behind = sorted(
        f"{name} {chosen[name].version} → {version}"
        for name, package in newest.items()
        if (version := _version(package)) and is_newer(version, chosen[name].version)
    )
    if behind:
        findings.append(
            OUTDATED.found(where=f"{len(behind)} of {len(chosen)}", detail=f"{', '.join(behind)}. {OUTDATED.why}")
        )
    return Outcome(
        findings=tuple(findings),
        unchecked=tuple(
            Unchecked(
                what=f"{name} {chosen[name].version}", why="The index has no wheel of this version for this Python."
            )
            for name in missing
        ),
    )


def is_newer(version: str, than: str) -> bool:
    """Whether a version comes after another; what is no version is not newer."""
    try:
        return Version(version) > Version(than)
    except InvalidVersion:
        return False


def _would_install(
    folder: Path, requirements: Mapping[str, str]
) -> tuple[list[str], Mapping[str, Mapping[str, object]]]:
    """What the index does not have, and pip's report about the rest; raises `ProgramError`."""
    missing: list[str] = []
    while len(missing) <= _MAX_MISSING:
        wanted = [line for name, line in requirements.items() if name not in missing]
        if not wanted:
            return missing, {}
        ran = _ask(folder, wanted)
        if not ran.code:
            return missing, _packages(ran)
        found = _MISSING.search(ran.errors)
        if found is None or (name := str(canonicalize_name(found[1]))) in missing:
            raise ProgramError(f"pip gave no answer: {ran.complaint}.")
        missing.append(name)
    raise ProgramError("The index does not have most of these packages.")


def _ask(folder: Path, lines: Iterable[str]) -> Ran:
    with tempfile.TemporaryDirectory(prefix="fastness-audit-") as work:
        file = Path(work) / "requirements.txt"
        file.write_text("\n".join(lines), encoding="utf-8")
        return run_module(
            "pip", "install", "--dry-run", "--ignore-installed", "--no-deps", "--only-binary", ":all:", "--quiet",
            "--disable-pip-version-check", "--no-input", "--report", "-", "--requirement", str(file),
            folder=folder, seconds=_SECONDS,
        )  # fmt: skip


def _packages(ran: Ran) -> Mapping[str, Mapping[str, object]]:
    try:
        packages = json.loads(ran.output)["install"]
        return {str(canonicalize_name(each["metadata"]["name"])): each for each in packages}
    except (ValueError, KeyError, TypeError):
        raise ProgramError(f"pip gave no answer: {ran.complaint}.") from None


def _version(package: Mapping[str, object]) -> str:
    metadata = package.get("metadata")
    return str(metadata.get("version", "")) if isinstance(metadata, dict) else ""


def _reason(package: Mapping[str, object]) -> str:
    information = package.get("download_info")
    reason = information.get("yanked_reason") if isinstance(information, dict) else None
    return str(reason) if reason else "none is given"
