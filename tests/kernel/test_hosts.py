"""Which hosts are read, how, and which are answered."""

import pytest

from fastness.kernel.errors import ConfigError
from fastness.kernel.hosts import (
    Host,
    HostReason,
    HostRules,
    MalformedHostError,
    decide_host,
    parse_host,
    parse_host_rule,
)
from fastness.kernel.verdicts import ALLOW, Deny
from tests.vectors.whatwg import HOSTS

LONGEST_LABEL = "a" * 63
LONGEST_NAME = ".".join(["a" * 49] * 4) + "." + "a" * 53
RULES = HostRules(allowed=("example.com", ".good.com", "localhost", "127.0.0.1", "[::1]", "xn--bcher-kva.example"))


@pytest.mark.parametrize(
    ("value", "name", "port"),
    [
        pytest.param("example.com", "example.com", None, id="name"),
        pytest.param("EXAMPLE.com", "example.com", None, id="upper case"),
        pytest.param("example.com.", "example.com", None, id="trailing dot"),
        pytest.param("example.com.:8000", "example.com", 8000, id="trailing dot and port"),
        pytest.param("localhost", "localhost", None, id="one label"),
        pytest.param("a-b.example.com", "a-b.example.com", None, id="hyphen inside"),
        pytest.param("xn--bcher-kva.example", "xn--bcher-kva.example", None, id="punycode"),
        pytest.param("3.example.com", "3.example.com", None, id="label of digits that is not the last"),
        pytest.param("example.3com", "example.3com", None, id="last label begins with a digit"),
        pytest.param("example.com:1", "example.com", 1, id="lowest port"),
        pytest.param("example.com:80", "example.com", 80, id="default port is kept"),
        pytest.param("example.com:65535", "example.com", 65535, id="highest port"),
        pytest.param("127.0.0.1", "127.0.0.1", None, id="ipv4"),
        pytest.param("127.0.0.1:8000", "127.0.0.1", 8000, id="ipv4 and port"),
        pytest.param("[::1]", "[::1]", None, id="ipv6"),
        pytest.param("[::1]:8000", "[::1]", 8000, id="ipv6 and port"),
        pytest.param("[0:0:0:0:0:0:0:1]", "[::1]", None, id="ipv6 written out"),
        pytest.param("[2001:DB8::A]", "[2001:db8::a]", None, id="ipv6 upper case"),
        pytest.param("[::ffff:127.0.0.1]", "[::ffff:7f00:1]", None, id="ipv6 with ipv4 in it"),
        pytest.param("[::ffff:7f00:1]", "[::ffff:7f00:1]", None, id="the same in hexadecimal"),
        pytest.param(LONGEST_LABEL + ".example", LONGEST_LABEL + ".example", None, id="longest label"),
        pytest.param(LONGEST_NAME, LONGEST_NAME, None, id="longest name"),
        pytest.param(LONGEST_NAME + ".:65535", LONGEST_NAME, 65535, id="longest host"),
    ],
)
def test_hosts_that_are_read(value, name, port):
    assert parse_host(value) == Host(name, port)


