"""The stores that come with Fastness keep the promises of the protocol."""

import pytest

from fastness.db.address import parse_postgres_address
from fastness.stores.memory import MemoryStore
from fastness.stores.postgres import PostgresStore
from fastness.stores.sqlite import SQLiteStore
from fastness.stores.store import Store
from fastness.testing.contracts.stores import StoreContract


class TestMemoryStore(StoreContract):
    def make_store(self, clock):
        return MemoryStore(clock)


class TestSQLiteStore(StoreContract):
    @pytest.fixture(autouse=True)
    def folder(self, tmp_path):
        self.path = tmp_path / "store.sqlite3"

    def make_store(self, clock):
        return SQLiteStore(self.path, clock)


class TestPostgresStore(StoreContract):
    @pytest.fixture(autouse=True)
    def database(self, postgres_url):
        self.address = parse_postgres_address(postgres_url)

    def make_store(self, clock):
        return PostgresStore(self.address, clock)


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(MemoryStore, id="memory"),
        pytest.param(SQLiteStore, id="sqlite"),
        pytest.param(PostgresStore, id="postgresql"),
    ],
)
def test_the_stores_have_the_methods_of_the_protocol(kind):
    assert issubclass(kind, Store)
