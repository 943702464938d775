import pytest

from fastness.kernel.because import Because
from fastness.kernel.errors import ConfigError
from fastness.kernel.verdicts import ALLOW, Deny
from fastness.outbound.errors import OutboundReason as Reason
from fastness.outbound.errors import OutboundRefusedError
from fastness.outbound.rules import OutboundRules
from fastness.outbound.targets import Call, decide_target, parse_target, redirected

REASON = Because("the table needs this to be allowed")

TRICKY = [
    pytest.param("https://0x7f.1/", Reason.MALFORMED, id="hexadecimal and short"),
    pytest.param("https://0x7f000001/", Reason.MALFORMED, id="hexadecimal"),
    pytest.param("https://0177.0.0.1/", Reason.MALFORMED, id="octal"),
    pytest.param("https://017700000001/", Reason.MALFORMED, id="octal without dots"),
    pytest.param("https://2130706433/", Reason.MALFORMED, id="decimal"),
    pytest.param("https://127.1/", Reason.MALFORMED, id="short"),
    pytest.param("https://127.0.0.1.1/", Reason.MALFORMED, id="five numbers"),
    pytest.param("https://127.0.0.256/", Reason.MALFORMED, id="a number too large"),
    pytest.param("https://１２７.0.0.1/", Reason.MALFORMED, id="full-width digits"),
    pytest.param("https://127。0。0。1/", Reason.MALFORMED, id="ideographic dots"),
    pytest.param("https://example．com/", Reason.MALFORMED, id="full-width dot"),
    pytest.param("https://ⓔxample.com/", Reason.MALFORMED, id="letters in circles"),
    pytest.param("https://пример.рф/", Reason.MALFORMED, id="an international name not in ASCII"),
    pytest.param("https://example.com%2f@evil.test/", Reason.USERINFO, id="escaped slash before an at"),
    pytest.param("https://api.example.com@127.0.0.1/", Reason.USERINFO, id="a listed host as user"),
    pytest.param("https://user:pass@api.example.com/", Reason.USERINFO, id="a password"),
    pytest.param("https://@api.example.com/", Reason.USERINFO, id="an empty user"),
    pytest.param("https://api.example.com%00.evil.test/", Reason.MALFORMED, id="escaped null"),
    pytest.param("https://api.example.com%2eevil.test/", Reason.MALFORMED, id="escaped dot"),
    pytest.param("https://api.example.com\\@evil.test/", Reason.MALFORMED, id="backslash"),
    pytest.param("https:\\\\evil.test/", Reason.MALFORMED, id="two backslashes"),
    pytest.param("https://api.example.com\t.evil.test/", Reason.MALFORMED, id="tab"),
    pytest.param("https://api.example.com\r\nHost: evil.test/", Reason.MALFORMED, id="line end in the host"),
    pytest.param("https://api.example.com/\r\nX-Evil: 1", Reason.MALFORMED, id="line end in the path"),
    pytest.param("https://api.example.com/ HTTP/1.1", Reason.MALFORMED, id="space in the path"),
    pytest.param(" https://api.example.com/", Reason.MALFORMED, id="space before"),
    pytest.param("https://api.example.com:0/", Reason.MALFORMED, id="port 0"),
    pytest.param("https://api.example.com:/", Reason.MALFORMED, id="empty port"),
    pytest.param("https://api.example.com:65536/", Reason.MALFORMED, id="port too large"),
    pytest.param("https://api.example.com:0443/", Reason.MALFORMED, id="port in octal"),
    pytest.param("https://api.example.com:443:80/", Reason.MALFORMED, id="two ports"),
    pytest.param("https://[::1/", Reason.MALFORMED, id="bracket not closed"),
    pytest.param("https://[fe80::1%25eth0]/", Reason.MALFORMED, id="zone"),
    pytest.param("https://[::1]evil.test/", Reason.MALFORMED, id="text after the bracket"),
    pytest.param("https:///etc/passwd", Reason.MALFORMED, id="no host"),
    pytest.param("https://-example.com/", Reason.MALFORMED, id="hyphen first"),
    pytest.param("https://a..example.com/", Reason.MALFORMED, id="empty label"),
    pytest.param("https://" + "a" * 9000, Reason.MALFORMED, id="too long"),
    pytest.param("file:///etc/passwd", Reason.SCHEME, id="file"),
    pytest.param("gopher://127.0.0.1:6379/_FLUSHALL", Reason.SCHEME, id="gopher"),
    pytest.param("ftp://api.example.com/", Reason.SCHEME, id="ftp"),
    pytest.param("dict://127.0.0.1:11211/stat", Reason.SCHEME, id="dict"),
    pytest.param("javascript:alert(1)", Reason.SCHEME, id="javascript"),
    pytest.param("//api.example.com/", Reason.SCHEME, id="no scheme"),
    pytest.param("api.example.com", Reason.SCHEME, id="a bare name"),
    pytest.param("https:api.example.com", Reason.SCHEME, id="no slashes"),
    pytest.param("url:https://api.example.com/", Reason.SCHEME, id="a scheme before the scheme"),
    pytest.param("", Reason.SCHEME, id="nothing"),
]
PLAIN = [
    pytest.param("https://api.example.com", "https", "api.example.com", 443, "/", id="no path"),
    pytest.param("HTTPS://API.Example.COM/a", "https", "api.example.com", 443, "/a", id="capitals"),
    pytest.param("https://api.example.com./a", "https", "api.example.com", 443, "/a", id="dot at the end"),
    pytest.param("https://api.example.com?a=b", "https", "api.example.com", 443, "/?a=b", id="query without path"),
    pytest.param("https://api.example.com/a?b@c:d", "https", "api.example.com", 443, "/a?b@c:d", id="at in the query"),
    pytest.param("https://api.example.com#@evil.test/", "https", "api.example.com", 443, "/", id="at in the fragment"),
    pytest.param("https://api.example.com/a#b", "https", "api.example.com", 443, "/a", id="fragment"),
    pytest.param("https://api.example.com:8443/", "https", "api.example.com", 8443, "/", id="port"),
    pytest.param("http://api.example.com/", "http", "api.example.com", 80, "/", id="http"),
    pytest.param(
        "https://api.example.com/ä%20b", "https", "api.example.com", 443, "/%C3%A4%20b", id="letters in the path"
    ),
    pytest.param("https://[2001:DB8::1]/", "https", "[2001:db8::1]", 443, "/", id="IPv6"),
    pytest.param(
        "https://169.254.169.254./", "https", "169.254.169.254", 443, "/", id="an address with a dot at its end"
    ),
]


