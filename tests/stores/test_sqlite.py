"""What the SQLite store promises beyond the contract: a private file, an unblocked loop, a clear refusal."""

import asyncio
import os
import sqlite3
import stat
import threading

import pytest

import fastness.stores.sqlite
from fastness.db.private_file import is_busy
from fastness.kernel.clock import ManualClock
from fastness.stores.sqlite import SQLiteStore
from fastness.stores.store import StoreUnavailableError


@pytest.fixture
def path(tmp_path):
    return tmp_path / "var" / "store.sqlite3"


@pytest.fixture
async def store(path):
    store = SQLiteStore(path, ManualClock(), busy_timeout_seconds=0.1)
    await store.open()
    yield store
    await store.close()


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def lock(path):
    """Another process's long write transaction, for all that SQLite knows."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    return connection


async def refusal(path):
    store = SQLiteStore(path, ManualClock(), busy_timeout_seconds=0.1)
    with pytest.raises(StoreUnavailableError) as caught:
        await store.open()
    with pytest.raises(StoreUnavailableError):
        await store.get(b"key")
    return caught.value.detail


class TestFile:
    async def test_only_this_account_may_read_it(self, store, path):
        await store.put(b"key", b"value", expires_at=None)
        files = sorted(path.parent.iterdir())
        assert [file.name for file in files] == ["store.sqlite3", "store.sqlite3-shm", "store.sqlite3-wal"]
        assert [mode(file) for file in files] == [0o600] * 3
        assert mode(path.parent) == 0o700

    async def test_a_wide_umask_makes_no_difference(self, path):
        before = os.umask(0)
        try:
            store = SQLiteStore(path, ManualClock())
            await store.open()
        finally:
            os.umask(before)
        assert [mode(file) for file in path.parent.iterdir()] == [0o600] * 3
        assert mode(path.parent) == 0o700
        await store.close()

    async def test_what_others_may_do_with_an_existing_file_is_taken_away(self, store, path):
        path.chmod(0o666)
        again = SQLiteStore(path, ManualClock())
        await again.open()
        assert mode(path) == 0o600
        await again.close()

    async def test_an_existing_folder_keeps_its_mode(self, tmp_path):
        tmp_path.chmod(0o750)
        store = SQLiteStore(tmp_path / "store.sqlite3", ManualClock())
        await store.open()
        assert mode(tmp_path) == 0o750
        await store.close()

    async def test_records_and_epochs_are_there_after_a_restart(self, path):
        for expected in (1, 2):
            store = SQLiteStore(path, ManualClock())
            await store.open()
            assert await store.bump_epoch("anna") == expected
            assert await store.increment(b"n", expires_at=ManualClock().epoch() + 9) == expected
            await store.close()

    async def test_the_log_is_gone_after_the_last_close(self, path):
        store = SQLiteStore(path, ManualClock())
        await store.open()
        await store.put(b"key", b"value", expires_at=None)
        await store.close()
        assert [file.name for file in path.parent.iterdir()] == ["store.sqlite3"]


class TestRefusals:
    async def test_a_symbolic_link_in_place_of_the_file(self, tmp_path):
        target = tmp_path / "target"
        target.touch(mode=0o644)
        link = tmp_path / "store.sqlite3"
        link.symlink_to(target)
        assert "not a regular file" in await refusal(link)
        assert mode(target) == 0o644

    async def test_a_link_that_leads_nowhere(self, tmp_path):
        link = tmp_path / "store.sqlite3"
        link.symlink_to(tmp_path / "elsewhere")
        await refusal(link)
        assert not (tmp_path / "elsewhere").exists()

    async def test_a_folder_in_place_of_the_file(self, tmp_path):
        assert "not a regular file" in await refusal(tmp_path)

    async def test_a_folder_that_cannot_be_made(self, tmp_path):
        (tmp_path / "file").touch()
        await refusal(tmp_path / "file" / "store.sqlite3")

    async def test_a_file_that_is_no_database(self, tmp_path):
        path = tmp_path / "store.sqlite3"
        path.write_bytes(b"no database at all, and longer than the header of one: " * 50)
        await refusal(path)

    async def test_the_database_of_the_application(self, tmp_path):
        path = tmp_path / "app.sqlite3"
        connection = sqlite3.connect(path)
        connection.execute("CREATE TABLE cases (id)")
        connection.close()
        assert "another application" in await refusal(path)

    async def test_a_schema_from_the_future(self, path):
        store = SQLiteStore(path, ManualClock())
        await store.open()
        await store.close()
        connection = sqlite3.connect(path)
        connection.execute("UPDATE schema_version SET version = 2")
        connection.commit()
        connection.close()
        assert "has schema 2" in await refusal(path)

    async def test_a_damaged_file_is_found_out_by_the_read(self, store, path):
        for n in range(200):
            await store.put(b"key %d" % n, b"x" * 2_000, expires_at=None)
        checkpoint = sqlite3.connect(path)
        checkpoint.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        checkpoint.close()
        size = path.stat().st_size
        with path.open("r+b") as file:
            file.seek(4096)
            file.write(os.urandom(size - 4096))
        with pytest.raises(StoreUnavailableError):
            await asyncio.gather(*(store.get(b"key %d" % n) for n in range(200)))

    @pytest.mark.parametrize("is_replaced", [pytest.param(False, id="removed"), pytest.param(True, id="replaced")])
    async def test_nobody_is_signed_in_by_a_file_that_was_removed_or_replaced(
        self, store, path, is_replaced, monkeypatch
    ):
        await store.put(b"key", b"value", expires_at=None, owner="anna")
        monkeypatch.setattr(fastness.stores.sqlite, "_LOOK_SECONDS", 0)
        store._look()
        assert (await store.get(b"key")).value == b"value"
        for file in [*path.parent.iterdir()]:
            file.unlink()
        if is_replaced:
            other = SQLiteStore(path, ManualClock())
            await other.open()
            await other.close()
        for read in (store.get(b"key"), store.epoch("anna")):
            with pytest.raises(StoreUnavailableError, match="was replaced" if is_replaced else "is gone"):
                await read

    @pytest.mark.parametrize("is_replaced", [pytest.param(False, id="removed"), pytest.param(True, id="replaced")])
    async def test_a_file_that_was_removed_or_replaced_takes_no_more_writes(self, store, path, is_replaced):
        for file in path.parent.iterdir():
            file.unlink()
        if is_replaced:
            other = SQLiteStore(path, ManualClock())
            await other.open()
            await other.close()
        # Another worker would not see this revocation.
        with pytest.raises(StoreUnavailableError):
            await store.bump_epoch("anna")

    async def test_a_forked_child_is_refused_instead_of_waiting_for_ever(self, store, monkeypatch):
        monkeypatch.setattr(os, "getpid", lambda: 1)
        with pytest.raises(StoreUnavailableError):
            await store.put(b"key", b"", expires_at=None)

    async def test_a_read_on_another_thread(self, store):
        errors = []

        def read():
            try:
                asyncio.run(store.get(b"key"))
            except StoreUnavailableError as error:
                errors.append(error)

        thread = threading.Thread(target=read)
        thread.start()
        thread.join()
        assert len(errors) == 1


class TestLoop:
    async def test_reads_do_not_wait_for_a_writer(self, store, path):
        await store.put(b"key", b"value", expires_at=None)
        writer = lock(path)
        writer.execute("DELETE FROM entry")
        assert (await store.get(b"key")).value == b"value"
        assert await store.epoch("anna") == 0
        writer.close()

    async def test_a_write_that_waits_does_not_hold_up_the_loop(self, path):
        store = SQLiteStore(path, ManualClock())
        await store.open()
        await store.put(b"key", b"old", expires_at=None)
        writer = lock(path)
        write = asyncio.create_task(store.put(b"key", b"new", expires_at=None))
        for _ in range(5):
            await asyncio.sleep(0.01)
            assert (await store.get(b"key")).value == b"old"
        assert not write.done()
        writer.close()
        await write
        assert (await store.get(b"key")).value == b"new"
        await store.close()

    async def test_a_write_that_waits_for_too_long_is_refused_and_the_next_one_passes(self, store, path):
        writer = lock(path)
        with pytest.raises(StoreUnavailableError):
            await store.put(b"key", b"value", expires_at=None)
        assert await store.get(b"key") is None
        writer.close()
        await store.put(b"key", b"value", expires_at=None)

    async def test_record_and_epoch_are_read_by_one_statement(self, store):
        await store.put(b"key", b"value", expires_at=None, owner="anna")
        statements = []
        store._reader.set_trace_callback(statements.append)
        assert (await store.get(b"key")).owner_epoch == 0
        assert len(statements) == 1

    async def test_a_read_leaves_no_snapshot_open(self, store, path):
        await store.put(b"key", b"value", expires_at=None)
        await store.get(b"key")
        await store.get(b"unknown")
        await store.epoch("anna")
        other = sqlite3.connect(path, timeout=0)
        # The first column tells whether a reader was in the way.
        assert other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0
        other.close()

    async def test_the_connection_on_the_loop_cannot_write(self, store):
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            store._reader.execute("DELETE FROM entry")

    async def test_a_read_that_meets_a_lock_is_repeated_off_the_loop(self, store):
        await store.put(b"key", b"value", expires_at=None, owner="anna")
        await store.bump_epoch("anna")
        store._reader.close()
        store._reader = BusyConnection()
        assert (await store.get(b"key")).owner_epoch == 1
        assert await store.get(b"unknown") is None
        assert await store.epoch("anna") == 1

    async def test_closing_waits_for_writes_that_were_accepted(self, path):
        store = SQLiteStore(path, ManualClock())
        await store.open()
        writes = [asyncio.create_task(store.bump_epoch("anna")) for _ in range(20)]
        await asyncio.sleep(0)
        await store.close()
        assert sorted(await asyncio.gather(*writes)) == list(range(1, 21))
        assert not [thread for thread in threading.enumerate() if thread.name.startswith("fastness-store")]


class BusyConnection:
    """A connection that meets the lock of a process that repairs the log; SQLite offers no way to hold that one."""

    def execute(self, statement, parameters):
        error = sqlite3.OperationalError("database is locked")
        error.sqlite_errorcode = sqlite3.SQLITE_BUSY_RECOVERY
        raise error

    def close(self):
        pass


class TestDurability:
    """NORMAL (1) may lose the last writes when the power fails, FULL (2) may not."""

    async def test_revocations_go_through_the_connection_that_waits_for_the_disk(self, store, path):
        used = []

        def job(connection, now):
            used.append(connection.execute("PRAGMA synchronous").fetchone()[0])

        await store._write(job)
        await store._write(job, durable=True)
        await store._write(job)
        assert used == [1, 2, 1]

    @pytest.mark.parametrize(
        ("call", "is_durable"),
        [
            pytest.param(lambda store: store.put(b"k", b"", expires_at=None), False, id="put"),
            pytest.param(lambda store: store.put(b"k", b"", expires_at=None, durable=True), True, id="durable put"),
            pytest.param(lambda store: store.increment(b"n", expires_at=4e9), False, id="increment"),
            pytest.param(lambda store: store.delete(b"k"), True, id="delete"),
            pytest.param(lambda store: store.delete_owned("anna"), True, id="delete_owned"),
            pytest.param(lambda store: store.bump_epoch("anna"), True, id="bump_epoch"),
        ],
    )
    async def test_what_waits_for_the_disk(self, path, call, is_durable):
        store = RecordingStore(path, ManualClock())
        await store.open()
        await call(store)
        await store.close()
        assert store.modes == [is_durable]


class RecordingStore(SQLiteStore):
    """Notes which writes were asked to be durable."""

    def __init__(self, path, clock):
        super().__init__(path, clock)
        self.modes = []

    async def _write(self, job, *, durable=False):
        self.modes.append(durable)
        return await super()._write(job, durable=durable)


async def test_writes_that_wait_for_a_lock_wait_together_and_not_one_after_the_other(store, path):
    holder = lock(path)
    async with asyncio.timeout(20):  # of the forty seconds that they would take
        writes = (store.increment(b"n", expires_at=2e9) for _ in range(400))
        answers = await asyncio.gather(*writes, return_exceptions=True)
    assert {type(answer) for answer in answers} == {StoreUnavailableError}
    holder.execute("ROLLBACK")
    holder.close()
    assert await store.increment(b"n", expires_at=2e9) == 1


def test_the_busy_codes():
    plain, busy, full = sqlite3.Error(), sqlite3.Error(), sqlite3.Error()
    busy.sqlite_errorcode = sqlite3.SQLITE_BUSY_SNAPSHOT
    full.sqlite_errorcode = sqlite3.SQLITE_FULL
    assert [is_busy(error) for error in (plain, busy, full)] == [False, True, False]
