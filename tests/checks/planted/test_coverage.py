"""Everything that `fastness check` can find was planted, or is found somewhere else."""

from fastness.checks.catalogue import NOTICES
from tests.checks.planted import test_app, test_files, test_settings

ELSEWHERE = {
    "FST-HTTPS-002": "only a server that starts: tests/checks/test_catalogue.py",
    "FST-DATABASE-006": "only a server that starts: tests/checks/test_catalogue.py",
    "FST-DATABASE-007": "needs a PostgreSQL: tests/checks/test_rowsecurity.py",
    "FST-DATABASE-008": "needs a PostgreSQL: tests/checks/test_rowsecurity.py",
    "FST-DATABASE-009": "needs a PostgreSQL: tests/checks/test_rowsecurity.py",
    "FST-SESSIONS-001": "no setting makes it: the cookie of a deployment is made so",
    "FST-DATABASE-002": "tests of their own in test_files.py, as the next ones",
    "FST-FILES-003": "",
    "FST-FILES-005": "",
    "FST-PERMISSIONS-001": "test_app.py",
    "FST-FACTORS-002": "tests/checks/test_people.py",
}


def test_every_finding_was_planted():
    tables = (test_settings.MISTAKES, test_files.FILES, test_app.CODE, test_app.TEMPLATES, test_app.OWN_PROCESS)
    planted = {row[0] for table in tables for row in table}
    assert {notice.id for notice in NOTICES} - planted == ELSEWHERE.keys()
