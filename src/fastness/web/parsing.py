"""Where large documents are parsed: on one thread beside the event loop, one after the other.

A JSON document of half a megabyte can be made so that it takes 60 ms to parse (a hundred thousand empty objects), and everybody
else would wait for that long. Beside the loop it competes for the interpreter instead, which gives the loop its turn every few
milliseconds. One thread and not many, because each further one takes such a turn, too. A short document is parsed where it is:
changing threads costs more than reading it. ASVS 5.0 V15.2.2.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

ResultT = TypeVar("ResultT")

INLINE_BYTES: Final = 32_768
"""Up to here the worst document takes 4 ms."""


class ParsingLane:
    """Runs work on hostile text; what is long waits its turn on the thread."""

    __slots__ = ("_thread",)

    def __init__(self) -> None:
        # The thread is started by the first work it gets, and ends with the lane.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="fastness-parsing")

    async def run(self, byte_count: int, work: Callable[[], ResultT]) -> ResultT:
        """The result of `work`, which reads `byte_count` bytes and touches nothing else."""
        if byte_count <= INLINE_BYTES:
            return work()
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)
