"""Is the database what the code expects?

A missing table is an error on the first page that needs it, at the worst moment; a missing column may be a check that
never takes place. The database is only asked for its revision, and not made if it is not there.

ASVS 5.0: V15.2.2 (availability).
"""

from collections.abc import Iterator
from typing import Final

from fastness.checks.check import Deployment
from fastness.checks.storage import sqlite_file
from fastness.db.errors import MigrationError
from fastness.db.migrations import pending
from fastness.kernel.errors import UnavailableError
from fastness.kernel.findings import Finding, Notice, Severity, Topic

NOT_UPGRADED: Final = Notice(
    id="FST-DATABASE-001",
    severity=Severity.HIGH,
    title="The database is not up to date",
    why="Tables or columns that the code uses are missing.",
    fix="Run `fastness db upgrade`.",
    topic=Topic.ERRORS,
)
UNKNOWN_REVISION: Final = Notice(
    id="FST-DATABASE-002",
    severity=Severity.MEDIUM,
    title="The database is not at a revision of this code",
    why="It was upgraded by another release.",
    fix="Deploy the release that belongs to the database, or restore the backup that belongs to this one.",
    topic=Topic.ERRORS,
)
OUT_OF_REACH: Final = Notice(
    id="FST-DATABASE-003",
    severity=Severity.MEDIUM,
    title="The database cannot be reached from here",
    why="Whether it is up to date could not be looked at.",
    fix="Run `fastness check` where the app runs; `fastness db current` says what is in the way.",
    topic=Topic.ERRORS,
)
UNUSABLE: Final = Notice(
    id="FST-DATABASE-006",
    severity=Severity.HIGH,
    title="The database cannot be opened",
    why="Nobody could sign in, and what needs data would answer with an error.",
    fix="`fastness db current` says what is in the way. Have the server started again until the database is there.",
    topic=Topic.ERRORS,
)

NOTICES: Final = (NOT_UPGRADED, UNKNOWN_REVISION, OUT_OF_REACH, UNUSABLE)


def check_migrations(deployment: Deployment) -> Iterator[Finding]:
    """Whether `fastness db upgrade` was run."""
    url = deployment.settings.database_url
    file = sqlite_file(url, deployment.folder)
    is_starting = deployment.has_tls is not None
    if file is not None and not file.exists() and not is_starting:
        return  # A build machine checks what will be deployed, and has no data.
    try:
        missing = pending(url, deployment.migrations, rules=deployment.settings.database)
    except UnavailableError as error:
        # A build machine may be far from the database. A server that is about to start must not be: what its workers find
        # out later, they can only write into the log.
        yield (UNUSABLE if is_starting else OUT_OF_REACH).found(detail=error.detail)
        return
    except MigrationError as error:
        yield UNKNOWN_REVISION.found(detail=error.detail)
        return
    if missing:
        yield NOT_UPGRADED.found(where=", ".join(missing))
