"""Real processes: two that write into one chain, and such that are killed in the middle of it."""

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

from fastness.auditlog.opening import make_ledger
from fastness.auditlog.verifying import verify
from tests.auditlog.pages import every_row

HERE = Path(__file__).parent
ROUNDS = 25
WRITERS = 2
SEED = 20_261_122


def start(url, name, count, width, *, folder):
    process = subprocess.Popen(
        [sys.executable, str(HERE / "writer.py"), url, name, str(count), str(width)],
        cwd=folder,  # where its spool lies: nobody else's events wait there
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "ready\n"
    return process


def go(process):
    process.stdin.write("\n")
    process.stdin.flush()


def finish(process):
    rest = process.stdout.read().splitlines()
    process.wait()
    process.stdin.close()
    process.stdout.close()
    return rest


async def look(url, keyring, clock):
    ledger = make_ledger(url, keyring, clock)
    await ledger.open()
    try:
        found = await verify(ledger, keyring)
        return found, [json.loads(row.body)["reason"] for row in await every_row(ledger)]
    finally:
        await ledger.close()


async def test_two_processes_write_one_chain(audit_url, keyring, clock, tmp_path):
    writers = [start(audit_url, name, 60, 3, folder=tmp_path) for name in ("a", "b")]
    for writer in writers:
        go(writer)
    told = [line for writer in writers for line in finish(writer)]
    assert sorted(told) == sorted(f"{name}-{number}" for name in ("a", "b") for number in range(60))
    found, reasons = await look(audit_url, keyring, clock)
    assert found.problems == []
    assert sorted(reasons) == sorted(told)


@pytest.mark.timeout(300)
async def test_a_process_killed_at_any_moment_loses_nothing_that_was_acknowledged(
    tmp_path, keyring, clock, record_property
):
    """Fifty kills. A failure names the seed; with it the kills come after the same acknowledgements again."""
    url = f"sqlite:///{tmp_path}/audit.sqlite3"
    chance = random.Random(SEED)
    record_property("seed", SEED)
    told: list[str] = []
    for one in range(ROUNDS):
        writers = [
            start(url, f"{one}-{number}", 10_000, chance.choice((1, 4)), folder=tmp_path) for number in range(WRITERS)
        ]
        for writer in writers:
            go(writer)
        for writer in writers:
            told += [writer.stdout.readline().strip() for _ in range(chance.randrange(8))]
            writer.kill()
        for writer in writers:
            # What was printed before the end was acknowledged, too; a line that broke off was not.
            lines = finish(writer)
            told += [line for line in lines if line.count("-") == 2 and line != lines[-1]]
    found, reasons = await look(url, keyring, clock)
    assert found.problems == [], f"seed {SEED}"
    assert set(told) - set(reasons) == set(), f"seed {SEED}"
    assert len(reasons) == len(set(reasons))
