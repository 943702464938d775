"""`fastness audit` as it is typed: exit codes, the list of components, and what it says when it could not look."""

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

RECORDS = Path(__file__).resolve().parents[1] / "audit" / "osv"


@pytest.fixture
def snapshot(tmp_path):
    """The tests' records, with one of today: the command asks the clock."""
    folder = shutil.copytree(RECORDS, tmp_path / "osv")
    record = json.loads((folder / "GHSA-h5c8-rqwp-cp95.json").read_text())
    (folder / "today.json").write_text(json.dumps(record | {"modified": datetime.now(UTC).isoformat()}))
    return folder


def test_a_clean_project_ends_with_0(run, project, snapshot):
    done = run("audit", "--offline", "--osv", str(snapshot), "--sbom", "sbom.json", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["unchecked"] == []
    assert json.loads((project / "sbom.json").read_text())["bomFormat"] == "CycloneDX"


def test_an_old_jinja2_ends_with_1(run, project, snapshot):
    (project / "requirements.txt").write_text("jinja2==2.10\n")
    done = run("audit", "--offline", "--osv", str(snapshot))
    assert done.returncode == 1
    assert "CVE-2019-10906" in done.stdout


def test_without_anybody_to_ask_it_ends_with_1_and_says_so(run):
    done = run("audit", "--offline")
    assert done.returncode == 1
    assert "NOT CHECKED  Known vulnerabilities" in done.stdout


def test_a_snapshot_that_is_not_there_ends_with_2(run):
    assert run("audit", "--osv", "nowhere.zip").returncode == 2


def test_an_accepted_finding_stays_in_the_report(run, project, snapshot):
    (project / "requirements.txt").write_text("jinja2==2.10\n")
    with (project / "pyproject.toml").open("a") as file:
        file.write('\n[tool.fastness.accepted]\nFST-DEPS-001 = "the sandbox is not used here"\n')
        file.write('FST-DEPS-005 = "it is replaced next month"\n')
    done = run("audit", "--offline", "--osv", str(snapshot), "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert {each["id"] for each in json.loads(done.stdout)["accepted"]} == {"FST-DEPS-001", "FST-DEPS-005"}
