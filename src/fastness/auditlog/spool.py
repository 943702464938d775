"""Where events wait while the table cannot take them: a file that is only ever appended to, and emptied as a whole.

Its lines are sealed one by one, so that nobody without the key can put a line in or change one on its way into the chain; a
line can be taken out by whoever can write the file, as it is not chained yet. All processes of a machine share the file; a
lock on it says whose turn it is. Each line is on disk before its event is acknowledged.

ASVS 5.0: V16.4.2, V16.5.3, V16.5.4.
"""

import fcntl
import json
import os
import stat
from base64 import b64decode, b64encode
from collections.abc import Sequence
from errno import EINVAL
from pathlib import Path
from typing import Final

from fastness.auditlog.chain import Entry
from fastness.kernel.signing import Keyring

_PURPOSE: Final = "auditlog.spool"


class Taken:
    """The spool under its lock; its methods block."""

    def __init__(self, descriptor: int, entries: list[Entry], unreadable: int) -> None:
        self._descriptor = descriptor
        self.entries = entries
        self.unreadable = unreadable
        """How many lines were not ours, or were changed."""

    def empty(self) -> None:
        """Forget the lines: they are in the chain."""
        os.ftruncate(self._descriptor, 0)
        os.fsync(self._descriptor)

    def close(self) -> None:
        """Let the next one have it."""
        os.close(self._descriptor)


class Spool:
    """The file; it is made when it is needed. Its methods block, so they run on a thread."""

    def __init__(self, path: Path, keyring: Keyring) -> None:
        self.path = Path(path).absolute()
        self._keyring = keyring

    def has_lines(self) -> bool:
        """Whether somebody's events wait."""
        try:
            return self.path.stat().st_size > 0
        except FileNotFoundError:
            return False
        except OSError:
            return True  # It cannot be looked at, which will be said when it is to be read.

    def write(self, entries: Sequence[Entry]) -> None:
        """Append the entries; on disk when this returns. Raises `OSError`; then none of them counts as written."""
        data = b"".join(self._line(entry) for entry in entries)
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = self._open()
        try:
            end = os.fstat(descriptor).st_size
            # A process that was killed, or a disk, may have left half a line, which would take the next one with it.
            is_whole = end == 0 or os.pread(descriptor, 1, end - 1) == b"\n"
            try:
                _write_all(descriptor, data if is_whole else b"\n" + data)
                os.fsync(descriptor)
            except OSError:
                os.ftruncate(descriptor, end)
                raise
        finally:
            os.close(descriptor)

    def take(self) -> "Taken":
        """What waits, under the lock. The caller empties it when the entries are in the chain, and closes it."""
        descriptor = self._open()
        try:
            lines = [line for line in _read_all(descriptor).split(b"\n") if line]
        except BaseException:
            os.close(descriptor)
            raise
        entries = [entry for entry in map(self._entry, lines) if entry is not None]
        return Taken(descriptor, entries, len(lines) - len(entries))

    def _open(self) -> int:
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0)
        descriptor = os.open(self.path, flags, 0o600)
        try:
            _require_regular(descriptor)
            os.fchmod(descriptor, 0o600)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def _line(self, entry: Entry) -> bytes:
        text = json.dumps([entry.id, entry.at, entry.body], separators=(",", ":")).encode("ascii")
        return b64encode(self._keyring.mac(_PURPOSE, text)) + b" " + text + b"\n"

    def _entry(self, line: bytes) -> Entry | None:
        seal, _, text = line.partition(b" ")
        try:
            if not self._keyring.check_mac(_PURPOSE, b64decode(seal, validate=True), text):
                return None
            return Entry(*json.loads(text))
        except (ValueError, TypeError):
            return None


def _require_regular(descriptor: int) -> None:
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        raise OSError(EINVAL, "it is no regular file")


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


def _read_all(descriptor: int) -> bytes:
    os.lseek(descriptor, 0, os.SEEK_SET)
    parts = []
    while part := os.read(descriptor, 1 << 20):
        parts.append(part)
    return b"".join(parts)
