"""Whose word is taken about the client's address and scheme."""

import pytest

from fastness.kernel.errors import ConfigError
from fastness.kernel.proxies import MAX_HOPS, ClientAddress, ProxyRules, resolve_client

NETWORKS = ProxyRules(trusted=("10.0.0.0/8", "198.51.100.16/28", "192.0.2.7", "2001:db8:1::/48"))
FORWARDED = ProxyRules(trusted=("10.0.0.0/8", "2001:db8:1::/48"), headers="forwarded")


def resolve(rules, peer, entries=None, proto=None, *, scheme="http", forwarded=None):
    return resolve_client(
        rules, peer=peer, x_forwarded_for=entries, x_forwarded_proto=proto, scheme=scheme, forwarded=forwarded
    )


@pytest.mark.parametrize(
    ("peer", "entries", "ip"),
    [
        pytest.param("10.0.0.1", "203.0.113.9", "203.0.113.9", id="one proxy"),
        pytest.param("192.0.2.7", "203.0.113.9", "203.0.113.9", id="one proxy, declared by its address"),
        pytest.param("2001:db8:1::2", "203.0.113.9", "203.0.113.9", id="one proxy over ipv6"),
        pytest.param("2001:0DB8:0001:0::2", "203.0.113.9", "203.0.113.9", id="its address in another spelling"),
        pytest.param("::ffff:10.0.0.1", "203.0.113.9", "203.0.113.9", id="proxy seen by a socket for both families"),
        pytest.param("10.0.0.0", "203.0.113.9", "203.0.113.9", id="first address of a network"),
        pytest.param("10.255.255.255", "203.0.113.9", "203.0.113.9", id="last address of a network"),
        pytest.param("198.51.100.16", "203.0.113.9", "203.0.113.9", id="first address of a small network"),
        pytest.param("198.51.100.31", "203.0.113.9", "203.0.113.9", id="last address of a small network"),
        pytest.param("10.0.0.1", "203.0.113.9, 10.0.0.2", "203.0.113.9", id="two proxies"),
        pytest.param("10.0.0.1", "203.0.113.9,10.0.0.3,\t10.0.0.2 ", "203.0.113.9", id="three proxies, odd blanks"),
        pytest.param("10.0.0.1", "203.0.113.9, 192.0.2.7, 2001:db8:1::9", "203.0.113.9", id="proxies of all kinds"),
        # What stands left of the first undeclared address was sent by the client.
        pytest.param("10.0.0.1", "127.0.0.1, 203.0.113.9", "203.0.113.9", id="forged entry in front"),
        pytest.param("10.0.0.1", "10.0.0.5, 203.0.113.9", "203.0.113.9", id="forged entry that is a proxy's"),
        pytest.param(
            "10.0.0.1", "1.1.1.1, 2.2.2.2, 203.0.113.9, 10.0.0.2", "203.0.113.9", id="forged entries, two proxies"
        ),
        pytest.param("10.0.0.1", "unknown, 203.0.113.9", "203.0.113.9", id="forged nonsense in front"),
        pytest.param("10.0.0.1", "2001:db8::9", "2001:db8::9", id="ipv6 client"),
        pytest.param("10.0.0.1", "2001:DB8:0:0::9", "2001:db8::9", id="ipv6 client in another spelling"),
        pytest.param("10.0.0.1", "[2001:db8::9]:4711", "2001:db8::9", id="ipv6 client with port"),
        pytest.param("10.0.0.1", "[2001:db8::9]", "2001:db8::9", id="ipv6 client in brackets"),
        pytest.param("10.0.0.1", "203.0.113.9:4711", "203.0.113.9", id="ipv4 client with port"),
        pytest.param("10.0.0.1", "203.0.113.9:7", "203.0.113.9", id="ipv4 client with short port"),
        pytest.param("10.0.0.1", "::ffff:203.0.113.9", "203.0.113.9", id="ipv4 client written as ipv6"),
        pytest.param("10.0.0.1", "::ffff:cb00:7109", "203.0.113.9", id="the same in hexadecimal"),
        pytest.param("10.0.0.1", "203.0.113.9, ::ffff:10.0.0.2", "203.0.113.9", id="proxy written as ipv6"),
        # All declared: somebody inside asks.
        pytest.param("10.0.0.1", "10.0.0.9, 10.0.0.2", "10.0.0.9", id="client on the proxies' network"),
        pytest.param("10.0.0.1", None, "10.0.0.1", id="proxy itself asks"),
        pytest.param("10.0.0.1", "", "10.0.0.1", id="empty header"),
        # What cannot be read ends the walk at the last proxy known.
        pytest.param("10.0.0.1", "unknown", "10.0.0.1", id="unknown"),
        pytest.param("10.0.0.1", "203.0.113.9, unknown", "10.0.0.1", id="unknown behind the client"),
        pytest.param("10.0.0.1", "203.0.113.9, unknown, 10.0.0.2", "10.0.0.2", id="unknown between"),
        pytest.param("10.0.0.1", "_hidden", "10.0.0.1", id="obfuscated"),
        pytest.param("10.0.0.1", "203.0.113.9,", "10.0.0.1", id="empty entry"),
        pytest.param("10.0.0.1", "203.0.113.9,,10.0.0.2", "10.0.0.2", id="empty entry between"),
        pytest.param("10.0.0.1", "client.example", "10.0.0.1", id="name"),
        pytest.param("10.0.0.1", "203.0.113.9 10.0.0.2", "10.0.0.1", id="blank instead of comma"),
        pytest.param("10.0.0.1", "203.0.113.9;10.0.0.2", "10.0.0.1", id="semicolon instead of comma"),
        pytest.param("10.0.0.1", "203.0.113.256", "10.0.0.1", id="octet above 255"),
        pytest.param("10.0.0.1", "203.0.113", "10.0.0.1", id="three octets"),
        pytest.param("10.0.0.1", "203.0.113.9.1", "10.0.0.1", id="five octets"),
        pytest.param("10.0.0.1", "203.0.113.09", "10.0.0.1", id="leading zero"),
        pytest.param("10.0.0.1", "3405803785", "10.0.0.1", id="one number"),
        pytest.param("10.0.0.1", "203.0.113.٩", "10.0.0.1", id="arabic digit"),
        pytest.param("10.0.0.1", "203.0.113.9:", "10.0.0.1", id="empty port"),
        pytest.param("10.0.0.1", "203.0.113.9:x", "10.0.0.1", id="port of letters"),
        pytest.param("10.0.0.1", "203.0.113.9:123456", "10.0.0.1", id="long port"),
        pytest.param("10.0.0.1", "[2001:db8::9", "10.0.0.1", id="bracket not closed"),
        pytest.param("10.0.0.1", "[2001:db8::9]x", "10.0.0.1", id="text behind the bracket"),
        pytest.param("10.0.0.1", "[2001:db8::9]:", "10.0.0.1", id="bracket and empty port"),
        pytest.param("10.0.0.1", "[203.0.113.9]:80", "10.0.0.1", id="ipv4 in brackets"),
        pytest.param("10.0.0.1", "fe80::1%eth0", "10.0.0.1", id="zone"),
        pytest.param("10.0.0.1", '"203.0.113.9"', "10.0.0.1", id="quotes"),
        pytest.param("10.0.0.1", "203.0.113.9\n", "10.0.0.1", id="line end"),
        pytest.param("10.0.0.1", "0:" * 500_000, "10.0.0.1", id="a million characters"),
        pytest.param("10.0.0.1", "1:" * 26 + "1", "10.0.0.1", id="too many groups"),
    ],
)
def test_declared_networks(peer, entries, ip):
    assert resolve(NETWORKS, peer, entries) == ClientAddress(ip, "http", via_proxy=True)


