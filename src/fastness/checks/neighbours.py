"""What the process may do beyond answering: whom it asks, and whether anybody notices what it does besides.

Each of these takes a reason, which was right once. What is asked in the clear, or inside the network, is what an attacker looks
for who can make the app ask (SSRF); without tripwires, what follows a hole in the app leaves no trace of its own.

ASVS 5.0: V1.3.6 (server-side request forgery), V12.3.1 (encrypted connections), V13.2.4, V13.2.5 (allow-list), V15.2.5.
"""

from collections.abc import Iterator
from typing import Final

from fastness.checks.check import Deployment
from fastness.kernel.findings import Finding, Notice, Severity, Topic

ANY_SERVER: Final = Notice(
    id="FST-OUTBOUND-001",
    severity=Severity.LOW,
    title="The app asks servers that nobody listed",
    why="Whoever gives it an address has any server on the internet asked, from this one.",
    fix="List the servers in FASTNESS_OUTBOUND_HOSTS, if they are known.",
    topic=Topic.SSRF,
    asvs=("V1.3.6", "V13.2.4"),
)
PLAINTEXT_SERVERS: Final = Notice(
    id="FST-OUTBOUND-002",
    severity=Severity.MEDIUM,
    title="Other servers may be asked without TLS",
    why="Everybody on the way reads what is sent, and can answer in the server's place.",
    fix="Ask them over https, and leave FASTNESS_OUTBOUND_INSECURE_PLAINTEXT out.",
    topic=Topic.CRYPTOGRAPHY,
    asvs=("V12.3.1",),
)
NO_TRIPWIRES: Final = Notice(
    id="FST-TRIPWIRES-001",
    severity=Severity.MEDIUM,
    title="Nothing is noticed that a web application rarely does",
    why="Where an attack gets through, it evaluates text, starts a program, reads a file or calls home, and no event says so.",
    fix="Leave FASTNESS_TRIPWIRES_INSECURE_OFF out: the default reports and stops nothing.",
    topic=Topic.LOGGING,
    asvs=("V15.2.5", "V16.3.3"),
)

NOTICES: Final = (ANY_SERVER, PLAINTEXT_SERVERS, NO_TRIPWIRES)


def check_outbound(deployment: Deployment) -> Iterator[Finding]:
    """Whom the app may ask, and how."""
    rules = deployment.settings.outbound
    if rules.insecure_any_host is not None:
        detail = f"{ANY_SERVER.why} The reason given: {rules.insecure_any_host}"
        yield ANY_SERVER.found(where="FASTNESS_OUTBOUND_INSECURE_ANY_HOST", detail=detail)
    if rules.insecure_plaintext is not None:
        detail = f"{PLAINTEXT_SERVERS.why} The reason given: {rules.insecure_plaintext}"
        yield PLAINTEXT_SERVERS.found(where="FASTNESS_OUTBOUND_INSECURE_PLAINTEXT", detail=detail)


def check_tripwires(deployment: Deployment) -> Iterator[Finding]:
    """Whether the process is watched."""
    reason = deployment.settings.tripwires.insecure_off
    if reason is not None:
        detail = f"{NO_TRIPWIRES.why} The reason given: {reason}"
        yield NO_TRIPWIRES.found(where="FASTNESS_TRIPWIRES_INSECURE_OFF", detail=detail)