@pytest.mark.parametrize(("url", "reason"), TRICKY)
def test_what_two_readers_could_read_differently_is_refused(url, reason):
    with pytest.raises(OutboundRefusedError) as caught:
        parse_target(url)
    assert caught.value.reason is reason


@pytest.mark.parametrize(("url", "scheme", "host", "port", "path"), PLAIN)
def test_an_address_is_taken_apart(url, scheme, host, port, path):
    target = parse_target(url)
    assert (target.scheme, target.host, target.port, target.path) == (scheme, host, port, path)


RULES = OutboundRules(hosts=("api.example.com", ".partner.test"), ports=(443, 8443))
DECISIONS = [
    pytest.param("https://api.example.com/", RULES, None, id="listed"),
    pytest.param("https://api.example.com:8443/", RULES, None, id="listed port"),
    pytest.param("https://partner.test/", RULES, None, id="the suffix itself"),
    pytest.param("https://a.b.partner.test/", RULES, None, id="below the suffix"),
    pytest.param("https://evilpartner.test/", RULES, Reason.HOST_NOT_ALLOWED, id="ends like the suffix"),
    pytest.param("https://api.example.com.evil.test/", RULES, Reason.HOST_NOT_ALLOWED, id="begins like a host"),
    pytest.param("https://x.api.example.com/", RULES, Reason.HOST_NOT_ALLOWED, id="below an exact host"),
    pytest.param("https://api.example.com:22/", RULES, Reason.PORT_NOT_ALLOWED, id="another port"),
    pytest.param("http://api.example.com:443/", RULES, Reason.PLAINTEXT, id="plain http"),
    pytest.param("https://8.8.8.8/", RULES, Reason.HOST_NOT_ALLOWED, id="an address"),
    pytest.param("https://api.example.com/", OutboundRules(), Reason.HOST_NOT_ALLOWED, id="nothing listed"),
    pytest.param("https://any.test/", OutboundRules(insecure_any_host=REASON), None, id="any host"),
    pytest.param(
        "https://any.test:22/",
        OutboundRules(insecure_any_host=REASON),
        Reason.PORT_NOT_ALLOWED,
        id="any host, not any port",
    ),
    pytest.param(
        "http://api.example.com/",
        OutboundRules(hosts=("api.example.com",), ports=(80,), insecure_plaintext=REASON),
        None,
        id="http with a reason",
    ),
]


@pytest.mark.parametrize(("url", "rules", "reason"), DECISIONS)
def test_a_target_is_decided_on_by_what_is_written(url, rules, reason):
    assert decide_target(rules, parse_target(url)) == (ALLOW if reason is None else Deny(reason))


