"""Where a redirect may lead, against what browsers make of the same text."""

import pytest

from fastness.kernel.errors import ConfigError
from fastness.kernel.redirects import RedirectReason, RedirectRules, decide_redirect, try_safe_target
from fastness.kernel.verdicts import ALLOW, Deny
from tests.vectors.whatwg import PLAIN_TARGETS, TARGETS

OWN = "good.example"
RULES = RedirectRules(allowed_hosts=("login.example", ".partner.example", "localhost:3000"))


def deny(reason):
    return Deny(RedirectReason[reason])


@pytest.mark.parametrize(
    "target",
    [
        pytest.param("/", id="root"),
        pytest.param("/cases/1", id="path"),
        pytest.param("/cases/1/", id="trailing slash"),
        pytest.param("/cases?sort=name&page=2#top", id="query and fragment"),
        pytest.param("/?next=//evil.example", id="address in the query"),
        pytest.param("/#//evil.example", id="address in the fragment"),
        pytest.param("/a?x=%0d%0a%2f%2f", id="encoded line end in the query"),
        pytest.param("/caf%C3%A9", id="encoded path"),
        pytest.param("/a%2Fb", id="encoded slash that is not the first"),
        pytest.param("/a:b", id="colon"),
        pytest.param("/@evil.example", id="at sign"),
        pytest.param("/javascript:alert(1)", id="path that looks like a scheme"),
        pytest.param("/.well-known/change-password", id="segment that begins with a dot"),
        pytest.param("https://good.example", id="own host"),
        pytest.param("https://good.example/cases/1?a=b#c", id="own host with path"),
        pytest.param("https://good.example?a=b", id="own host with query only"),
        pytest.param("https://good.example:443/", id="own host with default port"),
        pytest.param("http://good.example/", id="own host over http"),
        pytest.param("HTTPS://GOOD.example/", id="upper case"),
        pytest.param("https://good.example./", id="trailing dot"),
        pytest.param("https://login.example/x", id="declared host"),
        pytest.param("https://login.example:443/x", id="declared host with default port"),
        pytest.param("https://login.example//x/../y", id="odd path on a declared host"),
        pytest.param("https://partner.example/", id="declared domain"),
        pytest.param("https://a.b.partner.example/", id="below a declared domain"),
        pytest.param("http://localhost:3000/x", id="declared host with port"),
        pytest.param("/" + "a" * 2047, id="2048 characters"),
    ],
)
def test_targets_that_may_be_used(target):
    assert decide_redirect(RULES, target, own_host=OWN) is ALLOW
    assert try_safe_target(RULES, target, own_host=OWN) == target