# Each row is a way to make two readers of one header see two hosts, or something that is no host at all.
MALFORMED = [
    # RFC 3986 userinfo: proxies and libraries have cut at the first colon, the last colon, the at sign.
    pytest.param("evil.com:80@good.com", id="userinfo with port"),
    pytest.param("good.com@evil.com", id="userinfo"),
    pytest.param("@good.com", id="empty userinfo"),
    # Request-target confusion (CVE-2026-48710 and kin): path and query smuggled into the authority.
    pytest.param("good.com/path", id="path"),
    pytest.param("good.com?x", id="query"),
    pytest.param("good.com#x", id="fragment"),
    pytest.param("good.com\\evil.com", id="backslash"),
    pytest.param("http://good.com", id="scheme"),
    pytest.param("//good.com", id="slashes"),
    # A list: two Host headers joined by a proxy.
    pytest.param("good.com,evil.com", id="comma list"),
    pytest.param("good.com, evil.com", id="comma list with blank"),
    pytest.param("good.com;evil.com", id="semicolon"),
    # Blanks and controls: header parsers strip different ones.
    pytest.param(" good.com", id="leading blank"),
    pytest.param("good.com ", id="trailing blank"),
    pytest.param("good com", id="blank inside"),
    pytest.param("good.com\t", id="tab"),
    pytest.param("good.com\n", id="line end at the end"),
    pytest.param("good.com\r\nX: y", id="header injection"),
    pytest.param("good.com\x00", id="nul"),
    pytest.param("good.com\x00.evil.com", id="nul inside"),
    pytest.param("good.com\x7f", id="delete"),
    pytest.param("good.com\x0b", id="vertical tab"),
    pytest.param("good.com\x85", id="next line"),
    pytest.param("good.com\xa0", id="no-break space"),
    # Names.
    pytest.param("", id="empty"),
    pytest.param(".", id="a dot"),
    pytest.param(".good.com", id="leading dot"),
    pytest.param("good..com", id="empty label"),
    pytest.param("good.com..", id="two trailing dots"),
    pytest.param("-good.com", id="label begins with hyphen"),
    pytest.param("good-.com", id="label ends with hyphen"),
    pytest.param("good.-com", id="last label begins with hyphen"),
    pytest.param("good.com-", id="last label ends with hyphen"),
    pytest.param("-", id="a hyphen"),
    pytest.param("my_service", id="underscore"),
    pytest.param("_dmarc.good.com", id="leading underscore"),
    pytest.param("*.good.com", id="wildcard"),
    pytest.param("good%2ecom", id="percent-encoded"),
    pytest.param("good.com%00", id="percent-encoded nul"),
    pytest.param("<script>.good.com", id="markup"),
    pytest.param('"good.com"', id="quotes"),
    pytest.param("'good.com'", id="single quotes"),
    pytest.param("${jndi:ldap://evil.com}", id="template"),
    pytest.param("a" * 64 + ".example", id="label of 64"),
    pytest.param(LONGEST_NAME + "a", id="name of 254"),
    pytest.param("a." * 500_000, id="a million characters"),
    # Unicode that normalises to another name, or looks like one.
    pytest.param("bücher.example", id="not punycode"),
    pytest.param("good。com", id="ideographic full stop"),
    pytest.param("good.com／x", id="fullwidth slash"),
    pytest.param("ｇood.com", id="fullwidth letter"),
    pytest.param("gооd.com", id="cyrillic letters"),
    pytest.param("\u212aelvin.com", id="kelvin sign lower-cases to k"),
    pytest.param("127.0.0.١", id="arabic digit"),
    # Ports.
    pytest.param("good.com:", id="empty port"),
    pytest.param("good.com:0", id="port 0"),
    pytest.param("good.com:65536", id="port 65536"),
    pytest.param("good.com:99999", id="port 99999"),
    pytest.param("good.com:080", id="leading zero"),
    pytest.param("good.com:000080", id="six digits"),
    pytest.param("good.com:-1", id="negative port"),
    pytest.param("good.com:+80", id="plus sign"),
    pytest.param("good.com: 80", id="blank in the port"),
    pytest.param("good.com:8_0", id="underscore in the port"),
    pytest.param("good.com:80x", id="letter in the port"),
    pytest.param("good.com:٨٠", id="arabic port"),
    pytest.param("good.com:80:80", id="two ports"),
    pytest.param(":80", id="port only"),
    # IPv4: browsers rewrite these before they send, so only another kind of client sends them.
    pytest.param("127.1", id="short ipv4"),
    pytest.param("2130706433", id="ipv4 as one number"),
    pytest.param("0x7f.0.0.1", id="hexadecimal first, decimal last"),
    pytest.param("127.0.0.0x1", id="hexadecimal last"),
    pytest.param("0177.0.0.1", id="octal"),
    pytest.param("127.0.0.01", id="leading zero in ipv4"),
    pytest.param("256.0.0.1", id="ipv4 above 255"),
    pytest.param("1.2.3.4.5", id="five numbers"),
    pytest.param("good.com.1", id="name that ends in a number"),
    # IPv6.
    pytest.param("::1", id="ipv6 without brackets"),
    pytest.param("[::1", id="bracket not closed"),
    pytest.param("::1]", id="bracket not opened"),
    pytest.param("[::1]]", id="two brackets"),
    pytest.param("[[::1]]", id="nested brackets"),
    pytest.param("[::1]8000", id="port without colon"),
    pytest.param("[::1]x8000", id="another character instead of the colon"),
    pytest.param("[::1]:", id="ipv6 and empty port"),
    pytest.param("[::1].good.com", id="name behind the bracket"),
    pytest.param("good.com[::1]", id="name before the bracket"),
    pytest.param("[]", id="empty brackets"),
    pytest.param("[good.com]", id="name in brackets"),
    pytest.param("[127.0.0.1]", id="ipv4 in brackets"),
    pytest.param("[::g]", id="not hexadecimal"),
    pytest.param("[1::2::3]", id="two gaps"),
    pytest.param("[fe80::1%eth0]", id="zone"),
    pytest.param("[fe80::1%25eth0]", id="encoded zone"),
    pytest.param("[v1.x]", id="future address"),
    pytest.param("[" + "0:" * 30 + "1]", id="long address"),
]


