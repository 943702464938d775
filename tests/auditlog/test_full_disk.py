"""No room on the disk, as the kernel says it, in a process of its own."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest

from fastness.auditlog.opening import make_ledger
from fastness.auditlog.verifying import verify
from tests.auditlog.pages import every_row

HERE = Path(__file__).parent
EVENTS = 30


@pytest.mark.parametrize(
    ("what", "told"),
    [
        pytest.param("table", {"refused": 0, "is_broken": False, "spooled": True}, id="the-spool-has-room"),
        pytest.param("everything", {"refused": EVENTS, "is_broken": True, "spooled": False}, id="nothing-has-room"),
    ],
)
async def test_events_wait_for_room_and_none_is_acknowledged_without(tmp_path, keyring, clock, what, told):
    url = f"sqlite:///{tmp_path}/audit.sqlite3"
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, str(HERE / "full.py"), url, what],
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {**told, "is_broken_after": False}
    ledger = make_ledger(url, keyring, clock)
    await ledger.open()
    found = await verify(ledger, keyring)
    reasons = [json.loads(row.body)["reason"] for row in await every_row(ledger)]
    await ledger.close()
    assert found.problems == []
    assert sorted(reasons) == sorted([*map(str, range(EVENTS)), "last"])
