"""Client addresses as counters see them: in one spelling, and IPv6 by the network that one person has.

The attacker chooses among the addresses they have, which in IPv6 are 2^64 at the least (RFC 6177: a site gets a /64 or
more). An address that cannot be read is counted with all others of its kind, never apart.

ASVS 5.0: V6.3.1, V2.4.1.
"""

from ipaddress import IPv6Address, ip_address
from typing import Final

_NETWORK_BYTES: Final = 8
_MAX_LENGTH: Final = 64
_UNKNOWN: Final = b"unknown"


def address_and_network(client_ip: str) -> tuple[bytes, bytes]:
    """The address in one spelling, and its /64; no network for IPv4."""
    try:
        address = ip_address(client_ip[:_MAX_LENGTH].partition("%")[0])
    except ValueError:
        return _UNKNOWN, b""
    if not isinstance(address, IPv6Address):
        return address.packed, b""
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped.packed, b""
    return address.packed, address.packed[:_NETWORK_BYTES]


def counted_as(client_ip: str) -> bytes:
    """What a client is counted by: its address, or its network where that is one person's."""
    address, network = address_and_network(client_ip)
    return network or address
