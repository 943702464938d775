"""Work beside the requests: whatever a job raises, it has its next turn, and the others go on."""

import asyncio

import pytest

from fastness.kernel.errors import UnavailableError
from fastness.kernel.jobs import Job, run_jobs


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(UnavailableError("away"), id="what-it-needs-is-away"),
        pytest.param(RuntimeError("a mistake"), id="nobody-knew-of-it"),
        pytest.param(asyncio.CancelledError(), id="what-it-waited-for-was-cancelled"),
    ],
)
async def test_a_job_that_failed_has_its_next_turn(caplog, error):
    errors = [error]
    stop = asyncio.Event()

    async def work():
        if errors:
            raise errors.pop()
        stop.set()

    await run_jobs([Job(name="work", seconds=0.01, run=work)], stop=stop)
    assert stop.is_set()
    assert "work" in caplog.text


async def test_jobs_end_when_they_are_cancelled():
    started = asyncio.Event()

    async def work():
        started.set()
        await asyncio.Event().wait()

    running = asyncio.create_task(run_jobs([Job(name="work", seconds=1, run=work)]))
    await started.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
