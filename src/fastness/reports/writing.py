"""A run in the form that somebody asked for; text for terminals is written by the commands, which know about colours."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from fastness.kernel.findings import Notice
from fastness.reports.appfacts import AppFacts
from fastness.reports.forms import Format
from fastness.reports.jsonformat import json_of
from fastness.reports.junit import junit_of
from fastness.reports.page import page_of
from fastness.reports.run import Run
from fastness.reports.sarif import sarif_of


def written(
    run: Run, form: Format, *, catalogue: Mapping[str, Sequence[Notice]], folder: Path, app: AppFacts | None = None
) -> str:
    """The run for another program or a browser; `folder` is the project's, for places in files."""
    notices = catalogue[run.report.tool]
    match form:
        case Format.SARIF:
            return sarif_of(run, notices, folder)
        case Format.JUNIT:
            return junit_of(run, notices)
        case Format.HTML:
            return page_of((run,), catalogue, app)
        case _:
            return json_of(run)
