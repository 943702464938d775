"""Who the client is, when proxies stand in between.

Behind a proxy the peer of the connection is the proxy, and the client's address and scheme come in headers that any
client can send too. They are believed only from proxies that were declared, by network or by number, and only the
part those proxies wrote: the list is walked from the right, from the peer towards the client, and stops at the first
address that is not a declared proxy. Everything left of that is the client's own text. Throttles,
`access.network(…)`, the log and the https redirect stand on the result.

What cannot be read stops the walk at the last proxy known: throttling a proxy is a nuisance, believing a forged
address is a hole. Not covered: `X-Real-IP`, `X-Forwarded-Host` and `-Port` are never read. With `hop_count` the
network has to make sure that nobody reaches the app around the proxies. ASVS 5.0: V4.1.3, V15.3.4.
"""

from collections.abc import Iterator
from dataclasses import field
from ipaddress import AddressValueError, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import Final, Literal, NamedTuple, TypeAlias

from fastness.kernel.errors import ConfigError
from fastness.kernel.tuples import refuse_bare_text
from fastness.kernel.values import dataclass

Network: TypeAlias = IPv4Network | IPv6Network

UNIX_PEER: Final = "unix"
MAX_HOPS: Final = 32  # The rest of a longer list is one entry that cannot be parsed, so a long list costs no more.
MAX_ELEMENT_LENGTH: Final = 512  # One element of Forwarded: four parameters (RFC 7239 §5) and room for extensions.
MAX_ADDRESS_LENGTH: Final = 54  # "[" + 45 characters of IPv6 + "]:65535" and a blank.

# The one spelling of each: no leading zeros (octal to some), no other digits. Several times as fast as ipaddress.
_OCTETS: Final = {str(number): number for number in range(256)}
_SECURE_TWINS: Final = {"http": "https", "ws": "wss", "https": "https", "wss": "wss"}
_PLAIN_TWINS: Final = {"http": "http", "ws": "ws", "https": "http", "wss": "ws"}


class Address(NamedTuple):
    """A parsed address, as text in its one spelling and as a number to compare with networks."""

    text: str
    version: int
    number: int