@pytest.mark.parametrize(
    ("rules", "peer", "ip"),
    [
        pytest.param(ProxyRules(), "203.0.113.9", "203.0.113.9", id="none declared"),
        pytest.param(ProxyRules(), "127.0.0.1", "127.0.0.1", id="none declared, loopback"),
        pytest.param(ProxyRules(), None, None, id="none declared, unix socket"),
        pytest.param(ProxyRules(), "testclient", "testclient", id="none declared, a name"),
        pytest.param(ProxyRules(), "::ffff:203.0.113.9", "203.0.113.9", id="none declared, socket for both families"),
        pytest.param(ProxyRules(), "::ffff:x", "::ffff:x", id="none declared, nonsense"),
        pytest.param(NETWORKS, "203.0.113.9", "203.0.113.9", id="another address"),
        pytest.param(NETWORKS, "11.0.0.1", "11.0.0.1", id="next network"),
        pytest.param(NETWORKS, "9.255.255.255", "9.255.255.255", id="address before the network"),
        pytest.param(NETWORKS, "192.0.2.8", "192.0.2.8", id="next address"),
        pytest.param(NETWORKS, "198.51.100.15", "198.51.100.15", id="before the small network"),
        pytest.param(NETWORKS, "198.51.100.32", "198.51.100.32", id="behind the small network"),
        pytest.param(NETWORKS, "198.51.101.16", "198.51.101.16", id="another third octet"),
        pytest.param(NETWORKS, "198.52.100.16", "198.52.100.16", id="another second octet"),
        pytest.param(NETWORKS, "2001:db8:2::1", "2001:db8:2::1", id="next ipv6 network"),
        # As a number, ::a00:1 is 10.0.0.1; it is another address all the same.
        pytest.param(NETWORKS, "::a00:1", "::a00:1", id="ipv6 of the same number"),
        pytest.param(NETWORKS, None, None, id="unix socket"),
        pytest.param(NETWORKS, "", "", id="empty peer"),
        pytest.param(NETWORKS, "10.0.0.1x", "10.0.0.1x", id="nonsense"),
        pytest.param(FORWARDED, "203.0.113.9", "203.0.113.9", id="another address, other headers"),
    ],
)
def test_from_others_no_header_is_read(rules, peer, ip):
    client = resolve(rules, peer, "127.0.0.1", "https", forwarded="for=127.0.0.1;proto=https")
    assert client == ClientAddress(ip, "http", via_proxy=False)


