"""`report`: several runs as one page, from the files of earlier runs, or from check and audit run now.

The page also shows routes and workflows, which are read from the app of the current folder; without an app that can be loaded
it says so. The audit that runs here asks nothing of the network; for its whole word give the file of a run that did.
ASVS 5.0: V15.1.5.
"""

from collections.abc import Sequence
from pathlib import Path

from fastness.cli.auditing import run_offline
from fastness.cli.checking import look_over
from fastness.cli.errors import CommandError
from fastness.cli.location import find_location, load_app
from fastness.cli.notices import BY_TOOL
from fastness.cli.reporting import publish_text
from fastness.cli.terminal import printable, remark
from fastness.kernel.errors import ConfigError
from fastness.reports.appfacts import AppFacts, facts_of
from fastness.reports.jsonformat import ReportFileError, run_from
from fastness.reports.page import page_of
from fastness.reports.run import Run


def make_page(app_name: str | None, files: Sequence[Path], *, output: Path) -> bool:
    """Write the page, and return whether all runs on it passed."""
    if files:
        runs = [_read(file) for file in files]
        app = _facts(app_name)
    else:
        looked = look_over(app_name)
        runs, app = [looked.run, run_offline()], looked.app
    publish_text(page_of(runs, BY_TOOL, app), output)
    return all(run.report.is_passed for run in runs)


def _read(file: Path) -> Run:
    try:
        run = run_from(file.read_bytes())
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error}") from None
    except ReportFileError as error:
        raise ReportFileError(
            f"{file} is no report that `fastness check --format json` or its sisters write: {printable(error.detail)}."
        ) from None
    if run.report.tool not in BY_TOOL:
        raise ReportFileError(f"{file} is of a tool that this version does not have: {printable(run.report.tool)}.")
    return run


def _facts(app_name: str | None) -> AppFacts | None:
    location = find_location(app_name)
    try:
        return facts_of(load_app(location).routes, location.roles)
    except ConfigError as error:
        why = error.detail.replace("\n", " ")
        remark(f"Routes and workflows are left out: {printable(why)}")
        return None
