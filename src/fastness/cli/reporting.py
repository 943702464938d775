"""How check, audit and probe show what they found: as text in a terminal, or in a form for another program, into a file.

What a team has accepted is shown with its reason each time. The exit code is what a pipeline acts on: 1 for findings of high
severity and for what could not be checked; all others are there to be read. ASVS 5.0: V15.1.5 (what is loosened, and why).
"""

from pathlib import Path

from fastness.cli.errors import CommandError
from fastness.cli.notices import BY_TOOL
from fastness.cli.terminal import SEVERITY_COLOURS, paint, printable, remark, say, unpainted
from fastness.kernel.because import Because
from fastness.kernel.findings import Finding
from fastness.kernel.report import Report
from fastness.reports.appfacts import AppFacts
from fastness.reports.forms import Form, Format
from fastness.reports.run import Run
from fastness.reports.writing import written


def publish(run: Run, form: Form, *, folder: Path, app: AppFacts | None = None) -> None:
    """Show a run, or write it into the file."""
    if form.format is Format.TEXT:
        text = text_of_report(run.report)
    else:
        text = written(run, form.format, catalogue=BY_TOOL, folder=folder, app=app)
    publish_text(text, form.output)


def publish_text(text: str, output: Path | None) -> None:
    """Write a text to standard output, or into a file."""
    if output is None:
        say(text)
        return
    try:
        output.write_text(unpainted(text) + "\n", encoding="utf-8", newline="\n")
    except OSError as error:
        raise CommandError(f"{output} cannot be written: {error}") from None
    remark(f"Wrote {output}.")


def text_of_report(report: Report) -> str:
    """The report for a person."""
    parts = [text_of(finding) for finding in report.findings]
    parts += [text_of(finding, reason) for finding, reason in report.accepted]
    parts += [
        f"{paint('NOT CHECKED', 'red', bold=True)}  {printable(one.what)}\n  why   {printable(one.why)}\n"
        for one in report.unchecked
    ]
    return "\n".join([*parts, summary_of(report)])


def text_of(finding: Finding, accepted: Because | None = None) -> str:
    """A finding for a person."""
    word = "accepted" if accepted else finding.severity.value
    colour = None if accepted else SEVERITY_COLOURS[finding.severity]
    lines = [f"{paint(word.upper(), colour, bold=True)}  {finding.id}  {paint(printable(finding.title), bold=True)}"]
    if finding.where:
        lines.append(f"  at    {printable(finding.where)}")
    lines += [f"  why   {printable(finding.detail)}", f"  fix   {printable(finding.fix)}"]
    if accepted:
        lines.append(f"  kept  {printable(accepted.text)}")
    return "\n".join(lines) + "\n"


def summary_of(report: Report) -> str:
    """The last line: how much was found, and what could not be checked."""
    parts = []
    if report.findings:
        errors = len(report.errors)
        grave = f"{errors} grave"
        grave = paint(grave, "red") if errors else grave
        parts.append(f"{len(report.findings)} found: {grave}, {len(report.findings) - errors} to know about.")
    if report.unchecked:
        parts.append(paint(f"{len(report.unchecked)} could not be checked.", "red"))
    return " ".join(parts) or paint("Nothing found.", "green")
