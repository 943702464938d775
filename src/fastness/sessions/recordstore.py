"""Session records in a store: found, written, ended, judged by the clock. Knows no request and no cookie.

Ending is where races matter. A record is ended by putting a tombstone over exactly the version that was read, so a save that
is under way cannot write it again; and the tombstone of a rotation names the record that took its place, so that a sign-out
which races with a rotation ends the session under its new id too.

ASVS 5.0: V7.3.1, V7.3.2, V7.4.1, V15.4.2.
"""

from functools import lru_cache
from typing import Final, NamedTuple

from fastness.kernel.clock import Clock
from fastness.sessions.context import Context
from fastness.sessions.record import (
    EndReason,
    Record,
    Tombstone,
    decode_identity,
    encode_record,
    encode_tombstone,
    try_decode,
)
from fastness.sessions.rules import SessionRules
from fastness.sessions.session import SessionTooLargeError
from fastness.stores.store import StaleVersionError, Store, StoredValue

KEY_PREFIX: Final = b"session:"
MAX_ATTEMPTS: Final = 64
"""Each failed attempt means that another request's write succeeded; so many in a row are not a race but a fault."""
REMEMBERED_IDENTITIES: Final = 4_096


class LiveRecord(NamedTuple):
    """A record that may be used now."""

    record: Record
    version: int
    owner_epoch: int


class Ended(NamedTuple):
    """What came of ending all sessions of a user."""

    live: int
    """How many were live."""
    epoch: int
    """The owner's new epoch in the store. A session that was spared shows an older one, and gets a new snapshot."""


class SessionSummary(NamedTuple):
    """One of a user's sessions, for the page that lists them."""

    id_hash: bytes
    created: float
    seen: float
    is_remembered: bool
    context: Context | None = None
    """From where it is used, as far as it was noted."""


