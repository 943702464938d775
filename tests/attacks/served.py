"""What the server process loads: the target with the settings of its environment, a log in one file, and a meter.

The meter tells how long the event loop was held by this process itself. Each turn that took long is a line with the moment and
the seconds; time in which the machine ran somebody else is not counted, so that a busy machine fails no test. It runs where it is
asked for only: looking five hundred times a second takes a tenth of a core, and most targets wait most of the time.
"""

import asyncio
import os
import threading
import time
from pathlib import Path
from typing import Final, TextIO

from fastness import Settings
from fastness.kernel.wires import Wire, permitting
from fastness.web.exchange import Receive, Scope, Send
from tests.attacks.logs import write_log
from tests.attacks.target import METER, make_app

TURN_SECONDS: Final = 0.002
NOTED_SECONDS: Final = 0.005


def waited_seconds() -> float:
    """How long this thread was ready and another one had the processor, in all; 0 where the system does not tell."""
    try:
        # The meter's own file, not the target's: the tripwires of the target are left alone.
        with permitting(Wire.FILES), Path(f"/proc/self/task/{threading.get_native_id()}/schedstat").open("rb") as file:
            return int(file.read().split()[1]) / 1e9
    except OSError:
        return 0.0


async def measure(file: TextIO) -> None:
    file.write(f"{time.time()} 0.0\n")  # it runs
    while True:
        start, waited = time.monotonic(), waited_seconds()
        await asyncio.sleep(TURN_SECONDS)
        held = time.monotonic() - start - TURN_SECONDS - (waited_seconds() - waited)
        if held > NOTED_SECONDS:
            file.write(f"{time.time()} {held}\n")


class Metered:
    """The app, with the meter running in the loop that serves it."""

    def __init__(self) -> None:
        write_log()
        self.is_metered = METER in os.environ
        self.file = Path(f"held-{os.getpid()}.txt").open("w", buffering=1)  # noqa: SIM115 - open as long as the process
        self.app = make_app(Settings.load())
        self.meter: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.is_metered and self.meter is None:
            self.meter = asyncio.create_task(measure(self.file))
        await self.app(scope, receive, send)


app = Metered()
