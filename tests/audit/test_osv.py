"""A snapshot of OSV is matched as its schema says, and says so where it knows nothing."""

import json
import zipfile
from datetime import UTC, datetime, timedelta

import pytest

from fastness.audit.advisories import findings_of
from fastness.audit.osv import SnapshotError, is_affected, look_up
from fastness.audit.pins import Dependency
from tests.audit.conftest import NOW, SNAPSHOT


def jinja(version):
    return Dependency(name="jinja2", version=version, where="requirements.txt")


def events(*pairs):
    return {"ranges": [{"type": "ECOSYSTEM", "events": [{kind: at} for kind, at in pairs]}]}


@pytest.mark.parametrize(
    ("entry", "version", "expected"),
    [
        pytest.param(events(("introduced", "0"), ("fixed", "2.0")), "1.9", True, id="below"),
        pytest.param(events(("introduced", "0"), ("fixed", "2.0")), "2.0", False, id="fixed"),
        pytest.param(events(("introduced", "0"), ("fixed", "2.0")), "2.0rc1", True, id="before-the-fix"),
        pytest.param(events(("introduced", "0"), ("fixed", "1.10")), "1.9", True, id="ten-after-nine"),
        pytest.param(events(("introduced", "1.5"), ("fixed", "2.0")), "1.4", False, id="not-yet"),
        pytest.param(events(("introduced", "1.5"), ("fixed", "2.0")), "1.5", True, id="begins"),
        pytest.param(events(("introduced", "0"), ("last_affected", "2.0")), "2.0", True, id="last"),
        pytest.param(events(("introduced", "0"), ("last_affected", "2.0")), "2.0.1", False, id="after-the-last"),
        pytest.param(events(("introduced", "0")), "99", True, id="never-fixed"),
        pytest.param(
            events(("introduced", "3.0"), ("fixed", "3.1"), ("introduced", "0"), ("fixed", "2.1")),
            "3.0.5",
            True,
            id="again",
        ),
        pytest.param(
            events(("introduced", "3.0"), ("fixed", "3.1"), ("introduced", "0"), ("fixed", "2.1")),
            "2.5",
            False,
            id="between",
        ),
        pytest.param({"versions": ["1.0", "1.1"]}, "1.1", True, id="listed"),
        pytest.param({"versions": ["1.0", "1.1"]}, "1.1.0", True, id="listed-as-equal"),
        pytest.param({"versions": ["1.0", "not-a-version"]}, "1.2", False, id="not-listed"),
        pytest.param(
            {"ranges": [{"type": "GIT", "events": [{"introduced": "abc"}]}]}, "1.0", False, id="commits-say-nothing"
        ),
        pytest.param({}, "1.0", False, id="nothing"),
    ],
)
def test_ranges(entry, version, expected):
    assert is_affected(entry, version) is expected


def test_an_old_jinja2_has_two_holes_each_told_once():
    answer = look_up(SNAPSHOT, [jinja("2.10")], now=NOW)
    found = [*findings_of(answer.advisories)]
    assert answer.unchecked == ()
    assert [each.id for each in found] == ["FST-DEPS-001", "FST-DEPS-001"]
    assert "CVE-2019-10906, GHSA-462w-v97r-4m45, PYSEC-2019-217" in found[0].detail
    assert "2.10.1" in found[0].fix
    assert "CVE-2024-22195" in found[1].detail


def test_a_new_jinja2_has_none():
    assert look_up(SNAPSHOT, [jinja("3.1.6")], now=NOW).advisories == ()


def test_a_zip_file_says_the_same(tmp_path):
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for file in SNAPSHOT.glob("*.json"):
            archive.write(file, file.name)
    assert len(look_up(tmp_path / "all.zip", [jinja("2.10.1")], now=NOW).advisories) == 1