class RecordStore:
    """The session records of one store."""

    def __init__(self, store: Store, rules: SessionRules, clock: Clock) -> None:
        self._store = store
        self._rules = rules
        self._clock = clock
        # Holds no authority: equal bytes give equal frozen values, and the bytes come from the store on each request.
        self._decode_identity = lru_cache(maxsize=REMEMBERED_IDENTITIES)(decode_identity)

    async def find(self, id_hash: bytes) -> tuple[StoredValue, Record | Tombstone | None] | None:
        """What the store has under this id, live by the clock or not; one read."""
        stored = await self._store.get(KEY_PREFIX + id_hash)
        return None if stored is None else (stored, try_decode(stored.value, self._decode_identity))

    async def find_live(self, id_hash: bytes) -> LiveRecord | None:
        """The record, if it has not ended and is not too old."""
        found = await self.find(id_hash)
        if found is None or not isinstance(found[1], Record) or self.timeout(found[1], self._clock.epoch()):
            return None
        return LiveRecord(found[1], found[0].version, found[0].owner_epoch)

    async def put(self, id_hash: bytes, record: Record, *, if_version: int) -> int:
        """Write the record over that version; the new one. Raises `SessionTooLargeError` and `StaleVersionError`."""
        raw = encode_record(record)
        if len(raw) > self._rules.max_bytes:
            raise SessionTooLargeError(
                f"The session has {len(raw)} bytes, {self._rules.max_bytes} are allowed; keep large things in the "
                "database and their id in the session."
            )
        owner, deadline = None, self._deadline(record)
        if record.identity is not None:
            # Kept a while longer, so that a cookie that comes too late is known as an expired one.
            owner, deadline = record.identity.owner, deadline + self._rules.tombstone_seconds
        return await self._store.put(KEY_PREFIX + id_hash, raw, expires_at=deadline, owner=owner, if_version=if_version)

    async def bury(
        self, id_hash: bytes, tombstone: Tombstone, *, if_version: int | None = None, durable: bool = True
    ) -> None:
        """Put the tombstone in place; durably, if a power cut could make somebody's session alive again."""
        await self._store.put(
            KEY_PREFIX + id_hash,
            encode_tombstone(tombstone),
            expires_at=tombstone.ended + self._rules.tombstone_seconds,
            if_version=if_version,
            # Nobody gains by an anonymous session, and waiting for the disk would hold up each sign-in.
            durable=durable and bool(tombstone.user_id),
        )

    async def leave(self, id_hash: bytes, tombstone: Tombstone) -> bool:
        """Put the tombstone over a record that is live; False if it has ended, but for a rotation that was faster."""
        for _ in range(MAX_ATTEMPTS):
            live = await self.find_live(id_hash)
            if live is None:
                return await self.find_live(await self.place_of(id_hash)) is not None
            try:
                await self.bury(id_hash, tombstone, if_version=live.version)
            except StaleVersionError:
                continue
            return True
        raise StaleVersionError("The session changes faster than it can be left.")

    async def forget(self, id_hash: bytes) -> None:
        """Remove the record without a trace."""
        await self._store.delete(KEY_PREFIX + id_hash)

    async def end(self, id_hash: bytes, reason: EndReason) -> Record | None:
        """End a live record, or the one that a racing rotation moved it to; the record that was ended."""
        for _ in range(MAX_ATTEMPTS):
            found = await self.find(id_hash)
            if found is None:
                return None
            stored, content = found
            if content is None:
                return None
            if isinstance(content, Tombstone):
                if not content.successor:
                    return None
                id_hash = content.successor
                continue
            try:
                await self.bury(id_hash, self._tombstone(reason, content), if_version=stored.version)
            except StaleVersionError:
                continue
            return content
        raise StaleVersionError("The session changes faster than it can be ended.")

    async def place_of(self, id_hash: bytes) -> bytes:
        """Under which id a record is, or was last, that rotations may have moved."""
        for _ in range(MAX_ATTEMPTS):
            found = await self.find(id_hash)
            if found is None or not isinstance(found[1], Tombstone) or not found[1].successor:
                break
            id_hash = found[1].successor
        return id_hash

    async def expire(self, id_hash: bytes, record: Record, reason: EndReason, *, if_version: int) -> bool:
        """End a record that is too old; False if a parallel request has done so."""
        try:
            # Not durable: the record stays too old, whatever becomes of the tombstone.
            await self.bury(id_hash, self._tombstone(reason, record), if_version=if_version, durable=False)
        except StaleVersionError:
            return False
        return True

    async def epoch(self, owner: str) -> int:
        """The owner's epoch now."""
        return await self._store.epoch(owner)

    async def end_owned(self, owner: str, *, except_hash: bytes) -> Ended:
        """End, at once, all records of an owner but one, and raise the owner's epoch."""
        # First: a sign-in that writes its record too late to be found here sees that it has been overtaken.
        epoch = await self._store.bump_epoch(owner)
        owned = await self.list_live(owner)
        spared = KEY_PREFIX + except_hash if except_hash else None
        await self._store.delete_owned(owner, prefix=KEY_PREFIX, except_key=spared)
        ended = [(id_hash, record) for id_hash, record in owned if id_hash != except_hash]
        for id_hash, record in ended:
            try:
                # The deletion was durable; what follows only helps to tell a revoked id from an unknown one.
                await self.bury(id_hash, self._tombstone(EndReason.REVOKED, record), if_version=0, durable=False)
            except StaleVersionError:
                continue  # It has a tombstone already.
        return Ended(len(ended), epoch)

    async def list_live(self, owner: str) -> list[tuple[bytes, Record]]:
        """The owner's live records by the hash of their id."""
        now = self._clock.epoch()
        live = []
        for key, stored in await self._store.list_owned(owner, prefix=KEY_PREFIX):
            record = try_decode(stored.value, self._decode_identity)
            if isinstance(record, Record) and not self.timeout(record, now):
                live.append((key[len(KEY_PREFIX) :], record))
        return live

    async def purge(self, limit: int) -> int:
        """Free the space of expired records."""
        return await self._store.purge_expired(limit)

    def timeout(self, record: Record, now: float) -> EndReason | None:
        """Which of the two clocks has run out. The absolute one runs from the sign-in and nothing moves it."""
        if now >= record.created + self._rules.absolute_limit(remember=record.remember):
            return EndReason.ABSOLUTE_TIMEOUT
        if now >= record.seen + self._rules.idle_limit(remember=record.remember):
            return EndReason.IDLE_TIMEOUT
        return None

    def _deadline(self, record: Record) -> float:
        return min(
            record.seen + self._rules.idle_limit(remember=record.remember),
            record.created + self._rules.absolute_limit(remember=record.remember),
        )

    def _tombstone(self, reason: EndReason, record: Record) -> Tombstone:
        user_id = "" if record.identity is None else record.identity.owner
        return Tombstone(reason, self._clock.epoch(), user_id)
