"""Where the chain lies: one protocol over SQLite and PostgreSQL.

An append reads the chain's end, writes the rows behind it and moves the head, in one transaction that holds the table's one
lock from the read on. So any number of processes keep one chain without an elected writer, which would have to be watched,
replaced when it dies, and told apart from its replacement when it was only slow.

ASVS 5.0: V15.4.2 (check and use in one step).
"""

from collections.abc import Callable, Sequence
from typing import Final, Protocol

from fastness.auditlog.chain import Entry, Extension, Head, Row

BEFORE_ALL: Final = -(2**62)
"""Below every number of ours, and below those that somebody may have put in."""

PurgeEntry = Callable[[int, bytes], Entry]
"""From number and link of the last row removed to the entry that tells of it."""


class Ledger(Protocol):
    """The table. Every method raises `AuditUnavailableError` where the table cannot answer."""

    async def open(self, *, is_read_only: bool = False) -> None:
        """Make it ready; the table is made if it is not there, unless it is only to be read."""

    async def close(self) -> None:
        """Let go. May be called twice."""

    async def append(self, entries: Sequence[Entry], *, is_repeated: bool) -> Extension:
        """Write the entries behind the newest row; durable when this returns.

        `is_repeated` says that a former attempt may have written some of them: those are left out.
        """

    async def head(self) -> Head | None:
        """The head as it is stored."""

    async def page(self, after: int, limit: int) -> list[Row]:
        """The rows behind number `after`, in order."""

    async def row(self, number: int) -> Row | None:
        """The row of this number."""

    async def newest_number(self) -> int:
        """The number of the newest row, 0 where there is none."""

    async def purge(self, before: float, limit: int, tell: PurgeEntry) -> int:
        """Remove the first rows that are older than `before`; how many.

        Raises `AuditDamagedError` if one of them does not verify.
        """