REFUSED = [
    pytest.param("", "EMPTY", id="empty"),
    pytest.param("/" + "a" * 2048, "TOO_LONG", id="2049 characters"),
    pytest.param("/" * 1_000_000, "TOO_LONG", id="a million slashes"),
    # The host of another, in the scheme of the page (RFC 3986 §4.2).
    pytest.param("//evil.example", "SCHEME_RELATIVE", id="scheme-relative"),
    pytest.param("///evil.example", "SCHEME_RELATIVE", id="three slashes"),
    pytest.param("////evil.example", "SCHEME_RELATIVE", id="four slashes"),
    pytest.param("///", "SCHEME_RELATIVE", id="slashes only"),
    pytest.param("//", "SCHEME_RELATIVE", id="two slashes only"),
    pytest.param("//good.example", "SCHEME_RELATIVE", id="scheme-relative to ourselves"),
    pytest.param("//good.example@evil.example", "SCHEME_RELATIVE", id="scheme-relative with userinfo"),
    # Browsers read a backslash as a slash in http and https (WHATWG URL, relative slash state).
    pytest.param("/\\evil.example", "BACKSLASH", id="slash backslash"),
    pytest.param("\\/evil.example", "BACKSLASH", id="backslash slash"),
    pytest.param("\\\\evil.example", "BACKSLASH", id="two backslashes"),
    pytest.param("/\\/evil.example", "BACKSLASH", id="slash backslash slash"),
    pytest.param("https:\\\\evil.example", "BACKSLASH", id="scheme and backslashes"),
    pytest.param("https://evil.example\\.good.example", "BACKSLASH", id="backslash ends the host"),
    pytest.param("https://good.example\\@evil.example", "BACKSLASH", id="backslash before the at sign"),
    pytest.param("/a\\b", "BACKSLASH", id="backslash in a path"),
    # Browsers drop tabs and line ends anywhere, and controls and blanks at the ends, before they read.
    pytest.param("/\t/evil.example", "CONTROL", id="tab between slashes"),
    pytest.param("/\n/evil.example", "CONTROL", id="line feed between slashes"),
    pytest.param("/\r/evil.example", "CONTROL", id="carriage return between slashes"),
    pytest.param("\t//evil.example", "CONTROL", id="leading tab"),
    pytest.param(" //evil.example", "CONTROL", id="leading blank"),
    pytest.param("\x00//evil.example", "CONTROL", id="leading nul"),
    pytest.param("\x1f//evil.example", "CONTROL", id="leading unit separator"),
    pytest.param("/cases ", "CONTROL", id="trailing blank"),
    pytest.param("/a b", "CONTROL", id="blank inside"),
    pytest.param("ht\ntps://evil.example", "CONTROL", id="line feed in the scheme"),
    pytest.param("java\tscript:alert(1)", "CONTROL", id="tab in javascript"),
    pytest.param("/cases\r\nSet-Cookie: session=evil", "CONTROL", id="response splitting"),
    pytest.param("/\x7f", "CONTROL", id="delete"),
    # The same, encoded: harmless to a browser, "//evil.example" to whatever decodes once more.
    pytest.param("/%09/evil.example", "UNSAFE_PATH", id="encoded tab"),
    pytest.param("/%0a/evil.example", "UNSAFE_PATH", id="encoded line feed"),
    pytest.param("/%2fevil.example", "UNSAFE_PATH", id="encoded slash in front"),
    pytest.param("/%2Fevil.example", "UNSAFE_PATH", id="encoded slash in upper case"),
    pytest.param("/%5cevil.example", "UNSAFE_PATH", id="encoded backslash"),
    pytest.param("/a%5cb", "UNSAFE_PATH", id="encoded backslash inside"),
    pytest.param("/%00", "UNSAFE_PATH", id="encoded nul"),
    pytest.param("/%zz", "UNSAFE_PATH", id="broken encoding"),
    pytest.param("/a//evil.example", "UNSAFE_PATH", id="double slash inside"),
    pytest.param("/.//evil.example", "UNSAFE_PATH", id="dot and double slash"),
    pytest.param("/../evil.example", "UNSAFE_PATH", id="dots"),
    pytest.param("/a/..;/b", "UNSAFE_PATH", id="dots with parameter"),
    pytest.param("https://good.example//evil.example", "UNSAFE_PATH", id="own host and double slash"),
    pytest.param("https://good.example/%2fevil.example", "UNSAFE_PATH", id="own host and encoded slash"),
    # Addresses that a browser finds a host in, and others do not.
    pytest.param("https:evil.example", "MALFORMED", id="no slashes"),
    pytest.param("https:/evil.example", "MALFORMED", id="one slash"),
    pytest.param("https:///evil.example", "MALFORMED", id="scheme and three slashes"),
    pytest.param("https:", "MALFORMED", id="scheme only"),
    pytest.param("https://", "MALFORMED", id="no host"),
    pytest.param("https://?x", "MALFORMED", id="no host but query"),
    pytest.param("https://good.example:", "MALFORMED", id="empty port"),
    pytest.param("https://good.example:99999", "MALFORMED", id="port 99999"),
    pytest.param("https://good_example", "MALFORMED", id="underscore"),
    pytest.param("https://good.example%2eevil.example", "MALFORMED", id="encoded dot"),
    pytest.param("https://[::1", "MALFORMED", id="bracket not closed"),
    pytest.param("https://127.1", "MALFORMED", id="short ipv4"),
    # RFC 3986 §7.6: what is left of the at sign is a name for the user to read.
    pytest.param("https://good.example@evil.example", "USERINFO", id="userinfo"),
    pytest.param("http://good.com@evil.com", "USERINFO", id="userinfo over http"),
    pytest.param("https://good.example:443@evil.example/", "USERINFO", id="userinfo with port"),
    pytest.param("https://user@good.example", "USERINFO", id="userinfo for ourselves"),
    pytest.param("https://@good.example", "USERINFO", id="empty userinfo"),
    # Schemes.
    pytest.param("javascript:alert(1)", "SCHEME", id="javascript"),
    pytest.param("JavaScript:alert(1)", "SCHEME", id="javascript in mixed case"),
    pytest.param("javascript://good.example/%0aalert(1)", "SCHEME", id="javascript with our host"),
    pytest.param("data:text/html,<script>alert(1)</script>", "SCHEME", id="data"),
    pytest.param("vbscript:x", "SCHEME", id="vbscript"),
    pytest.param("blob:https://good.example/1", "SCHEME", id="blob"),
    pytest.param("file:///etc/passwd", "SCHEME", id="file"),
    pytest.param("ftp://good.example", "SCHEME", id="ftp"),
    pytest.param("wss://good.example", "SCHEME", id="websocket"),
    pytest.param("intent://good.example", "SCHEME", id="app"),
    pytest.param("view-source:https://good.example", "SCHEME", id="view-source"),
    pytest.param("good.example:443", "SCHEME", id="host that reads as a scheme"),
    pytest.param(":evil.example", "SCHEME", id="empty scheme"),
    # Relative to the page: a redirect does not know on which one it is read.
    pytest.param("evil.example", "RELATIVE", id="name without scheme"),
    pytest.param("cases/1", "RELATIVE", id="relative path"),
    pytest.param("./cases", "RELATIVE", id="dot path"),
    pytest.param("../cases", "RELATIVE", id="dots path"),
    pytest.param("?next=1", "RELATIVE", id="query"),
    pytest.param("#x", "RELATIVE", id="fragment"),
    pytest.param("?x=https://evil.example", "RELATIVE", id="query with a scheme"),
    pytest.param("a/b:c", "RELATIVE", id="colon behind a slash"),
    pytest.param("#a:b", "RELATIVE", id="colon in the fragment"),
    pytest.param("@evil.example", "RELATIVE", id="at sign"),
    pytest.param("%2f%2fevil.example", "RELATIVE", id="encoded slashes"),
    # Unicode: U+FF0F, U+3002 and their kin become / and . when a browser reads a host (UTS #46).
    pytest.param("//evil。example", "NOT_ASCII", id="ideographic full stop"),
    pytest.param("https://evil。example", "NOT_ASCII", id="the same with scheme"),
    pytest.param("https://good.example／@evil.example", "NOT_ASCII", id="fullwidth slash"),
    pytest.param("／／evil.example", "NOT_ASCII", id="fullwidth slashes"),
    pytest.param("/／evil.example", "NOT_ASCII", id="slash and fullwidth slash"),
    pytest.param("https://good.example․evil.example", "NOT_ASCII", id="one dot leader"),
    pytest.param("https://gооd.example", "NOT_ASCII", id="cyrillic letters"),
    pytest.param("\u200e//evil.example", "NOT_ASCII", id="direction mark"),
    pytest.param("\xa0//evil.example", "NOT_ASCII", id="no-break space"),
    pytest.param("/caf\xe9", "NOT_ASCII", id="path that is not encoded"),
    pytest.param("/\u560d\u560aX: y", "NOT_ASCII", id="line end when cut to bytes"),
    # Other hosts.
    pytest.param("https://evil.example", "HOST", id="another host"),
    pytest.param("https://evil.example/.good.example", "HOST", id="our name in the path"),
    pytest.param("https://evil.example?.good.example", "HOST", id="our name in the query"),
    pytest.param("https://evil.example#@good.example", "HOST", id="our name in the fragment"),
    pytest.param("https://good.example.evil.example", "HOST", id="our name in front"),
    pytest.param("https://evilgood.example", "HOST", id="ends like ours"),
    pytest.param("https://www.good.example", "HOST", id="below ours"),
    pytest.param("https://example", "HOST", id="above ours"),
    pytest.param("https://good.example:444", "HOST", id="another port of ours"),
    pytest.param("https://good.example:80", "HOST", id="port of the other scheme"),
    pytest.param("https://login.example:8443", "HOST", id="another port of a declared host"),
    pytest.param("https://evil.login.example", "HOST", id="below a declared host"),
    pytest.param("https://evilpartner.example", "HOST", id="ends like a declared domain"),
    pytest.param("http://localhost", "HOST", id="declared with another port"),
    pytest.param("http://localhost:3001", "HOST", id="next port"),
    pytest.param("http://[::1]", "HOST", id="address"),
]


