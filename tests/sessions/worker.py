"""A worker process that counts in one key of a session, one request after another: worker.py PATH COOKIE KEY."""

import asyncio
import json
import sys
from pathlib import Path

from fastness.kernel.clock import SystemClock
from fastness.sessions.manager import Sessions
from fastness.sessions.rules import SessionRules
from fastness.stores.sqlite import SQLiteStore


async def work(path: Path, cookie: str, key: str) -> dict[str, object]:
    store = SQLiteStore(path, SystemClock())
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
    json.dump(asyncio.run(work(Path(sys.argv[1]), sys.argv[2], sys.argv[3])), sys.stdout)
