"""`check --asvs`: what ASVS asks, and how much of it is proved, configured away or left to people, for one app.

What the framework's own tests prove holds for this app where no finding of `check` names the requirement. The list says what
remains: it is long, because a framework cannot write an app's documents.

ASVS 5.0: V15.1.5 (what is loosened, and what is left, is known).
"""

import json
from collections.abc import Iterable

import typer

from fastness.checks.asvs import LEVELS, Coverage, Requirement, Who, cover, load_requirements
from fastness.cli.checking import look_over
from fastness.cli.reporting import publish_text
from fastness.cli.terminal import paint, printable
from fastness.kernel.report import Report
from fastness.reports.forms import Form, Format

LEFT = (
    (Who.SUPPORT, "Left to the app, which has the framework's means"),
    (Who.APP, "Left to the app's people"),
    (Who.OPERATIONS, "Left to those who run it"),
)


def show_coverage(app_name: str | None, level: int, form: Form) -> bool:
    """Run the checks, sort the requirements by what they found, and return whether the app may start."""
    if form.format not in {Format.TEXT, Format.JSON}:
        raise typer.BadParameter(
            "--asvs is written as text or json; the page of --format html counts the requirements."
        )
    run = look_over(app_name).run
    coverage = coverage_of(run.report, level)
    if form.format is Format.TEXT:
        publish_text(text_of(coverage), form.output)
    else:
        publish_text(json.dumps(json_of(coverage, run.profile), indent=2), form.output)
    return run.report.is_passed


def coverage_of(report: Report, level: int) -> Coverage:
    """Sort the requirements; what a team has accepted is configured away as well."""
    findings = (*report.findings, *(finding for finding, _ in report.accepted))
    return cover(load_requirements(), findings, level=level)


def text_of(coverage: Coverage) -> str:
    """The list for a person."""
    by_default = len(coverage.proved) + len(coverage.unproved)
    blocks = [
        paint(f"ASVS 5.0, level {coverage.level}: {coverage.total} requirements", bold=True),
        _heading(
            f"Proved by the framework's tests: {len(coverage.proved)} of {by_default} that it meets by itself", "green"
        ),
        *(_proved_line(level, coverage.proved) for level in LEVELS[: coverage.level]),
    ]
    if coverage.loosened:
        blocks.append(_heading(f"Configured away here, in part at least: {len(coverage.loosened)}", "red"))
        for one in coverage.loosened:
            blocks.append(_line(one.requirement))
            blocks += [f"    {finding.id}  {printable(finding.title)}" for finding in one.findings]
    if coverage.unproved:
        blocks.append(
            _heading(
                f"Met by the framework as far as it has the feature, not proved: {len(coverage.unproved)}", "yellow"
            )
        )
        blocks += _lines(coverage.unproved)
    for who, title in LEFT:
        if rows := [one for one in coverage.left if one.who is who]:
            blocks.append(_heading(f"{title}: {len(rows)}", "cyan"))
            blocks += _lines(rows)
    return "\n".join(blocks)


def json_of(coverage: Coverage, profile: str | None) -> dict[str, object]:
    """The list for other programs."""
    return {
        "profile": profile,
        "level": coverage.level,
        "proved": [_fields(one) for one in coverage.proved],
        "unproved": [_fields(one) for one in coverage.unproved],
        "configured_away": [
            {**_fields(one.requirement), "findings": [finding.id for finding in one.findings]}
            for one in coverage.loosened
        ],
        "left": [_fields(one) for one in coverage.left],
    }


def _heading(text: str, colour: str) -> str:
    return f"\n{paint(text, colour, bold=True)}"


def _proved_line(level: int, proved: Iterable[Requirement]) -> str:
    rows = [one for one in proved if one.level == level]
    tests = {test for one in rows for test in one.tests}
    return f"  level {level}: {len(rows)}, by {len(tests)} tests"


def _lines(requirements: Iterable[Requirement]) -> list[str]:
    return [f"{_line(one)}\n    {one.how}" for one in requirements]


def _line(requirement: Requirement) -> str:
    return f"  {requirement.id:8} L{requirement.level}  {requirement.words}"


def _fields(requirement: Requirement) -> dict[str, object]:
    return {
        "id": requirement.id,
        "level": requirement.level,
        "who": requirement.who.value,
        "asks": requirement.words,
        "how": requirement.how,
        "tests": len(requirement.tests),
    }
