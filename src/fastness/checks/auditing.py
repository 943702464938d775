"""Whether security events are kept where they cannot be changed unseen, and by whom they can be read.

ASVS 5.0: V16.2.3, V16.4.2, V13.2.2.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from fastness.auditlog.opening import audit_url, spool_path
from fastness.checks.check import OTHERS, Deployment, has_mode
from fastness.checks.storage import FILE_READABLE, sqlite_file
from fastness.kernel.findings import Finding, Notice, Severity, Topic

NO_AUDIT_LOG: Final = Notice(
    id="FST-AUDITLOG-001",
    severity=Severity.MEDIUM,
    title="Security events are log lines only",
    why="Whoever gets onto the machine can take lines out of the log, and nobody could tell.",
    fix="Leave FASTNESS_AUDIT_URL at its default, auto.",
    topic=Topic.LOGGING,
    asvs=("V16.4.2",),
)
SHARED_AUDIT_FILE: Final = Notice(
    id="FST-AUDITLOG-002",
    severity=Severity.HIGH,
    title="The audit log has no file of its own",
    why="It shares one with the store or the database, where it is refused at the start.",
    fix="Give FASTNESS_AUDIT_URL a file of its own, or leave it at auto.",
    topic=Topic.LOGGING,
    asvs=("V16.2.3",),
)

NOTICES: Final = (NO_AUDIT_LOG, SHARED_AUDIT_FILE)


def check_audit_log(deployment: Deployment) -> Iterator[Finding]:
    """Whether there is an audit log, in a file of its own, for this account only."""
    settings = deployment.settings
    url = audit_url(settings.audit, database_url=settings.database_url, store_url=settings.store_url)
    if url is None:
        if not settings.is_development:
            yield NO_AUDIT_LOG.found(where="FASTNESS_AUDIT_URL")
        return
    file = sqlite_file(url, deployment.folder)
    others = [sqlite_file(each, deployment.folder) for each in (settings.database_url, settings.store_url)]
    if file is not None and file.resolve() in {other.resolve() for other in others if other is not None}:
        yield SHARED_AUDIT_FILE.found(where=f"FASTNESS_AUDIT_URL: {file}")
    spool = deployment.folder / spool_path(settings.audit, url=url, store_url=settings.store_url)
    parts = (spool,) if file is None else (file, Path(f"{file}-wal"), Path(f"{file}-shm"), spool)
    for part in parts:
        if has_mode(part, OTHERS):
            yield FILE_READABLE.found(where=str(part))
