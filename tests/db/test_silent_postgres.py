"""A PostgreSQL that says nothing any more: its machine is frozen, or a firewall has forgotten the connection."""

import asyncio

import pytest
from sqlalchemy import literal, select

import fastness.auditlog.postgres
import fastness.stores.postgres
from fastness.auditlog.opening import make_audit_log
from fastness.auditlog.rules import AuditRules
from fastness.db import driver
from fastness.db.address import parse_postgres_address
from fastness.db.engine import Database
from fastness.db.errors import DatabaseLostError
from fastness.db.rules import DatabaseRules
from fastness.db.unit import Unit
from fastness.kernel.clock import ManualClock
from fastness.kernel.events import EventName, SecurityEvent
from fastness.kernel.secret import Secret
from fastness.kernel.signing import Keyring
from fastness.stores.postgres import PostgresStore
from fastness.stores.store import StoreUnavailableError

KEY = "kq4Zt8Vx1Lw6Rn3Bs9Yd2Hm7Jc5Pf0Ga-audit"


class Wire:
    """Stands between the app and the server; what is said while it is silent is swallowed."""

    def __init__(self, target):
        self.target = target
        self.is_silent = False
        self.tasks = set()

    async def serve(self, reader, writer):
        self.tasks.add(asyncio.current_task())
        server_reader, server_writer = await asyncio.open_unix_connection(self.target)
        await asyncio.gather(self.copy(reader, server_writer), self.copy(server_reader, writer))

    async def copy(self, reader, writer):
        while data := await reader.read(65536):
            if not self.is_silent:
                writer.write(data)
        writer.close()


@pytest.fixture
async def wire(postgres_url, tmp_path_factory, monkeypatch):
    monkeypatch.setattr(driver, "_ON_THE_WAY_SECONDS", 0.05)
    monkeypatch.setattr(driver, "_CONNECT_SECONDS", 0.5)
    monkeypatch.setattr(fastness.stores.postgres, "_SECONDS", 0.5)
    monkeypatch.setattr(fastness.auditlog.postgres, "_SECONDS", 0.5)
    folder = tmp_path_factory.mktemp("w")
    path = postgres_url.partition("?host=")[2]
    wire = Wire(f"{path}/.s.PGSQL.5432")
    server = await asyncio.start_unix_server(wire.serve, folder / ".s.PGSQL.5432")
    wire.url = postgres_url.replace(path, str(folder))
    yield wire
    server.close()
    for task in wire.tasks:
        task.cancel()
    await asyncio.wait(wire.tasks)


async def answered(work):
    """A test that waited for ever would tell nothing."""
    async with asyncio.timeout(30):
        return await work


async def test_nobody_waits_for_a_store_that_says_nothing(wire):
    store = PostgresStore(parse_postgres_address(wire.url), ManualClock())
    await store.open()
    await store.put(b"key", b"value", expires_at=None)
    wire.is_silent = True
    works = [store.get(b"key"), store.delete(b"key"), *(store.get(b"key") for _ in range(8))]
    answers = await answered(asyncio.gather(*works, return_exceptions=True))
    assert {type(answer) for answer in answers} == {StoreUnavailableError}
    wire.is_silent = False
    assert (await answered(store.get(b"key"))).value == b"value"
    await store.close()


async def test_events_go_to_the_spool_while_the_table_says_nothing(wire, tmp_path):
    clock = ManualClock()
    audit = make_audit_log(wire.url, AuditRules(spool=str(tmp_path / "spool")), Keyring(Secret(KEY)), clock)
    await audit.open()
    wire.is_silent = True
    audit.add(SecurityEvent(name=EventName.AUTHN_LOGIN_SUCCESS, at=clock.now(), reason="x"))
    await answered(audit.flush())
    assert audit.spool.has_lines()
    wire.is_silent = False
    while audit.spool.has_lines():  # noqa: ASYNC110 - another task empties it
        await asyncio.sleep(0.01)
    assert await audit.ledger.newest_number() == 1
    await audit.close()


@pytest.mark.parametrize("is_read_only", [pytest.param(True, id="read-only"), pytest.param(False, id="writing")])
@pytest.mark.parametrize("moment", [pytest.param(1, id="first-statement"), pytest.param(2, id="end")])
async def test_a_unit_ends_while_the_database_says_nothing(wire, is_read_only, moment):
    database = Database(wire.url, rules=DatabaseRules(statement_seconds=0.5))

    async def request():
        async with Unit(database, is_read_only=is_read_only) as unit:
            wire.is_silent = moment == 1
            await unit.session.scalar(select(literal(1)))
            wire.is_silent = True

    await database.open()
    with pytest.raises(DatabaseLostError):
        await answered(request())
    wire.is_silent = False
    async with Unit(database, is_read_only=is_read_only) as unit:
        assert await answered(unit.session.scalar(select(literal(2)))) == 2
    assert database.read.pool.checkedout() == database.write.pool.checkedout() == 0
    await database.close()
