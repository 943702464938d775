"""Any sequence of calls gives the same answers on every store, and changes of sessions merge by key."""

import asyncio
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from fastness.kernel.clock import ManualClock
from fastness.sessions.manager import Sessions
from fastness.sessions.rules import SessionRules
from fastness.stores.memory import MemoryStore
from fastness.stores.sqlite import SQLiteStore
from fastness.stores.store import NotACounterError, StaleVersionError

KEYS = st.sampled_from([b"s:a", b"s:b", b"t:a", b"\x00\xff"])
OWNERS = st.sampled_from(["anna", "bob", "ä'\x00"])
VALUES = st.one_of(st.binary(max_size=20), st.integers(-5, 5).map(lambda n: b"%d" % n))
LIVES = st.sampled_from([None, 1, 2, 5])
# Which version the caller believes in: any, none, the current one, or one that cannot be.
BELIEFS = st.sampled_from([None, "none", "current", "wrong"])
PREFIXES = st.sampled_from([b"", b"s:", b"t", b"%"])
CALLS = st.one_of(
    st.tuples(st.just("get"), KEYS),
    st.tuples(st.just("put"), KEYS, VALUES, LIVES, st.one_of(st.none(), OWNERS), BELIEFS),
    st.tuples(st.just("delete"), KEYS),
    st.tuples(st.just("delete_owned"), OWNERS, PREFIXES, st.one_of(st.none(), KEYS)),
    st.tuples(st.just("list_owned"), OWNERS, PREFIXES),
    st.tuples(st.just("bump_epoch"), OWNERS),
    st.tuples(st.just("epoch"), OWNERS),
    st.tuples(st.just("increment"), KEYS, st.integers(-3, 3), st.integers(1, 5)),
    st.tuples(st.just("advance"), st.integers(1, 3)),
    st.tuples(st.just("purge"), st.integers(0, 3)),
)


def shown(stored):
    """A record without its version, which each store numbers in its own way."""
    return None if stored is None else (stored.value, stored.expires_at, stored.owner, stored.owner_epoch)


async def put(store, clock, key, value, life, owner, belief):
    version = None
    if belief is not None:
        current = await store.get(key)
        now = 0 if current is None else current.version
        version = {"none": 0, "current": now, "wrong": now + 1}[belief]
    until = None if life is None else clock.epoch() + life
    await store.put(key, value, expires_at=until, owner=owner, if_version=version)


async def answer(store, clock, name, *arguments):
    match name:
        case "get":
            return shown(await store.get(*arguments))
        case "put":
            return await put(store, clock, *arguments)
        case "delete_owned":
            owner, prefix, spared = arguments
            return await store.delete_owned(owner, prefix=prefix, except_key=spared)
        case "list_owned":
            owner, prefix = arguments
            return [(key, shown(stored)) for key, stored in await store.list_owned(owner, prefix=prefix)]
        case "increment":
            key, amount, life = arguments
            return await store.increment(key, amount=amount, expires_at=clock.epoch() + life)
        case "advance":
            return clock.advance(*arguments)
        case "purge":
            # Stores may choose which of the expired ones they free, not how many.
            return await store.purge_expired(*arguments)
        case _:
            return await getattr(store, name)(*arguments)


async def answers(store, clock, calls):
    await store.open()
    given_answers = []
    for call in calls:
        try:
            given_answers.append(await answer(store, clock, *call))
        except (StaleVersionError, NotACounterError) as error:
            given_answers.append(error.code)
    await store.close()
    return given_answers


@settings(max_examples=60)
@given(st.lists(CALLS, max_size=25))
def test_every_store_gives_the_same_answers(calls):
    memory_clock, sqlite_clock = ManualClock(), ManualClock()
    with tempfile.TemporaryDirectory() as folder:
        sqlite = SQLiteStore(Path(folder) / "store.sqlite3", sqlite_clock)
        of_sqlite = asyncio.run(answers(sqlite, sqlite_clock, calls))
    assert of_sqlite == asyncio.run(answers(MemoryStore(memory_clock), memory_clock, calls))


CHANGES = st.lists(st.tuples(st.sampled_from("abc"), st.one_of(st.none(), st.integers(0, 9))), max_size=4)


@given(CHANGES, st.lists(CHANGES, min_size=2, max_size=4), st.randoms(use_true_random=False))
def test_parallel_requests_change_the_keys_they_touched_and_no_others(initial, requests, order):
    async def run():
        store = MemoryStore(ManualClock())
        await store.open()
        sessions = Sessions(store, SessionRules(), ManualClock())
        first = await sessions.load(None)
        first.require_id()
        expected = change(first, initial)
        cookie = (await sessions.save(first)).cookie_value
        parallel = [(await sessions.load(cookie), changes) for changes in requests]
        order.shuffle(parallel)
        for session, changes in parallel:
            effective = {key: session.get(key) for key in session.keys()}  # noqa: SIM118 - a session is no dict
            after = change(session, changes)
            await sessions.save(session)
            for key in {key for key, _ in changes}:
                # Deleting what this request never saw is no change: it had nothing to delete.
                if key in after:
                    expected[key] = after[key]
                elif key in effective or any(name == key and value is not None for name, value in changes):
                    expected.pop(key, None)
        session = await sessions.load(cookie)
        assert {key: session.get(key) for key in session.keys()} == expected  # noqa: SIM118 - a session is no dict

    asyncio.run(run())


def change(session, changes):
    for key, value in changes:
        if value is None:
            session.delete(key)
        else:
            session.set(key, value)
    return {key: session.get(key) for key in session.keys()}  # noqa: SIM118 - a session is no dict
