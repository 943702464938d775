"""Does the app speak https, and does it know who stands in front of it?

Without TLS anybody on the way reads and changes everything, the sign-in included. With a proxy that was not declared every
visitor has the proxy's address and every page is redirected to itself; with proxies declared too widely a visitor writes
an address of his own.

ASVS 5.0: V12.2.1 (TLS for all connectivity), V3.4.1 (HSTS), V4.1.3 (headers of intermediaries).
"""

from collections.abc import Iterator
from ipaddress import ip_network
from typing import Final

from fastness.checks.check import Deployment
from fastness.checks.profile import is_local
from fastness.checks.suffixes import is_shared
from fastness.db.address import TLSMode, is_postgres_url, parse_postgres_address
from fastness.kernel.findings import Finding, Notice, Severity, Topic
from fastness.kernel.headers import ONE_YEAR_SECONDS
from fastness.kernel.hosts import parse_host
from fastness.kernel.proxies import UNIX_PEER

MAX_PROXY_ADDRESSES: Final = {4: 2**24, 6: 2**96}
"""10.0.0.0/8 and a /32 of IPv6 are the widest networks that one operator's proxies plausibly share."""

HTTPS_OFF: Final = Notice(
    id="FST-HTTPS-001",
    severity=Severity.HIGH,
    title="Pages are served over plain http",
    why="Who is on the way reads passwords and cookies; browsers keep the session cookie only from https.",
    fix="Set FASTNESS_IS_HTTPS_REQUIRED=true, and FASTNESS_PROXY_TRUSTED if a proxy ends TLS.",
    topic=Topic.CRYPTOGRAPHY,
    asvs=("V12.2.1",),
)
NO_TLS: Final = Notice(
    id="FST-HTTPS-002",
    severity=Severity.HIGH,
    title="Https is required, and nothing here can speak it",
    why="The server has no certificate and no proxy is declared, so every page would be redirected to itself.",
    fix="Give `fastness serve` --certfile and --keyfile, or name the network of the proxy that ends TLS in "
    "FASTNESS_PROXY_TRUSTED (127.0.0.1 for one on this machine, unix for one on a Unix socket).",
    topic=Topic.CRYPTOGRAPHY,
    asvs=("V12.2.1", "V4.1.3"),
)
NO_PROXY: Final = Notice(
    id="FST-PROXY-001",
    severity=Severity.LOW,
    title="No proxy is declared",
    why="That is right where `fastness serve` has the certificate. Behind a proxy every visitor would have its address, and "
    "pages would be redirected for ever.",
    fix="Name the network of the proxy in FASTNESS_PROXY_TRUSTED, if there is one.",
    topic=Topic.MISCONFIGURATION,
    asvs=("V4.1.3",),
)
WIDE_PROXY: Final = Notice(
    id="FST-PROXY-002",
    severity=Severity.HIGH,
    title="Proxies are declared by a network that holds other people's machines",
    why="Whoever has an address in it chooses the address and scheme that throttles, logs and access rules see.",
    fix="List the addresses of the proxies themselves in FASTNESS_PROXY_TRUSTED.",
    topic=Topic.MISCONFIGURATION,
    asvs=("V4.1.3",),
)
HOP_COUNT: Final = Notice(
    id="FST-PROXY-003",
    severity=Severity.LOW,
    title="Proxies are counted, not named",
    why="Who reaches the app around the proxies writes an address of his own choice.",
    fix="Make sure that only the proxies reach the app, or name them in FASTNESS_PROXY_TRUSTED instead.",
    topic=Topic.MISCONFIGURATION,
    asvs=("V4.1.3",),
)
NO_HSTS: Final = Notice(
    id="FST-HEADERS-001",
    severity=Severity.MEDIUM,
    title="HSTS is off or shorter than a year",
    why="Until a browser has been told, the first request to the site goes over http and can be answered by anybody.",
    fix="Leave FASTNESS_HEADERS_HSTS_SECONDS at its default.",
    topic=Topic.CRYPTOGRAPHY,
    asvs=("V3.4.1",),
)
HSTS_WITHOUT_SUBDOMAINS: Final = Notice(
    id="FST-HEADERS-002",
    severity=Severity.LOW,
    title="HSTS leaves out the subdomains",
    why="A page on any of them, served over http by whoever is on the way, can set cookies for the whole domain.",
    fix="Leave FASTNESS_HEADERS_HSTS_SUBDOMAINS at its default.",
    topic=Topic.CRYPTOGRAPHY,
    asvs=("V3.4.1",),
)
NO_PRELOAD: Final = Notice(
    id="FST-HEADERS-004",
    severity=Severity.INFO,
    title="Browsers do not know before the first visit that the site speaks https",
    why="HSTS holds from the first answer on; only names in the browsers' built-in list are safe before it.",
    fix="When every name below the domain speaks https for good: FASTNESS_HEADERS_HSTS_PRELOAD=true, and enter the domain at "
    "hstspreload.org. It is hard to take back, so leaving it out can be right.",
    topic=Topic.CRYPTOGRAPHY,
    asvs=("V3.7.4",),
)
LOCAL_HOST: Final = Notice(
    id="FST-HOSTS-001",
    severity=Severity.LOW,
    title="A deployment answers to a name of the machine itself",
    why="Nobody outside needs it, and it is the name under which requests from inside, through a proxy or a forged one, "
    "pass the host check.",
    fix="Take it out of FASTNESS_HOSTS. Health checks need no name: /-/health answers before the host check.",
    topic=Topic.MISCONFIGURATION,
    asvs=("V13.4.5",),
)
SUFFIX_HOST: Final = Notice(
    id="FST-HOSTS-002",
    severity=Severity.INFO,
    title="All subdomains are answered",
    why="A forgotten name that somebody else takes over belongs to this app's hosts.",
    fix="List the names one by one in FASTNESS_HOSTS, if they are known.",
    topic=Topic.MISCONFIGURATION,
)
SHARED_SUFFIX: Final = Notice(
    id="FST-HOSTS-003",
    severity=Severity.HIGH,
    title="A suffix of hosts holds other people's names",
    why="Anybody can have a name below it, and it counts as this site's or as one that visitors may be sent to.",
    fix="List your own names, or the suffix of your own domain.",
    topic=Topic.MISCONFIGURATION,
    asvs=("V3.5.1",),
)
ADDRESS_HOST: Final = Notice(
    id="FST-HOSTS-004",
    severity=Severity.LOW,
    title="A deployment answers to a bare address",
    why="Scanners go through all addresses; without a name there is no certificate that browsers believe, and no HSTS.",
    fix="Take it out of FASTNESS_HOSTS. Health checks need no name: /-/health answers before the host check.",
    topic=Topic.MISCONFIGURATION,
    asvs=("V13.4.5",),
)
UNVERIFIED_DATABASE: Final = Notice(
    id="FST-DATABASE-005",
    severity=Severity.HIGH,
    title="A database on another machine is not verified",
    why="Who is on the way can answer in its place, take the password, and read and change everything.",
    fix="Take sslmode out of the address, and name the certificate of an own authority with sslrootcert=/path/ca.pem.",
    topic=Topic.CRYPTOGRAPHY,
    asvs=("V12.3.1", "V12.3.2"),
)

