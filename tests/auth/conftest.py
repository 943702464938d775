import pytest

from fastness.auth.accounts import Accounts
from fastness.auth.factor_rules import SecondFactorRules
from fastness.auth.login import Login
from fastness.auth.notices import Notices
from fastness.auth.passwords import PasswordHasher
from fastness.auth.sealing import Sealer
from fastness.auth.throttle import Throttle
from fastness.auth.throttle_rules import ThrottleRules
from fastness.auth.workers import HashingPool
from fastness.db.migrations import OWN_PREFIX, look
from fastness.db.model import Model
from fastness.db.unit import Unit
from fastness.kernel.clock import ManualClock
from fastness.kernel.events import MemorySink
from fastness.kernel.secret import Secret
from fastness.kernel.signing import Keyring
from fastness.mail.outbox import Outbox
from fastness.sessions.manager import Sessions
from fastness.sessions.rules import SessionRules
from fastness.stores.memory import MemoryStore
from tests.prepared import prepared_url, shared_database
from tests.ready_made import CHEAP_PASSWORDS, hashed

PASSWORD = "correct horse battery staple"


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def events():
    return MemorySink()


@pytest.fixture
def hasher():
    return PasswordHasher(CHEAP_PASSWORDS)


@pytest.fixture
async def pool():
    pool = HashingPool(workers=1)
    yield pool
    await pool.close()


def make_tables(url):
    tables = [table for name, table in Model.metadata.tables.items() if name.startswith(OWN_PREFIX)]
    look(url, lambda connection: Model.metadata.create_all(connection, tables=tables))


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request):
    return prepared_url(request, make_tables)


@pytest.fixture
async def database(database_url):
    database = shared_database(database_url)
    await database.open()
    yield database
    await database.close()


@pytest.fixture
async def store(clock):
    store = MemoryStore(clock)
    await store.open()
    return store


@pytest.fixture
def sessions(store, clock):
    return Sessions(store, SessionRules(), clock)


@pytest.fixture
def accounts(store, sessions, hasher, pool, events, clock):
    return Accounts(store=store, sessions=sessions, hasher=hasher, pool=pool, events=events, clock=clock)


@pytest.fixture
def keyring():
    return Keyring(Secret("mG7pQz2vX9rT4wKc8bNf5hJd3sLy6aEu"))


@pytest.fixture
def throttle(store, keyring, events, clock):
    return Throttle(ThrottleRules(), store=store, keyring=keyring, events=events, clock=clock)


@pytest.fixture
def notices(keyring, throttle, clock):
    outbox = Outbox(seals=Sealer(keyring), clock=clock)
    return Notices(outbox=outbox, devices=throttle.devices, site="shop.example", clock=clock)


@pytest.fixture
def make_login(database, store, hasher, pool, keyring, throttle, notices, events, clock):
    def make(**changes):
        parts = {"database": database, "store": store, "hasher": hasher, "pool": pool, "keyring": keyring}
        parts |= {"throttle": throttle, "second_factors": SecondFactorRules(), "notices": notices}
        return Login(**{**parts, "events": events, "clock": clock, **changes})

    return make


@pytest.fixture
def login(make_login):
    return make_login()


@pytest.fixture
async def ada(database, accounts, clock, events):
    """A user with a password, made a minute ago."""
    async with Unit(database, is_read_only=False) as unit:
        user = await accounts.create_user(unit.session, username="Ada Lovelace", password=hashed(PASSWORD))
    clock.advance(60)
    events.events.clear()
    return user


@pytest.fixture
def signed_in(login, sessions):
    """Signs in with a password and returns the cookie of the session."""

    async def sign_in(username, password=PASSWORD):
        outcome = await login.attempt(username=username, password=password)
        session = await sessions.load(None)
        sessions.sign_in(session, outcome.identity)
        return (await sessions.save(session)).cookie_value

    return sign_in
