"""The chain: what binds each row of the audit log to all rows before it.

A row's link is a hash over the link before it and its own content, so a row cannot be changed, taken out, put in or moved
without breaking the rows after it. Whoever can write the table could compute all links anew; therefore each link is sealed
with a key that is not in the database, and so is the head, the number and link of the newest row. A seal vouches for
everything before it, as the links do, so rows whose own seal was made with a key that has been retired are still covered.

Cutting off the newest rows shows by the head. Whoever also puts an older head back, which he must have saved, shows by the
checkpoints in the log only. Whoever has the key can rewrite everything: keep the log lines on another machine.

ASVS 5.0: V16.4.2 (logs cannot be modified unseen), V11.4.1 (approved hash functions).
"""

import json
from collections.abc import Callable, Iterable
from enum import StrEnum
from hashlib import sha256
from typing import Final, NamedTuple

from fastness.auditlog.errors import AuditUnavailableError
from fastness.kernel.events import EventName, SecurityEvent
from fastness.kernel.signing import Keyring
from fastness.kernel.tokens import random_id
from fastness.kernel.values import dataclass

GENESIS: Final = bytes(32)
"""The link before the first row."""
_DOMAIN: Final = b"fastness audit log 1"
_ROW_PURPOSE: Final = "auditlog.row"
_HEAD_PURPOSE: Final = "auditlog.head"
_MAX_NUMBER: Final = 2**63 - 1
_PURGED: Final = f'"{EventName.AUDIT_PURGED.value}"'


class Entry(NamedTuple):
    """An event on its way into the table."""

    id: str
    """Random; by it a repeated attempt knows what the first one has written already."""
    at: float
    body: str
    """One line of JSON, redacted and escaped."""


class Row(NamedTuple):
    """An event in the table."""

    number: int
    id: str
    at: float
    body: str
    previous: bytes
    link: bytes
    seal: bytes


class Head(NamedTuple):
    """The newest row, as the table remembers it apart from the row itself."""

    number: int
    link: bytes
    seal: bytes


class Fault(StrEnum):
    """What an appender found wrong with the chain's end."""

    HEAD_FORGED = "head_forged"
    """The head is missing, or not sealed by us."""
    TAIL_CUT = "tail_cut"
    """The row that the head tells of is not there."""


@dataclass(frozen=True, slots=True)
class Extension:
    """What an append writes."""

    rows: list[Row]
    head: Head
    fault: Fault | None


def row_of(values: Iterable[object]) -> Row:
    """A row as it was read. SQLite keeps a value of any type in any column; what no row of ours has becomes empty."""
    number, entry_id, at, body, *rest = values
    previous, link, seal = (value if isinstance(value, bytes) else b"" for value in rest)
    return Row(
        number if isinstance(number, int) else 0,
        entry_id if isinstance(entry_id, str) else "",
        float(at) if isinstance(at, int | float) else 0.0,
        body if isinstance(body, str) else "",
        previous,
        link,
        seal,
    )


def head_of(values: Iterable[object]) -> Head:
    """The head as it was read, in the same way."""
    number, link, seal = values
    return Head(
        number if isinstance(number, int) else -1,
        link if isinstance(link, bytes) else b"",
        seal if isinstance(seal, bytes) else b"",
    )


def entry_of(event: SecurityEvent) -> Entry:
    """The event as it is kept."""
    return Entry(random_id().hex, event.at.timestamp(), event.to_json())


def link_of(previous: bytes, entry: Entry) -> bytes:
    """The hash that binds the entry to what came before it."""
    digest = sha256(_DOMAIN)
    # repr() of a float reads back as the same float, on SQLite and on PostgreSQL alike.
    for part in (previous, _bytes(entry.id), repr(entry.at).encode(), _bytes(entry.body)):
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.digest()


def _bytes(text: str) -> bytes:
    # Ours is ASCII; what somebody else put there need not even be encodable.
    return text.encode("utf-8", "surrogatepass")


def has_own_link(row: Row) -> bool:
    """Whether the row's content is what its link was made from."""
    return link_of(row.previous, Entry(row.id, row.at, row.body)) == row.link


def is_sealed(keyring: Keyring, row: Row) -> bool:
    """Whether the row's link was written by somebody with a key that we still believe."""
    return keyring.check_mac(_ROW_PURPOSE, row.seal, row.link)


def seal_head(keyring: Keyring, number: int, link: bytes) -> Head:
    """The head for a chain that ends here."""
    return Head(number, link, keyring.mac(_HEAD_PURPOSE, number.to_bytes(8, "big"), link))


def is_head_sealed(keyring: Keyring, head: Head) -> bool:
    """Whether the head was written by somebody with a key that we still believe."""
    return head.number >= 0 and keyring.check_mac(_HEAD_PURPOSE, head.seal, head.number.to_bytes(8, "big"), head.link)


def extend(
    keyring: Keyring, head: Head | None, newest: Row | None, entries: Iterable[Entry], tell: Callable[[Fault], Entry]
) -> Extension:
    """Continue the chain; where its end is not right, from where it should end, and the first row tells of that.

    Raises:
        AuditUnavailableError: no number is left after the last one.
    """
    number, link, fault = _end(keyring, head, newest)
    rows: list[Row] = []
    entries = [*entries] if fault is None else [tell(fault), *entries]
    if not 0 <= number <= _MAX_NUMBER - len(entries):
        raise AuditUnavailableError(
            f"The audit log's last row has the number {number}, after which there is none: somebody put it there. "
            "`fastness auditlog verify` names it; keep a copy of the table, then remove the row."
        )
    for entry in entries:
        previous, number = link, number + 1
        link = link_of(previous, entry)
        rows.append(Row(number, *entry, previous, link, keyring.mac(_ROW_PURPOSE, link)))
    return Extension(rows, seal_head(keyring, number, link), fault)


def _end(keyring: Keyring, head: Head | None, newest: Row | None) -> tuple[int, bytes, Fault | None]:
    if head is None and newest is None:
        return 0, GENESIS, None
    if head is None or not is_head_sealed(keyring, head):
        number, link = (0, GENESIS) if newest is None else (newest.number, newest.link)
        return number, link, Fault.HEAD_FORGED
    if head.number == 0 and newest is None:
        return 0, GENESIS, None
    if newest is None or newest.number < head.number or (newest.number == head.number and newest.link != head.link):
        return head.number, head.link, Fault.TAIL_CUT
    if newest.number > head.number:
        # Rows beyond the head were put there by somebody who could not seal it.
        return newest.number, newest.link, Fault.HEAD_FORGED
    return head.number, head.link, None


def purge_of(row: Row) -> tuple[int, bytes] | None:
    """The number and link of the last row that was removed for its age, if the row tells of that."""
    if _PURGED not in row.body:
        return None
    try:
        record = json.loads(row.body)
        if record["event"] != EventName.AUDIT_PURGED.value:
            return None
        return int(record["detail"]["through"]), bytes.fromhex(record["detail"]["link"])
    except (ValueError, KeyError, TypeError):
        return None


def count_removable(rows: Iterable[Row], before: float) -> int:
    """How many of the first rows are older than `before`; -1 if one of them does not fit."""
    count, link = 0, None
    for row in rows:
        if row.at >= before:
            break
        if not has_own_link(row) or (link is not None and row.previous != link):
            return -1
        count, link = count + 1, row.link
    return count
