"""A worker process on a store file, started by the tests. Prints what it saw as JSON.

python worker.py PATH count ROUNDS      increments one counter and changes one record by compare-and-set
python worker.py PATH open ROUNDS       opens and closes, as workers do that start at the same time
python worker.py PATH die ROUNDS        increments, then leaves without a word, with a transaction begun
"""

import asyncio
import json
import os
import sqlite3
import sys
from pathlib import Path

from fastness.kernel.clock import SystemClock
from fastness.stores.sqlite import SQLiteStore
from fastness.stores.store import StaleVersionError


async def add_one(store: SQLiteStore) -> int:
    """Add one to a record by compare-and-set; how often another process was faster."""
    lost = 0
    while True:
        stored = await store.get(b"record")
        old, version = (0, 0) if stored is None else (int(stored.value), stored.version)
        try:
            await store.put(b"record", b"%d" % (old + 1), expires_at=None, if_version=version)
        except StaleVersionError:
            lost += 1
            continue
        return lost


async def count(path: Path, rounds: int) -> dict[str, object]:
    store = SQLiteStore(path, SystemClock())
    await store.open()
    sums, lost = [], 0
    for _ in range(rounds):
        sums.append(await store.increment(b"counter", expires_at=SystemClock().epoch() + 1000))
        lost += await add_one(store)
    await store.close()
    return {"sums": sums, "lost": lost}


async def open_and_close(path: Path, rounds: int) -> dict[str, object]:
    for _ in range(rounds):
        store = SQLiteStore(path, SystemClock())
        await store.open()
        await store.bump_epoch("anna")
        await store.close()
    return {}


async def die(path: Path, rounds: int) -> dict[str, object]:
    store = SQLiteStore(path, SystemClock())
    await store.open()
    for _ in range(rounds):
        await store.increment(b"counter", expires_at=SystemClock().epoch() + 1000)
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("DELETE FROM entry")
    os._exit(9)


WORK = {"count": count, "open": open_and_close, "die": die}

if __name__ == "__main__":
    json.dump(asyncio.run(WORK[sys.argv[2]](Path(sys.argv[1]), int(sys.argv[3]))), sys.stdout)
