"""Which of SQLite's errors say something other than "this statement is wrong", and what to do about each.

The message of an error goes to the log and to the developer, so it may name tables and files, which are the app's own, and no
value: SQLite puts none into these.

ASVS 5.0: V16.5.1 (no values in messages), V15.2.2 (availability).
"""

from typing import Final

from fastness.db.errors import (
    OUTDATED_HELP,
    READ_ONLY_HELP,
    DatabaseBusyError,
    DatabaseLostError,
    OutdatedSchemaError,
    ReadOnlyError,
)
from fastness.kernel.errors import FastnessError

# SQLite's primary result codes, https://www.sqlite.org/rescode.html; the low byte of an extended code.
_ERROR: Final = 1
_BUSY: Final = 5
_LOCKED: Final = 6
_READONLY: Final = 8
_UNUSABLE: Final = frozenset({3, 10, 11, 13, 14, 26})
"""SQLITE_PERM, IOERR, CORRUPT, FULL, CANTOPEN and NOTADB: the file, not the statement."""
_MISSING: Final = ("no such table: ", "no such column: ")
_NO_COLUMN: Final = " has no column named "


def trouble_of(error: BaseException | None, *, is_read_only: bool) -> FastnessError | None:
    """Our own error in the place of one of the driver's; `None` for a mistake in the statement or its values.

    Args:
        error: of the driver.
        is_read_only: whether we have forbidden the connection to write; else the file cannot be written.
    """
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    text = str(error)
    if code == _READONLY and is_read_only:
        return ReadOnlyError(READ_ONLY_HELP)
    if code == _READONLY:
        return DatabaseLostError(f"the SQLite file, or its folder, may not be written by this account: {text}")
    if code in (_BUSY, _LOCKED):
        return DatabaseBusyError("another writer held the SQLite file for longer than busy_seconds")
    if code in _UNUSABLE:
        return DatabaseLostError(f"the SQLite file cannot be used: {text}")
    if code == _ERROR and (text.startswith(_MISSING) or _NO_COLUMN in text):
        return OutdatedSchemaError(f"{text}. {OUTDATED_HELP}.")
    return None
