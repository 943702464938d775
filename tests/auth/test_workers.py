import asyncio
import ctypes
import os
import platform
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from fastness.auth.errors import HashingBusyError
from fastness.auth.slices import HASHING_NANOSECONDS, LOOP_NANOSECONDS, SERVER_NANOSECONDS, ask_for_slices
from fastness.auth.workers import HashingPool, count_cores
from fastness.kernel.errors import ConfigError


async def test_a_job_runs_on_another_thread_and_returns(pool):
    assert await pool.run(lambda a, *, b: (a, b, threading.current_thread().name), 1, b=2) == (1, 2, "fastness-hash_0")


async def test_an_exception_comes_back(pool):
    with pytest.raises(ZeroDivisionError):
        await pool.run(lambda: 1 / 0)
    assert await pool.run(int) == 0


async def test_on_linux_the_threads_give_way_and_the_loop_does_not(pool):
    before = os.getpriority(os.PRIO_PROCESS, 0)
    nice = await pool.run(lambda: os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
    assert nice == (15 if sys.platform == "linux" else before)
    assert os.getpriority(os.PRIO_PROCESS, 0) == before


# Of sched_getattr(2).
TELLING_CALLS = {"x86_64": 315, "aarch64": 275}
TELLS_SLICES = sys.platform == "linux" and platform.machine() in TELLING_CALLS
GRANTS_SLICES = TELLS_SLICES and tuple(map(int, platform.release().split(".")[:2])) >= (6, 12)


def slices_of(thread: int) -> int:
    """In nanoseconds, as the system tells; 0 where nothing is granted."""
    if not TELLS_SLICES:
        assert not ask_for_slices(thread, LOOP_NANOSECONDS)
        return 0
    told = (ctypes.c_uint64 * 6)()
    assert ctypes.CDLL(None).syscall(TELLING_CALLS[platform.machine()], thread, told, ctypes.sizeof(told), 0) == 0
    return told[3]


async def test_the_loop_has_the_shortest_slices_the_server_longer_ones_and_the_pool_the_longest(pool):
    with ThreadPoolExecutor(1) as server:
        other = server.submit(threading.get_native_id).result()
        hashing = await pool.run(lambda: slices_of(threading.get_native_id()))
        told = [slices_of(threading.get_native_id()), slices_of(other), hashing]
    assert told == ([LOOP_NANOSECONDS, SERVER_NANOSECONDS, HASHING_NANOSECONDS] if GRANTS_SLICES else [0, 0, 0])


def test_nothing_is_asked_for_a_thread_that_is_scheduled_otherwise_or_gone():
    def ask_when_idle():
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
        return ask_for_slices(threading.get_native_id(), LOOP_NANOSECONDS)

    with ThreadPoolExecutor(1) as other:
        if sys.platform == "linux":
            assert not other.submit(ask_when_idle).result()
    assert not ask_for_slices(2**22 + 1, LOOP_NANOSECONDS)


async def test_a_pool_hashes_where_a_sandbox_shows_and_grants_nothing(pool, monkeypatch):
    def refuse(*_arguments):
        raise PermissionError(1, "Operation not permitted")

    for name in ("listdir", "scandir", "setpriority", "sched_getscheduler"):
        monkeypatch.setattr(os, name, refuse)
    assert await pool.run(int) == 0


def test_a_python_without_ctypes_hashes_too():
    script = """
import asyncio, sys
sys.modules["ctypes"] = None
from fastness.auth.workers import HashingPool
print(asyncio.run(HashingPool(workers=1).run(int)))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "0\n"


async def test_jobs_that_no_thread_takes_leave_room_for_others(monkeypatch):
    pool = HashingPool(workers=1, max_waiting_per_worker=1)

    def refuse(_thread):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        for _ in range(4):
            with pytest.raises(HashingBusyError, match="no thread"):
                await pool.run(int)
    assert await pool.run(int) == 0
    await pool.close()


def test_there_are_as_many_workers_as_cores():
    assert HashingPool().workers == count_cores()
    assert 1 <= count_cores() <= (os.cpu_count() or 1)


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({"workers": 0}, id="no-workers"),
        pytest.param({"workers": 257}, id="absurd-workers"),
        pytest.param({"max_waiting_per_worker": 0}, id="no-queue"),
    ],
)
def test_rules_refuse_what_cannot_be_right(settings):
    with pytest.raises(ConfigError):
        HashingPool(**settings)


async def test_a_full_queue_refuses_at_once_and_recovers():
    pool = HashingPool(workers=1, max_waiting_per_worker=2)
    gate = threading.Event()
    jobs = [asyncio.create_task(pool.run(gate.wait)) for _ in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(HashingBusyError):
        await pool.run(int)
    gate.set()
    assert await asyncio.gather(*jobs) == [True] * 3
    assert await pool.run(int) == 0
    await pool.close()


async def test_a_request_that_gives_up_frees_its_place_in_the_queue_but_not_the_thread():
    pool = HashingPool(workers=1, max_waiting_per_worker=1)
    gate, started, ran = threading.Event(), threading.Event(), []

    def block():
        started.set()
        gate.wait()

    running = asyncio.create_task(pool.run(block))
    await asyncio.to_thread(started.wait)
    waiting = asyncio.create_task(pool.run(ran.append, 1))
    await asyncio.sleep(0)
    with pytest.raises(HashingBusyError):
        await pool.run(int)
    waiting.cancel()
    running.cancel()
    await asyncio.gather(waiting, running, return_exceptions=True)
    next_one = asyncio.create_task(pool.run(ran.append, 2))
    await asyncio.sleep(0)
    with pytest.raises(HashingBusyError):
        await pool.run(int)
    gate.set()
    await next_one
    assert ran == [2]
    await pool.close()
