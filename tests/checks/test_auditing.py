"""Where the audit log lies, who can read it, and what is found about it."""

import pytest

from fastness.auditlog.opening import audit_url
from fastness.auditlog.rules import AuditRules
from fastness.checks.auditing import check_audit_log
from fastness.checks.check import Deployment
from fastness.kernel.errors import ConfigError
from fastness.kernel.hosts import HostRules
from fastness.kernel.secret import Secret
from fastness.kernel.tokens import random_token
from fastness.settings.errors import SettingsError
from fastness.settings.profiles import Profile
from fastness.settings.settings import Settings

PG = "postgresql://app:hunter2@/shop?host=/run/postgresql"
FILE = "sqlite:///var/audit.sqlite3"


def make(**changes):
    return Settings(secret_key=Secret(random_token(48)), hosts=HostRules(allowed=("shop.example.com",)), **changes)


def found(folder, **changes):
    return [(one.id, one.where) for one in check_audit_log(Deployment(settings=make(**changes), folder=folder))]


@pytest.mark.parametrize(
    ("url", "database", "store", "where"),
    [
        pytest.param("auto", "sqlite:///var/data.sqlite3", "sqlite:///var/store.sqlite3", FILE, id="beside-the-store"),
        pytest.param("auto", PG, "sqlite:///var/store.sqlite3", PG, id="in-the-app's-database"),
        pytest.param("auto", "sqlite:////srv/data.sqlite3", PG, "sqlite:////srv/audit.sqlite3", id="beside-the-data"),
        pytest.param("auto", PG, "memory:", None, id="nothing-is-kept"),
        pytest.param(FILE, PG, "memory:", FILE, id="named"),
        pytest.param("off", PG, PG, None, id="off"),
    ],
)
def test_where_it_lies(url, database, store, where):
    assert audit_url(AuditRules(url=url), database_url=database, store_url=store) == where


def test_off_is_found_in_production_only(tmp_path):
    off = AuditRules(url="off")
    assert found(tmp_path, audit=off) == [("FST-AUDITLOG-001", "FASTNESS_AUDIT_URL")]
    assert found(tmp_path, audit=off, profile=Profile.DEVELOPMENT) == []
    assert found(tmp_path) == []


def test_a_file_for_two_is_found(tmp_path):
    shared = AuditRules(url="sqlite:///var/store.sqlite3")
    assert [name for name, _ in found(tmp_path, audit=shared)] == ["FST-AUDITLOG-002"]


@pytest.mark.parametrize("name", ["audit.sqlite3", "audit.sqlite3-wal", "audit.sqlite3.spool"])
def test_a_file_that_others_can_read_is_found(tmp_path, name):
    (tmp_path / "var").mkdir()
    file = tmp_path / "var" / name
    file.touch(mode=0o600)
    assert found(tmp_path) == []
    file.chmod(0o644)
    assert found(tmp_path) == [("FST-FILES-001", str(file))]


@pytest.mark.parametrize(
    "rules",
    [
        pytest.param({"keep_days": 0}, id="no-time-at-all"),
        pytest.param({"checkpoint_seconds": 0}, id="no-pause"),
        pytest.param({"spool": ""}, id="no-spool"),
    ],
)
def test_rules_that_cannot_be_right_are_refused(rules):
    with pytest.raises(ConfigError):
        AuditRules(**rules)


@pytest.mark.parametrize(
    ("url", "is_good"),
    [
        pytest.param("auto", True, id="auto"),
        pytest.param(PG, True, id="a-server"),
        pytest.param("var/audit.sqlite3", False, id="a-path"),
        pytest.param("sqlite:///", False, id="no-file"),
        pytest.param("memory:", False, id="memory"),
    ],
)
def test_addresses(url, is_good):
    if is_good:
        assert make(audit=AuditRules(url=url)).audit.url == url
    else:
        with pytest.raises(SettingsError, match="FASTNESS_AUDIT_URL"):
            make(audit=AuditRules(url=url))


def test_the_address_is_not_shown():
    assert "hunter2" not in repr(make(audit=AuditRules(url=PG)))
