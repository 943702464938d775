"""A worker process that counts in one key of a session, one request after another: worker.py STORE COOKIE KEY."""

import asyncio
import json
import sys
from pathlib import Path

from fastness.db.address import is_postgres_url, parse_postgres_address
from fastness.kernel.clock import SystemClock
from fastness.sessions.manager import Sessions
from fastness.sessions.rules import SessionRules
from fastness.stores.postgres import PostgresStore
from fastness.stores.sqlite import SQLiteStore
from fastness.stores.store import Store


def make_store(place: str) -> Store:
    """The store at an address, or in a file."""
    if is_postgres_url(place):
        return PostgresStore(parse_postgres_address(place), SystemClock())
    return SQLiteStore(Path(place), SystemClock())


async def work(place: str, cookie: str, key: str) -> dict[str, object]:
    store = make_store(place)
    await store.open()
    sessions = Sessions(store, SessionRules(), SystemClock())
    for _ in range(200):
        session = await sessions.load(cookie)
        value = session.get(key, 0)
        session.set(key, value + 1 if isinstance(value, int) else 0)
        await sessions.save(session)
    own = (await sessions.load(cookie)).get(key)
    await store.close()
    return {"own": own}


if __name__ == "__main__":
    json.dump(asyncio.run(work(sys.argv[1], sys.argv[2], sys.argv[3])), sys.stdout)