@pytest.mark.parametrize(
    ("proto", "scheme", "expected"),
    [
        pytest.param("https", "http", "https", id="tls proxy"),
        pytest.param("http", "http", "http", id="plain proxy"),
        pytest.param("http", "https", "http", id="plain client, tls between"),
        pytest.param("https", "https", "https", id="tls both ways"),
        pytest.param("HTTPS", "http", "https", id="upper case"),
        pytest.param(" https ", "http", "https", id="blanks"),
        pytest.param("https", "ws", "wss", id="socket"),
        pytest.param("wss", "ws", "wss", id="socket scheme"),
        pytest.param("ws", "wss", "ws", id="plain socket scheme"),
        pytest.param("wss", "http", "https", id="socket scheme for a request"),
        pytest.param(None, "http", "http", id="no header"),
        pytest.param("", "http", "http", id="empty"),
        # Written by two, of whom one may be the client: a plain client would pass for a secure one.
        pytest.param("https, http", "http", "http", id="two values"),
        pytest.param("https,https", "http", "http", id="twice the same"),
        pytest.param("http, https", "https", "https", id="two values over tls"),
        pytest.param("https;q=1", "http", "http", id="parameter"),
        pytest.param("javascript", "http", "http", id="another scheme"),
        pytest.param("on", "http", "http", id="word of another header"),
        pytest.param("https", "gopher", "gopher", id="scheme of the connection that is none"),
        pytest.param("http", "gopher", "gopher", id="the same, plain"),
    ],
)
def test_schemes(proto, scheme, expected):
    for rules in (NETWORKS, ProxyRules(hop_count=1)):
        assert resolve(rules, "10.0.0.1", "203.0.113.9", proto, scheme=scheme).scheme == expected