@pytest.mark.parametrize("value", MALFORMED)
def test_hosts_that_are_refused(value):
    with pytest.raises(MalformedHostError) as caught:
        parse_host(value)
    assert caught.value.code == "malformed_host"
    assert not value or len(value) < 3 or value not in caught.value.detail


@pytest.mark.parametrize("value", MALFORMED)
def test_what_cannot_be_read_is_not_answered(value):
    expected = HostReason.MALFORMED if value else HostReason.MISSING
    assert decide_host(RULES, value) == Deny(expected)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        pytest.param("example.com", ALLOW, id="exact"),
        pytest.param("example.com:443", ALLOW, id="exact with port"),
        pytest.param("example.com:8000", ALLOW, id="any port"),
        pytest.param("EXAMPLE.COM", ALLOW, id="upper case"),
        pytest.param("example.com.", ALLOW, id="trailing dot"),
        pytest.param("www.example.com", Deny(HostReason.NOT_ALLOWED), id="below an exact name"),
        pytest.param("example.com.evil.com", Deny(HostReason.NOT_ALLOWED), id="exact name in front"),
        pytest.param("notexample.com", Deny(HostReason.NOT_ALLOWED), id="exact name behind letters"),
        pytest.param("example.co", Deny(HostReason.NOT_ALLOWED), id="one letter less"),
        pytest.param("good.com", ALLOW, id="suffix itself"),
        pytest.param("www.good.com", ALLOW, id="below a suffix"),
        pytest.param("a.b.good.com:8443", ALLOW, id="two below a suffix"),
        pytest.param("WWW.GOOD.COM.", ALLOW, id="below a suffix in upper case with dot"),
        pytest.param("goodevil.com", Deny(HostReason.NOT_ALLOWED), id="begins like the suffix"),
        pytest.param("evilgood.com", Deny(HostReason.NOT_ALLOWED), id="ends like the suffix"),
        pytest.param("good.com.evil.com", Deny(HostReason.NOT_ALLOWED), id="suffix in front"),
        pytest.param("evil.com", Deny(HostReason.NOT_ALLOWED), id="another"),
        pytest.param("com", Deny(HostReason.NOT_ALLOWED), id="top level"),
        pytest.param("127.0.0.1:8000", ALLOW, id="ipv4"),
        pytest.param("127.0.0.2", Deny(HostReason.NOT_ALLOWED), id="next ipv4"),
        pytest.param("[::1]:8000", ALLOW, id="ipv6"),
        pytest.param("[0::1]", ALLOW, id="ipv6 written otherwise"),
        pytest.param("[::2]", Deny(HostReason.NOT_ALLOWED), id="next ipv6"),
        pytest.param("localhost", ALLOW, id="localhost"),
        pytest.param("a.localhost", Deny(HostReason.NOT_ALLOWED), id="below localhost"),
        pytest.param("xn--bcher-kva.example", ALLOW, id="punycode"),
        pytest.param(None, Deny(HostReason.MISSING), id="no header"),
        pytest.param("", Deny(HostReason.MISSING), id="empty header"),
    ],
)
def test_hosts_that_are_answered(header, expected):
    assert decide_host(RULES, header) == expected


@pytest.mark.parametrize("header", ["localhost", "127.0.0.1", "example.com", None, ""])
def test_without_rules_nothing_is_answered(header):
    assert decide_host(HostRules(), header) != ALLOW


