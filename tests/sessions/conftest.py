"""A session manager on a fresh memory store, and the moves of a browser."""

from uuid import UUID

import pytest

from fastness.kernel.clock import ManualClock
from fastness.kernel.events import MemorySink
from fastness.sessions.identity import Identity
from fastness.sessions.manager import Sessions
from fastness.sessions.rules import SessionRules
from fastness.stores.memory import MemoryStore

ANNA = UUID("0e7f2a52-5f3c-4a8e-9a51-111111111111")
BOB = UUID("0e7f2a52-5f3c-4a8e-9a51-222222222222")


def make_identity(user_id=ANNA, **fields):
    return Identity(**{"id": user_id, "username": "anna", "display_name": "Anna", "authenticated_at": 1e9, **fields})


class CountingStore(MemoryStore):
    """Counts what the sessions ask of the store."""

    def __init__(self, clock):
        super().__init__(clock)
        self.reads = 0
        self.writes = 0
        self.durable_writes = 0

    async def get(self, key):
        self.reads += 1
        return await super().get(key)

    async def put(self, key, value, **options):
        self.writes += 1
        self.durable_writes += bool(options.get("durable"))
        return await super().put(key, value, **options)


class Browser:
    """Keeps the cookie as a browser does."""

    def __init__(self, sessions):
        self.sessions = sessions
        self.cookie = None

    async def load(self):
        return await self.sessions.load(self.cookie)

    async def save(self, session):
        result = await self.sessions.save(session)
        if result.cookie_value is not None:
            self.cookie = result.cookie_value
        elif result.delete_cookie:
            self.cookie = None
        return result

    async def visit(self, change=None):
        session = await self.load()
        if change is not None:
            change(session)
        return await self.save(session)

    async def sign_in(self, identity=None, **options):
        identity = make_identity() if identity is None else identity
        return await self.visit(lambda session: self.sessions.sign_in(session, identity, **options))


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
async def store(clock):
    store = CountingStore(clock)
    await store.open()
    yield store
    await store.close()


@pytest.fixture
def events():
    return MemorySink()


@pytest.fixture
def rules():
    return SessionRules()


@pytest.fixture
def sessions(store, rules, clock, events):
    return Sessions(store, rules, clock, events)


@pytest.fixture
def browser(sessions):
    return Browser(sessions)


@pytest.fixture
def other_browser(sessions):
    return Browser(sessions)


@pytest.fixture
def seen(events):
    """The names and reasons of the events so far, and the slate wiped."""

    def take():
        taken = [(event.name.value, event.reason) for event in events.events]
        events.events.clear()
        return taken

    return take


@pytest.fixture
def identity():
    return make_identity


@pytest.fixture
def users():
    return ANNA, BOB