@pytest.mark.parametrize(
    ("count", "peer", "entries", "expected"),
    [
        pytest.param(1, "10.0.0.1", "203.0.113.9", ("203.0.113.9", "https", True), id="one"),
        pytest.param(1, None, "203.0.113.9", ("203.0.113.9", "https", True), id="one on a unix socket"),
        pytest.param(1, "10.0.0.1", "1.1.1.1, 203.0.113.9", ("203.0.113.9", "https", True), id="one, forged entry"),
        pytest.param(2, "10.0.0.1", "203.0.113.9, 10.0.0.2", ("203.0.113.9", "https", True), id="two"),
        pytest.param(
            2, "10.0.0.1", "1.1.1.1, 203.0.113.9, 10.0.0.2", ("203.0.113.9", "https", True), id="two, forged entry"
        ),
        pytest.param(
            2, "10.0.0.1", "junk, 203.0.113.9, 10.0.0.2", ("203.0.113.9", "https", True), id="two, forged junk"
        ),
        # More proxies declared than entries: it came another way, and all of it may be the client's.
        pytest.param(2, "203.0.113.9", "1.1.1.1", ("203.0.113.9", "http", False), id="count above the entries"),
        pytest.param(1, "203.0.113.9", None, ("203.0.113.9", "http", False), id="no header"),
        pytest.param(1, "203.0.113.9", "", ("203.0.113.9", "http", False), id="empty header"),
        pytest.param(1, None, None, (None, "http", False), id="no header on a unix socket"),
        pytest.param(1, "10.0.0.1", "unknown", ("10.0.0.1", "https", True), id="unknown"),
        pytest.param(2, "10.0.0.1", "203.0.113.9, unknown", ("10.0.0.1", "https", True), id="unknown second"),
        pytest.param(2, "10.0.0.1", "unknown, 10.0.0.2", ("10.0.0.2", "https", True), id="unknown first"),
    ],
)
def test_declared_number(count, peer, entries, expected):
    assert resolve(ProxyRules(hop_count=count), peer, entries, "https") == expected


@pytest.mark.parametrize(
    ("peer", "entries", "expected"),
    [
        pytest.param(None, "203.0.113.9", ("203.0.113.9", "https", True), id="unix socket"),
        pytest.param("", "203.0.113.9", ("203.0.113.9", "https", True), id="unix socket with empty peer"),
        pytest.param(None, None, (None, "https", True), id="unix socket without header"),
        pytest.param("203.0.113.9", "1.1.1.1", ("203.0.113.9", "http", False), id="somebody else"),
    ],
)
def test_a_proxy_on_a_unix_socket(peer, entries, expected):
    assert resolve(ProxyRules(trusted=("unix",)), peer, entries, "https") == expected


