"""No public helper does work on a text that is too long: a million hostile characters meet the length cap first.

Slow string helpers were the largest class of published weaknesses of web frameworks for years, and the fix was nearly always
a cap in front of the work. Each row is a helper and what it answers to far too much; nothing is timed here.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fastness.kernel.cookies import CookieRules, CookieValueError, build_cookie, find_cookie
from fastness.kernel.crosssite import CrossSiteReason, CrossSiteRules, decide_cross_site
from fastness.kernel.csrf import CSRFReason, check_token
from fastness.kernel.errors import ConfigError, FastnessError
from fastness.kernel.events import MAX_NAME_LENGTH, MAX_VALUE_LENGTH, EventName, SecurityEvent, is_secret_name
from fastness.kernel.headers import (
    MAX_NAME_BYTES,
    MAX_VALUE_BYTES,
    HeaderValueError,
    check_header_name,
    check_header_value,
)
from fastness.kernel.hosts import HostReason, HostRules, MalformedHostError, decide_host, parse_host, parse_host_rule
from fastness.kernel.limits import LimitReason, MalformedJSONError, decide_content_length, decide_method, parse_json
from fastness.kernel.origins import MalformedOriginError, parse_origin
from fastness.kernel.paths import PathReason, UnsafePathError, decide_path, join_under
from fastness.kernel.proxies import MAX_ELEMENT_LENGTH, ProxyRules, resolve_client
from fastness.kernel.redirects import RedirectReason, RedirectRules, decide_redirect, try_safe_target
from fastness.kernel.secret import Secret
from fastness.kernel.signing import BadSignatureError, Keyring
from fastness.kernel.tokens import MalformedTokenError, hash_token
from fastness.kernel.verdicts import Deny

LENGTH = 1_000_000
KEYRING = Keyring(Secret("k9Xq2LmZ7vRb4TnW0cYd8HsJ5gPf3AeU"))
SESSION = bytes(range(32))

PATTERNS = (
    *"a.:;,/\\[](){}%@?#&=+-_~'\" \t\n\x00\x7f059",
    *(
        "a.",
        "a:",
        "::",
        ":0",
        "1.",
        "[:",
        "]:",
        "a-",
        "xn--",
        "//",
        "/.",
        "/../",
        "./",
        "%2",
        "%ff",
        "%2e",
        "%00",
        "%%",
    ),
    *(
        "a@",
        "a=b;",
        'a="',
        '";',
        "\\\\",
        '\\"',
        "\r\n",
        ", ",
        "; ",
        "for=",
        "a;b,",
        "https://",
        "javascript:",
        "v1.",
        "..",
    ),
    *(
        "\u00e4",
        "\u0660",
        "\u200e",
        "\u2028",
        "\u202e",
        "\u3002",
        "\uff0f",
        "\U0001f600",
        "\ud800",
        "a\u0301",
        "\u00bd",
    ),
)


def hostile(*starts: str) -> Iterator[str]:
    """Each pattern a million characters long, behind each beginning that gets it past the first look."""
    for pattern in PATTERNS:
        text = (pattern * (LENGTH // len(pattern) + 1))[:LENGTH]
        for start in starts or ("",):
            yield start + text


def hostile_bytes(*starts: str) -> Iterator[bytes]:
    for text in hostile(*starts):
        yield text.encode("utf-8", "surrogatepass")


def cross_site(*, is_websocket: bool) -> Callable[[str], object]:
    rules = CrossSiteRules(trusted_origins=("https://forms.example.com",))

    def decide(origin: str) -> object:
        return decide_cross_site(
            rules,
            method="POST",
            is_websocket=is_websocket,
            sec_fetch_site=None,
            origin=origin,
            scheme="https",
            host="example.com",
            has_session_cookie=True,
        )

    return decide


def decide_with_long_fetch_site(site: str) -> object:
    return decide_cross_site(
        CrossSiteRules(),
        method="POST",
        is_websocket=False,
        sec_fetch_site=site,
        origin=None,
        scheme="https",
        host="example.com",
        has_session_cookie=True,
    )


@pytest.mark.parametrize(
    ("decide", "starts", "reason"),
    [
        pytest.param(
            lambda text: decide_host(HostRules(allowed=(".example.com", "localhost")), text),
            ("", "example.com:", "[", "[::1]:"),
            HostReason.MALFORMED,
            id="decide_host",
        ),
        pytest.param(
            cross_site(is_websocket=False),
            ("https://", "http://a", "null"),
            CrossSiteReason.MALFORMED_ORIGIN,
            id="origin",
        ),
        pytest.param(
            cross_site(is_websocket=True),
            ("https://", "https://["),
            CrossSiteReason.MALFORMED_ORIGIN,
            id="websocket origin",
        ),
        pytest.param(
            decide_with_long_fetch_site, ("", "same-origin"), CrossSiteReason.SEC_FETCH_CROSS_SITE, id="sec-fetch-site"
        ),
        pytest.param(
            lambda text: decide_redirect(RedirectRules(), text, own_host="example.com"),
            ("", "/", "https://", "//", "https://example.com/"),
            RedirectReason.TOO_LONG,
            id="decide_redirect",
        ),
        pytest.param(
            lambda text: check_token(KEYRING, SESSION, text), ("", "A" * 64), CSRFReason.MALFORMED, id="check_token"
        ),
        pytest.param(decide_method, ("", "GET"), LimitReason.UNKNOWN_METHOD, id="decide_method"),
    ],
)
def test_decisions_on_text_deny(decide, starts, reason):
    for text in hostile(*starts):
        assert decide(text) == Deny(reason)


@pytest.mark.parametrize("allow_encoded_slash", [False, True])
def test_paths_are_too_long_before_they_are_anything_else(allow_encoded_slash):
    for path in hostile_bytes("/", "/static/"):
        assert decide_path(path, allow_encoded_slash=allow_encoded_slash) == Deny(PathReason.TOO_LONG)


def test_content_lengths_are_malformed():
    for value in hostile_bytes("", "5"):
        assert decide_content_length(value) == Deny(LimitReason.MALFORMED_CONTENT_LENGTH)


@pytest.mark.parametrize(
    ("parse", "starts", "error"),
    [
        pytest.param(parse_host, ("", "a.", "[", "[::", "example.com:", "xn--"), MalformedHostError, id="parse_host"),
        pytest.param(parse_host_rule, ("", ".", "a."), ConfigError, id="parse_host_rule"),
        pytest.param(parse_origin, ("", "https://", "http://[", "https://a:"), MalformedOriginError, id="parse_origin"),
        pytest.param(hash_token, ("", "v1."), MalformedTokenError, id="hash_token"),
        pytest.param(
            lambda text: KEYRING.verify("test", text, now=0),
            ("", "v1.", "v1.YQ..", KEYRING.sign("test", b"a")),
            BadSignatureError,
            id="verify",
        ),
        pytest.param(lambda text: KEYRING.mac(text, b"a"), ("", "csrf"), ConfigError, id="mac purpose"),
        pytest.param(
            lambda text: build_cookie(CookieRules(name="theme", secure=True, http_only=True), text),
            ("", "a"),
            CookieValueError,
            id="build_cookie",
        ),
        pytest.param(
            lambda text: join_under(Path("/srv/files"), text), ("", "a/", "a"), UnsafePathError, id="join_under"
        ),
    ],
)
def test_parsers_raise_their_own_error(parse, starts, error):
    for text in hostile(*starts):
        with pytest.raises(error) as caught:
            parse(text)
        # Nor does the refusal carry the million characters on into a log.
        assert isinstance(caught.value, FastnessError)
        assert len(caught.value.detail) < 1000 or error is ConfigError


def test_json_of_a_million_characters_is_read_or_refused():
    for data in hostile_bytes("", "[", '["', '{"a":', '[1,"\\', "[[[[[[[[1,", "1e", "-"):
        with pytest.raises(MalformedJSONError):
            parse_json(data, max_depth=32)
    text = "[" * LENGTH
    with pytest.raises(MalformedJSONError):
        parse_json(text.encode(), max_depth=32)


def test_redirect_targets_of_that_length_are_no_targets():
    for text in hostile("/", "https://example.com/"):
        assert try_safe_target(RedirectRules(), text, own_host="example.com") is None


@pytest.mark.parametrize(
    "rules",
    [
        pytest.param(ProxyRules(trusted=("10.0.0.0/8",)), id="networks"),
        pytest.param(ProxyRules(trusted=("10.0.0.0/8",), headers="forwarded"), id="networks, forwarded"),
        pytest.param(ProxyRules(hop_count=2), id="hops"),
    ],
)
def test_forwarding_headers_of_that_length_name_no_client(rules):
    for text in hostile("", "192.0.2.7x", "[2001:db8::1", "for=", 'for="'):
        client = resolve_client(
            rules,
            peer="10.0.0.1",
            x_forwarded_for=text,
            x_forwarded_proto=text,
            forwarded=text,
            scheme="http",
        )
        assert (client.ip, client.scheme) == ("10.0.0.1", "http")


def test_a_walk_through_a_long_list_ends():
    # Each entry is a declared proxy, so only the number of hops stops the walk.
    client = resolve_client(
        ProxyRules(trusted=("10.0.0.0/8",)),
        peer="10.0.0.1",
        x_forwarded_for="192.0.2.7, " + "10.0.0.2, " * 100_000 + "10.0.0.3",
        x_forwarded_proto=None,
        scheme="http",
    )
    assert client.ip == "10.0.0.2"


def test_a_cookie_of_that_length_is_no_session():
    # What a cookie holds is bounded by the limits on headers, and by the next one to look at it.
    value = find_cookie(b"theme=dark; session=" + b"a" * LENGTH, b"session")
    assert value == "a" * LENGTH
    with pytest.raises(MalformedTokenError):
        hash_token(value)
    assert not any(find_cookie(header, b"session") for header in hostile_bytes("", "theme="))


@pytest.mark.parametrize(
    "header",
    [
        pytest.param(b"session=a; " * 100_000, id="the cookie again and again"),
        pytest.param(b"session" * 150_000, id="its name only"),
        pytest.param(b"xsession=a;" * 100_000, id="longer names"),
        pytest.param(b";" * LENGTH, id="separators"),
        pytest.param(b"x= session=;" * 100_000, id="values that look like it"),
    ],
)
def test_no_session_is_found_in_a_long_header_of_tricks(header):
    assert find_cookie(header, b"session") is None


@pytest.mark.parametrize("check", [check_header_value, check_header_name])
def test_headers_of_that_length_are_refused(check):
    for text in hostile():
        with pytest.raises(HeaderValueError):
            check(text)
        with pytest.raises(HeaderValueError):
            check(text.encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize(
    ("check", "limit"),
    [
        pytest.param(check_header_value, MAX_VALUE_BYTES, id="value"),
        pytest.param(check_header_name, MAX_NAME_BYTES, id="name"),
    ],
)
def test_headers_up_to_the_limit_are_accepted(check, limit):
    assert check("a" * limit) == check(b"a" * limit) == b"a" * limit
    for text in ("a" * (limit + 1), b"a" * (limit + 1)):
        with pytest.raises(HeaderValueError):
            check(text)


def test_an_element_of_forwarded_is_read_up_to_its_limit():
    def client_for(element):
        return resolve_client(
            ProxyRules(trusted=("10.0.0.0/8",), headers="forwarded"),
            peer="10.0.0.1",
            x_forwarded_for=None,
            x_forwarded_proto=None,
            forwarded=element,
            scheme="http",
        ).ip

    start = "for=192.0.2.7;secret="
    assert client_for(start + "x" * (MAX_ELEMENT_LENGTH - len(start))) == "192.0.2.7"
    assert client_for(start + "x" * (MAX_ELEMENT_LENGTH - len(start) + 1)) == "10.0.0.1"
    # The entry behind it is read; the one in front of it is not reached.
    assert client_for("for=192.0.2.9, " + "x" * 600 + ", for=10.0.0.2") == "10.0.0.2"


def test_events_are_cut_before_they_are_written():
    for text in hostile():
        event = SecurityEvent(
            name=EventName.CSRF_FAIL, at=datetime(2030, 1, 1, tzinfo=UTC), reason=text, detail={"path": text, text: "x"}
        )
        assert len(event.to_json()) < 13 * (2 * MAX_VALUE_LENGTH + MAX_NAME_LENGTH) + 200


def test_names_of_that_length_count_as_secret():
    assert all(is_secret_name(text) for text in hostile())
