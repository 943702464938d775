"""Opening the file of an audit log: for this account only, with a write-ahead log, each commit on disk before it returns.

The file tells who signed in from where; other accounts of the machine are the attacker. A symbolic link in its place is refused.

ASVS 5.0: V14.2.4, V16.4.2 (logs are protected).
"""

import os
import sqlite3
import stat
import time
from pathlib import Path
from typing import Final

from fastness.auditlog.errors import AuditUnavailableError

APPLICATION_ID: Final = 0x46534155
"""In the file's header: tells an audit log from other databases."""
_BUSY: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
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


def make_private_file(path: Path) -> None:
    """Create the file (and its folder) for this account only, or take away what others may do with an existing one."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            # O_EXCL also refuses a symbolic link, even one that leads nowhere.
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError:
            _tighten(path)
    except OSError as error:
        raise AuditUnavailableError(f"Cannot prepare the audit log {path}: {error.strerror}.") from error


def _tighten(path: Path) -> None:
    if not stat.S_ISREG(path.lstat().st_mode):
        raise AuditUnavailableError(f"The audit log {path} is not a regular file; give the path of the file itself.")
    for name in (path, Path(f"{path}-wal"), Path(f"{path}-shm")):
        try:
            if stat.S_IMODE(name.lstat().st_mode) & 0o077:
                name.chmod(0o600)
        except FileNotFoundError:
            continue


def connect(path: Path, *, busy_seconds: float) -> sqlite3.Connection:
    """A connection that writes, with the tables in place. Call it in the thread that will use it: it may wait."""
    make_private_file(path)
    connection = _connect(path, "rw", busy_seconds)
    try:
        _switch_to_wal(connection, busy_seconds)
        # An event that was acknowledged has to survive a power cut.
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("BEGIN IMMEDIATE")
        try:
            _make_tables(connection, path)
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
    except BaseException:
        connection.close()
        raise
    return connection


def connect_reader(path: Path, *, busy_seconds: float) -> sqlite3.Connection:
    """A connection that cannot write, to a file that is there."""
    if not path.is_file():
        raise AuditUnavailableError(f"There is no audit log {path}. It is made when the app starts.")
    connection = _connect(path, "rw", busy_seconds)
    try:
        connection.execute("PRAGMA query_only=1")
        _require_audit_log(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _connect(path: Path, mode: str, busy_seconds: float) -> sqlite3.Connection:
    uri = f"{path.resolve().as_uri()}?mode={mode}"
    connection = sqlite3.connect(uri, uri=True, timeout=busy_seconds, isolation_level=None, check_same_thread=True)
    connection.execute("PRAGMA trusted_schema=OFF")
    return connection


def _switch_to_wal(connection: sqlite3.Connection, busy_seconds: float) -> None:
    """Set WAL. Two processes that switch at once get SQLITE_BUSY without the busy handler being asked; so we wait."""
    deadline = time.monotonic() + busy_seconds
    while True:
        try:
            mode = connection.execute("PRAGMA journal_mode=WAL").fetchone()[0]
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in _BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
            continue
        if mode != "wal":
            raise AuditUnavailableError("The audit log's file system cannot hold a write-ahead log (a network share?).")
        return


def _make_tables(connection: sqlite3.Connection, path: Path) -> None:
    application_id = _application_id(connection)
    if application_id == APPLICATION_ID:
        return
    if application_id or connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        raise AuditUnavailableError(f"{path} is another database; give the audit log a file of its own.")
    for statement in _SCHEMA:
        connection.execute(statement)
    # PRAGMA takes no parameters; the number is our own constant.
    connection.execute(f"PRAGMA application_id={APPLICATION_ID:d}")


def _require_audit_log(connection: sqlite3.Connection, path: Path) -> None:
    if _application_id(connection) != APPLICATION_ID:
        raise AuditUnavailableError(f"{path} is no audit log.")


def _application_id(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA application_id").fetchone()[0])
