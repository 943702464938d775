"""How origins are read and written (RFC 6454)."""

import pytest

from fastness.kernel.origins import MalformedOriginError, Origin, parse_origin


@pytest.mark.parametrize(
    ("value", "origin", "serialized"),
    [
        pytest.param(
            "https://example.com", Origin("https", "example.com", 443), "https://example.com", id="as browsers write it"
        ),
        pytest.param(
            "https://example.com:443",
            Origin("https", "example.com", 443),
            "https://example.com",
            id="https port written",
        ),
        pytest.param(
            "http://example.com:80", Origin("http", "example.com", 80), "http://example.com", id="http port written"
        ),
        pytest.param(
            "http://example.com:443",
            Origin("http", "example.com", 443),
            "http://example.com:443",
            id="port of the other scheme",
        ),
        pytest.param(
            "https://example.com:8443", Origin("https", "example.com", 8443), "https://example.com:8443", id="own port"
        ),
        pytest.param(
            "HTTPS://EXAMPLE.com", Origin("https", "example.com", 443), "https://example.com", id="upper case"
        ),
        pytest.param(
            "https://example.com.", Origin("https", "example.com", 443), "https://example.com", id="trailing dot"
        ),
        pytest.param("http://[0::1]:8000", Origin("http", "[::1]", 8000), "http://[::1]:8000", id="ipv6"),
        pytest.param("http://127.0.0.1:8000", Origin("http", "127.0.0.1", 8000), "http://127.0.0.1:8000", id="ipv4"),
    ],
)
def test_origins_that_are_read(value, origin, serialized):
    assert parse_origin(value) == origin
    assert origin.serialize() == serialized
    assert parse_origin(serialized) == origin


@pytest.mark.parametrize(
    "value",
    [
        # Sandboxed frames, data: and file: pages and cross-site redirects of every site have this same one.
        pytest.param("null", id="null"),
        pytest.param("", id="empty"),
        pytest.param("example.com", id="no scheme"),
        pytest.param("//example.com", id="no scheme but slashes"),
        pytest.param("https:example.com", id="no slashes"),
        pytest.param("https:/example.com", id="one slash"),
        pytest.param("https:///example.com", id="three slashes"),
        pytest.param("https:\\\\example.com", id="backslashes"),
        pytest.param("https://", id="no host"),
        pytest.param("https://example.com/", id="slash"),
        pytest.param("https://example.com/path", id="path"),
        pytest.param("https://example.com?x", id="query"),
        pytest.param("https://example.com#x", id="fragment"),
        pytest.param("https://user@example.com", id="userinfo"),
        pytest.param("https://good.com@evil.com", id="userinfo that is a host"),
        pytest.param("https://example.com:", id="empty port"),
        pytest.param("https://example.com:99999", id="port 99999"),
        pytest.param("https://*.example.com", id="wildcard"),
        pytest.param("*", id="everything"),
        # RFC 6454 §7.1 once allowed a list; no browser sends one, so it was joined from two headers.
        pytest.param("https://example.com https://evil.com", id="list"),
        pytest.param("https://example.com, https://evil.com", id="list with comma"),
        pytest.param(" https://example.com", id="leading blank"),
        pytest.param("https://example.com\n", id="line end"),
        pytest.param("https://bücher.example", id="not punycode"),
        pytest.param("ftp://example.com", id="another scheme"),
        pytest.param("ws://example.com", id="websocket scheme"),
        pytest.param("file://", id="file"),
        pytest.param("chrome-extension://abcdef", id="extension"),
        pytest.param("capacitor://localhost", id="app shell"),
        pytest.param("javascript://example.com", id="javascript"),
        pytest.param("https://" + "a." * 500_000, id="a million characters"),
    ],
)
def test_origins_that_are_refused(value):
    with pytest.raises(MalformedOriginError) as caught:
        parse_origin(value)
    assert caught.value.code == "malformed_origin"
