"""Opening the file of an `SQLiteStore`: private modes, WAL, the schema and its version.

The file holds who is signed in, so only the account that runs the application may read it: 0600 for the file (SQLite
gives `-wal` and `-shm` the modes of the main file), 0700 for a folder that is made here. Other local accounts are the
attacker: a symbolic link in place of the file is refused, so that they cannot aim our writes at another file. The file
is not encrypted; backups of it need the same care.

Several worker processes may open the file at the same moment; exactly one makes the schema, the others wait.

ASVS 5.0: V14.2.4.
"""

import os
import sqlite3
import stat
import time
from pathlib import Path

from fastness.stores.store import StoreUnavailableError

SCHEMA_VERSION = 1
# Written into the file's header. Tells our file from the application's own database, should both be given one path.
APPLICATION_ID = 0x46535452

_SCHEMA = (
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


def make_private_file(path: Path) -> None:
    """Create the file (and its folder) for this account only, or take away what others may do with an existing one."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            # O_EXCL also refuses a symbolic link, even one that leads nowhere.
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError:
            # Never open and close an existing file here: closing any descriptor of it drops the POSIX locks that
            # another connection of this process holds on it (sqlite.org/howtocorrupt.html §2.2).
            _tighten(path)
    except OSError as error:
        raise StoreUnavailableError(f"Cannot prepare the store file {path}: {error.strerror}.") from error


def _tighten(path: Path) -> None:
    if not stat.S_ISREG(path.lstat().st_mode):
        raise StoreUnavailableError(f"The store file {path} is not a regular file; give the path of the file itself.")
    for name in (path, Path(f"{path}-wal"), Path(f"{path}-shm")):
        try:
            if stat.S_IMODE(name.lstat().st_mode) & 0o077:
                name.chmod(0o600)
        except FileNotFoundError:
            continue


def connect_writer(path: Path, *, now: float, busy_timeout_seconds: float, durable: bool) -> sqlite3.Connection:
    """A connection that writes, with the schema in place. Call it in the thread that will use it: it may wait.

    With `durable` each commit waits until the log is on disk; else the log is safe against the end of the process only.
    """
    connection = _connect(path, busy_timeout_seconds)
    try:
        _switch_to_wal(connection, busy_timeout_seconds)
        connection.execute("PRAGMA synchronous=FULL" if durable else "PRAGMA synchronous=NORMAL")
        # What a deleted session said must not stay readable in free pages, as far as that costs no extra I/O.
        connection.execute("PRAGMA secure_delete=FAST")
        connection.execute("BEGIN IMMEDIATE")
        try:
            _migrate(connection, path, now)
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
    except BaseException:
        connection.close()
        raise
    return connection


def connect_reader(path: Path) -> sqlite3.Connection:
    """The connection for point reads on the event loop: cannot write, and never waits for a lock."""
    connection = _connect(path, 0)
    connection.execute("PRAGMA query_only=1")
    return connection


def _connect(path: Path, timeout_seconds: float) -> sqlite3.Connection:
    uri = f"{path.resolve().as_uri()}?mode=rw"
    connection = sqlite3.connect(uri, uri=True, timeout=timeout_seconds, isolation_level=None)
    connection.execute("PRAGMA trusted_schema=OFF")
    return connection


def _switch_to_wal(connection: sqlite3.Connection, timeout_seconds: float) -> None:
    """Set WAL. Two processes that switch at once get SQLITE_BUSY without the busy handler being asked; so we wait."""
    deadline = time.monotonic() + timeout_seconds
    while True:
        try:
            mode = connection.execute("PRAGMA journal_mode=WAL").fetchone()[0]
        except sqlite3.OperationalError as error:
            if not is_busy(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
            continue
        if mode != "wal":
            raise StoreUnavailableError("The store's file system cannot hold a write-ahead log (a network share?).")
        return


def _migrate(connection: sqlite3.Connection, path: Path, now: float) -> None:
    application_id = connection.execute("PRAGMA application_id").fetchone()[0]
    if application_id == APPLICATION_ID:
        version = connection.execute("SELECT max(version) FROM schema_version").fetchone()[0]
        if version != SCHEMA_VERSION:
            raise StoreUnavailableError(
                f"The store file {path} has schema {version}, this release knows {SCHEMA_VERSION}; "
                "run the release that wrote it, or move the file away (everybody is signed out)."
            )
        return
    if application_id or connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        raise StoreUnavailableError(f"{path} is another application's database; give the store a file of its own.")
    for statement in _SCHEMA:
        connection.execute(statement)
    connection.execute("INSERT INTO schema_version VALUES (?, ?)", (SCHEMA_VERSION, now))
    # PRAGMA takes no parameters; the number is our own constant.
    connection.execute(f"PRAGMA application_id={APPLICATION_ID:d}")


def is_busy(error: sqlite3.Error) -> bool:
    """Whether another connection's lock was in the way (extended codes keep the primary code in the low byte)."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
