"""The demo and a new project, deployed with care: `fastness check` has nothing to say but what is written down to be read.

The audit of both is in tests/audit/test_planted.py, the probe in tests/probe/test_served.py.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fastness.cli.keys import make_key
from tests.checks.planted.project import ALWAYS, CAREFUL

FASTNESS = [sys.executable, "-m", "fastness.cli"]
CASEBOOK = Path(__file__).resolve().parents[2] / "examples" / "casebook"
NOT_COPIED = shutil.ignore_patterns(".env", "var", ".*cache", "__pycache__")


@pytest.fixture
def environ():
    return {"PATH": os.environ["PATH"], **CAREFUL, "FASTNESS_SECRET_KEY": make_key()}


def assert_clean(folder, environ):
    upgraded = subprocess.run([*FASTNESS, "db", "upgrade"], cwd=folder, env=environ, check=False, capture_output=True)
    assert upgraded.returncode == 0, upgraded.stderr
    done = subprocess.run(
        [*FASTNESS, "check", "--format", "json"], cwd=folder, env=environ, check=False, capture_output=True
    )
    findings = json.loads(done.stdout)["findings"]
    assert {(finding["id"], finding["severity"]) for finding in findings} == {(name, "info") for name in ALWAYS}
    assert done.returncode == 0


def test_the_demo(tmp_path, environ):
    assert_clean(shutil.copytree(CASEBOOK, tmp_path / "casebook", ignore=NOT_COPIED), environ)


def test_a_new_project(tmp_path, environ):
    subprocess.run([*FASTNESS, "new", "site"], cwd=tmp_path, env=environ, check=True, capture_output=True)
    assert_clean(tmp_path / "site", environ)
