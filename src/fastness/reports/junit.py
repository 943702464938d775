"""A run as JUnit XML, which every CI server shows: a test case for each thing that the tool looks for.

A case fails for what stops the start; what is only to be read is in its output, as an accepted finding is with its reason.
What could not be checked is an error, the third answer that the format has. The suite fails exactly where the command does.

There is no standard for the format: attributes are those that Ant's and Maven's readers share. ASVS 5.0: V1.2.1, V15.1.5.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC
from xml.etree import ElementTree as ET

from fastness.kernel.because import Because
from fastness.kernel.findings import Finding, Notice
from fastness.kernel.printable import printable
from fastness.reports.run import Run


def junit_of(run: Run, notices: Sequence[Notice]) -> str:
    """The run as XML; `notices` is everything that the tool can find."""
    report = run.report
    titles = {notice.id: notice.title for notice in notices}
    titles |= {finding.id: finding.title for finding, _ in report.accepted}
    titles |= {finding.id: finding.title for finding in report.findings}
    suite = ET.Element("testsuite", name=f"fastness {report.tool}")
    failures = sum(
        _add_case(
            suite,
            f"{name} {titles[name]}",
            [one for one in report.findings if one.id == name],
            [pair for pair in report.accepted if pair[0].id == name],
        )
        for name in sorted(titles)
    )
    for one in report.unchecked:
        case = _case(suite, f"Not checked: {one.what}")
        error = ET.SubElement(case, "error", type="unchecked", message=printable(one.what))
        error.text = printable(one.why)
    suite.attrib |= {
        "tests": str(len(titles) + len(report.unchecked)),
        "failures": str(failures),
        "errors": str(len(report.unchecked)),
        "skipped": "0",
        "time": "0",
        "timestamp": run.made_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S"),
    }
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    text: str = ET.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'


def _add_case(
    suite: ET.Element, name: str, found: Sequence[Finding], accepted: Iterable[tuple[Finding, Because]]
) -> bool:
    """Add a case; whether it fails."""
    case = _case(suite, name)
    grave = [one for one in found if one.is_error]
    if grave:
        failure = ET.SubElement(case, "failure", type=grave[0].severity.value, message=_line(grave[0]))
        failure.text = "\n\n".join(map(_text, grave))
    remarks = [_text(one) for one in found if not one.is_error]
    remarks += [f"{_text(one)}\naccepted: {printable(reason.text)}" for one, reason in accepted]
    if remarks:
        ET.SubElement(case, "system-out").text = "\n\n".join(remarks)
    return bool(grave)


def _case(suite: ET.Element, name: str) -> ET.Element:
    return ET.SubElement(suite, "testcase", classname=suite.attrib["name"], name=printable(name), time="0")


def _line(finding: Finding) -> str:
    return printable(f"{finding.title}: {finding.where}" if finding.where else finding.title)


def _text(finding: Finding) -> str:
    lines = [
        f"{finding.severity.value}: {_line(finding)}",
        f"why: {printable(finding.detail)}",
        f"fix: {printable(finding.fix)}",
    ]
    return "\n".join(lines)
