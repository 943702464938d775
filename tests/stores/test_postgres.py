"""What the PostgreSQL store promises beyond the contract: one round trip, tables of its own, a clear refusal."""

import asyncio

import asyncpg
import pytest

from fastness.db.address import parse_postgres_address
from fastness.kernel.clock import ManualClock
from fastness.stores.postgres import PostgresStore
from fastness.stores.store import StoreUnavailableError


@pytest.fixture
def make_store(postgres_url):
    def make(url=postgres_url):
        return PostgresStore(parse_postgres_address(url), ManualClock())

    return make


@pytest.fixture
async def store(make_store):
    store = make_store()
    await store.open()
    yield store
    await store.close()


@pytest.fixture
async def admin(postgres_url):
    connection = await asyncpg.connect(postgres_url)
    yield connection
    await connection.close()


class Proxy:
    """Stands between a store and the server, and counts how often the store speaks before it waits for an answer."""

    def __init__(self, target):
        self.target = target
        self.turns = 0
        self.tasks = set()
        self._is_clients_turn = True

    async def serve(self, reader, writer):
        self.tasks.add(asyncio.current_task())
        server_reader, server_writer = await asyncio.open_unix_connection(self.target)
        await asyncio.gather(
            self.copy(reader, server_writer, is_client=True), self.copy(server_reader, writer, is_client=False)
        )

    async def copy(self, reader, writer, *, is_client):
        while data := await reader.read(65536):
            if is_client and self._is_clients_turn:
                self.turns += 1
            self._is_clients_turn = not is_client
            writer.write(data)
            await writer.drain()
        writer.close()
        await writer.wait_closed()


@pytest.fixture
async def proxy(postgres_url, tmp_path_factory):
    folder = tmp_path_factory.mktemp("p")
    path = postgres_url.partition("?host=")[2]
    proxy = Proxy(f"{path}/.s.PGSQL.5432")
    server = await asyncio.start_unix_server(proxy.serve, folder / ".s.PGSQL.5432")
    proxy.url = postgres_url.replace(path, str(folder))
    yield proxy
    server.close()
    await asyncio.wait(proxy.tasks)


@pytest.mark.parametrize(
    "work",
    [
        pytest.param(lambda store: store.get(b"key"), id="get"),
        pytest.param(lambda store: store.put(b"key", b"new", expires_at=None), id="put"),
        pytest.param(lambda store: store.increment(b"n", expires_at=2e9), id="increment"),
        pytest.param(lambda store: store.epoch("anna"), id="epoch"),
    ],
)
async def test_an_operation_is_one_round_trip(make_store, proxy, work):
    store = make_store(proxy.url)
    await store.open()
    await store.put(b"key", b"value", expires_at=None, owner="anna")
    await work(store)  # prepares the statement
    before = proxy.turns
    for _ in range(10):
        await work(store)
    await store.close()
    assert proxy.turns - before - 1 <= 10, "the last one is the goodbye"


async def test_workers_that_start_together_make_the_tables_once(make_store):
    stores = [make_store() for _ in range(5)]
    await asyncio.gather(*(store.open() for store in stores))
    assert sorted([await store.bump_epoch("anna") for store in stores]) == [1, 2, 3, 4, 5]
    await asyncio.gather(*(store.close() for store in stores))


async def test_an_ordinary_write_does_not_wait_for_the_disk_and_a_revocation_does(store):
    both = (store._ordinary, store._durable)
    modes = [await each.run(lambda connection: connection.fetchval("SHOW synchronous_commit")) for each in both]
    assert modes == ["off", "on"]


@pytest.mark.parametrize(
    ("work", "is_durable"),
    [
        pytest.param(lambda store: store.put(b"key", b"", expires_at=None), False, id="put"),
        pytest.param(lambda store: store.put(b"key", b"", expires_at=None, durable=True), True, id="durable-put"),
        pytest.param(lambda store: store.increment(b"n", expires_at=2e9), False, id="increment"),
        pytest.param(lambda store: store.delete(b"key"), True, id="delete"),
        pytest.param(lambda store: store.delete_owned("anna"), True, id="delete-owned"),
        pytest.param(lambda store: store.bump_epoch("anna"), True, id="bump"),
    ],
)
async def test_what_revokes_is_durable(store, work, is_durable):
    # Without its other connections a store can do one of the two kinds only.
    if is_durable:
        store._ordinary, unused = None, store._ordinary
    else:
        store._durable, unused = None, store._durable
    await work(store)
    await unused.close()


async def test_a_read_survives_a_connection_that_broke(store, admin):
    await store.put(b"key", b"value", expires_at=None)
    await admin.execute(
        "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
        "WHERE application_name = 'fastness' AND datname = current_database()"
    )
    assert (await store.get(b"key")).value == b"value"


async def test_a_server_that_is_away_is_unavailable(make_store, postgres_url):
    store = make_store(postgres_url.replace("?host=/", "?host=/nowhere/"))
    with pytest.raises(StoreUnavailableError, match="PostgreSQL cannot be reached"):
        await store.open()
    with pytest.raises(StoreUnavailableError):
        await store.get(b"key")


