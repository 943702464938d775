"""What other visitors notice while twenty people sign in at once.

Twenty clients sign in over and over, each with an account of its own and the right password, while one client reads a
signed-in page and another a JSON route, each with a pause of 10 ms between an answer and the next request. Latency is counted
from the opening of a connection to the last byte of the answer, in wall time, by a process that does nothing else: more than
half of the median was the reader's own when it ran beside the twenty in one loop. Everything ends after a fixed time.

Where the contender has them, the twenty have second factors, as people with rights must: a passkey is offered, a code of their
app or a recovery code is typed, and for each recovery code a mail is queued. Then a sign-in is both steps.
"""

import asyncio
import os
import statistics
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context

from bench import data, work
from bench.client import ADDRESS, Answer, Browser, fetch
from bench.factors import PAGE, Factors
from bench.servers import Server
from bench.work import CheckError

CLIENTS = 20
PAUSE_SECONDS = 0.01
TIMEOUT_SECONDS = 60.0


@dataclass(slots=True)
class Latencies:
    """Seconds each, in the order of arrival."""

    seconds: list[float] = field(default_factory=list)

    def percentile(self, percent: int) -> float:
        """The latency that so many percent of the requests did not exceed, in milliseconds."""
        ranked = sorted(self.seconds)
        return ranked[min(len(ranked) - 1, len(ranked) * percent // 100)] * 1000

    @property
    def median(self) -> float:
        """The median, in milliseconds."""
        return statistics.median(self.seconds) * 1000


@dataclass(slots=True)
class Rush:
    """What one contender came to."""

    page: Latencies = field(default_factory=Latencies)
    json: Latencies = field(default_factory=Latencies)
    sign_in: Latencies = field(default_factory=Latencies)
    alone: Latencies = field(default_factory=Latencies)
    """Of the same page, read in the same way before anybody signs in: what the machine and the connection take."""
    seconds: float = 0.0
    memory_mib: float = 0.0

    @property
    def per_second(self) -> float:
        """Finished sign-ins per second."""
        return len(self.sign_in.seconds) / self.seconds


def run(server: Server, *, seconds: float, factors: Factors) -> Rush:
    """Let them sign in for so long; `factors` are those of the contender's application."""
    reader = Browser(port=server.port, login_path=server.contender.login_path)
    work.sign_in(reader, data.ACCOUNTS[0])
    page, json = reader.encode("GET", work.PAGE), Browser(port=server.port).encode("GET", work.JSON, is_json=True)
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as readers, ThreadPoolExecutor(1) as behind:

        def read(seconds: float) -> tuple[Future[list[float]], Future[list[float]]]:
            return readers.submit(_read, server.port, page, seconds), readers.submit(_read, server.port, json, seconds)

        alone = [each.result() for each in read(seconds / 4)]
        crowd = behind.submit(_let_sign_in, server, seconds, factors)
        during = [each.result() for each in read(seconds)]
        rush = crowd.result()
    rush.page, rush.json, rush.alone = Latencies(during[0]), Latencies(during[1]), Latencies(alone[0])
    rush.memory_mib = server.memory_mib()
    return rush


def _read(port: int, request: bytes, seconds: float) -> list[float]:
    """The seconds that each answer took; in a process of its own, which does nothing else and so is never late itself."""
    taken: list[float] = []
    deadline = time.perf_counter() + seconds
    while (started := time.perf_counter()) < deadline:
        answer = fetch(port, request)
        taken.append(time.perf_counter() - started)
        if answer[9:12] != b"200":
            raise CheckError(f"a reader was answered with {answer[:200]!r}")
        time.sleep(PAUSE_SECONDS)
    return taken


def _let_sign_in(server: Server, seconds: float, factors: Factors) -> Rush:
    # On Linux a nice value belongs to a thread: the readers' clocks do not wait for this one's Python.
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)
    return asyncio.run(_crowd(server, seconds, factors))


async def _crowd(server: Server, seconds: float, factors: Factors) -> Rush:
    rush = Rush()
    started = time.perf_counter()
    await asyncio.gather(
        *(
            _repeat(started + seconds, partial(_sign_in, server, account, rush.sign_in, factors))
            for account in data.ACCOUNTS[1 : CLIENTS + 1]
        )
    )
    rush.seconds = time.perf_counter() - started
    return rush


async def _repeat(deadline: float, once: Callable[[], Awaitable[None]]) -> None:
    while time.perf_counter() < deadline:
        await once()


async def _sign_in(server: Server, account: data.Account, latencies: Latencies, factors: Factors) -> None:
    browser = Browser(port=server.port, login_path=server.contender.login_path)
    answer, _ = await _exchange(server.port, browser.encode("GET", browser.login_path))
    browser.remember(answer)
    fields = {**work.hidden_fields(answer), "username": account.username, "password": account.password}
    answer, seconds = await _exchange(server.port, browser.encode("POST", browser.login_path, fields=fields))
    if answer.status not in (302, 303):
        raise CheckError(f"a sign-in was answered with {answer.status}: {answer.body[:200]}")
    if answer.header("location").endswith(PAGE):
        browser.remember(answer)
        answer, _ = await _exchange(server.port, browser.encode("GET", PAGE))
        browser.remember(answer)
        path, code = factors.answer(account.username)
        fields = {**work.hidden_fields(answer), **code}
        answer, further = await _exchange(server.port, browser.encode("POST", path, fields=fields))
        if answer.status not in (302, 303):
            raise CheckError(f"a second factor was answered with {answer.status}: {answer.body[:200]}")
        seconds += further
    latencies.seconds.append(seconds)


async def _exchange(port: int, request: bytes) -> tuple[Answer, float]:
    """One request on a connection of its own, the same for servers that keep connections and for those that do not."""
    async with asyncio.timeout(TIMEOUT_SECONDS):
        started = time.perf_counter()
        stream, sink = await asyncio.open_connection(ADDRESS, port)
        try:
            sink.write(request)
            head = (await stream.readuntil(b"\r\n\r\n")).decode("latin-1")
            status, *lines = head.rstrip("\r\n").split("\r\n")
            headers = tuple((name.strip(), value.strip()) for name, _, value in (line.partition(":") for line in lines))
            length = next((int(value) for name, value in headers if name.lower() == "content-length"), None)
            body = await (stream.read() if length is None else stream.readexactly(length))
            seconds = time.perf_counter() - started
        finally:
            sink.close()
    return Answer(int(status.split()[1]), headers, body.decode()), seconds
