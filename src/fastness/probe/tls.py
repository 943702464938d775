"""The connection: a certificate that browsers believe, no old versions, and nothing of the site over plain http.

A certificate that is not believed ends the scan: nobody knows who answers then, and no password is sent there.
This uses the TLS library of this machine, which offers what that library can still speak; tools made for it (sslyze, testssl)
look at ciphers and known attacks. ASVS 5.0: V3.4.1, V12.1.1, V12.2.1, V12.2.2.
"""

import ssl
import warnings
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

from fastness.kernel.findings import Finding, Notice, Severity, Topic
from fastness.kernel.headers import ONE_YEAR_SECONDS, hsts_applies
from fastness.probe.check import found_at
from fastness.probe.client import PAGE_ACCEPT
from fastness.probe.scan import Scan
from fastness.probe.target import Target
from fastness.probe.wire import NoAnswerError, Wire, request_bytes

UNTRUSTED: Final = Notice(
    id="FST-PROBE-100",
    severity=Severity.CRITICAL,
    title="The certificate is not believed",
    why="Visitors are warned, or taught to click the warning away, and anybody on the way can read along.",
    fix="Use a certificate of a public authority, with its chain; for an authority of your own name its file in SSL_CERT_FILE.",
    topic=Topic.CRYPTOGRAPHY,
    asvs=("V12.2.2",),
)
EXPIRING: Final = Notice(
    id="FST-PROBE-101",
    severity=Severity.MEDIUM,
    title="The certificate ends soon",
    why="After that nobody gets in without a warning.",
    fix="Renew it, and have it renewed by a program.",
    topic=Topic.CRYPTOGRAPHY,
    asvs=("V12.2.2",),
)
OLD_TLS: Final = Notice(
    id="FST-PROBE-102",
    severity=Severity.HIGH,
    title="TLS 1.0 or 1.1 is spoken",
    why="Both have known weaknesses, and no browser needs them.",
    fix="Allow TLS 1.2 and 1.3 in whatever ends TLS; `fastness serve` does.",
    topic=Topic.CRYPTOGRAPHY,
    asvs=("V12.1.1",),
)
NO_HSTS: Final = Notice(
    id="FST-PROBE-103",
    severity=Severity.MEDIUM,
    title="An answer does not tell browsers to stay with https",
    why="The first request of the next visit goes over http, where anybody on the way can answer it.",
    fix="Send Strict-Transport-Security for at least a year with every answer, as the production profile does.",
    topic=Topic.CRYPTOGRAPHY,
    asvs=("V3.4.1",),
)
PLAIN_HTTP: Final = Notice(
    id="FST-PROBE-104",
    severity=Severity.HIGH,
    title="The site is served over plain http",
    why="Whoever is on the way reads passwords and changes pages.",
    fix="Redirect pages to https and refuse the rest; is_https_required does both.",
    topic=Topic.CRYPTOGRAPHY,
    asvs=("V12.2.1",),
)

NOTICES: Final = (UNTRUSTED, EXPIRING, OLD_TLS, NO_HSTS, PLAIN_HTTP)

_SOON: Final = timedelta(days=14)
_OLD: Final = (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1)


async def try_certificate(target: Target, context: ssl.SSLContext) -> str | None:
    """Why the certificate is not believed; `None` if it is."""
    wire = Wire(address=target.address, timeout_seconds=target.limits.timeout_seconds, tls=context)
    try:
        await wire.certificate()
    except ssl.SSLCertVerificationError as error:
        return error.verify_message
    return None


async def check_certificate(scan: Scan) -> AsyncIterator[Finding]:
    """Look at the end of the certificate's time."""
    if scan.client.wire.tls is None:
        return
    certificate = await scan.client.wire.certificate()
    ends = datetime.fromtimestamp(ssl.cert_time_to_seconds(str(certificate.get("notAfter"))), UTC)
    if ends - datetime.now(UTC) < _SOON:
        yield EXPIRING.found(where=f"{scan.target.address.authority}, until {ends:%Y-%m-%d}")


async def check_old_tls(scan: Scan) -> AsyncIterator[Finding]:
    """Offer nothing but an old version."""
    if scan.client.wire.tls is None:
        return
    spoken = [version.name for version in _OLD if await speaks(scan, version)]
    for finding in found_at(OLD_TLS, [f"{scan.target.address.authority} speaks {name}" for name in spoken]):
        yield finding


async def speaks(scan: Scan, version: ssl.TLSVersion) -> bool:
    """Whether the server takes this version; nothing is sent on the connection."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False  # nosec FST052 # nothing is sent on the connection
    context.verify_mode = ssl.CERT_NONE  # nosec FST052 # nothing is sent on the connection
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        # The library of this machine would not offer it by itself.
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = context.maximum_version = version
    try:
        await replace(scan.client.wire, tls=context).certificate()
    except OSError:
        return False
    return True


async def check_hsts(scan: Scan) -> AsyncIterator[Finding]:
    """Look for HSTS on every answer of a host that browsers can remember it for."""
    if not scan.target.address.is_tls or not hsts_applies(scan.target.address.authority):
        return
    places = [
        seen.where
        for seen in scan.client.seen
        if not seen.is_by_server
        and seen.answer.status not in {0, 101, 304}
        # A name that is not the site's has no say in how the site is visited.
        and seen.answer.status != 400
        and seconds_of(seen.answer.header("strict-transport-security")) < ONE_YEAR_SECONDS
    ]
    for finding in found_at(NO_HSTS, places):
        yield finding


def seconds_of(header: str) -> int:
    """How long a browser is to remember it."""
    for directive in header.lower().split(";"):
        name, _, value = directive.strip().partition("=")
        if name == "max-age":
            digits = value.strip().strip('"')
            return int(digits) if digits.isdecimal() else 0
    return 0


async def check_plain_http(scan: Scan) -> AsyncIterator[Finding]:
    """Ask without TLS: on the port of http, or where the site is on a port of its own, on that one."""
    address = scan.target.address
    if not address.is_tls:
        if not address.is_loopback:
            yield PLAIN_HTTP.found(where=address.origin)
        return
    plain = replace(address, scheme="http", port=80 if address.port == 443 else address.port)
    wire = Wire(address=plain, timeout_seconds=scan.target.limits.timeout_seconds)
    headers = [("Host", address.authority), ("Accept", PAGE_ACCEPT), ("Connection", "close")]
    try:
        found = await wire.exchange(request_bytes(f"GET {address.base}{scan.front}", headers))
    except NoAnswerError:
        return
    location = found[0].header("location")
    if found[0].is_success or (300 <= found[0].status < 400 and location.startswith("http:")):
        yield PLAIN_HTTP.found(where=f"GET {plain.origin}{address.base}{scan.front} ({found[0].status})")