NOTICES: Final = (
    HTTPS_OFF,
    NO_TLS,
    NO_PROXY,
    WIDE_PROXY,
    HOP_COUNT,
    NO_HSTS,
    HSTS_WITHOUT_SUBDOMAINS,
    NO_PRELOAD,
    LOCAL_HOST,
    SUFFIX_HOST,
    SHARED_SUFFIX,
    ADDRESS_HOST,
    UNVERIFIED_DATABASE,
)


def check_https(deployment: Deployment) -> Iterator[Finding]:
    """Whether pages can and do come over https."""
    settings = deployment.settings
    if settings.is_development:
        return
    has_proxy = bool(settings.proxy.trusted) or settings.proxy.hop_count is not None
    if not settings.is_https_required:
        yield HTTPS_OFF.found(where="FASTNESS_IS_HTTPS_REQUIRED")
    elif not has_proxy and deployment.has_tls is False:
        yield NO_TLS.found()
    elif not has_proxy and deployment.has_tls is None:
        yield NO_PROXY.found()


def check_proxies(deployment: Deployment) -> Iterator[Finding]:
    """Whether the declared proxies are plausible."""
    proxy = deployment.settings.proxy
    for entry in proxy.trusted:
        if entry == UNIX_PEER:
            continue
        network = ip_network(entry, strict=False)
        if network.num_addresses > MAX_PROXY_ADDRESSES[network.version]:
            yield WIDE_PROXY.found(where=f"FASTNESS_PROXY_TRUSTED: {entry}")
    if proxy.hop_count is not None:
        yield HOP_COUNT.found(where="FASTNESS_PROXY_HOP_COUNT")


def check_hsts(deployment: Deployment) -> Iterator[Finding]:
    """Whether browsers are told to stay on https."""
    headers = deployment.settings.headers
    if deployment.settings.is_development:
        return
    if headers.hsts_seconds is None or headers.hsts_seconds < ONE_YEAR_SECONDS:
        yield NO_HSTS.found(where="FASTNESS_HEADERS_HSTS_SECONDS")
    elif not headers.hsts_subdomains:
        yield HSTS_WITHOUT_SUBDOMAINS.found(where="FASTNESS_HEADERS_HSTS_SUBDOMAINS")
    elif not headers.hsts_preload:
        yield NO_PRELOAD.found(where="FASTNESS_HEADERS_HSTS_PRELOAD")


def check_hosts(deployment: Deployment) -> Iterator[Finding]:
    """Which names a deployment answers to."""
    if deployment.settings.is_development:
        return
    for entry in deployment.settings.hosts.allowed:
        if is_local(entry):
            yield LOCAL_HOST.found(where=f"FASTNESS_HOSTS: {entry}")
        elif entry.startswith("."):
            notice = SHARED_SUFFIX if is_shared(entry.removeprefix(".")) else SUFFIX_HOST
            yield notice.found(where=f"FASTNESS_HOSTS: {entry}")
        elif parse_host(entry).is_address:
            yield ADDRESS_HOST.found(where=f"FASTNESS_HOSTS: {entry}")
    for entry in deployment.settings.redirects.allowed_hosts:
        if entry.startswith(".") and is_shared(entry.removeprefix(".")):
            yield SHARED_SUFFIX.found(where=f"FASTNESS_REDIRECTS_ALLOWED_HOSTS: {entry}")


def check_databases(deployment: Deployment) -> Iterator[Finding]:
    """Whether databases on other machines have to show who they are."""
    settings = deployment.settings
    reason = settings.database.insecure_unverified_tls
    for name, url in (
        ("FASTNESS_DATABASE_URL", settings.database_url),
        ("FASTNESS_STORE_URL", settings.store_url),
        ("FASTNESS_AUDIT_URL", settings.audit.url),
        ("FASTNESS_MIGRATIONS_URL", settings.migrations_url or ""),
    ):
        if not is_postgres_url(url):
            continue
        address = parse_postgres_address(url, insecure_unverified_tls=reason)
        if not address.is_local and address.tls is not TLSMode.VERIFIED:
            yield UNVERIFIED_DATABASE.found(where=f"{name}: sslmode={address.tls}, because {reason}")
