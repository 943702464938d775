"""The report of a tool: order, what fails, what a team has accepted, what could not be looked at."""

import pytest

from fastness.kernel.because import Because
from fastness.kernel.errors import ConfigError
from fastness.kernel.findings import Notice, Severity, Topic
from fastness.kernel.report import NEEDLESS_ACCEPTANCE, Unchecked, make_report

REASON = Because("internal network, see the risk register")
LOW, HIGH = (
    Notice(id=f"FST-WEB-00{number}", severity=severity, title="t", why="w", fix="f", topic=Topic.DESIGN)
    for number, severity in enumerate((Severity.LOW, Severity.HIGH))
)
KNOWN = {LOW.id, HIGH.id}
AWAY = Unchecked(what="jinja2", why="no answer")


@pytest.mark.parametrize(
    ("findings", "accepted", "unchecked", "ids", "is_passed"),
    [
        pytest.param((), {}, (), [], True, id="nothing"),
        pytest.param((LOW, HIGH), {}, (), [HIGH.id, LOW.id], False, id="the-gravest-first"),
        pytest.param((LOW,), {}, (), [LOW.id], True, id="nothing-grave"),
        pytest.param((LOW, HIGH), {HIGH.id: REASON}, (), [LOW.id], True, id="accepted"),
        pytest.param((LOW,), {HIGH.id: REASON}, (), [LOW.id, NEEDLESS_ACCEPTANCE.id], True, id="accepted-needlessly"),
        pytest.param((LOW,), {}, (AWAY,), [LOW.id], False, id="not-checked"),
        pytest.param((LOW,), {HIGH.id: REASON}, (AWAY,), [LOW.id], False, id="perhaps-needed-where-nobody-looked"),
    ],
)
def test_reports(findings, accepted, unchecked, ids, is_passed):
    report = make_report("check", (notice.found() for notice in findings), accepted, KNOWN, unchecked)
    assert [finding.id for finding in report.findings] == ids
    assert report.is_passed is is_passed
    assert report.unchecked == unchecked
    assert {finding.id for finding, reason in report.accepted if reason is REASON} == accepted.keys() & {
        notice.id for notice in findings
    }


@pytest.mark.parametrize(
    "name", [pytest.param("FST-WEB-999", id="no-such-id"), pytest.param("fst-web-000", id="misspelt")]
)
def test_an_id_that_nothing_can_find_is_refused(name):
    with pytest.raises(ConfigError, match=name):
        make_report("check", (), {name: REASON}, KNOWN)
