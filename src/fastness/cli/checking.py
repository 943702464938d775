"""`check`: the deployment looked over, for a person or for another program.

The exit code is what a pipeline acts on: findings of high severity fail, all others are there to be read. What a team has
accepted is shown with its reason each time.

ASVS 5.0: V15.1.5 (what is loosened, and why).
"""

import json
import os
from pathlib import Path

from fastness.app import Fastness
from fastness.checks.check import Deployment
from fastness.checks.failures import findings_of
from fastness.checks.runner import KNOWN_IDS, TOOL, run_checks
from fastness.cli.errors import CommandError
from fastness.cli.location import Location, find_location, load_app
from fastness.cli.notices import accepted_for
from fastness.cli.terminal import SEVERITY_COLOURS, paint, printable, say
from fastness.db.model import Model
from fastness.kernel.because import Because
from fastness.kernel.errors import ConfigError
from fastness.kernel.findings import Finding
from fastness.kernel.report import Report, make_report
from fastness.settings.sources import SECRETS_FOLDER_VARIABLE


def show_checks(app_name: str | None, *, as_json: bool) -> bool:
    """Run the checks, show what they found, and return whether the app may start."""
    report, profile = look_over(app_name)
    if as_json:
        say(json.dumps(json_of(report, profile), indent=2))
    else:
        for finding in report.findings:
            say(text_of(finding))
        for finding, reason in report.accepted:
            say(text_of(finding, reason))
        for left_out in report.unchecked:
            say(
                f"{paint('NOT CHECKED', 'red', bold=True)}  {printable(left_out.what)}\n  why   {printable(left_out.why)}\n"
            )
        say(summary_of(report))
    return report.is_passed


def look_over(app_name: str | None) -> tuple[Report, str | None]:
    """Run the checks; the report, and the profile of an app that could be loaded."""
    location = find_location(app_name)
    profile: str | None = None
    try:
        app = load_app(location)
        profile = app.settings.profile.value
        report = run_checks(deployment_of(app, location), accepted=accepted_for(KNOWN_IDS, location.accepted))
    except CommandError:
        raise
    except ConfigError as error:
        report = make_report(TOOL, findings_of(error), {}, KNOWN_IDS)
    return report, profile


def deployment_of(
    app: Fastness, location: Location, *, has_tls: bool | None = None, tls_key: Path | None = None
) -> Deployment:
    """What the checks look at; raises `ConfigError` if the app cannot be sealed."""
    secrets = os.environ.get(SECRETS_FOLDER_VARIABLE)
    return Deployment(
        settings=app.settings,
        routes=app.routes,
        permissions=app.own_permissions,
        folder=location.folder,
        migrations=location.migrations_if_there,
        templates=app.inspect_templates(),
        sources=location.sources,
        models=own_models(),
        static=app.static_folder,
        secrets_folder=None if secrets is None else Path(secrets),
        has_tls=has_tls,
        tls_key=tls_key,
        clock=app.services.clock,
    )


def own_models() -> tuple[type[Model], ...]:
    """The models that the app declares, once it is imported."""
    models = {
        mapper.class_ for mapper in Model.registry.mappers if not mapper.class_.__module__.startswith("fastness.")
    }
    return tuple(sorted(models, key=lambda model: f"{model.__module__}.{model.__qualname__}"))


def text_of(finding: Finding, accepted: Because | None = None) -> str:
    """A finding for a person."""
    word = "accepted" if accepted else finding.severity.value
    colour = None if accepted else SEVERITY_COLOURS[finding.severity]
    lines = [f"{paint(word.upper(), colour, bold=True)}  {finding.id}  {paint(finding.title, bold=True)}"]
    if finding.where:
        lines.append(f"  at    {printable(finding.where)}")
    lines += [f"  why   {printable(finding.detail)}", f"  fix   {printable(finding.fix)}"]
    if accepted:
        lines.append(f"  kept  {printable(accepted.text)}")
    return "\n".join(lines) + "\n"


def summary_of(report: Report) -> str:
    """The last line."""
    if report.unchecked:
        return paint(f"{len(report.unchecked)} could not be checked.", "red")
    if not report.findings:
        return paint("Nothing found.", "green")
    errors = len(report.errors)
    others = len(report.findings) - errors
    stop = f"{errors} {'stops' if errors == 1 else 'stop'} the start"
    return f"{len(report.findings)} found: {paint(stop, 'red') if errors else stop}, {others} to know about."


def json_of(report: Report, profile: str | None) -> dict[str, object]:
    """The report for other programs."""
    return {
        "tool": report.tool,
        "profile": profile,
        "errors": len(report.errors),
        "findings": [_fields(finding) for finding in report.findings],
        "accepted": [{**_fields(finding), "reason": reason.text} for finding, reason in report.accepted],
        "unchecked": [{"what": left_out.what, "why": left_out.why} for left_out in report.unchecked],
    }


def _fields(finding: Finding) -> dict[str, object]:
    return {
        "id": finding.id,
        "severity": finding.severity.value,
        "title": finding.title,
        "detail": finding.detail,
        "fix": finding.fix,
        "where": finding.where,
        "topic": finding.topic.value,
        "owasp": [finding.topic.owasp_2021, finding.topic.owasp_2025],
        "asvs": list(finding.asvs),
    }
