"""Several runs as one page of HTML that needs nothing else: to be kept, sent and printed.

Routes, file names, reasons and what servers answered are written by others; the page is rendered by the escaping that pages of
apps have, and what is not seen as itself is shown by its number. A policy in the page allows the one style by its hash and
nothing else, so that even an escaping that failed would run no script and ask no server. It loads nothing and links nowhere.

ASVS 5.0: V1.2.1 (escaped for the place), V3.4.3 (a policy), V15.1.5 (what is loosened, and why).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Final, TypeVar, cast

from fastness import __version__
from fastness.html.environment import TemplateEnvironment
from fastness.kernel.findings import Finding, Notice, Severity
from fastness.kernel.printable import printable
from fastness.kernel.values import dataclass
from fastness.reports.appfacts import AppFacts
from fastness.reports.charts import Chart, chart_of, share_chart
from fastness.reports.coverage import Share, shares_of
from fastness.reports.grades import EDITIONS, Category, categories_of, counted
from fastness.reports.run import Package, Run

_FOLDER: Final = Path(__file__).parent / "templates"
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownFinding:
    """A finding with the tool that found it, and the reason of an accepted one."""

    tool: str
    finding: Finding
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownPackage:
    """A package, and the worst that is open about it."""

    package: Package
    findings: tuple[Finding, ...]


def page_of(runs: Sequence[Run], catalogue: Mapping[str, Sequence[Notice]], app: AppFacts | None = None) -> str:
    """The page; `catalogue` is what each tool can find, `app` what its code says where it could be loaded."""
    known = tuple(visible(run) for run in runs)
    environment = TemplateEnvironment([_FOLDER])
    found = [ShownFinding(tool=run.report.tool, finding=one) for run in known for one in run.report.findings]
    accepted = [
        ShownFinding(tool=run.report.tool, finding=one, reason=reason.text)
        for run in known
        for one, reason in run.report.accepted
    ]
    # Stable: among equals the order of the tools and of their catalogues stays.
    found.sort(key=lambda one: -one.finding.severity.rank)
    shares = shares_of(one.finding for one in (*found, *accepted))
    categories = {edition: categories_of(known, catalogue, edition) for edition in EDITIONS}
    return environment.get_template("report.html").render(
        version=__version__,
        subject=next((run.subject for run in known if run.subject), ""),
        runs=known,
        missing=[tool for tool in catalogue if tool not in {run.report.tool for run in known}],
        severities=chart_of("severities", "Open findings by severity", _bars(counted(one.finding for one in found))),
        categories={edition: _with_charts(edition, rows) for edition, rows in categories.items()},
        levels=_with_shares("level", shares.levels),
        chapters=_with_shares("chapter", shares.chapters),
        loosened=shares.loosened,
        has_check=any(run.report.tool == "check" for run in known),
        has_audit=any(run.report.tool == "audit" for run in known),
        found=found,
        accepted=accepted,
        unchecked=[(run.report.tool, one) for run in known for one in run.report.unchecked],
        packages=list(_packages(known)),
        app=None if app is None else visible(app),
    )


def _bars(counts: Mapping[Severity, int]) -> list[tuple[str, str, int]]:
    """Counts for a chart."""
    return [(severity.value, severity.value, count) for severity, count in counts.items()]


def visible(value: T) -> T:
    """The same value with every text in it printable."""
    if isinstance(value, str):
        # Our enums' texts are printable and stay what they are.
        return cast(T, printable(value))
    if isinstance(value, tuple):
        return cast(T, tuple(visible(one) for one in value))
    if is_dataclass(value) and not isinstance(value, type):
        return cast(T, replace(value, **{each.name: visible(getattr(value, each.name)) for each in fields(value)}))
    return value


def _with_charts(edition: str, categories: Sequence[Category]) -> list[tuple[Category, Chart]]:
    most = max((sum(one.open.values()) for one in categories), default=0)
    return [
        (one, chart_of(f"owasp-{edition}-{number}", f"Open findings in {one.id}", _bars(one.open), whole=most))
        for number, one in enumerate(categories)
    ]


def _with_shares(name: str, shares: Sequence[Share]) -> list[tuple[Share, Chart]]:
    return [(share, share_chart(f"{name}-{number}", share)) for number, share in enumerate(shares)]


def _packages(runs: Iterable[Run]) -> Iterable[ShownPackage]:
    for run in runs:
        named: dict[str, list[Finding]] = {}
        for one in run.report.findings:
            if one.where:
                # The audit writes "requirements.txt: jinja2 2.10".
                named.setdefault(one.where.rpartition(": ")[2], []).append(one)
        for package in run.packages:
            yield ShownPackage(package=package, findings=tuple(named.get(f"{package.name} {package.version}", ())))
