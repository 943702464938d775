"""Bandit's own rules, run as the program that it is, and read as JSON.

Its comments are left to us (`--ignore-nosec`), because it takes one without an id or a reason. Its settings file is not
read: what a project accepts is in one place. It leaves out files of its own choice, by parts of their paths (`.git` is one of
`.github`); nothing is left out here, and a file that it says nothing about was not checked. Three kinds of its rules are left
out: those that complain of an import alone, since the use of what was imported is told where it is; those that take every text
behind a name like "password" for one (FST-SOURCE-030 and 031 look at the text); and those against any start of a program (005
and 007 tell the dangerous ones).

ASVS 5.0: V15.1.5 (dangerous functionality is documented).
"""

import json
import os
from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import entry_points
from pathlib import Path
from typing import Final

from fastness.audit.programs import ProgramError, run_module
from fastness.audit.spots import Spot
from fastness.kernel.findings import Finding, Notice, Severity, Topic
from fastness.kernel.report import Unchecked

_WHY: Final = "One of Bandit's rules fits this line."
_FIX: Final = "Change what the rule says, or accept it at the line with its id and a reason: # nosec B602 # why."

GRAVE: Final = Notice(
    id="FST-BANDIT-001",
    severity=Severity.HIGH,
    title="Bandit found something grave",
    why=_WHY,
    fix=_FIX,
    topic=Topic.INJECTION,
)
MIDDLING: Final = Notice(
    id="FST-BANDIT-002",
    severity=Severity.MEDIUM,
    title="Bandit found something of medium weight",
    why=_WHY,
    fix=_FIX,
    topic=Topic.INJECTION,
)
SLIGHT: Final = Notice(
    id="FST-BANDIT-003",
    severity=Severity.LOW,
    title="Bandit found something slight",
    why=_WHY,
    fix=_FIX,
    topic=Topic.INJECTION,
)

NOTICES: Final = (GRAVE, MIDDLING, SLIGHT)

# Bandit's severity and its confidence.
_WEIGHTS: Final = {
    ("HIGH", "HIGH"): GRAVE,
    ("HIGH", "MEDIUM"): GRAVE,
    ("HIGH", "LOW"): MIDDLING,
    ("MEDIUM", "HIGH"): MIDDLING,
    ("MEDIUM", "MEDIUM"): MIDDLING,
}
# The families of its ids.
_TOPICS: Final = {
    "B1": Topic.MISCONFIGURATION,
    "B2": Topic.MISCONFIGURATION,
    "B3": Topic.INTEGRITY,
    "B4": Topic.COMPONENTS,
    "B5": Topic.CRYPTOGRAPHY,
}
_LEFT_OUT: Final = "B105,B106,B107,B403,B404,B405,B406,B407,B408,B409,B603,B607"
_PLUGIN: Final = "fastness.audit.banditplugin:"
_AT_ONCE: Final = 300
_SECONDS: Final = 600


def run_bandit(folder: Path, files: Sequence[Path]) -> tuple[list[Spot], list[Unchecked]]:
    """What Bandit finds in these files, and which it could not read; raises `ProgramError` if it does not run."""
    spots: list[Spot] = []
    unchecked: list[Unchecked] = []
    # Our rules have run already. Bandit refuses an id that it does not know, so only what it loads is left out.
    ours = [each.name.upper() for each in entry_points(group="bandit.plugins") if each.value.startswith(_PLUGIN)]
    skipped = ",".join([_LEFT_OUT, *ours])
    for start in range(0, len(files), _AT_ONCE):
        names = [str(file.absolute()) for file in files[start : start + _AT_ONCE]]
        ran = run_module(
            "bandit", "--format", "json", "--quiet", "--ignore-nosec", "--skip", skipped, "--exclude", "", *names,
            folder=folder, seconds=_SECONDS,
        )  # fmt: skip
        try:
            answer = json.loads(ran.output)
        except ValueError:
            raise ProgramError(f"Bandit gave no answer: {ran.complaint}") from None
        spots += [_spot(folder, found) for found in answer["results"]]
        unchecked += [
            Unchecked(what=os.path.relpath(error["filename"], folder), why=f"Bandit: {error['reason']}")
            for error in answer["errors"]
        ]
        looked_at = {os.path.normpath(name) for name in answer["metrics"]}
        unchecked += [
            Unchecked(what=os.path.relpath(name, folder), why="Bandit left it out.")
            for name in names
            if os.path.normpath(name) not in looked_at
        ]
    return spots, unchecked


def _spot(folder: Path, found: dict[str, object]) -> Spot:
    file = os.path.relpath(str(found["filename"]), folder)
    name = str(found["test_id"])
    first = int(str(found["line_number"]))
    lines = found["line_range"]
    return Spot(
        file=file,
        first_line=first,
        last_line=max([first, *lines]) if isinstance(lines, list) else first,
        name=name,
        finding=_finding(found, name, f"{file}:{first}"),
    )


def _finding(found: dict[str, object], name: str, where: str) -> Finding:
    notice = _WEIGHTS.get((str(found["issue_severity"]), str(found["issue_confidence"])), SLIGHT)
    text = " ".join(str(found["issue_text"]).split())
    finding = notice.found(where=where, detail=f"{name} {found['test_name']}: {text}")
    return replace(finding, topic=_TOPICS.get(name[:2], notice.topic))
