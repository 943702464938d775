from pathlib import Path

import pytest

from fastness.auditlog.opening import spool_path
from fastness.auditlog.rules import AuditRules

POSTGRES = "postgresql://app:secret@db.example/shop"


@pytest.mark.parametrize(
    ("rules", "url", "store_url", "expected"),
    [
        pytest.param({}, "sqlite:///data/audit.sqlite3", "memory:", "data/audit.sqlite3.spool", id="beside-the-log"),
        pytest.param({}, POSTGRES, "sqlite:////srv/shop/store.sqlite3", "/srv/shop/audit.spool", id="beside-the-store"),
        pytest.param({}, POSTGRES, POSTGRES, "var/audit.spool", id="no-file-at-all"),
        pytest.param({"spool": "/spool/a"}, POSTGRES, "sqlite:///var/s", "/spool/a", id="as-the-settings-say"),
        pytest.param({"spool": "/spool/a"}, "sqlite:///var/a", "memory:", "/spool/a", id="said-for-a-file-too"),
    ],
)
def test_where_events_wait(rules, url, store_url, expected):
    assert spool_path(AuditRules(**rules), url=url, store_url=store_url) == Path(expected)
