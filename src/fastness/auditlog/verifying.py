"""Whether the chain is whole, and if not, which row is wrong and how.

Every row is read once, in order. `tail` is the link of the last row that was in its place; a row that does not follow it is
kept aside until it turns out whether it belongs further down (moved), whether the chain goes on from it (rows before it are
gone), or whether nothing ever refers to it (put in).

Whoever has the key, or replaces the whole table together with its head by an older copy, is found out by the checkpoints of
the log only: give `anchors`.

ASVS 5.0: V16.4.2.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple

from fastness.auditlog.chain import GENESIS, Head, Row, has_own_link, is_head_sealed, is_sealed, purge_of
from fastness.auditlog.errors import AuditUnavailableError
from fastness.auditlog.ledger import BEFORE_ALL, Ledger
from fastness.auditlog.log import CHECKPOINT, LOGGER_NAME
from fastness.kernel.errors import InvalidInputError
from fastness.kernel.limits import parse_json
from fastness.kernel.signing import Keyring

PAGE_ROWS: Final = 1000
MAX_PROBLEMS: Final = 1000
_MAX_LINE: Final = 65_536
_MAX_LINE_DEPTH: Final = 32


class Harm(StrEnum):
    """What was done to a row."""

    CHANGED = "changed"
    """Its content is not what its link was made from."""
    MISSING = "missing"
    """It was removed."""
    INSERTED = "inserted"
    """It was not written by an appender of ours."""
    MOVED = "moved"
    """It stood in another place."""
    UNSEALED = "unsealed"
    """Neither its own seal nor that of a row after it is ours: the chain may have been written anew up to here."""
    TRUNCATED = "truncated"
    """It was the newest and is gone."""
    HEAD = "head"
    """The head is missing or not sealed by us."""
    UNREADABLE = "unreadable"
    """The table is damaged where it lies."""


class Problem(NamedTuple):
    """One thing that is wrong, with the numbers of the first and the last row that it concerns."""

    harm: Harm
    first: int
    last: int


class Anchor(NamedTuple):
    """The end of the chain at some moment, as a line of the log tells it."""

    number: int
    link: bytes


@dataclass(kw_only=True)
class Verification:
    """What was found."""

    problems: list[Problem] = field(default_factory=list)
    rows: int = 0
    first: int = 0
    last: int = 0
    anchors: int = 0
    """How many checkpoints of the log agree."""

    @property
    def is_whole(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


async def verify(ledger: Ledger, keyring: Keyring, *, anchors: Iterable[Anchor] = ()) -> Verification:
    """Look at every row. The app may write meanwhile."""
    head = await _head_of(ledger)
    walk = _Walk(keyring, {anchor.number: anchor.link for anchor in anchors})
    last = 0 if head is None else head.number
    after, limit = BEFORE_ALL, PAGE_ROWS
    while True:
        try:
            rows = await ledger.page(after, limit)
        except AuditUnavailableError as error:
            if not error.is_damaged:
                raise
            if limit == 1:
                if after >= last:
                    # How far the damage goes, nobody knows.
                    if not walk.is_missing(last):
                        walk.miss(max(after, 0) + 1)
                    return walk.end(head)
                after = max(after, 0) + 1
                await _see_alone(walk, ledger, after)
            limit = max(1, limit // 10)  # up to where the damage begins
            continue
        if not rows:
            return walk.end(head)
        for row in rows:
            walk.see(row)
        after, limit = rows[-1].number, min(PAGE_ROWS, limit * 10)


async def _head_of(ledger: Ledger) -> Head | None:
    try:
        return await ledger.head()
    except AuditUnavailableError as error:
        if not error.is_damaged:
            raise
        return None


async def _see_alone(walk: "_Walk", ledger: Ledger, number: int) -> None:
    try:
        row = await ledger.row(number)
    except AuditUnavailableError as error:
        if not error.is_damaged:
            raise
        walk.miss(number)
    else:
        if row is not None:
            walk.see(row)


class _Walk:
    """The state of one verification."""

    def __init__(self, keyring: Keyring, anchors: dict[int, bytes]) -> None:
        self._keyring = keyring
        self._anchors = anchors
        self._tail: bytes | None = None
        self._former: Row | None = None
        """The last row that was in its place."""
        self._number = 0
        self._base: tuple[int, bytes] | None = None
        self._purges: dict[int, bytes] = {}
        self._aside: dict[bytes, Row] = {}
        self._wanted: dict[bytes, int] = {}
        """Links that a row refers to and no row before it has, with that row's number."""
        self._is_resuming = False
        """What the next row refers to cannot be known: rows before it are gone, and that was said."""
        self._unsealed: list[int] = []
        self._numbers: dict[int, bytes] = {}
        """The links at the numbers that somebody asks for."""
        self.result = Verification()

    def see(self, row: Row) -> None:
        """Take the next row."""
        result = self.result
        result.rows += 1
        if row.number < 1:
            self._add(Harm.INSERTED, row.number)
            return
        if row.number in self._anchors:
            self._numbers[row.number] = row.link
        if self._tail is None:
            self._begin(row)
        elif row.number != self._number + 1:
            self._add(Harm.MISSING, self._number + 1, row.number - 1)
            self._is_resuming = True
        self._number = result.last = row.number
        self._place(row, is_own=has_own_link(row), is_ours=is_sealed(self._keyring, row))

    def miss(self, number: int) -> None:
        """Take note of a row that cannot be read."""
        problems = self.result.problems
        if self.is_missing(number - 1):
            problems[-1] = problems[-1]._replace(last=number)
        else:
            self._add(Harm.UNREADABLE, number)
        if self._tail is None:
            self._tail = b""
        self._number = self.result.last = number
        self._is_resuming = True

    def is_missing(self, number: int) -> bool:
        """Whether this row was the last one looked for, and could not be read."""
        problems = self.result.problems
        return bool(problems) and (problems[-1].harm, problems[-1].last) == (Harm.UNREADABLE, number)

    def _place(self, row: Row, *, is_own: bool, is_ours: bool) -> None:
        """Find out whether the row follows what came before."""
        former = self._former
        if row.previous == self._tail:
            self._accept(row, is_own=is_own, is_ours=is_ours)
        elif not is_own:
            self._add(Harm.CHANGED, row.number)
            if is_ours:
                self._accept(row, is_own=False, is_ours=True)
            else:
                # What the next one refers to is gone.
                self._is_resuming = True
        elif not is_ours:
            self._add(Harm.INSERTED, row.number)
        elif self._is_resuming:
            self._accept(row, is_own=True, is_ours=True)
        elif row.previous in self._aside:
            # The chain goes on from a row that did not follow the one before it.
            start = self._aside.pop(row.previous)
            self._wanted[start.previous] = start.number
            self._accept(start, is_own=True, is_ours=True)
            self._accept(row, is_own=True, is_ours=True)
        elif former is not None and row.previous == former.previous and former.number in self._unsealed:
            # Two rows claim the same place, and the first one is not ours.
            self._add(Harm.INSERTED, former.number)
            self._unsealed.remove(former.number)
            self._accept(row, is_own=True, is_ours=True)
        else:
            self._aside[row.link] = row

    def end(self, head: Head | None) -> Verification:
        """What was found, once every row was seen."""
        result = self.result
        for row in self._aside.values():
            is_wanted = self._wanted.pop(row.link, None) is not None
            self._add(Harm.MOVED if is_wanted else Harm.MISSING, row.number)
        for number in self._wanted.values():
            self._add(Harm.MISSING, number)
        if self._base is not None and self._purges.get(self._base[0]) != self._base[1]:
            self._add(Harm.MISSING, 1, self._base[0])
        if self._unsealed:
            self._add(Harm.UNSEALED, self._unsealed[0], self._unsealed[-1])
        self._look_at_head(head)
        self._look_at_anchors()
        result.problems.sort(key=lambda problem: (problem.first, problem.last))
        return result

    def _begin(self, row: Row) -> None:
        self.result.first = row.number
        if row.number == 1:
            self._tail = GENESIS
        else:
            self._base = (row.number - 1, row.previous)
            self._tail = row.previous

    def _accept(self, row: Row, *, is_own: bool, is_ours: bool) -> None:
        # Of a row whose content and seal both do not fit, the link is not known either.
        self._tail, self._former, self._is_resuming = row.link, row, not (is_own or is_ours)
        if not is_own:
            self._add(Harm.CHANGED, row.number)
        if is_ours:
            # It vouches for all rows before it, whose own seals may be of a key that has been retired.
            self._unsealed.clear()
            if is_own and (purge := purge_of(row)) is not None:
                self._purges[purge[0]] = purge[1]
        else:
            self._unsealed.append(row.number)
        while self._aside:
            later = next((one for one in self._aside.values() if one.previous == self._tail), None)
            if later is None:
                return
            del self._aside[later.link]
            self._add(Harm.MOVED, later.number)
            self._tail, self._former = later.link, later

    def _look_at_head(self, head: Head | None) -> None:
        result = self.result
        if head is None or not is_head_sealed(self._keyring, head):
            if result.rows or head is not None:
                self._add(Harm.HEAD, result.last)
        elif head.number > result.last:
            self._add(Harm.TRUNCATED, result.last + 1, head.number)

    def _look_at_anchors(self) -> None:
        result = self.result
        purged = 0 if self._base is None else self._base[0]
        beyond = [number for number in self._anchors if number > result.last]
        if beyond and not any(problem.harm is Harm.TRUNCATED for problem in result.problems):
            self._add(Harm.TRUNCATED, result.last + 1, max(beyond))
        for number, link in self._anchors.items():
            if purged < number <= result.last and self._numbers.get(number) != link:
                self._add(Harm.CHANGED, number)
            elif number <= result.last:
                result.anchors += 1

    def _add(self, harm: Harm, first: int, last: int | None = None) -> None:
        problem = Problem(harm, first, first if last is None else last)
        if len(self.result.problems) < MAX_PROBLEMS and problem not in self.result.problems:
            self.result.problems.append(problem)