class ClientAddress(NamedTuple):
    """The client as far as it is known (a plain tuple: one is made for every request)."""

    ip: str | None
    """Canonical text of the address; `None` for a Unix socket without a declared proxy in front."""
    scheme: str
    """"http" or "https", or "ws" or "wss" where the connection is one."""
    via_proxy: bool
    """True if a declared proxy's headers were read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyRules:
    """Which proxies stand in front; by default none, and no forwarding header is read."""

    trusted: tuple[str, ...] = ()
    """Networks of the proxies ("10.0.0.0/8", "192.0.2.7"), or "unix" for a proxy on a Unix socket."""
    hop_count: int | None = None
    """Instead of networks: how many proxies every request passes."""
    headers: Literal["x-forwarded", "forwarded"] = "x-forwarded"
    """Which headers those proxies write: X-Forwarded-For and -Proto, or Forwarded (RFC 7239). The other is ignored."""

    _is_active: bool = field(init=False, repr=False, compare=False)
    _trusts_unix: bool = field(init=False, repr=False, compare=False)
    _exact: frozenset[str] = field(init=False, repr=False, compare=False)
    _ranges: tuple[tuple[int, int, int], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        refuse_bare_text("trusted", self.trusted)
        if self.trusted and self.hop_count is not None:
            raise ConfigError("Declare proxies by network or by hop_count, not both.")
        if self.hop_count is not None and not 1 <= self.hop_count < MAX_HOPS:
            raise ConfigError(
                f"hop_count is the number of proxies in front, 1 to {MAX_HOPS - 1}; leave it out for none."
            )
        if self.headers not in {"x-forwarded", "forwarded"}:
            raise ConfigError('headers is "x-forwarded" or "forwarded".')
        networks = [_parse_network(entry) for entry in self.trusted if entry != UNIX_PEER]
        singles = [network for network in networks if network.num_addresses == 1]
        wider = [network for network in networks if network.num_addresses > 1]
        object.__setattr__(self, "_is_active", bool(self.trusted) or self.hop_count is not None)
        object.__setattr__(self, "_trusts_unix", UNIX_PEER in self.trusted)
        object.__setattr__(self, "_exact", frozenset(str(network.network_address) for network in singles))
        object.__setattr__(self, "_ranges", tuple((each.version, int(each[0]), int(each[-1])) for each in wider))

    def trusts(self, address: Address) -> bool:
        """Tell whether a parsed address is one of the declared proxies."""
        if address.text in self._exact:
            return True
        for version, first, last in self._ranges:  # noqa: SIM110 - any() over a generator costs more than the loop
            if version == address.version and first <= address.number <= last:
                return True
        return False


def resolve_client(
    rules: ProxyRules,
    *,
    peer: str | None,
    x_forwarded_for: str | None,
    x_forwarded_proto: str | None,
    scheme: str,
    forwarded: str | None = None,
) -> ClientAddress:
    """Return the client's address and scheme.

    `peer` is the address of the connection, `None` on a Unix socket; `scheme` that of the connection. A header that came
    several times is given joined with commas, in order (RFC 9110 §5.3).
    """
    if not rules._is_active:  # noqa: SLF001 - rules and decision are one component
        return ClientAddress(_canonical(peer), scheme, via_proxy=False)
    if not _is_proxy(rules, peer):
        return ClientAddress(_canonical(peer), scheme, via_proxy=False)
    if rules.headers == "forwarded":
        hops, proto = _read_forwarded(forwarded), None
    else:
        hops, proto = _read_x_forwarded(x_forwarded_for), x_forwarded_proto
    client, steps = _canonical(peer), 0
    for text, hop_proto in hops:
        address = _try_address(text)
        if address is None:
            return ClientAddress(client, _apply_proto(scheme, proto), via_proxy=True)
        client, steps, proto = address.text, steps + 1, hop_proto or proto
        if steps == rules.hop_count or (rules.hop_count is None and not rules.trusts(address)):
            return ClientAddress(client, _apply_proto(scheme, proto), via_proxy=True)
    if rules.hop_count is not None:
        # Fewer entries than proxies: the request did not come the declared way, so nothing it says is believed.
        return ClientAddress(_canonical(peer), scheme, via_proxy=False)
    return ClientAddress(client, _apply_proto(scheme, proto), via_proxy=True)


def _is_proxy(rules: ProxyRules, peer: str | None) -> bool:
    if rules.hop_count is not None:
        return True
    if not peer:
        return rules._trusts_unix  # noqa: SLF001 - rules and decision are one component
    if peer in rules._exact:  # noqa: SLF001 - same
        return True
    address = _try_address(peer)
    return address is not None and rules.trusts(address)


def _canonical(peer: str | None) -> str | None:
    """The peer as it is counted and logged; a socket for both families shows 192.0.2.1 as ::ffff:192.0.2.1."""
    if peer is None or not peer.startswith("::ffff:"):
        return peer
    address = _try_address(peer)
    return peer if address is None else address.text


def _read_x_forwarded(header: str | None) -> Iterator[tuple[str, str | None]]:
    """Give the entries from the right, and the scheme that stands with each (here none)."""
    if header:
        for entry in reversed(header.rsplit(",", MAX_HOPS)):
            yield entry.strip(" \t"), None


def _read_forwarded(header: str | None) -> Iterator[tuple[str, str | None]]:
    """The same for RFC 7239, where each entry has the scheme that its client used."""
    # A comma or semicolon inside quotes cuts an entry in two that cannot be parsed, which stops the walk: no address and
    # no scheme has one. Reading from the right, an open quote in the client's own part swallows nothing.
    for element in reversed(header.rsplit(",", MAX_HOPS)) if header else ():
        if len(element) > MAX_ELEMENT_LENGTH:
            yield "", None  # Cannot be parsed, before a million semicolons are taken apart.
            return
        fields: dict[str, str] = {}
        for pair in element.split(";"):
            name, _, value = pair.strip(" \t").partition("=")
            key = name.lower()
            if key in fields:
                value = "?"  # RFC 7239 §4: each parameter at most once; two of them mean nothing.
            fields[key] = value[1:-1] if len(value) > 1 and value[0] == value[-1] == '"' else value
        yield fields.get("for", ""), fields.get("proto")


def _apply_proto(scheme: str, proto: str | None) -> str:
    """One value, "http" or "https", or nothing changes: "https, http" has two authors, one of them perhaps the client."""
    match (proto or "").strip(" \t").lower():
        case "https" | "wss":
            return _SECURE_TWINS.get(scheme, scheme)
        case "http" | "ws":
            return _PLAIN_TWINS.get(scheme, scheme)
        case _:
            return scheme


def _try_address(text: str) -> Address | None:
    """Parse an address, with a port perhaps; `None` for "unknown", obfuscated names (`_hidden`), zones and all else."""
    if not text or len(text) > MAX_ADDRESS_LENGTH:
        return None
    colons = text.count(":")
    if colons > 1:
        return _try_ipv6(text)
    if colons:
        text, _, port = text.partition(":")
        if not _is_port(port):
            return None
    try:
        first, second, third, fourth = text.split(".")
        number = _OCTETS[first] << 24 | _OCTETS[second] << 16 | _OCTETS[third] << 8 | _OCTETS[fourth]
    except (ValueError, KeyError):
        return None
    return Address(text, 4, number)


def _try_ipv6(text: str) -> Address | None:
    if text[0] == "[":
        text, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and (rest[0] != ":" or not _is_port(rest[1:]))):
            return None
    try:
        address = IPv6Address(text)
    except AddressValueError:
        return None
    if address.scope_id is not None:
        return None  # A zone names an interface of one machine.
    mapped = address.ipv4_mapped
    if mapped is not None:
        return Address(str(mapped), 4, int(mapped))
    return Address(address.compressed, 6, int(address))


def _is_port(text: str) -> bool:
    return 0 < len(text) <= 5 and text.isascii() and text.isdigit()


def _parse_network(entry: str) -> Network:
    if "*" in entry:
        raise ConfigError('"*" would let every client write its own address: list the networks of the proxies.')
    try:
        network = ip_network(entry)
    except ValueError as error:
        raise ConfigError(
            f"{entry!r} is not a network: write 10.0.0.0/8, 192.0.2.7, 2001:db8::/32 or unix. {error}."
        ) from error
    if network.prefixlen == 0:
        raise ConfigError(f"{entry!r} is everybody: list the networks of the proxies.")
    if isinstance(network, IPv6Network) and network[0].ipv4_mapped is not None:
        raise ConfigError(f"{entry!r} is a network of IPv4: write it as one, such as 10.0.0.0/8.")
    return network