async def test_a_lock_that_lasts_too_long_is_unavailable(store, admin, monkeypatch):
    await store.put(b"key", b"value", expires_at=None)
    await store._ordinary.run(lambda connection: connection.execute("SET lock_timeout = '10ms'"))
    async with admin.transaction():
        await admin.execute("LOCK TABLE fastness_store.entry")
        with pytest.raises(StoreUnavailableError) as refused:
            await store.put(b"key", b"s3cr3t", expires_at=None)
    assert "s3cr3t" not in str(refused.value)
    await store.put(b"key", b"later", expires_at=None)


async def test_a_message_holds_no_value(store):
    with pytest.raises(StoreUnavailableError) as refused:
        await store.put(b"key", b"", expires_at=None, owner="s3cr3t\x00")
    assert "s3cr3t" not in str(refused.value)
    assert refused.value.__cause__ is None


async def test_a_cancelled_operation_leaves_the_store_usable(store, admin):
    await store.put(b"key", b"value", expires_at=None)
    async with admin.transaction():
        await admin.execute("LOCK TABLE fastness_store.entry")
        tasks = [asyncio.create_task(store.get(b"key")) for _ in range(10)]
        while not await admin.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
            await admin.execute("SELECT pg_sleep(0.01)")
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        assert all(task.cancelled() for task in tasks)
    values = await asyncio.gather(*(store.get(b"key") for _ in range(10)))
    assert {stored.value for stored in values} == {b"value"}


async def test_a_record_that_moves_to_another_key_while_its_owners_are_deleted_is_deleted_there(store, admin):
    # A session that gets a new id while all sessions of its owner are ended: the deletion waits for another row meanwhile.
    for key in (b"first", b"old"):
        await store.put(key, b"", expires_at=None, owner="anna")
    async with admin.transaction():
        await admin.execute("UPDATE fastness_store.entry SET value = value WHERE key = 'first'")
        deletion = asyncio.create_task(store.delete_owned("anna"))
        while not await admin.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
            await admin.execute("SELECT pg_sleep(0.01)")
        await store.put(b"new", b"", expires_at=None, owner="anna")
        await store.put(b"old", b"moved", expires_at=None)
    assert await deletion == 2
    assert await store.list_owned("anna") == []
    assert (await store.get(b"old")).value == b"moved"


async def test_tables_of_another_release_are_refused(store, make_store, admin):
    await admin.execute("UPDATE fastness_store.schema_version SET version = 99")
    other = make_store()
    with pytest.raises(StoreUnavailableError, match="version 99"):
        await other.open()


async def test_other_accounts_read_nothing(store, admin, running_postgres, postgres_url):
    database = postgres_url.partition("@/")[2].partition("?")[0]
    await admin.execute(f"CREATE ROLE stranger_{database} LOGIN PASSWORD 'pw'")
    try:
        stranger = await asyncpg.connect(running_postgres.url(database, user=f"stranger_{database}", password="pw"))
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await stranger.fetch("SELECT * FROM fastness_store.entry")
        await stranger.close()
    finally:
        await admin.execute(f"DROP ROLE stranger_{database}")


async def test_an_account_that_may_not_make_tables_is_told_so(make_store, admin, running_postgres, postgres_url):
    database = postgres_url.partition("@/")[2].partition("?")[0]
    await admin.execute(f"CREATE ROLE weak_{database} LOGIN PASSWORD 'pw'")
    try:
        weak = make_store(running_postgres.url(database, user=f"weak_{database}", password="pw"))
        with pytest.raises(
            StoreUnavailableError,
            match=f"permission denied.*CREATE SCHEMA fastness_store AUTHORIZATION weak_{database}",
        ):
            await weak.open()
        # The way out that the guide names: an administrator makes the schema for it.
        await admin.execute(f"CREATE SCHEMA fastness_store AUTHORIZATION weak_{database}")
        weak = make_store(running_postgres.url(database, user=f"weak_{database}", password="pw"))
        await weak.open()
        assert await weak.increment(b"n", expires_at=2e9) == 1
        await weak.close()
    finally:
        await admin.execute(f"DROP OWNED BY weak_{database}")
        await admin.execute(f"DROP ROLE weak_{database}")


async def test_no_more_connections_are_made_than_were_said_and_waiting_for_one_ends(store, admin, make_store):
    await store.put(b"key", b"value", expires_at=None)
    store._ordinary._wait_seconds = 0.05
    async with admin.transaction():
        await admin.execute("LOCK TABLE fastness_store.entry")
        tasks = [asyncio.create_task(store.get(b"key")) for _ in range(20)]
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        with pytest.raises(StoreUnavailableError):
            done.pop().result()
        count = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'fastness' AND state = 'active'"
        assert await admin.fetchval(count) <= 4
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert sum(not isinstance(result, StoreUnavailableError) for result in results) == 4
    assert (await store.get(b"key")).value == b"value"


async def test_closing_waits_for_what_runs(make_store, admin):
    store = make_store()
    await store.open()
    await admin.execute("SELECT 1")
    async with admin.transaction():
        await admin.execute("LOCK TABLE fastness_store.entry")
        write = asyncio.create_task(store.put(b"key", b"value", expires_at=None))
        while not await admin.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
            await admin.execute("SELECT pg_sleep(0.01)")
        closing = asyncio.create_task(store.close())
        await asyncio.sleep(0)
        assert not closing.done()
    await closing
    assert await write > 0
