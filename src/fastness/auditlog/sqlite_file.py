"""The file of an audit log: its tables, and the connections to it; each commit is on disk before it returns.

The file tells who signed in from where, so only the account that runs the application may read it (`fastness.db.private_file`).

ASVS 5.0: V14.2.4, V16.4.2 (logs are protected).
"""

import sqlite3
from functools import partial
from pathlib import Path
from typing import Final

from fastness.auditlog.errors import AuditUnavailableError
from fastness.db.private_file import PrivateFile

APPLICATION_ID: Final = 0x46534155
_SCHEMA: Final = (
    """CREATE TABLE entry (
        number INTEGER NOT NULL PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        at REAL NOT NULL,
        body TEXT NOT NULL,
        previous BLOB NOT NULL,
        link BLOB NOT NULL,
        seal BLOB NOT NULL
    )""",
    """CREATE TABLE head (
        one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
        number INTEGER NOT NULL,
        link BLOB NOT NULL,
        seal BLOB NOT NULL
    )""",
)


def audit_file(path: Path) -> PrivateFile:
    """The audit log's file at this path."""
    return PrivateFile(
        path=path, title="audit log", application_id=APPLICATION_ID, schema=_SCHEMA, error=AuditUnavailableError
    )


def connect(path: Path, *, busy_seconds: float) -> sqlite3.Connection:
    """A connection that writes, with the tables in place. Call it in the thread that will use it: it may wait."""
    file = audit_file(path)
    file.make()
    # An event that was acknowledged has to survive a power cut.
    return _reading(file.connect_writer(busy_seconds=busy_seconds, pragmas=("PRAGMA synchronous=FULL",)))


def connect_reader(path: Path, *, busy_seconds: float) -> sqlite3.Connection:
    """A connection that cannot write, to a file that is there."""
    if not path.is_file():
        raise AuditUnavailableError(f"There is no audit log {path}. It is made when the app starts.")
    file = audit_file(path)
    connection = _reading(file.connect_reader(busy_seconds=busy_seconds))
    try:
        file.require_ours(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _reading(connection: sqlite3.Connection) -> sqlite3.Connection:
    # Bytes that are no text, by a damaged disk or by somebody's hand, are a row that was changed, not one that nobody can read:
    # nothing could be appended behind it.
    connection.text_factory = partial(str, encoding="utf-8", errors="surrogateescape")
    return connection
