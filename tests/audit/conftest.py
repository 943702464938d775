"""How a folder is audited, with a snapshot that knows two vulnerabilities of old versions of jinja2 (ids, versions are real)."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from fastness.audit.dependencies import Sources
from fastness.audit.runner import Project, run_audit

SNAPSHOT = Path(__file__).parent / "osv"
NOW = datetime(2026, 11, 15, tzinfo=UTC)


@pytest.fixture
def audit():
    """Audit a folder without a network, against the snapshot."""

    def run(folder, **rest):
        sources = Sources(snapshot=SNAPSHOT, is_offline=True)
        return run_audit(Project(folder=folder, **({"sources": sources} | rest)), now=NOW)

    return run
