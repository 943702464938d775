import asyncio
import os
import sys
import threading

import pytest

from fastness.auth.errors import HashingBusyError
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
