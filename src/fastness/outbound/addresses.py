"""Which addresses are other people's servers on the internet, and which are this machine, its neighbours or its cloud.

The attacker chooses a name, and its owner chooses what it resolves to: the address is what counts, and it is decided on here,
after the name was looked up and right before it is connected to. The networks are those of the IANA registries of special
purpose addresses (RFC 6890 and what was added since), written down here, because what `ipaddress` calls global differs from one
Python to the next. IPv6 is refused outside of 2000::/3, where everything is that anybody has been given.

An IPv6 address can carry an IPv4 address within it (RFC 4291 §2.5.5, 6052, 3056, 4380, 5214); a gateway would take the request
there, so that none of these is asked. The metadata services of the clouds hand out keys to whoever asks from inside; they are
refused even where private addresses are allowed, and so is everything that is no server's address.

ASVS 5.0: V1.3.6 (server-side request forgery).
"""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

from fastness.kernel.verdicts import ALLOW, Deny, Verdict
from fastness.outbound.errors import AddressReason

_NETWORKS: Final = tuple(
    (ip_network(network), reason)
    for network, reason in (
        # Metadata first: these lie in networks that are named below, or in none of them.
        ("169.254.169.254/32", AddressReason.METADATA),  # nearly every cloud
        ("169.254.170.2/32", AddressReason.METADATA),  # containers at Amazon
        ("169.254.170.23/32", AddressReason.METADATA),  # pods at Amazon
        ("168.63.129.16/32", AddressReason.METADATA),  # Azure's host, at an address that looks like anybody's
        ("100.100.100.200/32", AddressReason.METADATA),  # Alibaba
        ("192.0.0.192/32", AddressReason.METADATA),  # Oracle
        ("fd00:ec2::254/128", AddressReason.METADATA),  # Amazon
        ("fd00:ec2::23/128", AddressReason.METADATA),
        ("fd20:ce::254/128", AddressReason.METADATA),  # Google
        ("fd00:42::42/128", AddressReason.METADATA),  # Scaleway
        ("0.0.0.0/8", AddressReason.UNSPECIFIED),  # Linux connects 0.0.0.0 to itself
        ("10.0.0.0/8", AddressReason.PRIVATE),
        ("100.64.0.0/10", AddressReason.SHARED),  # RFC 6598
        ("127.0.0.0/8", AddressReason.LOOPBACK),
        ("169.254.0.0/16", AddressReason.LINK_LOCAL),
        ("172.16.0.0/12", AddressReason.PRIVATE),
        ("192.0.0.0/24", AddressReason.RESERVED),
        ("192.0.2.0/24", AddressReason.RESERVED),  # documentation
        ("192.88.99.0/24", AddressReason.RESERVED),  # relays of 6to4, RFC 7526
        ("192.168.0.0/16", AddressReason.PRIVATE),
        ("198.18.0.0/15", AddressReason.RESERVED),  # benchmarks
        ("198.51.100.0/24", AddressReason.RESERVED),
        ("203.0.113.0/24", AddressReason.RESERVED),
        ("224.0.0.0/4", AddressReason.MULTICAST),
        ("240.0.0.0/4", AddressReason.RESERVED),  # with broadcast
        ("::/128", AddressReason.UNSPECIFIED),
        ("::1/128", AddressReason.LOOPBACK),
        ("::/96", AddressReason.EMBEDDED),  # IPv4-compatible
        ("::ffff:0:0/96", AddressReason.EMBEDDED),  # IPv4-mapped
        ("::ffff:0:0:0/96", AddressReason.EMBEDDED),  # IPv4-translated, RFC 2765
        ("64:ff9b::/96", AddressReason.EMBEDDED),  # NAT64
        ("64:ff9b:1::/48", AddressReason.EMBEDDED),  # NAT64 of one network, RFC 8215
        ("2001::/32", AddressReason.EMBEDDED),  # Teredo
        ("2001::/23", AddressReason.RESERVED),  # protocols, among them benchmarks and ORCHID
        ("2001:db8::/32", AddressReason.RESERVED),  # documentation
        ("2002::/16", AddressReason.EMBEDDED),  # 6to4
        ("3fff::/20", AddressReason.RESERVED),  # documentation, RFC 9637
        ("fc00::/7", AddressReason.PRIVATE),
        ("fe80::/10", AddressReason.LINK_LOCAL),
        ("fec0::/10", AddressReason.PRIVATE),  # site-local, RFC 3879
        ("ff00::/8", AddressReason.MULTICAST),
    )
)
"""The first that holds the address says why."""

_GLOBAL_IPV6: Final = IPv6Network("2000::/3")
_ISATAP: Final = (0x0000_5EFE, 0x0200_5EFE)
_OWN: Final = frozenset({AddressReason.LOOPBACK, AddressReason.PRIVATE, AddressReason.SHARED})
"""What `insecure_allow_private` opens."""


def decide_address(text: str, *, is_private_allowed: bool = False) -> Verdict:
    """Decide on an address that a name resolved to, or that stood in the place of a name."""
    try:
        address = ip_address(text)
    except ValueError:
        return Deny(AddressReason.MALFORMED)
    reason = _reason_of(address)
    if reason is None or (is_private_allowed and reason in _OWN):
        return ALLOW
    return Deny(reason)


def _reason_of(address: IPv4Address | IPv6Address) -> AddressReason | None:
    if isinstance(address, IPv6Address) and address.scope_id is not None:
        return AddressReason.LINK_LOCAL
    for network, reason in _NETWORKS:
        if network.version == address.version and address in network:
            return reason
    if isinstance(address, IPv4Address):
        return None
    if address not in _GLOBAL_IPV6:
        return AddressReason.RESERVED
    # RFC 5214 §6.1: the last 32 bits are an IPv4 address, below any prefix.
    return AddressReason.EMBEDDED if int(address) >> 32 & 0xFFFF_FFFF in _ISATAP else None