@pytest.mark.parametrize(
    ("header", "ip", "scheme"),
    [
        pytest.param("for=203.0.113.9;proto=https", "203.0.113.9", "https", id="one element"),
        pytest.param("proto=https; for=203.0.113.9; by=10.0.0.1", "203.0.113.9", "https", id="another order"),
        pytest.param("For=203.0.113.9;Proto=HTTPS", "203.0.113.9", "https", id="upper case"),
        pytest.param('for="203.0.113.9:4711"', "203.0.113.9", "http", id="quoted with port"),
        pytest.param('for="[2001:db8::9]:4711";proto=https', "2001:db8::9", "https", id="ipv6 with port"),
        pytest.param('for="[2001:db8::9]"', "2001:db8::9", "http", id="ipv6"),
        pytest.param("for=203.0.113.9;proto=https, for=10.0.0.2;proto=http", "203.0.113.9", "https", id="two proxies"),
        pytest.param("for=203.0.113.9, for=10.0.0.2;proto=https", "203.0.113.9", "https", id="scheme of the inner one"),
        pytest.param("for=127.0.0.1;proto=https, for=203.0.113.9", "203.0.113.9", "http", id="forged element"),
        pytest.param("for=127.0.0.1, for=203.0.113.9;proto=https", "203.0.113.9", "https", id="forged element, tls"),
        # A parser that reads from the left would take the client's open quote for the beginning of a text.
        pytest.param('for="1.1.1.1, for=203.0.113.9;proto=https', "203.0.113.9", "https", id="open quote in front"),
        pytest.param('for=1.1.1.1;x=", for=203.0.113.9', "203.0.113.9", "http", id="open quote in an extension"),
        pytest.param("for=unknown", "10.0.0.1", "http", id="unknown"),
        pytest.param("for=203.0.113.9, for=_secret", "10.0.0.1", "http", id="obfuscated"),
        pytest.param("for=unknown, for=10.0.0.2", "10.0.0.2", "http", id="unknown client"),
        pytest.param("proto=https", "10.0.0.1", "http", id="no client"),
        pytest.param("for=203.0.113.9;for=1.1.1.1", "10.0.0.1", "http", id="two clients in one element"),
        pytest.param("for=203.0.113.9;proto=http;proto=https", "203.0.113.9", "http", id="two schemes in one element"),
        pytest.param("for=203.0.113.9;proto=https;PROTO=https", "203.0.113.9", "http", id="two schemes, other case"),
        pytest.param("203.0.113.9", "10.0.0.1", "http", id="the form of the other header"),
        pytest.param('for="203.0.113.9', "10.0.0.1", "http", id="quote not closed"),
        pytest.param('for="', "10.0.0.1", "http", id="quote only"),
        pytest.param("for=2001:db8::9", "2001:db8::9", "http", id="ipv6 without the quotes it needs"),
        pytest.param("", "10.0.0.1", "http", id="empty"),
        pytest.param(None, "10.0.0.1", "http", id="no header"),
    ],
)
def test_forwarded(header, ip, scheme):
    client = resolve(FORWARDED, "10.0.0.1", "198.51.100.1", "https", forwarded=header)
    assert client == ClientAddress(ip, scheme, via_proxy=True)


def test_the_header_that_was_not_declared_is_ignored():
    # A proxy that writes one of the two passes the client's other one on.
    client = resolve(NETWORKS, "10.0.0.1", "203.0.113.9", forwarded="for=127.0.0.1;proto=https")
    assert client == ClientAddress("203.0.113.9", "http", via_proxy=True)


def test_the_walk_has_an_end():
    entries = ", ".join(["203.0.113.9"] + ["10.0.0.2"] * (MAX_HOPS - 1))
    assert resolve(NETWORKS, "10.0.0.1", entries).ip == "203.0.113.9"
    entries = ", ".join(["203.0.113.9"] + ["10.0.0.2"] * (MAX_HOPS + 1))
    assert resolve(NETWORKS, "10.0.0.1", entries).ip == "10.0.0.2"


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"trusted": ("*",)}, id="everybody"),
        pytest.param({"trusted": ("0.0.0.0/0",)}, id="every ipv4"),
        pytest.param({"trusted": ("::/0",)}, id="every ipv6"),
        pytest.param({"trusted": ("10.*",)}, id="wildcard"),
        pytest.param({"trusted": ("10.0.0.1/8",)}, id="address with bits behind the network"),
        pytest.param({"trusted": ("proxy.example",)}, id="name"),
        pytest.param({"trusted": ("",)}, id="empty"),
        pytest.param({"trusted": ("::ffff:10.0.0.0/104",)}, id="ipv4 written as ipv6"),
        pytest.param({"trusted": "10.0.0.0/8"}, id="missing comma"),
        pytest.param({"trusted": ("10.0.0.0/8",), "hop_count": 1}, id="both"),
        pytest.param({"hop_count": 0}, id="no hops"),
        pytest.param({"hop_count": -1}, id="negative hops"),
        pytest.param({"hop_count": MAX_HOPS}, id="too many hops"),
        pytest.param({"headers": "x-real-ip"}, id="another header"),
    ],
)
def test_rules_that_are_refused(fields):
    with pytest.raises(ConfigError):
        ProxyRules(**fields)
