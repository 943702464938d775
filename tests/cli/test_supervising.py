"""What keeps the worker running, and ends with the server however that ends."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

CHILD = "import os, sys, time; open(sys.argv[1], 'a').write(f'{os.getpid()}\\n'); time.sleep(1000)"
SUPERVISOR = """
import os, signal, sys
from fastness.cli.supervising import Supervisor
supervisor = Supervisor([sys.executable, "-c", sys.argv[1], sys.argv[2]], parent=os.getppid(), first_pause_seconds=0.01)
signal.signal(signal.SIGTERM, supervisor.stop)
supervisor.run()
"""
PARENT = """
import subprocess, sys, time
subprocess.Popen([sys.executable, "-c", *sys.argv[1:]])
time.sleep(1000)
"""


@pytest.fixture
def file(tmp_path):
    return tmp_path / "pids"


def pids(file):
    return [int(line) for line in file.read_text().split()] if file.exists() else []


def wait_until(condition):
    while not condition():  # the test's own time limit ends a wait in vain
        time.sleep(0.02)


def is_running(pid):
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


def test_it_is_started_again_and_ends_with_its_supervisor(file):
    supervisor = subprocess.Popen([sys.executable, "-c", SUPERVISOR, CHILD, str(file)])
    wait_until(lambda: len(pids(file)) == 1)
    os.kill(pids(file)[0], signal.SIGKILL)
    wait_until(lambda: len(pids(file)) == 2)
    supervisor.terminate()
    assert supervisor.wait() == 0
    assert not is_running(pids(file)[1])


def test_what_cannot_be_started_is_tried_again(tmp_path, file):
    """As where the machine has no process or no memory to give at the moment."""
    program = tmp_path / "program"
    lines = subprocess.Popen(
        [sys.executable, "-c", SUPERVISOR.replace("sys.executable", "sys.argv[3]"), CHILD, str(file), str(program)],
        stderr=subprocess.PIPE,
    )
    assert b"could not be started" in lines.stderr.readline()
    program.symlink_to(sys.executable)
    wait_until(lambda: len(pids(file)) == 1)
    lines.terminate()
    assert lines.wait() == 0
    lines.stderr.close()
    assert not is_running(pids(file)[0])


def test_it_ends_when_the_parent_was_killed(file):
    parent = subprocess.Popen([sys.executable, "-c", PARENT, SUPERVISOR, CHILD, str(file)])
    wait_until(lambda: len(pids(file)) == 1)
    parent.kill()
    parent.wait()
    wait_until(lambda: not is_running(pids(file)[0]))
