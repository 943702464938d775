"""A new project is clean, and so is the demo; each fault that is planted is found, with its id and where it is."""

import shutil
import subprocess
from pathlib import Path

import pytest

from fastness.audit.dependencies import Sources
from fastness.audit.runner import Project, run_audit
from fastness.cli.location import find_location
from tests.audit.conftest import NOW, SNAPSHOT
from tests.audit.planted import FAULTS

NOT_ASKED = "FST-DEPS-011"
CASEBOOK = Path(__file__).resolve().parents[2] / "examples" / "casebook"


def ids(report):
    return sorted({finding.id for finding in report.findings})


@pytest.fixture(scope="module")
def planted(made, tmp_path_factory):
    """The report on a project with all faults in it, each in a file of its own."""
    folder = shutil.copytree(made, tmp_path_factory.mktemp("planted") / "shop")
    subprocess.run(["git", "init", "--quiet", str(folder)], check=True)
    for fault in FAULTS.values():
        file = folder / fault.file
        file.parent.mkdir(exist_ok=True)
        file.write_text(fault.text, encoding="utf-8")
        if fault.needs_git:
            subprocess.run(["git", "-C", str(folder), "add", "--force", fault.file], check=True)
    sources = Sources(snapshot=SNAPSHOT, is_offline=True)
    return run_audit(Project(folder=folder, sources=sources), now=NOW).report


@pytest.mark.parametrize("fault", [pytest.param(fault, id=name) for name, fault in FAULTS.items()])
def test_a_planted_fault_is_found(planted, fault):
    found = [finding.id for finding in planted.findings if (finding.where or "").startswith(fault.file)]
    assert fault.id in found


def test_no_two_faults_share_a_file():
    assert len({fault.file for fault in FAULTS.values()}) == len(FAULTS)


def test_a_project_with_faults_does_not_pass(planted):
    assert not planted.is_passed


def test_a_new_project_is_clean(project, audit):
    report = audit(project).report
    assert report.is_passed
    # It has no lock file yet: what is installed with it is not known when it is made.
    assert ids(report) == ["FST-DEPS-008", NOT_ASKED]


def test_the_demo_is_clean(audit, monkeypatch):
    monkeypatch.chdir(CASEBOOK)
    report = audit(CASEBOOK, accepted=find_location().accepted).report
    assert report.is_passed
    assert ids(report) == [NOT_ASKED]


def test_an_old_jinja2_is_named_with_what_is_known_about_it(project, audit):
    (project / "requirements.txt").write_text("jinja2==2.10\n")
    report = audit(project).report
    found = [finding for finding in report.errors if finding.id == "FST-DEPS-001"]
    assert [finding.where for finding in found] == ["requirements.txt: jinja2 2.10"] * 2
    assert "CVE-2019-10906" in found[0].detail
    assert not report.is_passed


def test_without_a_snapshot_and_a_network_nothing_was_checked(project, audit):
    report = audit(project, sources=Sources(is_offline=True)).report
    assert [each.what for each in report.unchecked] == ["Known vulnerabilities"]
    assert not report.is_passed
    assert report.errors == ()
