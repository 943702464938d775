"""The forms of reports as they are typed: the same exit code in all of them, files, and one page from several runs."""

import json

import pytest
from defusedxml import ElementTree

from fastness.cli.reporting import publish_text, text_of_report
from fastness.kernel.because import Because
from fastness.kernel.findings import Severity
from fastness.kernel.report import Report
from fastness.reports.jsonformat import json_of
from tests.cli.conftest import DEPLOYED
from tests.reports.samples import AUDIT, CHECK, EMPTY, PROBE, finding, hostile_run

READERS = {
    "text": lambda text: "FST-SETTINGS-001" in text,
    "json": lambda text: json.loads(text)["tool"] == "check",
    "sarif": lambda text: json.loads(text)["version"] == "2.1.0",
    "junit": lambda text: ElementTree.fromstring(text.encode()).tag == "testsuites",
    "html": lambda text: text.startswith("<!doctype html>"),
}


@pytest.mark.parametrize("form", READERS)
def test_every_form_ends_with_the_same_exit_code(run, project, form):
    (project / ".env").unlink()  # no settings: something grave
    done = run("check", "--format", form, "--output", "report")
    assert (done.returncode, done.stdout) == (1, ""), done.stderr
    assert READERS[form]((project / "report").read_text().lstrip())
    assert "\x1b" not in (project / "report").read_text()


@pytest.mark.parametrize("form", ["json", "html"])
def test_a_clean_app_ends_with_0_in_every_form(run, form):
    assert run("check", "--format", form, **DEPLOYED).returncode == 0


def test_json_is_short_for_a_form(run):
    short, long = run("check", "--json", **DEPLOYED), run("check", "--format", "json", **DEPLOYED)
    one, other = json.loads(short.stdout), json.loads(long.stdout)
    assert one | {"made_at": ""} == other | {"made_at": ""}


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(("check", "--json", "--format", "sarif"), id="two-forms"),
        pytest.param(("check", "--format", "pdf"), id="no-form"),
        pytest.param(("check", "--asvs", "1", "--format", "sarif"), id="no-form-of-coverage"),
        pytest.param(("report",), id="no-file-to-write"),
    ],
)
def test_what_makes_no_sense_ends_with_2(run, arguments):
    assert run(*arguments, **DEPLOYED).returncode == 2


def test_a_file_that_cannot_be_written_is_told(run):
    done = run("check", "--output", "nowhere/report.txt", **DEPLOYED)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "nowhere/report.txt" in done.stderr


def test_the_page_of_a_check_shows_the_routes(run):
    page = run("check", "--format", "html", **DEPLOYED).stdout
    assert "/account/sign-in" in page
    assert "What becomes of whom" in page


def write(project, **runs):
    for name, one in runs.items():
        (project / f"{name}.json").write_text(json_of(one))
    return [f"{name}.json" for name in runs]


@pytest.mark.parametrize(
    ("runs", "code"),
    [
        pytest.param({"check": EMPTY, "probe": PROBE}, 0, id="passed"),
        pytest.param({"check": EMPTY, "audit": AUDIT}, 1, id="one-did-not"),
        pytest.param({"check": CHECK, "audit": AUDIT, "probe": PROBE}, 1, id="none-did"),
        pytest.param({"check": hostile_run()}, 1, id="hostile"),
    ],
)
def test_one_page_from_several_runs(run, project, runs, code):
    done = run("report", *write(project, **runs), "--output", "report.html", **DEPLOYED)
    assert done.returncode == code, done.stderr
    page = (project / "report.html").read_text()
    assert "/account/sign-in" in page
    assert page.count('<p class="verdict">Not run</p>') == 3 - len(runs)


def test_without_files_check_and_audit_run(run, project):
    done = run("report", "--output", "report.html", **DEPLOYED)
    assert done.returncode == 1, "nobody could be asked about vulnerabilities"
    page = (project / "report.html").read_text()
    assert page.count('<p class="verdict">Not run</p>') == 1
    assert "Known vulnerabilities" in page


def test_an_app_that_cannot_be_loaded_is_left_out_and_told(run, project):
    (project / ".env").unlink()
    done = run("report", *write(project, check=EMPTY), "--output", "report.html")
    assert done.returncode == 0
    assert "Routes and workflows are left out" in done.stderr
    assert "The app was not loaded." in (project / "report.html").read_text()


@pytest.mark.parametrize("text", ["{}", "not JSON", '{"schema": "fastness-report/9"}'])
def test_what_is_no_report_is_refused_and_no_page_written(run, project, text):
    (project / "x.json").write_text(text)
    done = run("report", "x.json", "--output", "report.html", **DEPLOYED)
    assert done.returncode == 1
    assert "x.json is no report" in done.stderr
    assert not (project / "report.html").exists()


def test_a_file_that_is_not_there_is_told(run):
    done = run("report", "gone.json", "--output", "report.html")
    assert done.returncode == 1
    assert "gone.json cannot be read" in done.stderr


def test_a_terminal_acts_on_nothing_that_was_found(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    text = text_of_report(hostile_run().report)
    assert all(line.isprintable() for line in text.split("\n"))


def test_a_file_gets_no_colours(tmp_path, monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    text = text_of_report(Report(tool="check", findings=(finding(),)))
    assert "\x1b" in text
    publish_text(text, tmp_path / "report.txt")
    assert "\x1b" not in (tmp_path / "report.txt").read_text()


@pytest.mark.parametrize(
    ("report", "last"),
    [
        (Report(tool="check"), "Nothing found."),
        (Report(tool="check", findings=(finding(), finding(Severity.LOW))), "2 found: 1 grave, 1 to know about."),
        (Report(tool="check", accepted=((finding(), Because("we looked at it")),)), "Nothing found."),
        (AUDIT.report, "1 found: 1 grave, 0 to know about. 1 could not be checked."),
        (Report(tool="check", unchecked=AUDIT.report.unchecked), "1 could not be checked."),
    ],
)
def test_the_text_ends_with_what_it_comes_to(report, last, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    assert text_of_report(report).splitlines()[-1] == last
