"""A store in this process's memory, for tests, tools and single-process development.

It has the semantics of every other store (same contract suite) but forgets everything at the end of the process and is
seen by one process only: with two workers a session would exist in one of them, and throttles would count half. Each
method runs without an `await` inside, so on one event loop it is atomic; it must not be shared between threads.

ASVS 5.0: V15.4.2.
"""

import itertools
from collections.abc import Collection, Sequence

from fastness.kernel.clock import Clock
from fastness.stores.store import (
    Increment,
    StaleVersionError,
    StoredValue,
    StoreUnavailableError,
    add_to_counter,
    check_key,
    count_in_turn,
    is_live,
    takable,
)


class MemoryStore:
    """`Store` over two dictionaries. Nothing is durable."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._records: dict[bytes, StoredValue] = {}
        self._epochs: dict[str, int] = {}
        # One sequence for the whole store: a key that is deleted and made anew never meets its old version again.
        self._versions = itertools.count(1)
        self._is_open = False

    async def open(self) -> None:
        self._is_open = True

    async def close(self) -> None:
        self._is_open = False

    async def get(self, key: bytes) -> StoredValue | None:
        self._check_open()
        return self._find(key)

    async def put(
        self,
        key: bytes,
        value: bytes,
        *,
        expires_at: float | None,
        owner: str | None = None,
        if_version: int | None = None,
        durable: bool = False,  # noqa: ARG002 - part of the protocol; nothing in memory can be durable
    ) -> int:
        self._check_open()
        check_key(key)
        if if_version is not None:
            current = self._find(key)
            if if_version != (0 if current is None else current.version):
                raise StaleVersionError("The record changed since it was read.")
        version = next(self._versions)
        self._records[key] = StoredValue(bytes(value), version, expires_at, owner, 0)
        return version

    async def delete(self, key: bytes) -> bool:
        self._check_open()
        was_live = self._find(key) is not None
        self._records.pop(key, None)
        return was_live

    async def delete_owned(self, owner: str, *, prefix: bytes = b"", except_key: bytes | None = None) -> int:
        doomed = [key for key, _ in await self.list_owned(owner, prefix=prefix) if key != except_key]
        for key in doomed:
            del self._records[key]
        return len(doomed)

    async def list_owned(self, owner: str, *, prefix: bytes = b"") -> list[tuple[bytes, StoredValue]]:
        self._check_open()
        keys = sorted(key for key, stored in self._records.items() if stored.owner == owner and key.startswith(prefix))
        found = ((key, self._find(key)) for key in keys)
        return [(key, stored) for key, stored in found if stored is not None]

    async def bump_epoch(self, owner: str) -> int:
        self._check_open()
        self._epochs[owner] = self._epochs.get(owner, 0) + 1
        return self._epochs[owner]

    async def bump_epochs(self, owners: Collection[str]) -> None:
        self._check_open()
        for owner in frozenset(owners):
            self._epochs[owner] = self._epochs.get(owner, 0) + 1

    async def epoch(self, owner: str) -> int:
        self._check_open()
        return self._epochs.get(owner, 0)

    async def increment(self, key: bytes, *, amount: int = 1, expires_at: float) -> int:
        self._check_open()
        current = self._find(check_key(key))
        total = amount if current is None else add_to_counter(current.value, amount)
        until, owner = (expires_at, None) if current is None else (current.expires_at, current.owner)
        self._records[key] = StoredValue(b"%d" % total, next(self._versions), until, owner, 0)
        return total

    async def increment_each(self, increments: Sequence[Increment]) -> list[int]:
        return await count_in_turn(self, increments)

    async def take_each(self, amounts: Sequence[tuple[bytes, int]]) -> list[int]:
        self._check_open()
        return [self._take(check_key(key), amount) for key, amount in amounts]

    async def purge_expired(self, limit: int = 1000) -> int:
        self._check_open()
        now = self._clock.epoch()
        expired = [key for key, stored in self._records.items() if not is_live(stored.expires_at, now)][:limit]
        for key in expired:
            del self._records[key]
        return len(expired)

    def _take(self, key: bytes, amount: int) -> int:
        current = self._find(key)
        taken = 0 if current is None else takable(current.value, amount)
        if current is not None and taken:
            left = b"%d" % add_to_counter(current.value, -taken)
            self._records[key] = StoredValue(left, next(self._versions), current.expires_at, current.owner, 0)
        return taken

    def _find(self, key: bytes) -> StoredValue | None:
        stored = self._records.get(key)
        if stored is None or not is_live(stored.expires_at, self._clock.epoch()):
            return None
        if stored.owner is None:
            return stored
        return stored._replace(owner_epoch=self._epochs.get(stored.owner, 0))

    def _check_open(self) -> None:
        if not self._is_open:
            raise StoreUnavailableError("The memory store is not open; await its open() first.")