@pytest.mark.parametrize(("target", "reason"), REFUSED)
def test_targets_that_are_refused(target, reason):
    assert decide_redirect(RULES, target, own_host=OWN) == deny(reason)
    assert try_safe_target(RULES, target, own_host=OWN) is None


def test_no_target_is_no_target():
    assert try_safe_target(RULES, None, own_host=OWN) is None


@pytest.mark.parametrize(
    ("target", "own", "expected"),
    [
        pytest.param("http://localhost:8000/x", "localhost:8000", ALLOW, id="own port"),
        pytest.param("http://localhost:8001/x", "localhost:8000", deny("HOST"), id="another port"),
        pytest.param("http://localhost/x", "localhost:8000", deny("HOST"), id="port left out"),
        pytest.param("http://[::1]:8000/x", "[0::1]:8000", ALLOW, id="ipv6"),
        pytest.param("https://good.example/x", "GOOD.example.", ALLOW, id="own host in another spelling"),
        pytest.param("https://good.example/x", "good.example@evil", deny("HOST"), id="own host that is none"),
        pytest.param("/x", "good.example@evil", ALLOW, id="a path asks no host"),
    ],
)
def test_own_host_is_compared_with_its_port(target, own, expected):
    assert decide_redirect(RedirectRules(), target, own_host=own) == expected


