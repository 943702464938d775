"""The planted faults of all three tools together: how many kinds there are, and that each is the finding of one tool."""

from fastness.audit.catalogue import KNOWN_IDS as AUDITED
from fastness.checks.runner import KNOWN_IDS as CHECKED
from fastness.kernel.report import NEEDLESS_ACCEPTANCE
from fastness.probe.catalogue import KNOWN_IDS as PROBED
from tests.audit.planted import FAULTS as SOURCES
from tests.checks.planted import test_app, test_files, test_settings
from tests.probe.planted.test_planted import FAULTS as SERVERS

TABLES = (test_settings.MISTAKES, test_files.FILES, test_app.CODE, test_app.TEMPLATES, test_app.OWN_PROCESS)

# Every row of these tables is a test of its own, in the file that the table is in.
PLANTED = {
    "check": {row[0] for table in TABLES for row in table},
    "audit": {fault.id for fault in SOURCES.values()},
    "probe": {f"FST-PROBE-{number}" for number, *_ in SERVERS},
}
# An acceptance that accepts nothing is a finding of each tool.
KNOWN = {"check": CHECKED | {NEEDLESS_ACCEPTANCE.id}, "audit": AUDITED, "probe": PROBED}


def test_at_least_sixty_kinds_of_faults_are_planted():
    assert {tool: ids - KNOWN[tool] for tool, ids in PLANTED.items()} == {tool: set() for tool in PLANTED}
    distinct = set().union(*PLANTED.values())
    assert len(distinct) == sum(len(ids) for ids in PLANTED.values())
    assert len(distinct) >= 60


def test_each_tool_has_its_share():
    assert all(len(ids) >= 20 for ids in PLANTED.values())
