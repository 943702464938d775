"""The writes of an `SQLiteStore`, each one function over a connection that is inside a `BEGIN IMMEDIATE` transaction.

Because the transaction holds the file's only write lock from its first statement, what a function reads stays true
until it commits; compare-and-set and counters need no cleverer SQL. Nothing here decides or waits.

ASVS 5.0: V1.2.4, V15.4.2.
"""

import os
import sqlite3
from collections.abc import Iterable
from typing import NamedTuple

from fastness.stores.store import (
    Increment,
    StaleVersionError,
    StoredValue,
    add_to_counter,
    is_live,
    is_reached,
    takable,
)

_COUNTER = "SELECT value, version, expires_at, owner FROM entry WHERE key = ?"

_REPLACE = """INSERT INTO entry (key, value, expires_at, owner, version) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (key) DO UPDATE
    SET value = excluded.value, expires_at = excluded.expires_at, owner = excluded.owner, version = excluded.version"""

_BUMP = "INSERT INTO owner_epoch VALUES (?, 1) ON CONFLICT (owner) DO UPDATE SET epoch = epoch + 1"


class Entry(NamedTuple):
    """What a put writes."""

    key: bytes
    value: bytes
    expires_at: float | None
    owner: str | None


def put(connection: sqlite3.Connection, now: float, *, entry: Entry, if_version: int | None) -> int:
    """Write the entry if the record is in the version asked for; the new version."""
    row = connection.execute("SELECT version, expires_at FROM entry WHERE key = ?", (entry.key,)).fetchone()
    current: int = row[0] if row is not None and is_live(row[1], now) else 0
    if if_version is not None and if_version != current:
        raise StaleVersionError("The record changed since it was read.")
    return _replace(connection, entry, current)


def delete(connection: sqlite3.Connection, now: float, *, key: bytes) -> bool:
    """Remove a record; whether it was live."""
    row = connection.execute("SELECT expires_at FROM entry WHERE key = ?", (key,)).fetchone()
    if row is None:
        return False
    connection.execute("DELETE FROM entry WHERE key = ?", (key,))
    return is_live(row[0], now)


def delete_owned(
    connection: sqlite3.Connection, now: float, *, owner: str, prefix: bytes, except_key: bytes | None
) -> int:
    """Remove an owner's records; how many were live."""
    # `substr` on a blob counts bytes, so the prefix is compared exactly; LIKE would fold case and know wildcards.
    where = "owner = ?1 AND substr(key, 1, length(?2)) = ?2 AND (?3 IS NULL OR key <> ?3)"
    arguments = (owner, prefix, except_key)
    live = connection.execute(
        f"SELECT count(*) FROM entry WHERE {where} AND (expires_at IS NULL OR expires_at > ?4)",  # noqa: S608  # nosec B608 # a constant
        (*arguments, now),
    ).fetchone()[0]
    connection.execute(f"DELETE FROM entry WHERE {where}", arguments)  # noqa: S608  # nosec B608 # a constant
    return int(live)


def list_owned(
    connection: sqlite3.Connection, now: float, *, owner: str, prefix: bytes
) -> list[tuple[bytes, StoredValue]]:
    """The live records of an owner."""
    rows = connection.execute(
        """SELECT entry.key, entry.value, entry.version, entry.expires_at, entry.owner, coalesce(owner_epoch.epoch, 0)
        FROM entry LEFT JOIN owner_epoch ON owner_epoch.owner = entry.owner
        WHERE entry.owner = ?1 AND substr(key, 1, length(?2)) = ?2 AND (expires_at IS NULL OR expires_at > ?3)
        ORDER BY key""",
        (owner, prefix, now),
    )
    return [(row[0], StoredValue._make(row[1:])) for row in rows]


def bump_epoch(connection: sqlite3.Connection, _: float, *, owner: str) -> int:
    """Raise an owner's epoch; the new one."""
    connection.execute(_BUMP, (owner,))
    return int(connection.execute("SELECT epoch FROM owner_epoch WHERE owner = ?", (owner,)).fetchone()[0])


def bump_epochs(connection: sqlite3.Connection, _: float, *, owners: Iterable[str]) -> None:
    """Raise the epochs of many owners."""
    connection.executemany(_BUMP, ((owner,) for owner in owners))


def increment(connection: sqlite3.Connection, now: float, *, key: bytes, amount: int, expires_at: float) -> int:
    """Add to a counter; the sum."""
    row = connection.execute(_COUNTER, (key,)).fetchone()
    if row is None or not is_live(row[2], now):
        _replace(connection, Entry(key, b"%d" % amount, expires_at, None), 0)
        return amount
    total = add_to_counter(row[0], amount)
    _replace(connection, Entry(key, b"%d" % total, row[2], row[3]), row[1])
    return total


def increment_each(connection: sqlite3.Connection, now: float, *, increments: Iterable[Increment]) -> list[int]:
    """Add to counters in this order, to the end or to the first that reaches its limit; the sums."""
    sums: list[int] = []
    for each in increments:
        sums.append(increment(connection, now, key=each.key, amount=each.amount, expires_at=each.expires_at))
        if is_reached(each, sums[-1]):
            break
    return sums


def take_each(connection: sqlite3.Connection, now: float, *, amounts: Iterable[tuple[bytes, int]]) -> list[int]:
    """Take up to so much off each counter; how much was there."""
    return [_take(connection, now, key, amount) for key, amount in amounts]


def purge_expired(connection: sqlite3.Connection, now: float, *, limit: int) -> int:
    """Remove records whose time is over, the oldest first; how many."""
    doomed = "SELECT key FROM entry WHERE expires_at <= ? ORDER BY expires_at LIMIT ?"
    statement = f"DELETE FROM entry WHERE key IN ({doomed})"  # noqa: S608  # nosec B608 # a constant
    return connection.execute(statement, (now, limit)).rowcount


def _take(connection: sqlite3.Connection, now: float, key: bytes, amount: int) -> int:
    row = connection.execute(_COUNTER, (key,)).fetchone()
    taken = takable(row[0], amount) if row is not None and is_live(row[2], now) else 0
    if taken:
        _replace(connection, Entry(key, b"%d" % add_to_counter(row[0], -taken), row[2], row[3]), row[1])
    return taken


def _replace(connection: sqlite3.Connection, entry: Entry, current_version: int) -> int:
    version = current_version + 1 if current_version else _first_version()
    connection.execute(_REPLACE, (*entry, version))
    return version


def _first_version() -> int:
    """A random start, so that a key deleted and made anew never meets the version somebody read in its former life."""
    return 1 + int.from_bytes(os.urandom(6), "big")
