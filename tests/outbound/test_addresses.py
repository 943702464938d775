import pytest

from fastness.kernel.verdicts import ALLOW, Deny
from fastness.outbound.addresses import decide_address
from fastness.outbound.errors import AddressReason as Reason

REFUSED = [
    pytest.param("0.0.0.0", Reason.UNSPECIFIED, id="this machine, as Linux has it"),
    pytest.param("0.1.2.3", Reason.UNSPECIFIED, id="this network"),
    pytest.param("10.0.0.1", Reason.PRIVATE, id="RFC 1918, ten"),
    pytest.param("172.16.0.1", Reason.PRIVATE, id="RFC 1918, first of 172.16/12"),
    pytest.param("172.31.255.255", Reason.PRIVATE, id="RFC 1918, last of 172.16/12"),
    pytest.param("192.168.1.1", Reason.PRIVATE, id="RFC 1918, the router"),
    pytest.param("100.64.0.1", Reason.SHARED, id="carrier-grade NAT"),
    pytest.param("100.127.255.255", Reason.SHARED, id="carrier-grade NAT, last"),
    pytest.param("127.0.0.1", Reason.LOOPBACK, id="loopback"),
    pytest.param("127.255.255.254", Reason.LOOPBACK, id="loopback, far end"),
    pytest.param("169.254.1.1", Reason.LINK_LOCAL, id="link-local"),
    pytest.param("169.254.169.254", Reason.METADATA, id="metadata of most clouds"),
    pytest.param("169.254.170.2", Reason.METADATA, id="metadata of containers"),
    pytest.param("100.100.100.200", Reason.METADATA, id="metadata in shared space"),
    pytest.param("168.63.129.16", Reason.METADATA, id="metadata that looks public"),
    pytest.param("192.0.0.192", Reason.METADATA, id="metadata in protocol space"),
    pytest.param("192.0.0.8", Reason.RESERVED, id="protocol assignments"),
    pytest.param("192.0.2.1", Reason.RESERVED, id="documentation 1"),
    pytest.param("198.51.100.1", Reason.RESERVED, id="documentation 2"),
    pytest.param("203.0.113.1", Reason.RESERVED, id="documentation 3"),
    pytest.param("192.88.99.1", Reason.RESERVED, id="relay of 6to4"),
    pytest.param("198.19.255.255", Reason.RESERVED, id="benchmark"),
    pytest.param("224.0.0.1", Reason.MULTICAST, id="multicast"),
    pytest.param("240.0.0.1", Reason.RESERVED, id="class E"),
    pytest.param("255.255.255.255", Reason.RESERVED, id="broadcast"),
    pytest.param("::", Reason.UNSPECIFIED, id="unspecified in IPv6"),
    pytest.param("::1", Reason.LOOPBACK, id="loopback in IPv6"),
    pytest.param("::7f00:1", Reason.EMBEDDED, id="IPv4-compatible"),
    pytest.param("::ffff:127.0.0.1", Reason.EMBEDDED, id="IPv4-mapped loopback"),
    pytest.param("::ffff:8.8.8.8", Reason.EMBEDDED, id="IPv4-mapped, of somebody on the internet"),
    pytest.param("::ffff:a9fe:a9fe", Reason.EMBEDDED, id="IPv4-mapped metadata in hexadecimal"),
    pytest.param("::ffff:0:7f00:1", Reason.EMBEDDED, id="IPv4-translated"),
    pytest.param("64:ff9b::a9fe:a9fe", Reason.EMBEDDED, id="NAT64 of metadata"),
    pytest.param("64:ff9b:1::7f00:1", Reason.EMBEDDED, id="NAT64 of one network"),
    pytest.param("2002:7f00:1::", Reason.EMBEDDED, id="6to4 of loopback"),
    pytest.param("2001:0:a00:1::1", Reason.EMBEDDED, id="Teredo"),
    pytest.param("2a00:1450:4001:80b::5efe:a00:1", Reason.EMBEDDED, id="ISATAP"),
    pytest.param("2a00:1450:4001:80b:200:5efe:a00:1", Reason.EMBEDDED, id="ISATAP, of a global address"),
    pytest.param("2001:2::1", Reason.RESERVED, id="benchmark in IPv6"),
    pytest.param("2001:db8::1", Reason.RESERVED, id="documentation in IPv6"),
    pytest.param("3fff::1", Reason.RESERVED, id="documentation in IPv6, new"),
    pytest.param("100::1", Reason.RESERVED, id="discard"),
    pytest.param("5f00::1", Reason.RESERVED, id="segment routing"),
    pytest.param("4000::1", Reason.RESERVED, id="given to nobody"),
    pytest.param("fc00::1", Reason.PRIVATE, id="unique local"),
    pytest.param("fd00:ec2::254", Reason.METADATA, id="metadata in IPv6"),
    pytest.param("fd20:ce::254", Reason.METADATA, id="metadata in IPv6, Google"),
    pytest.param("fe80::1", Reason.LINK_LOCAL, id="link-local in IPv6"),
    pytest.param("fe80::1%eth0", Reason.LINK_LOCAL, id="link-local with its zone"),
    pytest.param("2a00:1450:4001:80b::200e%1", Reason.LINK_LOCAL, id="a zone on anything"),
    pytest.param("fec0::1", Reason.PRIVATE, id="site-local"),
    pytest.param("ff02::1", Reason.MULTICAST, id="multicast in IPv6"),
    pytest.param("0x7f000001", Reason.MALFORMED, id="hexadecimal"),
    pytest.param("0177.0.0.1", Reason.MALFORMED, id="octal"),
    pytest.param("2130706433", Reason.MALFORMED, id="decimal"),
    pytest.param("127.1", Reason.MALFORMED, id="short"),
    pytest.param("", Reason.MALFORMED, id="nothing"),
    pytest.param("example.com", Reason.MALFORMED, id="a name"),
]
ALLOWED = [
    pytest.param("1.1.1.1", id="a resolver"),
    pytest.param("8.8.8.8", id="another"),
    pytest.param("9.255.255.255", id="before 10/8"),
    pytest.param("11.0.0.0", id="after 10/8"),
    pytest.param("172.15.255.255", id="before 172.16/12"),
    pytest.param("172.32.0.0", id="after 172.16/12"),
    pytest.param("100.63.255.255", id="before shared space"),
    pytest.param("100.128.0.0", id="after shared space"),
    pytest.param("126.255.255.255", id="before loopback"),
    pytest.param("128.0.0.1", id="after loopback"),
    pytest.param("169.253.255.255", id="before link-local"),
    pytest.param("168.63.129.17", id="beside Azure's"),
    pytest.param("192.0.1.1", id="after protocol assignments"),
    pytest.param("223.255.255.255", id="before multicast"),
    pytest.param("2a00:1450:4001:80b::200e", id="a server in IPv6"),
    pytest.param("2606:4700:4700::1111", id="a resolver in IPv6"),
    pytest.param("2001:200::1", id="after protocol assignments in IPv6"),
    pytest.param("2003::1", id="after 6to4"),
    pytest.param("3ffe::1", id="before documentation"),
]
NEVER_PRIVATE = [
    "0.0.0.0",
    "169.254.169.254",
    "169.254.1.1",
    "100.100.100.200",
    "fd00:ec2::254",
    "224.0.0.1",
    "::ffff:10.0.0.1",
]


@pytest.mark.parametrize(("address", "reason"), REFUSED)
def test_an_address_that_is_no_server_on_the_internet_is_refused(address, reason):
    assert decide_address(address) == Deny(reason)


@pytest.mark.parametrize("address", ALLOWED)
def test_its_neighbours_are_allowed(address):
    assert decide_address(address) is ALLOW


@pytest.mark.parametrize("address", ["10.0.0.1", "127.0.0.1", "100.64.0.1", "::1", "fd12::1", "8.8.8.8"])
def test_private_addresses_can_be_allowed(address):
    assert decide_address(address, is_private_allowed=True) is ALLOW


@pytest.mark.parametrize("address", NEVER_PRIVATE)
def test_what_is_nobodys_server_stays_refused(address):
    assert isinstance(decide_address(address, is_private_allowed=True), Deny)
