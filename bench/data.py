"""What every application of the benchmark shows and accepts: accounts, rows, paths, the message.

Standard library only: each application imports this file inside its own venv. The rows are what a hostile visitor would
type, so that the cost of escaping is in every figure and a missing escape fails the check before anything is measured.
"""

import os
from dataclasses import dataclass
from pathlib import Path

HOST_NAME = "bench.test"
"""The only host name the applications answer to; the client sends it, whatever address it connects to."""

MESSAGE = {"message": "Hello, world"}
TITLE = "Notes & queries"
DISPLAY_NAME = "Ada <Office>"
SECRET_KEY = "kZ3v8Qm1nR6tY0wB5xH2dL9gJ4sF7aPcUeViOqTrWyXu"
"""A fixed key for processes that live for a minute on the loopback interface; it protects nothing."""

ROW_COUNT = 20
ACCOUNT_COUNT = 21
"""Twenty that sign in at once, and the first, who is already signed in and reads the page meanwhile."""

ARGON2_MEMORY_KIB = 47104
ARGON2_TIME_COST = 2
ARGON2_PARALLELISM = 1

_HOSTILE = (
    '<script>alert(1)</script> met me at the door & asked for "sugar"',
    "<img src=x onerror='alert(document.domain)'> is how the letter began",
    "\"><svg onload=alert(1)>; the rest of the page is about Tom & Jerry's cheese",
    "It's 5 < 6 && 7 > 6, which nobody at the meeting wanted to hear again",
    "A plain sentence with nothing to escape, because most text is like that.",
)


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the page."""

    id: int
    author: str
    text: str


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who can sign in."""

    username: str
    password: str
    display_name: str


ROWS = tuple(
    Row(id=number, author=f"O'Brien & Sons <{number}>", text=f"{_HOSTILE[number % len(_HOSTILE)]} ({number})")
    for number in range(1, ROW_COUNT + 1)
)

ACCOUNTS = tuple(
    Account(
        username=f"reader{number:02d}",
        password=f"correct-horse-battery-{number:02d}",
        display_name=DISPLAY_NAME if number == 0 else f"Reader {number}",
    )
    for number in range(ACCOUNT_COUNT)
)


def run_folder() -> Path:
    """The folder in which this contender's process keeps its database, from the environment."""
    return Path(os.environ["BENCH_FOLDER"])


def is_bare() -> bool:
    """Whether to serve nothing but the JSON message, with no security at all: the floor of each framework."""
    return os.environ.get("BENCH_MODE") == "bare"
