"""Runs as JSON, for other programs and for `fastness report`; docs/reference/report.schema.json says what is in it.

The form has a number of its own: names are added, none is removed or changes its meaning without another number. A file is
read strictly, because it may come from elsewhere: what is not a report of this form is refused, and what it says is data like
any other when it is written into a page. ASVS 5.0: V1.5.2, V2.2.1.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from fastness import __version__
from fastness.kernel.because import Because
from fastness.kernel.errors import ConfigError, FastnessError
from fastness.kernel.findings import Finding, Severity, Topic
from fastness.kernel.limits import parse_json
from fastness.kernel.report import Report, Unchecked
from fastness.reports.run import Package, Run

SCHEMA: Final = "fastness-report/1"
_MAX_DEPTH: Final = 8


class ReportFileError(ConfigError):
    """A file that is no report of this form."""

    code = "report_file"


def json_of(run: Run) -> str:
    """The run as indented JSON in ASCII."""
    # Half a pair of surrogates, from a file name that is no UTF-8, is no text for other programs (RFC 8259 §8.2).
    whole = json.dumps(document_of(run), ensure_ascii=False).encode(errors="replace")
    return json.dumps(json.loads(whole), indent=2)


def document_of(run: Run) -> dict[str, object]:
    """The run in plain values."""
    report = run.report
    return {
        "schema": SCHEMA,
        "fastness": __version__,
        "tool": report.tool,
        "subject": run.subject,
        "made_at": run.made_at.astimezone(UTC).isoformat(timespec="seconds"),
        "profile": run.profile,
        "passed": report.is_passed,
        "errors": len(report.errors),
        "findings": [_fields(finding) for finding in report.findings],
        "accepted": [{**_fields(finding), "reason": reason.text} for finding, reason in report.accepted],
        "unchecked": [
            {"what": one.what, "why": one.why, "topic": one.topic.value if one.topic else None}
            for one in report.unchecked
        ],
        "dependencies": [
            {
                "name": one.name,
                "version": one.version,
                "where": one.where,
                "has_hash": one.has_hash,
                "licence": one.licence,
            }
            for one in run.packages
        ],
    }


def run_from(data: bytes) -> Run:
    """Read what `json_of` wrote; raises `ReportFileError`."""
    try:
        return _run(_Object(parse_json(data, max_depth=_MAX_DEPTH)))
    except ReportFileError:
        raise
    except FastnessError as error:
        raise ReportFileError(error.detail) from None
    except (ValueError, OverflowError) as error:  # an unknown severity or topic, or a time that is none
        raise ReportFileError(str(error)) from None


def _run(document: "_Object") -> Run:
    if (schema := document.text("schema")) != SCHEMA:
        raise ReportFileError(f"its schema is {schema!r}, not {SCHEMA!r}")
    return Run(
        report=Report(
            tool=document.text("tool"),
            findings=tuple(_finding(one) for one in document.objects("findings")),
            accepted=tuple((_finding(one), Because(one.text("reason"))) for one in document.objects("accepted")),
            unchecked=tuple(_unchecked(one) for one in document.objects("unchecked")),
        ),
        made_at=datetime.fromisoformat(document.text("made_at")).astimezone(UTC),
        subject=document.text("subject"),
        profile=document.text_or_none("profile"),
        packages=tuple(_package(one) for one in document.objects("dependencies")),
    )


class _Object:
    """A JSON object of which every name is asked for with its type."""

    __slots__ = ("_values",)

    def __init__(self, value: object) -> None:
        if not isinstance(value, Mapping):
            raise ReportFileError("an object is expected where something else stands")
        self._values: Mapping[object, object] = value

    def text(self, name: str) -> str:
        value = self._values.get(name)
        if not isinstance(value, str):
            raise ReportFileError(f"{name} is not a text")
        return value

    def text_or_none(self, name: str) -> str | None:
        return None if self._values.get(name) is None else self.text(name)

    def texts(self, name: str) -> tuple[str, ...]:
        values = self._list(name)
        texts = tuple(one for one in values if isinstance(one, str))
        if len(texts) != len(values):
            raise ReportFileError(f"{name} holds something that is not a text")
        return texts

    def flag(self, name: str) -> bool:
        value = self._values.get(name)
        if not isinstance(value, bool):
            raise ReportFileError(f"{name} is neither true nor false")
        return value

    def objects(self, name: str) -> "list[_Object]":
        return [_Object(one) for one in self._list(name)]

    def _list(self, name: str) -> Sequence[object]:
        value = self._values.get(name)
        if not isinstance(value, list):
            raise ReportFileError(f"{name} is not a list")
        return value


def _fields(finding: Finding) -> dict[str, object]:
    return {
        "id": finding.id,
        "severity": finding.severity.value,
        "title": finding.title,
        "detail": finding.detail,
        "fix": finding.fix,
        "where": finding.where,
        "topic": finding.topic.value,
        "owasp": [finding.topic.owasp_2021, finding.topic.owasp_2025],
        "asvs": list(finding.asvs),
    }


def _finding(one: _Object) -> Finding:
    return Finding(
        id=one.text("id"),
        severity=Severity(one.text("severity")),
        title=one.text("title"),
        detail=one.text("detail"),
        fix=one.text("fix"),
        topic=Topic(one.text("topic")),
        where=one.text_or_none("where"),
        asvs=one.texts("asvs"),
    )


def _unchecked(one: _Object) -> Unchecked:
    topic = one.text_or_none("topic")
    return Unchecked(what=one.text("what"), why=one.text("why"), topic=Topic(topic) if topic else None)


def _package(one: _Object) -> Package:
    return Package(
        name=one.text("name"),
        version=one.text("version"),
        where=one.text("where"),
        has_hash=one.flag("has_hash"),
        licence=one.text("licence"),
    )
