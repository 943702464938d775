"""The promises of a `Store`, as tests.

    class TestMyStore(StoreContract):
        def make_store(self, clock: Clock) -> Store:
            return MyStore(empty_database(), clock)

Each test makes a store of its own, which must be empty, and opens and closes it. Sessions and throttles rely on every one
of these: a store that loses one of two increments lets a password be guessed, one that hands out an expired record keeps
people signed in. With `asyncio_mode = "strict"`, put `@pytest.mark.asyncio` on your class.

ASVS 5.0: V7.4.1, V15.4.2.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager

from fastness.kernel.clock import Clock, ManualClock
from fastness.stores.store import (
    MAX_KEY_BYTES,
    BadKeyError,
    Increment,
    NotACounterError,
    StaleVersionError,
    Store,
    StoreUnavailableError,
)

LIFETIME = 100.0
AT_ONCE = 20


class StoreContract(ABC):
    """Subclass it and write `make_store`."""

    @abstractmethod
    def make_store(self, clock: Clock) -> Store:
        """A closed, empty store that takes the time from this clock."""

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[tuple[Store, ManualClock]]:
        """A store that is open until the end of the block, and its clock."""
        clock = ManualClock()
        store = self.make_store(clock)
        await store.open()
        try:
            yield store, clock
        finally:
            await store.close()

    # Reading and writing.

    async def test_an_unknown_key_has_no_record(self) -> None:
        async with self.opened() as (store, _):
            expect(await store.get(b"unknown"), None)

    async def test_what_was_put_is_returned_byte_for_byte(self) -> None:
        async with self.opened() as (store, clock):
            until = clock.epoch() + LIFETIME
            for value in (b"", b"text", bytes(range(256)), b"'; --", b"x" * 70_000):
                version = await store.put(b"key", value, expires_at=until, owner="anna")
                expect(await store.get(b"key"), (value, version, until, "anna", 0))

    async def test_keys_are_compared_byte_for_byte(self) -> None:
        async with self.opened() as (store, _):
            keys = (b"key", b"KEY", b"key\x00", b"key ", b"\xff\x00\n%_*'", b"k" * MAX_KEY_BYTES)
            for key in keys:
                await store.put(key, b"of " + key, expires_at=None)
            for key in keys:
                expect(await self._value(store, key), b"of " + key)

    async def test_a_key_that_is_empty_or_too_long_is_refused(self) -> None:
        async with self.opened() as (store, clock):
            for key in (b"", b"k" * (MAX_KEY_BYTES + 1)):
                await expect_error(BadKeyError, store.put(key, b"", expires_at=None))
                await expect_error(BadKeyError, store.increment(key, expires_at=clock.epoch() + LIFETIME))
                await expect_error(BadKeyError, store.increment_each([Increment(key, clock.epoch() + LIFETIME)]))
                await expect_error(BadKeyError, store.take_each([(key, 1)]))
                expect(await store.get(key), None)

    async def test_put_replaces_the_whole_record(self) -> None:
        async with self.opened() as (store, clock):
            await store.put(b"key", b"old", expires_at=clock.epoch() + LIFETIME, owner="anna")
            version = await store.put(b"key", b"new", expires_at=None)
            expect(await store.get(b"key"), (b"new", version, None, None, 0))
            expect(await store.list_owned("anna"), [])

    async def test_delete_removes_and_tells_whether_there_was_something(self) -> None:
        async with self.opened() as (store, _):
            await store.put(b"key", b"value", expires_at=None)
            await store.put(b"other", b"value", expires_at=None)
            expect(await store.delete(b"key"), expected=True)
            expect(await store.delete(b"key"), expected=False)
            expect(await store.get(b"key"), None)
            expect(await self._value(store, b"other"), b"value")

    # Versions.

    async def test_each_write_has_a_version_of_its_own(self) -> None:
        async with self.opened() as (store, _):
            versions = [await store.put(b"key", b"same", expires_at=None, durable=durable) for durable in (False, True)]
            expect(len(set(versions)), 2)
            expect(min(versions) > 0, expected=True)

    async def test_a_write_over_the_version_that_was_read_passes(self) -> None:
        async with self.opened() as (store, _):
            first = await store.put(b"key", b"1", expires_at=None, if_version=0)
            second = await store.put(b"key", b"2", expires_at=None, if_version=first)
            expect(await store.get(b"key"), (b"2", second, None, None, 0))

    async def test_a_write_over_another_version_is_refused_and_changes_nothing(self) -> None:
        async with self.opened() as (store, _):
            first = await store.put(b"key", b"1", expires_at=None)
            second = await store.put(b"key", b"2", expires_at=None)
            for stale in (0, first, second + 1):
                await expect_error(StaleVersionError, store.put(b"key", b"3", expires_at=None, if_version=stale))
            expect(await store.get(b"key"), (b"2", second, None, None, 0))

    async def test_a_deleted_record_is_not_written_again_by_somebody_who_read_it(self) -> None:
        async with self.opened() as (store, _):
            version = await store.put(b"key", b"1", expires_at=None)
            await store.delete(b"key")
            await expect_error(StaleVersionError, store.put(b"key", b"2", expires_at=None, if_version=version))
            expect(await store.get(b"key"), None)

    async def test_a_key_made_anew_does_not_have_its_old_versions(self) -> None:
        async with self.opened() as (store, _):
            old = await store.put(b"key", b"1", expires_at=None)
            await store.delete(b"key")
            await store.put(b"key", b"2", expires_at=None)
            await expect_error(StaleVersionError, store.put(b"key", b"3", expires_at=None, if_version=old))

    async def test_one_of_many_creates_the_record(self) -> None:
        async with self.opened() as (store, _):
            writes = [store.put(b"key", b"%d" % n, expires_at=None, if_version=0) for n in range(AT_ONCE)]
            results = await asyncio.gather(*writes, return_exceptions=True)
            expect(sum(isinstance(result, StaleVersionError) for result in results), AT_ONCE - 1)

    async def test_no_change_is_lost_between_read_and_write(self) -> None:
        async def add_one(store: Store) -> None:
            while True:
                stored = await store.get(b"sum")
                old, version = (0, 0) if stored is None else (int(stored.value), stored.version)
                try:
                    await store.put(b"sum", b"%d" % (old + 1), expires_at=None, if_version=version)
                except StaleVersionError:
                    continue
                return

        async with self.opened() as (store, _):
            await asyncio.gather(*(add_one(store) for _ in range(AT_ONCE)))
            expect(await self._value(store, b"sum"), b"%d" % AT_ONCE)

    # Expiry.

    async def test_a_record_is_gone_from_the_second_it_expires(self) -> None:
        async with self.opened() as (store, clock):
            version = await store.put(b"key", b"value", expires_at=clock.epoch() + LIFETIME, owner="anna")
            await store.put(b"for ever", b"value", expires_at=None, owner="anna")
            clock.advance(LIFETIME - 1)
            expect(await self._value(store, b"key"), b"value")
            clock.advance(1)
            expect(await store.get(b"key"), None)
            expect([key for key, _ in await store.list_owned("anna")], [b"for ever"])
            await expect_error(StaleVersionError, store.put(b"key", b"new", expires_at=None, if_version=version))
            expect(await store.delete(b"key"), expected=False)

    async def test_an_expired_record_is_no_hindrance_to_a_new_one(self) -> None:
        async with self.opened() as (store, clock):
            old = await store.put(b"key", b"old", expires_at=clock.epoch() + LIFETIME)
            clock.advance(LIFETIME)
            new = await store.put(b"key", b"new", expires_at=None, if_version=0)
            expect(new != old, expected=True)
            expect(await self._value(store, b"key"), b"new")

    async def test_purging_frees_expired_records_only_and_not_more_than_asked(self) -> None:
        async with self.opened() as (store, clock):
            for n in range(5):
                await store.put(b"short %d" % n, b"", expires_at=clock.epoch() + LIFETIME)
            await store.put(b"long", b"", expires_at=clock.epoch() + LIFETIME + 1)
            await store.put(b"for ever", b"", expires_at=None)
            expect(await store.purge_expired(), 0)
            clock.advance(LIFETIME)
            expect(
                [await store.purge_expired(limit=3), await store.purge_expired(), await store.purge_expired()],
                [3, 2, 0],
            )
            expect([await self._value(store, b"long"), await self._value(store, b"for ever")], [b"", b""])

    # Owners and epochs.

    async def test_all_records_of_an_owner_are_deleted_at_once(self) -> None:
        async with self.opened() as (store, _):
            for key, owner in ((b"a", "anna"), (b"b", "anna"), (b"c", "Anna"), (b"d", "anna "), (b"e", None)):
                await store.put(key, b"", expires_at=None, owner=owner)
            expect(await store.delete_owned("anna"), 2)
            expect(
                [await self._value(store, key) for key in (b"a", b"b", b"c", b"d", b"e")], [None, None, b"", b"", b""]
            )
            expect(await store.delete_owned("anna"), 0)

    async def test_a_prefix_is_compared_byte_for_byte(self) -> None:
        async with self.opened() as (store, _):
            for key in (b"s_:1", b"s_:2", b"S_:3", b"sx:4", b"s_", b"x s_:5"):
                await store.put(key, b"", expires_at=None, owner="anna")
            expect([key for key, _ in await store.list_owned("anna", prefix=b"s_:")], [b"s_:1", b"s_:2"])
            expect(await store.delete_owned("anna", prefix=b"s_:"), 2)
            expect([key for key, _ in await store.list_owned("anna")], [b"S_:3", b"s_", b"sx:4", b"x s_:5"])

    async def test_one_key_can_be_spared(self) -> None:
        async with self.opened() as (store, _):
            for key in (b"s:1", b"s:2", b"s:3"):
                await store.put(key, b"", expires_at=None, owner="anna")
            expect(await store.delete_owned("anna", prefix=b"s:", except_key=b"s:2"), 2)
            expect([key for key, _ in await store.list_owned("anna")], [b"s:2"])

    async def test_deleting_an_owners_records_counts_live_ones_only(self) -> None:
        async with self.opened() as (store, clock):
            await store.put(b"expired", b"", expires_at=clock.epoch() + LIFETIME, owner="anna")
            await store.put(b"live", b"", expires_at=None, owner="anna")
            clock.advance(LIFETIME)
            expect(await store.delete_owned("anna"), 1)

    async def test_an_epoch_starts_at_0_and_is_the_owners_own(self) -> None:
        async with self.opened() as (store, _):
            expect(await store.epoch("anna"), 0)
            expect([await store.bump_epoch("anna"), await store.bump_epoch("anna")], [1, 2])
            expect([await store.epoch("anna"), await store.epoch("bob"), await store.epoch("ANNA")], [2, 0, 0])

    async def test_a_bump_shows_in_every_record_of_the_owner_at_once(self) -> None:
        async with self.opened() as (store, _):
            await store.put(b"a", b"", expires_at=None, owner="anna")
            await store.put(b"b", b"", expires_at=None, owner="bob")
            await store.put(b"c", b"", expires_at=None)
            await store.bump_epoch("anna")
            epochs = [stored.owner_epoch for key in (b"a", b"b", b"c") if (stored := await store.get(key))]
            expect(epochs, [1, 0, 0])
            expect([stored.owner_epoch for _, stored in await store.list_owned("anna")], [1])

    async def test_epochs_of_many_owners_are_raised_at_once(self) -> None:
        async with self.opened() as (store, _):
            await store.bump_epoch("anna")
            await store.bump_epochs(["anna", "bob", "bob"])
            await store.bump_epochs([])
            expect([await store.epoch("anna"), await store.epoch("bob"), await store.epoch("carl")], [2, 1, 0])
            many = [f"owner {number}" for number in range(2_000)]
            await asyncio.gather(store.bump_epochs(many), store.bump_epochs(many[::-1]))
            expect({await store.epoch(owner) for owner in many[::100]}, {2})

    async def test_an_epoch_outlives_the_owners_records(self) -> None:
        async with self.opened() as (store, clock):
            await store.put(b"a", b"", expires_at=clock.epoch() + LIFETIME, owner="anna")
            await store.bump_epoch("anna")
            await store.delete_owned("anna")
            clock.advance(10 * LIFETIME)
            await store.purge_expired()
            expect(await store.epoch("anna"), 1)

    async def test_no_bump_is_lost(self) -> None:
        async with self.opened() as (store, _):
            epochs = await asyncio.gather(*(store.bump_epoch("anna") for _ in range(AT_ONCE)))
            expect(sorted(epochs), list(range(1, AT_ONCE + 1)))

    # Counters.

    async def test_a_counter_adds_up(self) -> None:
        async with self.opened() as (store, clock):
            until = clock.epoch() + LIFETIME
            sums = [await store.increment(b"n", amount=amount, expires_at=until) for amount in (1, 5, -7, 2**62)]
            expect(sums, [1, 6, -1, 2**62 - 1])
            expect(await self._value(store, b"n"), b"%d" % (2**62 - 1))

    async def test_no_increment_is_lost(self) -> None:
        async with self.opened() as (store, clock):
            until = clock.epoch() + LIFETIME
            sums = await asyncio.gather(*(store.increment(b"n", expires_at=until) for _ in range(AT_ONCE)))
            expect(sorted(sums), list(range(1, AT_ONCE + 1)))

    async def test_counting_on_does_not_extend_a_counters_life(self) -> None:
        async with self.opened() as (store, clock):
            await store.increment(b"n", expires_at=clock.epoch() + LIFETIME)
            clock.advance(LIFETIME - 1)
            expect(await store.increment(b"n", expires_at=clock.epoch() + LIFETIME), 2)
            clock.advance(1)
            expect(await store.get(b"n"), None)
            expect(await store.increment(b"n", expires_at=clock.epoch() + LIFETIME), 1)

    async def test_what_is_not_a_counter_is_not_counted(self) -> None:
        async with self.opened() as (store, clock):
            for value in (b"", b"-", b"1x", b"0x1", b" 1"):
                await store.put(b"key", value, expires_at=None)
                await expect_error(NotACounterError, store.increment(b"key", expires_at=clock.epoch() + LIFETIME))
                expect(await self._value(store, b"key"), value)

    async def test_a_counter_is_a_record_like_others(self) -> None:
        async with self.opened() as (store, clock):
            await store.increment(b"n", expires_at=clock.epoch() + LIFETIME)
            await expect_error(StaleVersionError, store.put(b"n", b"", expires_at=None, if_version=0))
            expect(await store.delete(b"n"), expected=True)
            expect(await store.increment(b"n", expires_at=clock.epoch() + LIFETIME), 1)

    async def test_counters_are_counted_in_turn(self) -> None:
        async with self.opened() as (store, clock):
            until = clock.epoch() + LIFETIME
            await store.increment(b"b", amount=2, expires_at=until)
            steps = [Increment(b"a", until, 5), Increment(b"b", until, stop_at=3), Increment(b"c", until)]
            expect(await store.increment_each(steps), [5, 3])
            expect(await store.get(b"c"), None)
            expect(await store.increment_each([Increment(b"b", until, -1), Increment(b"c", until)]), [2, 1])
            expect(await store.increment_each([]), [])
            clock.advance(LIFETIME)
            expect(await store.get(b"c"), None)

    async def test_counting_many_loses_none(self) -> None:
        async with self.opened() as (store, clock):
            until = clock.epoch() + LIFETIME
            steps = [Increment(b"a", until), Increment(b"b", until)]
            both = await asyncio.gather(*(store.increment_each(steps) for _ in range(AT_ONCE)))
            for sums in zip(*both, strict=True):
                expect(sorted(sums), list(range(1, AT_ONCE + 1)))

    async def test_of_a_counter_is_taken_what_it_holds(self) -> None:
        async with self.opened() as (store, clock):
            until = clock.epoch() + LIFETIME
            await store.increment(b"a", amount=5, expires_at=until)
            await store.increment(b"below", amount=-2, expires_at=until)
            expect(await store.take_each([(b"a", 2), (b"a", 9), (b"a", 1), (b"below", 1), (b"b", 1)]), [2, 3, 0, 0, 0])
            expect(await self._value(store, b"a"), b"0")
            expect(await store.get(b"b"), None)
            expect(await store.take_each([]), [])
            expect(await store.increment(b"a", amount=3, expires_at=until + LIFETIME), 3)
            clock.advance(LIFETIME)
            expect(await store.take_each([(b"a", 1)]), [0])

    async def test_of_what_is_not_a_counter_nothing_is_taken(self) -> None:
        async with self.opened() as (store, _):
            await store.put(b"key", b"1x", expires_at=None)
            await expect_error(NotACounterError, store.take_each([(b"key", 1)]))
            expect(await self._value(store, b"key"), b"1x")

    async def test_what_many_take_at_once_is_taken_once(self) -> None:
        async with self.opened() as (store, clock):
            await store.increment(b"n", amount=AT_ONCE, expires_at=clock.epoch() + LIFETIME)
            taken = await asyncio.gather(*(store.take_each([(b"n", 3)]) for _ in range(AT_ONCE)))
            expect(sum(sum(each) for each in taken), AT_ONCE)
            expect(await self._value(store, b"n"), b"0")

    # Open and closed.

    async def test_a_store_that_is_not_open_answers_nothing(self) -> None:
        clock = ManualClock()
        store = self.make_store(clock)
        await self._expect_unavailable(store, clock)
        await store.open()
        await store.put(b"key", b"value", expires_at=None)
        await store.close()
        await self._expect_unavailable(store, clock)
        await store.close()

    async def _expect_unavailable(self, store: Store, clock: Clock) -> None:
        until = clock.epoch() + LIFETIME
        await expect_error(StoreUnavailableError, store.get(b"key"))
        await expect_error(StoreUnavailableError, store.put(b"key", b"", expires_at=None))
        await expect_error(StoreUnavailableError, store.delete(b"key"))
        await expect_error(StoreUnavailableError, store.delete_owned("anna"))
        await expect_error(StoreUnavailableError, store.list_owned("anna"))
        await expect_error(StoreUnavailableError, store.bump_epoch("anna"))
        await expect_error(StoreUnavailableError, store.epoch("anna"))
        await expect_error(StoreUnavailableError, store.increment(b"n", expires_at=until))
        await expect_error(StoreUnavailableError, store.increment_each([Increment(b"n", until)]))
        await expect_error(StoreUnavailableError, store.take_each([(b"n", 1)]))
        await expect_error(StoreUnavailableError, store.purge_expired())

    async def _value(self, store: Store, key: bytes) -> bytes | None:
        stored = await store.get(key)
        return None if stored is None else stored.value


def expect(actual: object, expected: object) -> None:
    """Compare. An `assert` would vanish under `-O`, and with it the suite."""
    if actual != expected:
        raise AssertionError(f"expected {expected!r}, got {actual!r}")


async def expect_error(error: type[Exception], call: Awaitable[object]) -> None:
    """The call must raise exactly this kind of error."""
    try:
        result = await call
    except error:
        return
    raise AssertionError(f"expected {error.__name__}, got the result {result!r}")
