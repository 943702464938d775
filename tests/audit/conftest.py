"""Projects to audit, and a snapshot that knows two vulnerabilities of old versions of jinja2 (ids and versions are real)."""

import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fastness.audit.dependencies import Sources
from fastness.audit.runner import Project, run_audit
from fastness.cli.creating import create_project

SNAPSHOT = Path(__file__).parent / "osv"
NOW = datetime(2026, 11, 15, tzinfo=UTC)


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    before = Path.cwd()
    os.chdir(folder)
    try:
        create_project("shop")
    finally:
        os.chdir(before)
    return folder / "shop"


@pytest.fixture
def project(made, tmp_path):
    """A new project of the test's own."""
    return shutil.copytree(made, tmp_path / "shop")


@pytest.fixture
def audit():
    """Audit a folder without a network, against the snapshot."""

    def run(folder, **rest):
        sources = Sources(snapshot=SNAPSHOT, is_offline=True)
        return run_audit(Project(folder=folder, **({"sources": sources} | rest)), now=NOW)

    return run
