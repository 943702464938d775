"""Web origins: scheme, host and port as one value (RFC 6454).

The `Origin` header tells which site made the browser send a request, so it is compared with our own origin and with
the ones that were declared as trusted. Browsers write it lower-case and without default ports; the parser brings what
others write to that form and refuses what has no origin: "null" (sandboxed frames, `data:` and `file:` pages,
redirects across sites), paths, userinfo, and schemes other than http and https. A browser cannot be made to forge the
header; a program can, but a program has no victim's cookies.

ASVS 5.0: V3.4.2 and V3.5.1 (origins are validated against an allow-list), V4.4.2 (WebSocket handshakes).
"""

from typing import Final

from fastness.kernel.errors import ConfigError, InvalidInputError
from fastness.kernel.hosts import MAX_HOST_LENGTH, MalformedHostError, parse_host
from fastness.kernel.values import dataclass

DEFAULT_PORTS: Final = {"http": 80, "https": 443}
MAX_ORIGIN_LENGTH: Final = MAX_HOST_LENGTH + len("https://")


class MalformedOriginError(InvalidInputError):
    """A value that is not the origin of a website; the message never holds the value."""

    code = "malformed_origin"


@dataclass(frozen=True, slots=True)
class Origin:
    """A parsed origin; the port is always there, so that two equal origins are equal values."""

    scheme: str
    host: str
    port: int

    def serialize(self) -> str:
        """Return the text a browser would send (RFC 6454 §6.2): without the scheme's own port."""
        if DEFAULT_PORTS.get(self.scheme) == self.port:
            return f"{self.scheme}://{self.host}"
        return f"{self.scheme}://{self.host}:{self.port}"


def parse_origin(value: str) -> Origin:
    """Parse `scheme://host[:port]` of scheme http or https; raises `MalformedOriginError`, also for "null"."""
    if len(value) > MAX_ORIGIN_LENGTH:
        raise MalformedOriginError("The origin is longer than a scheme, a host and a port can be.")
    scheme, separator, rest = value.partition("://")
    scheme = scheme.lower()
    default_port = DEFAULT_PORTS.get(scheme)
    if not separator or default_port is None:
        raise MalformedOriginError("The origin is null or does not begin with http:// or https://.")
    try:
        host = parse_host(rest)
    except MalformedHostError as error:
        raise MalformedOriginError(f"The origin has no proper host. {error.detail}") from error
    return Origin(scheme, host.name, default_port if host.port is None else host.port)


def parse_origin_rule(name: str, entry: str) -> Origin:
    """Parse an entry of the setting `name`, which lists origins; raises `ConfigError`."""
    try:
        return parse_origin(entry)
    except MalformedOriginError as error:
        raise ConfigError(
            f"{name}: {entry!r} is not an origin. Write a scheme and a host, such as https://forms.example.com: no path, no "
            f'wildcard, not "null". {error.detail}'
        ) from error
