"""SARIF: valid by the schema, whatever was found; places, levels, suppressions and fingerprints that stay."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from fastness.cli.notices import BY_TOOL
from fastness.kernel.because import Because
from fastness.kernel.findings import Severity
from fastness.reports.sarif import FINGERPRINT, sarif_of
from tests.reports.samples import ALL, AUDIT, CHECK, EMPTY, PROBE, finding, hostile_run, huge_run, run_of
from tests.reports.schemas import validator

SCHEMA = Path(__file__).resolve().parents[1] / "vectors" / "sarif" / "sarif-2.1.0-rtm.5.json"
SAMPLES = {"empty": EMPTY, "check": CHECK, "audit": AUDIT, "probe": PROBE, "hostile": hostile_run()}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "shop").mkdir()
    for name in ("shop/app.py", "requirements.txt", "pyproject.toml", "my file.py"):
        (tmp_path / name).write_text("")
    return tmp_path


def log_of(run, folder):
    return json.loads(sarif_of(run, BY_TOOL[run.report.tool], folder))["runs"][0]


def errors_of(run, folder):
    log = json.loads(sarif_of(run, BY_TOOL[run.report.tool], folder))
    return [error.message for error in validator("Draft4Validator", SCHEMA).iter_errors(log)]


@pytest.mark.parametrize("run", [pytest.param(run, id=name) for name, run in SAMPLES.items()])
def test_a_log_is_valid(run, folder):
    assert errors_of(run, folder) == []


def test_the_schema_would_notice(folder):
    log = json.loads(sarif_of(CHECK, BY_TOOL["check"], folder))
    log["runs"][0]["results"][0]["level"] = "fatal"
    assert not validator("Draft4Validator", SCHEMA).is_valid(log)


@pytest.mark.parametrize(
    ("where", "uri", "line", "name"),
    [
        pytest.param("shop/app.py:12", "shop/app.py", 12, None, id="file-and-line"),
        pytest.param("shop/app.py", "shop/app.py", 1, None, id="file"),
        pytest.param("requirements.txt: jinja2 2.10", "requirements.txt", 1, None, id="file-and-what-is-in-it"),
        pytest.param("my file.py:3", "my%20file.py", 3, None, id="name-with-a-space"),
        pytest.param("FASTNESS_HOSTS", "pyproject.toml", 1, "FASTNESS_HOSTS", id="setting"),
        pytest.param("GET /cases (cases)", "pyproject.toml", 1, "GET /cases (cases)", id="route"),
        pytest.param("/etc/passwd:3", "pyproject.toml", 1, "/etc/passwd:3", id="file-elsewhere"),
        pytest.param("../app.py:3", "pyproject.toml", 1, "../app.py:3", id="file-above"),
        pytest.param("shop/gone.py:3", "pyproject.toml", 1, "shop/gone.py:3", id="file-that-is-gone"),
        pytest.param("x" * 5000, "pyproject.toml", 1, "x" * 5000, id="longer-than-names-may-be"),
        pytest.param(None, "pyproject.toml", 1, None, id="nowhere"),
    ],
)
def test_every_result_has_a_file_and_what_it_is_about(where, uri, line, name, folder):
    run = run_of("check", finding(where=where))
    (location,) = log_of(run, folder)["results"][0]["locations"]
    assert location["physicalLocation"]["artifactLocation"]["uri"] == uri
    assert location["physicalLocation"]["region"]["startLine"] == line
    assert [one["fullyQualifiedName"] for one in location.get("logicalLocations", [])] == ([name] if name else [])
    assert errors_of(run, folder) == []


@pytest.mark.parametrize(
    ("severity", "level"),
    [("critical", "error"), ("high", "error"), ("medium", "warning"), ("low", "note"), ("info", "note")],
)
def test_levels(severity, level, folder):
    (result,) = log_of(run_of("check", finding(Severity(severity))), folder)["results"]
    assert result["level"] == level


def test_every_rule_is_there_and_results_point_at_theirs(folder):
    for run in ALL:
        log = log_of(run, folder)
        rules = log["tool"]["driver"]["rules"]
        assert [rule["id"] for rule in rules] == list(dict.fromkeys(notice.id for notice in BY_TOOL[run.report.tool]))
        assert all(rules[result["ruleIndex"]]["id"] == result["ruleId"] for result in log["results"])


def test_a_finding_whose_kind_this_version_does_not_know_has_a_rule(folder):
    log = log_of(run_of("check", finding(id="FST-GONE-001")), folder)
    assert log["tool"]["driver"]["rules"][log["results"][0]["ruleIndex"]]["id"] == "FST-GONE-001"


def test_an_accepted_finding_is_suppressed_with_its_reason(folder):
    *open_ones, accepted = log_of(CHECK, folder)["results"]
    assert all("suppressions" not in one for one in open_ones)
    (suppression,) = accepted["suppressions"]
    assert suppression["justification"] == "nobody has an address here"


def test_what_was_not_checked_makes_the_run_unsuccessful(folder):
    (invocation,) = log_of(AUDIT, folder)["invocations"]
    assert invocation["executionSuccessful"] is False
    assert "Bandit" in invocation["toolExecutionNotifications"][0]["message"]["text"]
    assert log_of(CHECK, folder)["invocations"][0]["executionSuccessful"] is True


def fingerprints(run, folder):
    return [result["partialFingerprints"][FINGERPRINT] for result in log_of(run, folder)["results"]]


def test_a_fingerprint_stays_when_the_line_moves(folder):
    before = run_of("check", finding(where="shop/app.py:12"))
    after = run_of("check", finding(where="shop/app.py:40"))
    assert fingerprints(before, folder) == fingerprints(after, folder)


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"where": "requirements.txt:12"}, id="another-file"),
        pytest.param({"where": "FASTNESS_HOSTS"}, id="a-setting"),
        pytest.param({"where": "shop/app.py:12", "id": "FST-CSP-001"}, id="another-kind"),
        pytest.param({"where": "shop/app.py:12", "detail": "Another reason."}, id="another-reason"),
    ],
)
def test_another_finding_has_another_fingerprint(other, folder):
    assert fingerprints(run_of("check", finding(where="shop/app.py:12")), folder) != fingerprints(
        run_of("check", finding(**other)), folder
    )


def test_two_of_the_same_have_two_fingerprints(folder):
    one, two = fingerprints(run_of("check", finding(where="shop/app.py:1"), finding(where="shop/app.py:2")), folder)
    assert one != two


def test_accepting_a_finding_keeps_its_fingerprint(folder):
    one = finding(where="shop/app.py:1")
    accepted = run_of("check", accepted=[(one, Because("we looked at it"))])
    assert fingerprints(run_of("check", one), folder) == fingerprints(accepted, folder)


def test_nothing_but_ascii_and_printable_text_is_written(folder):
    text = sarif_of(hostile_run(), BY_TOOL["check"], folder)
    assert text.isascii()
    messages = [result["message"]["text"] for result in json.loads(text)["runs"][0]["results"]]
    assert all(line.isprintable() for message in messages for line in message.split("\n"))


def test_thousands_of_findings(folder):
    results = log_of(huge_run(), folder)["results"]
    assert len(results) == len({one["partialFingerprints"][FINGERPRINT] for one in results}) == 3000


def test_a_file_is_not_looked_for_through_a_link_out_of_the_project(folder):
    (folder / "link.py").symlink_to("/etc/passwd")
    (location,) = log_of(run_of("check", finding(where="link.py:1")), folder)["results"][0]["locations"]
    assert location["physicalLocation"]["artifactLocation"]["uri"] == "pyproject.toml"


def test_the_time_is_utc(folder):
    (invocation,) = log_of(replace(EMPTY), folder)["invocations"]
    assert invocation["endTimeUtc"] == "2026-11-20T09:30:00Z"
