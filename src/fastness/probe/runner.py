"""Runs a scan: proof first, then a look round, then check after check, each told as it goes.

Without the proof that the target holds the same key nothing is sent but the question. What the budget cut short, what nobody
answered and whoever could not be signed in are told as unchecked: a scan that could not look has found nothing out.
"""

import ssl
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, Protocol

from fastness.kernel.because import Because
from fastness.kernel.findings import Finding
from fastness.kernel.ownership import PROOF_HEADER, PROOF_PATH, ask, is_answered
from fastness.kernel.report import Report, Unchecked, make_report
from fastness.probe.catalogue import CHECKS, KNOWN_IDS
from fastness.probe.check import ProbeCheck
from fastness.probe.client import BudgetSpentError, Client
from fastness.probe.scan import Scan
from fastness.probe.statuses import ask_for_each_status
from fastness.probe.target import ProbeRefusedError, Target
from fastness.probe.tls import UNTRUSTED, try_certificate
from fastness.probe.wire import NoAnswerError, Wire, request_bytes, tls_context

TOOL: Final = "probe"
_LOOK_ROUND: Final = "look round"


class Watcher(Protocol):
    """Whoever is told how it goes."""

    def begin(self, name: str, number: int, count: int) -> None:
        """A check begins: its name, its number from 1, and how many there are."""
        ...

    def requested(self) -> None:
        """A request was sent."""
        ...

    def found(self, finding: Finding) -> None:
        """Something was found."""
        ...


class Nobody:
    """A watcher that looks away."""

    def begin(self, name: str, number: int, count: int) -> None:
        """Nothing."""

    def requested(self) -> None:
        """Nothing."""

    def found(self, finding: Finding) -> None:
        """Nothing."""


async def run_probe(
    target: Target,
    *,
    accepted: Mapping[str, Because] | None = None,
    watcher: Watcher | None = None,
    checks: Iterable[tuple[str, ProbeCheck]] = CHECKS,
) -> Report:
    """Scan the target; raises `ProbeRefusedError` where it does not show that it holds the key.

    Args:
        target: what to scan, and how much may be asked of it.
        accepted: the findings of the probe that the team lives with.
        watcher: told how it goes.
        checks: without it all of them.
    """
    told = watcher or Nobody()
    context = tls_context() if target.address.is_tls else None
    if context is not None and (why := await find_distrust(target, context)) is not None:
        finding = UNTRUSTED.found(where=f"{target.address.authority}: {why}")
        told.found(finding)
        rest = Unchecked(
            what=target.address.origin, why="Nothing is sent to a server whose certificate is not believed."
        )
        return make_report(TOOL, [finding], accepted or {}, KNOWN_IDS, [rest])
    wire = Wire(address=target.address, timeout_seconds=target.limits.timeout_seconds, tls=context)
    await require_proof(target, wire)
    scan = Scan(target, Client(target, wire, on_request=told.requested))
    findings, unchecked = await run_checks(scan, tuple(checks), told)
    return make_report(TOOL, findings, accepted or {}, KNOWN_IDS, [*unchecked, *left_out(scan)])


async def find_distrust(target: Target, context: ssl.SSLContext) -> str | None:
    """Why the certificate is not believed, if so."""
    try:
        return await try_certificate(target, context)
    except OSError as error:  # TimeoutError among them
        raise ProbeRefusedError(f"There is no connection to {target.address.origin}: {error!r}.") from None


async def require_proof(target: Target, wire: Wire) -> None:
    """Have the target show that it holds this app's key."""
    address = target.address
    question = ask(target.keyring, address.authority, now=time.time())
    headers = (("Host", address.authority), (PROOF_HEADER.decode(), question), ("Connection", "close"))
    try:
        answer = (await wire.exchange(request_bytes(f"GET {address.base}{PROOF_PATH}", headers)))[0]
    except NoAnswerError as error:
        raise ProbeRefusedError(f"{address.origin} does not answer: {error}.") from None
    if answer.status != 200 or not is_answered(target.keyring, question, answer.body):
        raise ProbeRefusedError(
            f"This target is not yours: {address.origin} does not hold this app's key; it answered {answer.status}. "
            "Run the probe with the FASTNESS_SECRET_KEY of the deployment, "
            "give the address as its visitors have it, and let the clocks agree."
        )


async def run_checks(
    scan: Scan, checks: tuple[tuple[str, ProbeCheck], ...], told: Watcher
) -> tuple[list[Finding], list[Unchecked]]:
    """All that was found, and what was not looked at."""
    findings: list[Finding] = []
    unchecked: list[Unchecked] = []
    count = len(checks) + 1
    told.begin(_LOOK_ROUND, 1, count)
    try:
        await scan.look_round()
        await ask_for_each_status(scan)
    except BudgetSpentError as error:
        unchecked.append(cut_short(_LOOK_ROUND, error))
    for number, (name, check) in enumerate(checks, 2):
        told.begin(name, number, count)
        try:
            async for finding in check(scan):
                findings.append(finding)
                told.found(finding)
        except BudgetSpentError as error:
            unchecked.append(cut_short(name, error))
        except OSError as error:
            unchecked.append(Unchecked(what=name, why=f"The connection failed: {error!r}."))
    return findings, unchecked


def cut_short(name: str, error: BudgetSpentError) -> Unchecked:
    """What the budget did not reach."""
    return Unchecked(what=name, why=f"The budget of {error} was spent; raise --max-requests, or give fewer accounts.")


def left_out(scan: Scan) -> Iterator[Unchecked]:
    """What could not be looked at."""
    yield from scan.left_out
    silent = scan.client.unanswered
    if silent:
        yield Unchecked(what=f"{len(silent)} requests", why=f"Nobody answered them; the first was {silent[0]}.")
