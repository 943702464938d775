"""Where PostgreSQL is, and how sure a connection must be whom it talks to.

On the way to another machine anybody may listen or answer in the server's place: encryption alone does not help against
the second, since whoever answers may also encrypt. So a server that is not on this machine has to show a certificate for
its name from an authority that is trusted (what PostgreSQL calls `verify-full`); less than that takes a reason. The
author of the address is trusted but copies examples, and the examples say `sslmode=require`. Environment variables such
as PGSSLMODE and PGHOST, which the driver would read, change nothing here.

It does not cover who may read the address, which holds a password, and a server that was taken over.

ASVS 5.0: V12.3.1 (TLS between services), V12.3.2 (certificates are validated), V13.2.1 (services authenticate).
"""

import ssl
from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

from fastness.kernel.because import Because
from fastness.kernel.errors import ConfigError
from fastness.kernel.secret import Secret
from fastness.kernel.values import dataclass

SCHEMES: Final = ("postgresql", "postgres", "postgresql+asyncpg")
EXAMPLE: Final = "postgresql://app:password@db.example.com/app"
_PORT: Final = 5432
_QUERY: Final = frozenset({"host", "sslmode", "sslrootcert"})


class TLSMode(StrEnum):
    """How much is known of the server, in PostgreSQL's words."""

    VERIFIED = "verify-full"
    """Encrypted, and the certificate is for the server's name."""
    ENCRYPTED = "require"
    """Encrypted, to whoever answers."""
    PLAIN = "disable"
    """Readable and changeable on the way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresAddress:
    """A database of a server; made by `parse_postgres_address`."""

    host: str
    """A name, an address, or the folder of a Unix socket."""
    port: int = _PORT
    database: str
    user: str | None = None
    password: Secret | None = None
    tls: TLSMode = TLSMode.VERIFIED
    ca_file: Path | None = None
    """The certificates of the authority, if it is not one that the system trusts."""

    @property
    def is_local(self) -> bool:
        """Whether the connection stays on this machine."""
        return is_local_host(self.host)

    def ssl_context(self) -> ssl.SSLContext | None:
        """How the server is verified; None where the connection is not encrypted."""
        if self.tls is TLSMode.PLAIN:
            return None
        try:
            context = ssl.create_default_context(cafile=self.ca_file)
        except (OSError, ssl.SSLError) as error:
            reason = error.strerror or "it holds no certificate"
            raise ConfigError(f"the file that sslrootcert names cannot be read: {reason}") from None
        if self.tls is TLSMode.ENCRYPTED:
            context.check_hostname = False  # nosec FST052 # insecure_unverified_tls says why
            context.verify_mode = ssl.CERT_NONE  # nosec FST052 # insecure_unverified_tls says why
        return context


def is_postgres_url(url: str) -> bool:
    """Whether the address names a PostgreSQL database."""
    return url.partition("://")[0] in SCHEMES


def parse_postgres_address(url: str, *, insecure_unverified_tls: Because | None = None) -> PostgresAddress:
    """Parse `postgresql://user:password@host:port/database`.

    `?host=/run/postgresql` names the folder of a Unix socket, `?sslrootcert=/path/ca.pem` the certificates of an own
    authority, `?sslmode=` how the server is verified: `verify-full` unless it is on this machine.

    Raises:
        ConfigError: the address is malformed, or would not verify a server on another machine; no message holds a part
            of it but the names of options.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or _PORT
        pairs = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query), errors="strict")
    except ValueError:
        raise ConfigError(
            f"the database URL cannot be parsed; it looks like {EXAMPLE}, with signs such as @ / : # of the password "
            "written as %40 %2F %3A %23"
        ) from None
    query = dict(pairs)
    database = unquote(parts.path.removeprefix("/"))
    host = unquote(parts.hostname or "") or query.get("host", "")
    if parts.scheme not in SCHEMES or parts.fragment or len(pairs) != len(query) or not query.keys() <= _QUERY:
        raise ConfigError(
            f"the database URL looks like {EXAMPLE}; the options it may carry, each once, are "
            + ", ".join(sorted(_QUERY))
        )
    if not database or not host or "," in host or bool(parts.hostname) == ("host" in query):
        raise ConfigError(
            f"the database URL must name one host and a database: {EXAMPLE}, or for a Unix socket "
            "postgresql://app@/app?host=/run/postgresql"
        )
    return PostgresAddress(
        host=host,
        port=port,
        database=database,
        user=unquote(parts.username) if parts.username else None,
        password=Secret(unquote(parts.password)) if parts.password else None,
        tls=_tls_mode(host, query.get("sslmode"), insecure_unverified_tls),
        ca_file=Path(query["sslrootcert"]) if query.get("sslrootcert") else None,
    )


def _tls_mode(host: str, asked: str | None, reason: Because | None) -> TLSMode:
    is_local = is_local_host(host)
    if asked is None:
        return TLSMode.PLAIN if is_local else TLSMode.VERIFIED
    if asked not in set(TLSMode):
        raise ConfigError("sslmode in the database URL is one of " + ", ".join(TLSMode))
    mode = TLSMode(asked)
    if mode is not TLSMode.VERIFIED and not is_local and not isinstance(reason, Because):
        raise ConfigError(
            f"sslmode={mode} in the database URL does not verify whom it talks to. Leave it out, and name the "
            "certificate of an own authority with sslrootcert=/path/ca.pem; where that cannot be, say why: "
            'insecure_unverified_tls=Because("…") (FASTNESS_DATABASE_INSECURE_UNVERIFIED_TLS)'
        )
    return mode


def is_local_host(host: str) -> bool:
    """Whether a host is this machine: a Unix socket, a loopback address, or "localhost"."""
    if host.startswith("/") or host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
