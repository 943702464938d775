"""V7.4.5, operators end sessions: with the real command, on the files of a real project, while nobody's browser is asked."""

import asyncio
import re
import sqlite3
from uuid import UUID

import pytest

from fastness.kernel.clock import SystemClock
from fastness.sessions.identity import Identity
from fastness.sessions.manager import Sessions
from fastness.sessions.rules import SessionRules
from fastness.stores.sqlite import SQLiteStore
from tests.cli.conftest import run

__all__ = ["run"]

PASSWORD = "a long pass phrase of the tests\n"


@pytest.fixture
def people(run, project):
    """Ada and Grace by name, as the command knows them."""
    assert run("db", "upgrade").returncode == 0
    for name in ("ada", "grace"):
        assert run("users", "create", name, "--password-stdin", stdin=PASSWORD).returncode == 0
    with sqlite3.connect(project / "var/data.sqlite3") as connection:
        rows = connection.execute("SELECT username, id FROM fastness_users").fetchall()
    connection.close()
    return {name: UUID(text) for name, text in rows}


async def with_sessions(project, work):
    store = SQLiteStore(project / "var/store.sqlite3", SystemClock())
    await store.open()
    try:
        return await work(Sessions(store, SessionRules(), SystemClock()), store)
    finally:
        await store.close()


async def sign_in(sessions, user_id, *, epoch):
    session = await sessions.load(None)
    now = SystemClock().epoch()
    identity = Identity(id=user_id, username="x", display_name="X", authenticated_at=now, epoch=epoch)
    sessions.sign_in(session, identity)
    return (await sessions.save(session)).cookie_value


def alive(project, cookies) -> list[str]:
    async def look(sessions, _):
        return [name for name, cookie in cookies.items() if (await sessions.load(cookie)).identity is not None]

    return asyncio.run(with_sessions(project, look))


def test_v7_4_5_an_operator_ends_the_sessions_of_one_person_and_of_everybody(run, project, people):
    async def begin(sessions, store):
        return {
            name: await sign_in(sessions, user_id, epoch=await store.epoch(str(user_id)))
            for name, user_id in people.items()
        }

    cookies = asyncio.run(with_sessions(project, begin))
    assert sorted(alive(project, cookies)) == ["ada", "grace"]
    ended = run("users", "end-sessions", "ada")
    assert (ended.returncode, re.findall(r"Ended (\d+)", ended.stdout)) == (0, ["1"])
    assert alive(project, cookies) == ["grace"]
    assert run("users", "end-sessions", "--all").returncode == 0
    assert alive(project, cookies) == []
