"""The JSON of a run: what the schema in the reference says, there and back, and what is refused."""

import json
from pathlib import Path

import pytest

from fastness.reports.jsonformat import ReportFileError, document_of, json_of, run_from
from tests.reports.samples import AUDIT, CHECK, EMPTY, PROBE, hostile_run
from tests.reports.schemas import validator

SCHEMA = Path(__file__).resolve().parents[2] / "docs" / "reference" / "report.schema.json"
RUNS = [
    pytest.param(run, id=name) for name, run in {"empty": EMPTY, "check": CHECK, "audit": AUDIT, "probe": PROBE}.items()
]


@pytest.mark.parametrize("run", [*RUNS, pytest.param(hostile_run(), id="hostile")])
def test_a_report_is_what_the_schema_says(run):
    document = json.loads(json_of(run))
    assert list(validator("Draft202012Validator", SCHEMA).iter_errors(document)) == []
    assert set(document) == set(json.loads(SCHEMA.read_text(encoding="utf-8"))["properties"]), (
        "the schema names everything"
    )


@pytest.mark.parametrize("run", RUNS)
def test_what_is_written_is_read_again(run):
    assert run_from(json_of(run).encode()) == run


def test_a_name_that_is_no_text_does_not_make_a_file_that_nobody_reads():
    assert run_from(json_of(hostile_run()).encode()).report.findings[8].where == "? alone"


def test_nothing_but_ascii_is_written():
    assert json_of(hostile_run()).isascii()


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"schema": "fastness-report/2"}, id="another-form"),
        pytest.param({"findings": None}, id="no-list"),
        pytest.param({"findings": ["x"]}, id="no-object"),
        pytest.param({"tool": 3}, id="no-text"),
        pytest.param({"made_at": "yesterday"}, id="no-time"),
        pytest.param({"made_at": "0001-01-01T00:00:00+23:59"}, id="before-all-time"),
        pytest.param({"unchecked": [{"what": "a", "why": "b", "topic": "weather"}]}, id="unknown-topic"),
    ],
)
def test_what_is_no_report_is_refused(change):
    with pytest.raises(ReportFileError):
        run_from(json.dumps({**document_of(CHECK), **change}).encode())


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"severity": "harmless"}, id="severity"),
        pytest.param({"id": "FST-1"}, id="id"),
        pytest.param({"asvs": [1]}, id="requirement"),
        pytest.param({"title": " "}, id="no-title"),
    ],
)
def test_what_is_no_finding_is_refused(change):
    document = json.loads(json_of(CHECK))
    document["findings"][0] |= change
    with pytest.raises(ReportFileError):
        run_from(json.dumps(document).encode())


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b"\xff", b'{"schema": 1, "schema": 2}', b"[" * 100_000])
def test_what_is_no_json_object_is_refused(data):
    with pytest.raises(ReportFileError):
        run_from(data)
