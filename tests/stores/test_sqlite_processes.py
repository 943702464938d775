"""Several processes on one file: nothing is lost, nobody is told that the database is locked."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from fastness.kernel.clock import SystemClock
from fastness.stores.sqlite import SQLiteStore

WORKER = Path(__file__).with_name("worker.py")
ROUNDS = 200


@pytest.fixture
def path(tmp_path):
    return tmp_path / "store.sqlite3"


def start(path, work, rounds):
    command = [sys.executable, str(WORKER), str(path), work, str(rounds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(*processes):
    results = []
    for process in processes:
        output, errors = process.communicate(timeout=100)
        assert process.returncode == 0, errors
        results.append(json.loads(output))
    return results


async def test_two_processes_lose_no_increment_and_no_compare_and_set(path):
    one, two = finish(start(path, "count", ROUNDS), start(path, "count", ROUNDS))
    assert sorted(one["sums"] + two["sums"]) == list(range(1, 2 * ROUNDS + 1))
    store = SQLiteStore(path, SystemClock())
    await store.open()
    record, counter = await store.get(b"record"), await store.get(b"counter")
    await store.close()
    assert (record.value, counter.value) == (b"400", b"400")


async def test_processes_that_start_at_the_same_time_make_the_file_once(path):
    finish(*(start(path, "open", 10) for _ in range(4)))
    store = SQLiteStore(path, SystemClock())
    await store.open()
    assert await store.epoch("anna") == 40
    await store.close()


async def test_a_process_that_dies_leaves_its_finished_writes_and_no_lock(path):
    store = SQLiteStore(path, SystemClock())
    await store.open()
    process = start(path, "die", 20)
    process.communicate(timeout=100)
    assert process.returncode == 9
    assert (await store.get(b"counter")).value == b"20"
    assert await store.increment(b"counter", expires_at=SystemClock().epoch() + 1000) == 21
    await store.close()


async def test_a_write_of_another_process_is_seen_by_the_next_read(path):
    store = SQLiteStore(path, SystemClock())
    await store.open()
    assert await store.epoch("anna") == 0
    finish(start(path, "open", 1))
    assert await store.epoch("anna") == 1
    await store.close()