SECRET = {"authorization": "Bearer x", "x-api-key": "y", "accept": "text/plain", "content-type": "text/plain"}
FOLLOWED = [
    pytest.param("GET", b"", 302, "/b", "GET", "https://api.example.com/b", {*SECRET}, id="same origin keeps all"),
    pytest.param(
        "GET",
        b"",
        302,
        "https://a.partner.test/",
        "GET",
        "https://a.partner.test/",
        {"accept"},
        id="another origin gets nothing of ours",
    ),
    pytest.param(
        "GET",
        b"",
        307,
        "https://api.example.com:8443/",
        "GET",
        "https://api.example.com:8443/",
        {"accept"},
        id="another port is another origin",
    ),
    pytest.param(
        "POST",
        b"x",
        303,
        "c",
        "GET",
        "https://api.example.com/c",
        {"authorization", "x-api-key", "accept"},
        id="see other",
    ),
    pytest.param(
        "POST",
        b"x",
        302,
        "/c",
        "GET",
        "https://api.example.com/c",
        {"authorization", "x-api-key", "accept"},
        id="found, after a POST",
    ),
    pytest.param("PUT", b"x", 302, "/c", "PUT", "https://api.example.com/c", {*SECRET}, id="found, after a PUT"),
    pytest.param("POST", b"x", 308, "/c", "POST", "https://api.example.com/c", {*SECRET}, id="permanent, same origin"),
    pytest.param("HEAD", b"", 303, "/c", "HEAD", "https://api.example.com/c", {*SECRET}, id="HEAD stays"),
    pytest.param(
        "POST",
        b"x",
        303,
        "https://partner.test/",
        "GET",
        "https://partner.test/",
        {"accept"},
        id="a POST's answer elsewhere",
    ),
]
NOT_FOLLOWED = [
    pytest.param(
        "POST", b"x", 307, "https://partner.test/", Reason.BODY_TO_OTHER_ORIGIN, id="a body to another origin"
    ),
    pytest.param(
        "DELETE", b"", 308, "https://partner.test/", Reason.BODY_TO_OTHER_ORIGIN, id="a deletion at another origin"
    ),
    pytest.param("GET", b"", 302, "https://evil.test/", Reason.HOST_NOT_ALLOWED, id="out of the list"),
    pytest.param("GET", b"", 302, "//evil.test/", Reason.HOST_NOT_ALLOWED, id="out of the list, same scheme"),
    pytest.param("GET", b"", 302, "https://169.254.169.254/latest/", Reason.HOST_NOT_ALLOWED, id="metadata"),
    pytest.param("GET", b"", 302, "http://api.example.com/", Reason.DOWNGRADE, id="to plain http"),
    pytest.param("GET", b"", 302, "file:///etc/passwd", Reason.SCHEME, id="to a file"),
    pytest.param("GET", b"", 302, "https://api.example.com@evil.test/", Reason.USERINFO, id="a user"),
    pytest.param("GET", b"", 302, "/a\r\nb", Reason.MALFORMED, id="line end"),
    pytest.param("GET", b"", 302, "https://[::1", Reason.MALFORMED, id="bracket not closed"),
    pytest.param("GET", b"", 302, "\\\\evil.test/", Reason.MALFORMED, id="backslashes"),
]


@pytest.mark.parametrize(("method", "body", "status", "location", "then", "url", "names"), FOLLOWED)
def test_a_redirect_is_followed_within_the_list(method, body, status, location, then, url, names):
    call = Call(method=method, target=parse_target("https://api.example.com/a"), headers=SECRET, body=body)
    following = redirected(RULES, call, status, location)
    assert (following.method, str(following.target), {*following.headers}) == (then, url, names)
    assert following.body == (body if then == method else b"")


@pytest.mark.parametrize(("method", "body", "status", "location", "reason"), NOT_FOLLOWED)
def test_a_redirect_elsewhere_is_refused(method, body, status, location, reason):
    call = Call(method=method, target=parse_target("https://api.example.com/a"), headers={}, body=body)
    with pytest.raises(OutboundRefusedError) as caught:
        redirected(RULES, call, status, location)
    assert caught.value.reason is reason


@pytest.mark.parametrize(
    "values",
    [
        pytest.param({"hosts": "api.example.com"}, id="one text"),
        pytest.param({"hosts": ("*",)}, id="a star"),
        pytest.param({"hosts": ("https://api.example.com",)}, id="a URL"),
        pytest.param({"hosts": (".com",)}, id="a whole top level"),
        pytest.param({"ports": ()}, id="no ports"),
        pytest.param({"ports": (0,)}, id="port 0"),
        pytest.param({"max_redirects": -1}, id="less than none"),
        pytest.param({"timeout_seconds": 0}, id="no time"),
        pytest.param({"connections": 0}, id="no connection"),
        pytest.param({"max_response_bytes": 0}, id="no answer"),
        pytest.param({"insecure_any_host": True}, id="no reason"),
    ],
)
def test_rules_that_cannot_be_right_are_refused(values):
    with pytest.raises(ConfigError):
        OutboundRules(**values)


def test_only_listed_hosts_may_be_private():
    rules = OutboundRules(hosts=("inner.test",), insecure_any_host=REASON, insecure_allow_private=REASON)
    assert rules.may_be_private("inner.test")
    assert not rules.may_be_private("other.test")