@pytest.mark.parametrize(
    ("entry", "target", "expected"),
    [
        pytest.param("a.example:443", "https://a.example/", ALLOW, id="declared with the default port"),
        pytest.param("a.example:443", "http://a.example/", deny("HOST"), id="which is not that of http"),
        pytest.param("a.example:443", "http://a.example:443/", ALLOW, id="unless written"),
        pytest.param("a.example", "http://a.example/", ALLOW, id="declared without port, http"),
        pytest.param("a.example", "http://a.example:443/", deny("HOST"), id="declared without port, other port"),
    ],
)
def test_declared_ports(entry, target, expected):
    assert decide_redirect(RedirectRules(allowed_hosts=(entry,)), target, own_host=OWN) == expected


@pytest.mark.parametrize(
    "entry", ["*", "*.example.com", ".com", "https://a.example", "a.example/", "", ".a.example:80"]
)
def test_rules_that_are_refused(entry):
    with pytest.raises(ConfigError):
        RedirectRules(allowed_hosts=(entry,))


def test_the_missing_comma_is_named():
    with pytest.raises(ConfigError):
        RedirectRules(allowed_hosts=("a.example"))


@pytest.mark.parametrize(
    ("target", "scheme", "host", "own"),
    [pytest.param(*row, OWN, id=f"https {row[0]!r}") for row in TARGETS]
    + [pytest.param(*row, OWN, id=f"http {row[0]!r}") for row in PLAIN_TARGETS],
)
def test_what_is_allowed_stays_where_a_browser_reads_our_host(target, scheme, host, own):
    if decide_redirect(RedirectRules(), target, own_host=own) is ALLOW:
        assert scheme in {"http", "https"}
        assert host.removesuffix(".") == own
