"""A SQLite file of our own beside the app's database: for this account only, with a write-ahead log, and marked as ours.

Such files hold who is signed in, and who did what. Other accounts of the machine are the attacker: the file is made with mode
0600 (SQLite gives `-wal` and `-shm` the modes of the main file) in a folder that is made with 0700, and a symbolic link in its
place is refused, so that nobody aims our writes at another file. It is not encrypted; backups of it need the same care.

Several worker processes may open the file at the same moment; exactly one makes the tables, the others wait.

ASVS 5.0: V14.2.4, V16.4.2 (logs are protected).
"""

import os
import sqlite3
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from fastness.kernel.errors import UnavailableError
from fastness.kernel.values import dataclass

_BUSY: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_PAUSE_SECONDS: Final = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateFile:
    """Where the file is, and how it is told from other databases."""

    path: Path
    title: str
    """What messages call it, "store"."""
    application_id: int
    """In the file's header: tells it from the app's own database, should both be given one path."""
    schema: tuple[str, ...]
    """The statements that make the tables."""
    error: type[UnavailableError]
    """What is raised where the file cannot be used."""

    def make(self) -> None:
        """Create the file (and its folder) for this account only, or take away what others may do with an existing one."""
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not create_private(self.path):
                # Never open and close an existing file here: closing any descriptor of it drops the POSIX locks that
                # another connection of this process holds on it (sqlite.org/howtocorrupt.html §2.2).
                self._tighten()
        except OSError as error:
            raise self.error(f"Cannot prepare the {self.title} file {self.path}: {error.strerror}.") from error

    def connect(self, *, busy_seconds: float) -> sqlite3.Connection:
        """A connection to the file, which is there; with no `busy_seconds` it never waits for a lock."""
        uri = f"{self.path.resolve().as_uri()}?mode=rw"
        connection = sqlite3.connect(uri, uri=True, timeout=busy_seconds, isolation_level=None)
        # Functions in views and triggers of a file that somebody else prepared stay harmless.
        connection.execute("PRAGMA trusted_schema=OFF")
        return connection

    def connect_writer(
        self,
        *,
        busy_seconds: float,
        pragmas: tuple[str, ...],
        look: Callable[[sqlite3.Connection, bool], None] | None = None,
    ) -> sqlite3.Connection:
        """A connection that writes, with the tables in place. Call it in the thread that will use it: it may wait.

        Args:
            busy_seconds: how long it waits for another process.
            pragmas: what else is set.
            look: is asked in the transaction that makes the tables, and told whether it has made them.
        """
        connection = self.connect(busy_seconds=busy_seconds)
        try:
            self._require_wal(connection, busy_seconds)
            for pragma in pragmas:
                connection.execute(pragma)
            connection.execute("BEGIN IMMEDIATE")
            try:
                is_new = self._make_tables(connection)
                if look is not None:
                    look(connection, is_new)
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")
        except BaseException:
            connection.close()
            raise
        return connection

    def connect_reader(self, *, busy_seconds: float) -> sqlite3.Connection:
        """A connection that cannot write, to a file that was made before."""
        connection = self.connect(busy_seconds=busy_seconds)
        connection.execute("PRAGMA query_only=1")
        return connection

    def require_ours(self, connection: sqlite3.Connection) -> None:
        """Raise the file's error unless it was made here."""
        if self._mark(connection) != self.application_id:
            raise self.error(f"{self.path} is no {self.title} file.")

    def _tighten(self) -> None:
        if not stat.S_ISREG(self.path.lstat().st_mode):
            raise self.error(
                f"The {self.title} file {self.path} is not a regular file; give the path of the file itself."
            )
        for name in (self.path, Path(f"{self.path}-wal"), Path(f"{self.path}-shm")):
            try:
                if stat.S_IMODE(name.lstat().st_mode) & 0o077:
                    name.chmod(0o600)
            except FileNotFoundError:
                continue

    def _require_wal(self, connection: sqlite3.Connection, busy_seconds: float) -> None:
        if not switch_to_wal(connection, busy_seconds):
            raise self.error(
                f"The file system of the {self.title} file cannot hold a write-ahead log (a network share?)."
            )

    def _make_tables(self, connection: sqlite3.Connection) -> bool:
        mark = self._mark(connection)
        if mark == self.application_id:
            return False
        if mark or connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            raise self.error(f"{self.path} is another application's database; give the {self.title} a file of its own.")
        for statement in self.schema:
            connection.execute(statement)
        # PRAGMA takes no parameters; the number is our own constant.
        connection.execute(f"PRAGMA application_id={self.application_id:d}")
        return True

    def _mark(self, connection: sqlite3.Connection) -> int:
        return int(connection.execute("PRAGMA application_id").fetchone()[0])


def switch_to_wal(connection: sqlite3.Connection, busy_seconds: float) -> bool:
    """Set WAL; whether the file system can hold one.

    Two processes that switch at once get SQLITE_BUSY without the busy handler being asked; so we wait.
    """
    deadline = time.monotonic() + busy_seconds
    while True:
        try:
            mode: str = connection.execute("PRAGMA journal_mode=WAL").fetchone()[0]
        except sqlite3.OperationalError as error:
            if not is_busy(error) or time.monotonic() > deadline:
                raise
            time.sleep(_PAUSE_SECONDS)
        else:
            return mode == "wal"


def create_private(path: Path) -> bool:
    """Create an empty file for this account only; whether it was made, or there was something already."""
    try:
        # O_EXCL also refuses a symbolic link, even one that leads nowhere.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        return False
    return True


def is_busy(error: sqlite3.Error) -> bool:
    """Whether another connection's lock was in the way (extended codes keep the primary code in the low byte)."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _BUSY