def test_a_withdrawn_record_says_nothing(tmp_path):
    record = json.loads((SNAPSHOT / "GHSA-h5c8-rqwp-cp95.json").read_text())
    (tmp_path / "a.json").write_text(json.dumps(record | {"withdrawn": "2026-01-01T00:00:00Z"}))
    answer = look_up(tmp_path, [jinja("2.10")], now=NOW)
    assert (answer.advisories, answer.unchecked) == ((), ())


def test_a_malicious_package_is_graver(tmp_path):
    affected = [{"package": {"ecosystem": "PyPI", "name": "Jinja_2"}, "versions": ["2.10"]}]
    record = {"id": "MAL-2024-1", "modified": "2026-11-01T00:00:00Z", "affected": affected}
    (tmp_path / "a.json").write_text(json.dumps(record))
    dependency = Dependency(name="jinja-2", version="2.10", where="requirements.txt")
    answer = look_up(tmp_path, [dependency], now=NOW)
    assert [each.id for each in findings_of(answer.advisories)] == ["FST-DEPS-002"]


def test_a_snapshot_of_other_ecosystems_checked_nothing(tmp_path):
    (tmp_path / "a.json").write_text(
        '{"id": "GHSA-x", "affected": [{"package": {"ecosystem": "npm", "name": "jinja2"}}]}'
    )
    assert [each.what for each in look_up(tmp_path, [jinja("2.10")], now=NOW).unchecked] == ["Known vulnerabilities"]


def test_an_empty_snapshot_checked_nothing(tmp_path):
    assert look_up(tmp_path, [jinja("2.10")], now=NOW).unchecked


@pytest.mark.parametrize(
    ("days", "is_checked"), [pytest.param(29, True, id="fresh"), pytest.param(45, False, id="stale")]
)
def test_a_snapshot_ages(days, is_checked):
    now = datetime(2026, 11, 1, tzinfo=UTC) + timedelta(days=days)
    assert (not look_up(SNAPSHOT, [jinja("3.1.6")], now=now).unchecked) is is_checked


def test_a_version_that_is_none_could_not_be_checked():
    assert [each.what for each in look_up(SNAPSHOT, [jinja("2.10-custom!")], now=NOW).unchecked] == [
        "jinja2 2.10-custom!"
    ] * 3


@pytest.mark.parametrize(
    "content", [pytest.param(b"{", id="no-json"), pytest.param(b"[]", id="no-record"), pytest.param(b"{}", id="no-id")]
)
def test_a_broken_snapshot_is_refused(tmp_path, content):
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(SnapshotError):
        look_up(tmp_path, [jinja("2.10")], now=NOW)


def test_a_record_that_is_too_deep_to_read_is_refused(tmp_path):
    (tmp_path / "a.json").write_text("[" * 200_000)
    with pytest.raises(SnapshotError):
        look_up(tmp_path, [jinja("2.10")], now=NOW)


def test_a_record_that_is_too_long_is_refused_before_it_is_read(tmp_path):
    with (tmp_path / "a.json").open("wb") as opened:
        opened.truncate(5_000_001)
    with pytest.raises(SnapshotError, match="longer"):
        look_up(tmp_path, [jinja("2.10")], now=NOW)


def test_an_archive_that_is_locked_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr("a.json", "{}")
    content = bytearray((tmp_path / "all.zip").read_bytes())
    for mark in (b"PK\x03\x04", b"PK\x01\x02"):
        at = content.index(mark) + (6 if mark.endswith(b"\x04") else 8)
        content[at] |= 1
    (tmp_path / "all.zip").write_bytes(content)
    with pytest.raises(SnapshotError):
        look_up(tmp_path / "all.zip", [jinja("2.10")], now=NOW)


def test_a_file_that_is_no_archive_is_refused(tmp_path):
    (tmp_path / "a.zip").write_bytes(b"no")
    with pytest.raises(SnapshotError):
        look_up(tmp_path / "a.zip", [jinja("2.10")], now=NOW)
