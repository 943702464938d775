"""A server on the way is not the server: certificates are verified, and nothing is said before they are."""

import asyncio
import contextlib

import pytest
import trustme

from fastness.db.address import parse_postgres_address
from fastness.db.engine import Database
from fastness.db.errors import DatabaseLostError
from fastness.db.sql import sql
from fastness.kernel.clock import ManualClock
from fastness.stores.postgres import PostgresStore
from fastness.stores.store import StoreUnavailableError
from fastness.testing.postgres import postgres_server
from fastness.testing.servers import free_port

pytestmark = pytest.mark.sockets


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture(scope="module")
def ca_file(authority, tmp_path_factory):
    file = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(str(file))
    return file


@pytest.fixture(scope="module")
def other_ca_file(tmp_path_factory):
    file = tmp_path_factory.mktemp("other") / "ca.pem"
    trustme.CA().cert_pem.write_to_path(str(file))
    return file


@pytest.fixture(scope="module")
def server(authority):
    """A server that takes nothing but TLS, with a certificate for localhost."""
    issued = authority.issue_cert("localhost")
    port = free_port()
    with postgres_server(
        options={
            "listen_addresses": "127.0.0.1",
            "port": str(port),
            "ssl": "on",
            "ssl_cert_file": "server.crt",
            "ssl_key_file": "server.key",
        },
        hba=("hostssl all all 127.0.0.1/32 scram-sha-256",),
        files={
            "server.crt": b"".join(blob.bytes() for blob in issued.cert_chain_pems),
            "server.key": issued.private_key_pem.bytes(),
        },
    ) as running:
        yield f"postgresql://{running.user}:{running.password}@HOST:{port}/postgres"


@contextlib.asynccontextmanager
async def opened(url):
    database = Database(url)
    try:
        await database.open()
        yield database
    finally:
        await database.close()


async def test_a_server_with_a_certificate_for_its_name_is_talked_to(server, ca_file):
    url = server.replace("HOST", "localhost") + f"?sslmode=verify-full&sslrootcert={ca_file}"
    async with opened(url) as database, database.write.connect() as connection:
        encrypted = sql("SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid() AND ssl")
        assert await connection.scalar(encrypted) == "TLSv1.3"


async def test_the_store_verifies_too(server, ca_file, other_ca_file):
    url = server.replace("HOST", "localhost") + "?sslmode=verify-full&sslrootcert="
    store = PostgresStore(parse_postgres_address(f"{url}{ca_file}"), ManualClock())
    await store.open()
    await store.put(b"key", b"value", expires_at=None)
    await store.close()
    store = PostgresStore(parse_postgres_address(f"{url}{other_ca_file}"), ManualClock())
    with pytest.raises(StoreUnavailableError, match="certificate"):
        await store.open()


@pytest.mark.asvs("V12.3.2")
@pytest.mark.parametrize(
    ("host", "query"),
    [
        pytest.param("127.0.0.1", "sslmode=verify-full&sslrootcert=OURS", id="certificate-for-another-name"),
        pytest.param("localhost", "sslmode=verify-full&sslrootcert=OTHER", id="another-authority"),
        pytest.param("localhost", "sslmode=verify-full", id="authority-unknown-to-the-system"),
    ],
)
async def test_a_server_that_cannot_be_verified_is_not_talked_to(server, ca_file, other_ca_file, host, query):
    query = query.replace("OURS", str(ca_file)).replace("OTHER", str(other_ca_file))
    with pytest.raises(DatabaseLostError, match="certificate"):
        async with opened(f"{server.replace('HOST', host)}?{query}"):
            pass


async def test_a_server_that_takes_only_tls_refuses_a_plain_connection(server):
    with pytest.raises(DatabaseLostError, match="PostgreSQL refused"):
        async with opened(server.replace("HOST", "localhost")):
            pass


@pytest.mark.parametrize("variable", ["PGSSLMODE", "PGSSLROOTCERT", "PGHOST"])
async def test_the_environment_loosens_nothing(server, other_ca_file, monkeypatch, ca_file, variable):
    values = {"PGSSLMODE": "disable", "PGSSLROOTCERT": str(ca_file), "PGHOST": "/nowhere"}
    monkeypatch.setenv(variable, values[variable])
    with pytest.raises(DatabaseLostError, match="certificate"):
        async with opened(f"{server.replace('HOST', 'localhost')}?sslmode=verify-full&sslrootcert={other_ca_file}"):
            pass


async def test_a_server_that_says_it_has_no_tls_gets_no_password():
    """Somebody on the way answers "N" to the question for TLS, and waits for the password to come in the clear."""
    heard = bytearray()
    is_over = asyncio.Event()

    async def answer(reader, writer):
        heard.extend(await reader.readexactly(8))
        writer.write(b"N")
        with contextlib.suppress(ConnectionError):
            heard.extend(await reader.read())
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        is_over.set()

    liar = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = liar.sockets[0].getsockname()[1]
    with pytest.raises(DatabaseLostError):
        async with opened(f"postgresql://user:hunter2@127.0.0.1:{port}/app?sslmode=verify-full"):
            pass
    await is_over.wait()
    liar.close()
    await liar.wait_closed()
    assert len(heard) == 8
