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

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, Literal, NamedTuple, TypeAlias

from fastness.kernel.errors import ConfigError
from fastness.kernel.tuples import refuse_bare_text

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

UNIX_PEER: Final = "unix"
MAX_HOPS: Final = 32  # The rest of a longer list is one entry that cannot be parsed, so a long list costs no more.
MAX_ADDRESS_LENGTH: Final = 54  # "[" + 45 characters of IPv6 + "]:65535" and a blank.

_SECURE_TWINS: Final = {"http": "https", "ws": "wss", "https": "https", "wss": "wss"}
_PLAIN_TWINS: Final = {"http": "http", "ws": "ws", "https": "http", "wss": "ws"}


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
    _networks: tuple[Network, ...] = field(init=False, repr=False, compare=False)

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
        networks = tuple(_parse_network(entry) for entry in self.trusted if entry != UNIX_PEER)
        exact = {str(network.network_address) for network in networks if network.num_addresses == 1}
        object.__setattr__(self, "_is_active", bool(self.trusted) or self.hop_count is not None)
        object.__setattr__(self, "_trusts_unix", UNIX_PEER in self.trusted)
        object.__setattr__(self, "_exact", frozenset(exact))
        object.__setattr__(self, "_networks", networks)

    def trusts(self, address: Address) -> bool:
        """Tell whether a parsed address is one of the declared proxies."""
        return any(address in network for network in self._networks)


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
        return ClientAddress(peer, scheme, False)  # noqa: FBT003 - fields of a tuple
    address = None if peer is None else _try_address(peer)
    if not _is_proxy(rules, peer, address):
        return ClientAddress(peer, scheme, False)  # noqa: FBT003 - same
    if rules.headers == "forwarded":
        return _walk(rules, address, scheme, forwarded, None, _forwarded_hops)
    return _walk(rules, address, scheme, x_forwarded_for, x_forwarded_proto, _x_forwarded_hops)


class _Hop(NamedTuple):
    """One entry of the list: who connected to the proxy, and how."""

    address: Address | None
    proto: str | None


def _walk(
    rules: ProxyRules,
    peer: Address | None,
    scheme: str,
    header: str | None,
    proto: str | None,
    read_hops: Callable[[str], Iterator[_Hop]],
) -> ClientAddress:
    client = peer
    count = rules.hop_count
    steps = 0
    for hop in read_hops(header) if header else ():
        if hop.address is None:
            break
        client, steps = hop.address, steps + 1
        proto = hop.proto or proto
        if steps == count or (count is None and not rules.trusts(client)):
            break
    if count is not None and steps < count:
        # Fewer entries than proxies: the request did not come the declared way, so nothing it says is believed.
        return ClientAddress(None if peer is None else str(peer), scheme, False)  # noqa: FBT003 - fields of a tuple
    return ClientAddress(None if client is None else str(client), _apply_proto(scheme, proto), True)  # noqa: FBT003 - same


def _is_proxy(rules: ProxyRules, peer: str | None, address: Address | None) -> bool:
    if rules.hop_count is not None:
        return True
    if not peer:
        return rules._trusts_unix  # noqa: SLF001 - rules and decision are one component
    return peer in rules._exact or (address is not None and rules.trusts(address))  # noqa: SLF001 - same


def _x_forwarded_hops(header: str) -> Iterator[_Hop]:
    for entry in reversed(header.rsplit(",", MAX_HOPS)):
        yield _Hop(_try_address(entry.strip(" \t")), None)


def _forwarded_hops(header: str) -> Iterator[_Hop]:
    # A comma or semicolon inside quotes would cut an entry in two that cannot be parsed, which stops the walk: no
    # address and no scheme has one.
    for element in reversed(header.rsplit(",", MAX_HOPS)):
        fields: dict[str, str] = {}
        for pair in element.split(";"):
            name, _, value = pair.strip(" \t").partition("=")
            key = name.lower()
            if key in fields:
                value = ""  # RFC 7239 §4: each parameter at most once; two that differ mean nothing.
            fields[key] = value[1:-1] if len(value) > 1 and value[0] == value[-1] == '"' else value
        yield _Hop(_try_address(fields.get("for", "")), fields.get("proto"))


def _apply_proto(scheme: str, proto: str | None) -> str:
    """One value, "http" or "https", or nothing changes: "https, http" was written by two parties, one perhaps the client."""
    match (proto or "").strip(" \t").lower():
        case "https" | "wss":
            return _SECURE_TWINS.get(scheme, scheme)
        case "http" | "ws":
            return _PLAIN_TWINS.get(scheme, scheme)
        case _:
            return scheme


def _try_address(text: str) -> Address | None:
    """Parse an address, with a port perhaps; `None` for "unknown", obfuscated names (`_hidden`), zones and all else."""
    if not text or len(text) > MAX_ADDRESS_LENGTH or "%" in text:
        return None
    if text[0] == "[":
        text, bracket, port = text[1:].partition("]")
        if not bracket or (port and not _is_port(port)):
            return None
        if ":" not in text:
            return None
    elif text.count(":") == 1:
        text, _, port = text.partition(":")
        if not _is_port(f":{port}"):
            return None
    try:
        address = ip_address(text)
    except ValueError:
        return None
    # ::ffff:10.0.0.1 is 10.0.0.1 seen through a socket for both families.
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address


def _is_port(text: str) -> bool:
    return text[0] == ":" and 0 < len(text) - 1 <= 5 and text.isascii() and text[1:].isdigit()


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
    return network
