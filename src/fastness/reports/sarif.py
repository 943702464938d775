"""A run as SARIF 2.1.0 (OASIS, 2020; errata of 2023): what code hosts show beside the source.

Code hosts take only results with a place in a file. What is about a setting or a route has none; it is shown at pyproject.toml,
which says where the app is, and names what it is about as a logical location. What a team accepts is a suppressed result with
its reason, and what could not be checked makes the run an unsuccessful one (§3.20.14), as it is no pass anywhere else.

A fingerprint is made of what a finding says and not of its line, so that it stays the same while lines above it come and go.
ASVS 5.0: V15.1.5 (what is loosened, and why).
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC
from pathlib import Path
from typing import Final
from urllib.parse import quote

from fastness import __version__
from fastness.kernel.because import Because
from fastness.kernel.findings import Finding, Notice, Severity
from fastness.kernel.printable import printable
from fastness.kernel.report import Unchecked
from fastness.reports.places import Place, place_of
from fastness.reports.run import Run

SCHEMA_URI: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
FINGERPRINT: Final = "fastnessFinding/v1"
_FALLBACK: Final = Place(file="pyproject.toml", line=1)
_LEVELS: Final = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "note",
    Severity.INFO: "note",
}
# What code hosts sort by: the middle of the bands of CVSS.
_SCORES: Final = {
    Severity.CRITICAL: "9.5",
    Severity.HIGH: "8.0",
    Severity.MEDIUM: "5.5",
    Severity.LOW: "2.0",
    Severity.INFO: "0.0",
}


def sarif_of(run: Run, notices: Sequence[Notice], folder: Path) -> str:
    """The run as a SARIF log in ASCII; `notices` is everything that the tool can find, `folder` the project's."""
    log = {"$schema": SCHEMA_URI, "version": "2.1.0", "runs": [_run(run, notices, folder)]}
    return json.dumps(log, indent=2)


def _run(run: Run, notices: Sequence[Notice], folder: Path) -> dict[str, object]:
    report = run.report
    all_found = [*report.findings, *(finding for finding, _ in report.accepted)]
    rules = _rules(notices, all_found)
    numbers = {str(rule["id"]): number for number, rule in enumerate(rules)}
    results = _Results(numbers, folder)
    return {
        "tool": {
            "driver": {
                "name": f"Fastness {report.tool}",
                "semanticVersion": __version__,
                "rules": rules,
            }
        },
        "automationDetails": {"id": f"fastness/{report.tool}/"},
        "columnKind": "unicodeCodePoints",
        "invocations": [
            {
                "executionSuccessful": not report.unchecked,
                "endTimeUtc": run.made_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
                "toolExecutionNotifications": [_notification(one) for one in report.unchecked],
            }
        ],
        "results": [
            *(results.add(finding) for finding in report.findings),
            *(results.add(finding, reason) for finding, reason in report.accepted),
        ],
    }


def _rules(notices: Iterable[Notice], found: Iterable[Finding]) -> list[dict[str, object]]:
    """A rule for each notice, and for a finding whose notice another version of the tool had."""
    rules = {notice.id: _rule(notice, notice.why) for notice in notices}
    for finding in found:
        rules.setdefault(finding.id, _rule(finding, finding.title))
    return list(rules.values())


def _rule(kind: Notice | Finding, why: str) -> dict[str, object]:
    return {
        "id": kind.id,
        "name": _pascal(kind.title),
        "shortDescription": {"text": printable(kind.title)},
        "fullDescription": {"text": printable(why)},
        "help": {"text": printable(kind.fix)},
        "defaultConfiguration": {"level": _LEVELS[kind.severity]},
        "properties": {
            "security-severity": _SCORES[kind.severity],
            "tags": [
                "security",
                *(f"owasp/{category}" for category in (kind.topic.owasp_2021, kind.topic.owasp_2025)),
                *(f"asvs/{requirement}" for requirement in kind.asvs),
            ],
        },
    }


class _Results:
    """The results of a run; the second with the same text gets the number 2 in its fingerprint."""

    def __init__(self, numbers: dict[str, int], folder: Path) -> None:
        self.numbers = numbers
        self.folder = folder
        self.seen: Counter[str] = Counter()

    def add(self, finding: Finding, reason: Because | None = None) -> dict[str, object]:
        """The result of a finding, suppressed if it is accepted."""
        place = place_of(finding.where, self.folder)
        text = "\0".join((finding.id, place.file or finding.where or "", finding.detail))
        self.seen[text] += 1
        digest = hashlib.sha256(f"{text}\0{self.seen[text]}".encode(errors="backslashreplace")).hexdigest()
        result: dict[str, object] = {
            "ruleId": finding.id,
            "ruleIndex": self.numbers[finding.id],
            "level": _LEVELS[finding.severity],
            "message": {"text": "\n".join(_message(finding))},
            "locations": [_location(finding.where, place)],
            "partialFingerprints": {FINGERPRINT: digest},
        }
        if reason is not None:
            result["suppressions"] = [
                {"kind": "external", "status": "accepted", "justification": printable(reason.text)}
            ]
        return result


def _message(finding: Finding) -> Iterator[str]:
    yield (
        f"{printable(finding.title)}: {printable(finding.where)}." if finding.where else f"{printable(finding.title)}."
    )
    yield printable(finding.detail)
    yield f"Fix: {printable(finding.fix)}"


def _location(where: str | None, place: Place) -> dict[str, object]:
    shown = place if place.file else _FALLBACK
    physical: dict[str, object] = {
        "artifactLocation": {
            "uri": quote(shown.file or "", safe="/", errors="surrogateescape"),
            "uriBaseId": "%SRCROOT%",
        },
        "region": {"startLine": shown.line or 1},
    }
    location: dict[str, object] = {"physicalLocation": physical}
    if place.file is None and where:
        location["logicalLocations"] = [{"fullyQualifiedName": printable(where)}]
    return location


def _notification(one: Unchecked) -> dict[str, object]:
    return {"level": "error", "message": {"text": f"Not checked: {printable(one.what)}\n{printable(one.why)}"}}


def _pascal(title: str) -> str:
    """The short name that a rule has besides its id (§3.49.7): "A route leaves a gate out" is ARouteLeavesAGateOut."""
    words = "".join(character if character.isalnum() else " " for character in title).split()
    return "".join(word[:1].upper() + word[1:] for word in words)
