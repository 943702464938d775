"""CPU time per request, contender by contender, round by round.

All contenders of a group run at the same time, each in its own process; in each round each is driven once, one after the
other (A B C A B C …), so that a change of the machine's mood meets all of them. A ratio is taken within a round, against the
hand-written application on the same server, and the median of those ratios is reported.
"""

import statistics
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field

from bench import client, cpu, servers
from bench.contenders import Contender
from bench.servers import Server
from bench.work import CheckError, Work

WARM_UP_SECONDS = 0.5


@dataclass(slots=True)
class Entry:
    """One contender at one piece of work, with its figure of each round in microseconds."""

    contender: Contender
    work: Work
    micros: list[float] = field(default_factory=list)
    request_count: int = 0

    @property
    def median(self) -> float:
        """The median over the rounds."""
        return statistics.median(self.micros)


@dataclass(frozen=True, slots=True)
class Ratio:
    """How many times the other's figure: median, smallest and largest over the rounds."""

    median: float
    smallest: float
    largest: float


def ratio(entry: Entry, reference: Entry) -> Ratio:
    """Compare two entries that were measured in the same rounds."""
    each = [one / other for one, other in zip(entry.micros, reference.micros, strict=True)]
    return Ratio(statistics.median(each), min(each), max(each))


def measure_group(
    contenders: Iterable[Contender], works: Iterable[Work], *, rounds: int, seconds: float, say: Callable[[str], None]
) -> list[Entry]:
    """Start the group's servers, check each contender at each piece of work, and measure them in turn."""
    chosen = list(contenders)
    with ExitStack() as stack:
        started: list[tuple[Entry, Server]] = []
        running: dict[str, list[Server]] = {}
        for work in works:
            if work.mode not in running:
                able = [each for each in chosen if work.mode != "bare" or each.has_bare]
                running[work.mode] = stack.enter_context(servers.running(able, mode=work.mode))
            started += [(Entry(server.contender, work), server) for server in running[work.mode]]
        requests = [_prepare(entry, server) for entry, server in started]
        for number in range(rounds + 1):
            say(f"  round {number} of {rounds}" if number else "  warm-up")
            for (entry, server), request in zip(started, requests, strict=True):
                _measure_once(entry, server, request, seconds=seconds if number else WARM_UP_SECONDS, keeps=number > 0)
        return [entry for entry, _ in started]


def _prepare(entry: Entry, server: Server) -> bytes:
    browser = client.Browser(port=server.port, login_path=entry.contender.login_path)
    try:
        return entry.work.prepare(browser)
    except (CheckError, OSError) as error:
        raise CheckError(
            f"{entry.contender.name} at {entry.work.name}: {error}\n{server.log.read_text(errors='replace')[-3000:]}"
        ) from error


def _measure_once(entry: Entry, server: Server, request: bytes, *, seconds: float, keeps: bool) -> None:
    work = entry.work
    before = server.cpu_seconds()
    load = client.drive(
        server.port, request, status=work.status, connections=work.connections, count=work.count, seconds=seconds
    )
    spent = server.cpu_seconds() - before
    if keeps:
        entry.micros.append(spent / load.count * 1e6)
        entry.request_count += load.count


def pin_load() -> None:
    """Keep the load generator off the servers' core."""
    cpu.pin(0, cpu.cores()[1])
