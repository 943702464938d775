"""Is this the profile and are these the keys of a deployment?

The mistake is a machine that serves the world with what was meant for one person's desk: the debug page, a cookie that
travels over http, a key that lies in a file anybody on the machine can read.

ASVS 5.0: V13.4.2 (no debug mode in production), V13.3.2 (least access to secrets), V13.3.4 (secrets rotate).
"""

from collections.abc import Iterator
from ipaddress import ip_address
from typing import Final

from fastness.checks.check import OTHERS, Deployment, has_mode
from fastness.kernel.findings import Finding, Notice, Severity, Topic
from fastness.kernel.hosts import parse_host
from fastness.settings.sources import ENV_FILE

DEVELOPMENT_PROFILE: Final = Notice(
    id="FST-SETTINGS-002",
    severity=Severity.HIGH,
    title="These are the settings of development",
    why="The development profile sends the session cookie over http, sends no HSTS and shows tracebacks to this machine, "
    "which behind a proxy on the same machine is everybody.",
    fix="Set FASTNESS_PROFILE=production where the app is deployed. To look at a deployment from here: "
    "FASTNESS_PROFILE=production FASTNESS_HOSTS=www.example.com fastness check.",
    topic=Topic.MISCONFIGURATION,
    asvs=("V13.4.2",),
)
DEVELOPMENT_FOR_OTHERS: Final = Notice(
    id="FST-SETTINGS-003",
    severity=Severity.CRITICAL,
    title="The development profile answers to the name of another machine",
    why="Names other than localhost are listed, so this looks like a deployment that shows its debug page.",
    fix="Set FASTNESS_PROFILE=production, or take the name out of FASTNESS_HOSTS.",
    topic=Topic.MISCONFIGURATION,
    asvs=("V13.4.2",),
)
PREVIOUS_KEYS: Final = Notice(
    id="FST-SETTINGS-004",
    severity=Severity.INFO,
    title="Previous secret keys are still believed",
    why="Whoever has one of them can sign form tokens and links. After a rotation they are needed until the links that "
    "were sent before it have run out.",
    fix="Run `fastness keys retire`, or empty FASTNESS_PREVIOUS_SECRET_KEYS, once nothing signed with them is in use.",
    topic=Topic.CRYPTOGRAPHY,
    asvs=("V13.3.4",),
)
ENV_FILE_READABLE: Final = Notice(
    id="FST-SETTINGS-005",
    severity=Severity.HIGH,
    title="Others on this machine can read .env",
    why="It holds the secret key.",
    fix="chmod 600 .env",
    topic=Topic.MISCONFIGURATION,
    asvs=("V13.3.2",),
)

NOTICES: Final = (DEVELOPMENT_PROFILE, DEVELOPMENT_FOR_OTHERS, PREVIOUS_KEYS, ENV_FILE_READABLE)


def check_profile(deployment: Deployment) -> Iterator[Finding]:
    """Development where production belongs."""
    settings = deployment.settings
    if settings.is_development:
        yield DEVELOPMENT_PROFILE.found(where="FASTNESS_PROFILE")
        for entry in settings.hosts.allowed:
            if not is_local(entry):
                yield DEVELOPMENT_FOR_OTHERS.found(where=f"FASTNESS_HOSTS: {entry}")


def check_keys(deployment: Deployment) -> Iterator[Finding]:
    """Old keys that still count."""
    count = len(deployment.settings.previous_secret_keys)
    if count:
        yield PREVIOUS_KEYS.found(where=f"FASTNESS_PREVIOUS_SECRET_KEYS: {count}")


def check_env_file(deployment: Deployment) -> Iterator[Finding]:
    """Who can read the file with the key."""
    if has_mode(deployment.folder / ENV_FILE, OTHERS):
        yield ENV_FILE_READABLE.found(where=ENV_FILE)


def is_local(entry: str) -> bool:
    """Tell whether an accepted entry of the host rules is a name of this machine only."""
    host = parse_host(entry.removeprefix("."))
    if host.is_address:
        return ip_address(host.name.strip("[]")).is_loopback
    return host.name == "localhost" or host.name.endswith(".localhost")
