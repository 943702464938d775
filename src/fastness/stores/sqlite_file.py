"""The file of an `SQLiteStore`: its schema and version, and the connections to it.

The file holds who is signed in, so only the account that runs the application may read it (`fastness.db.private_file`).

ASVS 5.0: V14.2.4.
"""

import sqlite3
from pathlib import Path
from typing import Final

from fastness.db.private_file import PrivateFile
from fastness.stores.store import StoreUnavailableError

SCHEMA_VERSION: Final = 1
APPLICATION_ID: Final = 0x46535452

_SCHEMA: Final = (
    """CREATE TABLE entry (
        key BLOB NOT NULL PRIMARY KEY,
        value BLOB NOT NULL,
        version INTEGER NOT NULL,
        expires_at REAL,
        owner TEXT
    )""",
    "CREATE INDEX entry_owner ON entry (owner) WHERE owner IS NOT NULL",
    "CREATE INDEX entry_expires_at ON entry (expires_at) WHERE expires_at IS NOT NULL",
    "CREATE TABLE owner_epoch (owner TEXT NOT NULL PRIMARY KEY, epoch INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE TABLE schema_version (version INTEGER NOT NULL PRIMARY KEY, applied_at REAL NOT NULL)",
)


def store_file(path: Path) -> PrivateFile:
    """The store's file at this path."""
    return PrivateFile(
        path=path, title="store", application_id=APPLICATION_ID, schema=_SCHEMA, error=StoreUnavailableError
    )


def connect_writer(file: PrivateFile, *, now: float, busy_timeout_seconds: float, durable: bool) -> sqlite3.Connection:
    """A connection that writes, with the schema in place. Call it in the thread that will use it: it may wait.

    With `durable` each commit waits until the log is on disk; else the log is safe against the end of the process only.
    """

    def look(connection: sqlite3.Connection, is_new: bool) -> None:  # noqa: FBT001 - the file calls it
        if is_new:
            connection.execute("INSERT INTO schema_version VALUES (?, ?)", (SCHEMA_VERSION, now))
            return
        version = connection.execute("SELECT max(version) FROM schema_version").fetchone()[0]
        if version != SCHEMA_VERSION:
            raise StoreUnavailableError(
                f"The store file {file.path} has schema {version}, this release knows {SCHEMA_VERSION}; "
                "run the release that wrote it, or move the file away (everybody is signed out)."
            )

    pragmas = (
        "PRAGMA synchronous=FULL" if durable else "PRAGMA synchronous=NORMAL",
        # What a deleted session said must not stay readable in free pages, as far as that costs no extra I/O.
        "PRAGMA secure_delete=FAST",
    )
    return file.connect_writer(busy_seconds=busy_timeout_seconds, pragmas=pragmas, look=look)