def read_anchors(lines: Iterable[str], keyring: Keyring) -> Iterator[Anchor]:
    """The checkpoints among the lines of the log; lines that others wrote are passed over."""
    for line in lines:
        if CHECKPOINT not in line or len(line) > _MAX_LINE:
            continue
        try:
            record = parse_json(line.encode(), max_depth=_MAX_LINE_DEPTH)
        except (InvalidInputError, UnicodeEncodeError):
            continue
        if not isinstance(record, dict) or record.get("logger") != LOGGER_NAME or record.get("message") != CHECKPOINT:
            continue
        head = _head_in(record)
        if head is not None and is_head_sealed(keyring, head):
            yield Anchor(head.number, head.link)


def _head_in(record: Mapping[str, object]) -> Head | None:
    number, link, seal = record.get("row"), record.get("link"), record.get("seal")
    if not isinstance(number, int) or not isinstance(link, str) or not isinstance(seal, str):
        return None
    try:
        return Head(number, bytes.fromhex(link), bytes.fromhex(seal))
    except ValueError:
        return None


def as_json(row: Row) -> str:
    """A row as one line of JSON: the event's own fields beside those of the chain."""
    try:
        event = json.loads(row.body)
    except ValueError:
        event = None
    fields = event if isinstance(event, dict) else {"event": None}
    fields |= {"row": row.number, "id": row.id, "previous": row.previous.hex(), "link": row.link.hex()}
    fields["seal"] = row.seal.hex()
    return json.dumps(fields, ensure_ascii=True, separators=(",", ":")).replace("\x7f", "\\u007f")