@pytest.mark.parametrize(
    ("entry", "normal"),
    [
        pytest.param("Example.COM", "example.com", id="upper case"),
        pytest.param("example.com.", "example.com", id="trailing dot"),
        pytest.param(".Example.com", ".example.com", id="suffix"),
        pytest.param(".co.example", ".co.example", id="suffix of two labels"),
        pytest.param(".localhost", ".localhost", id="localhost as suffix"),
        pytest.param("[0::1]", "[::1]", id="ipv6"),
        pytest.param("com", "com", id="one label"),
    ],
)
def test_rules_that_are_accepted(entry, normal):
    assert parse_host_rule(entry) == normal


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param("*", id="everything"),
        pytest.param("*.example.com", id="wildcard"),
        pytest.param("", id="empty"),
        pytest.param(".", id="a dot"),
        pytest.param(".com", id="top level as suffix"),
        pytest.param("..example.com", id="two dots"),
        pytest.param(".127.0.0.1", id="ipv4 as suffix"),
        pytest.param(".[::1]", id="ipv6 as suffix"),
        pytest.param("example.com:8000", id="port"),
        pytest.param("https://example.com", id="scheme"),
        pytest.param("example.com/", id="path"),
        pytest.param("bücher.example", id="not punycode"),
        pytest.param("example.com ", id="blank"),
        pytest.param("^example\\.com$", id="regular expression"),
    ],
)
def test_rules_that_are_refused(entry):
    with pytest.raises(ConfigError):
        HostRules(allowed=(entry,))


def test_the_missing_comma_is_named():
    with pytest.raises(ConfigError):
        HostRules(allowed=("example.com"))


def test_equal_rules_are_equal():
    assert HostRules(allowed=("a.example",)) == HostRules(allowed=("a.example",))
    assert "_exact" not in repr(RULES)


@pytest.mark.parametrize(
    ("host", "is_address"),
    [
        pytest.param("127.0.0.1", True, id="ipv4"),
        pytest.param("[::1]:80", True, id="ipv6"),
        pytest.param("example.com", False, id="name"),
        pytest.param("web1", False, id="name that ends in a digit"),
        pytest.param("a.web1", False, id="label that ends in a digit"),
        pytest.param("1.example", False, id="name that begins with a digit"),
    ],
)
def test_addresses_are_known(host, is_address):
    assert parse_host(host).is_address is is_address


@pytest.mark.parametrize("text", ["example.com", "example.com:8000", "[::1]:1"])
def test_a_host_is_written_as_it_was_read(text):
    assert str(parse_host(text)) == text


@pytest.mark.parametrize(("typed", "host"), HOSTS)
def test_a_host_that_is_read_is_the_one_a_browser_goes_to(typed, host):
    try:
        ours = parse_host(typed)
    except MalformedHostError:
        return
    name, colon, port = (host or "").rpartition(":") if not (host or "").endswith("]") else (host, "", "")
    if not colon:
        name, port = host, ""
    assert name.removesuffix(".") == ours.name
    assert ours.port in ({80, None} if not port else {int(port)})


@pytest.mark.parametrize("host", [host for _, host in HOSTS if host])
def test_hosts_that_browsers_send_are_read_or_are_no_dns_names(host):
    # What browsers send and we refuse: underscores, empty labels, hyphens at the border of a label.
    odd = {"good_example", "-good.example", "good-.example", "good.example..", "good..example", ".good.example"}
    odd |= {"good.0xg", "a" * 64 + ".example"}
    if host in odd:
        with pytest.raises(MalformedHostError):
            parse_host(host)
    else:
        assert str(parse_host(host)) == host.removesuffix(".")


@pytest.mark.parametrize(
    ("allowed", "came_to", "expected"),
    [
        pytest.param(("example.com", "www.example.com"), "www.example.com", "www.example.com", id="written-out"),
        pytest.param(("example.com", ".example.com"), "evil.example.com", "example.com", id="below-a-suffix"),
        pytest.param((".pages.example", "example.com"), "evil.pages.example", "example.com", id="below-another-suffix"),
        pytest.param((".example.com",), "shop.example.com", "shop.example.com", id="only-suffixes"),
        pytest.param((".example.com",), "example.com", "example.com", id="the-suffix-itself"),
        pytest.param(("example.com",), "EXAMPLE.com", "example.com", id="other-spelling"),
    ],
)
def test_a_link_in_a_mail_leads_to_a_name_that_is_written_out(allowed, came_to, expected):
    assert HostRules(allowed=allowed).name_for_links(came_to) == expected
