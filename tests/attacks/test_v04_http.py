"""V4, HTTP: one reading of method, path, host, headers and length, and sockets that only our own pages open."""

import json
import re
import time

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.attacks.site import COOKIE
from tests.attacks.wire import TIMEOUT_SECONDS, request

# Methods.


@pytest.mark.parametrize(
    ("method", "reason"),
    [
        pytest.param("TRACE", "unknown_method", id="trace"),
        pytest.param("TRACK", "unknown_method", id="track"),
        pytest.param("CONNECT", "unknown_method", id="connect"),
        pytest.param("BREW", "unknown_method", id="unknown"),
        pytest.param("get", "unknown_method", id="lower-case"),
        pytest.param("PROPFIND", "unknown_method", id="webdav"),
        pytest.param("A" * 200, "unknown_method", id="long"),
        pytest.param("DELETE", "method_not_of_route", id="not-the-routes"),
    ],
)
def test_v4_1_4_v13_4_4_a_method_that_nobody_serves(any_site, method, reason):
    with any_site.records("input_validation_fail", reason):
        answer = any_site.send(request(f"{method} /who", "Cookie: secret=1", "Authorization: Bearer secret"))
    assert answer.status == 405
    assert answer.header("allow")
    assert b"secret" not in answer.body


# Hosts and forwarding headers.


@pytest.mark.parametrize(
    ("host", "reason"),
    [
        pytest.param("evil.example", "host_not_allowed", id="other"),
        pytest.param("localhost.evil.example", "host_not_allowed", id="as-a-prefix"),
        pytest.param("evil-localhost", "host_not_allowed", id="as-a-suffix"),
        pytest.param("a.localhost", "host_not_allowed", id="subdomain"),
        pytest.param("[::1]", "host_not_allowed", id="address"),
        pytest.param("localhost@evil.example", "host_malformed", id="userinfo"),
        pytest.param("evil.example@localhost", "host_malformed", id="userinfo-the-other-way"),
        pytest.param("a/b?c=", "host_malformed", id="path-and-query"),
        pytest.param("localhost/evil.example", "host_malformed", id="path"),
        pytest.param("localhost#evil.example", "host_malformed", id="fragment"),
        pytest.param("localhost\\evil.example", "host_malformed", id="backslash"),
        pytest.param("localhost:80:80", "host_malformed", id="two-ports"),
        pytest.param("localhost:99999", "host_malformed", id="port-too-large"),
        pytest.param("localhost:0x50", "host_malformed", id="port-in-hex"),
        pytest.param("localhost, evil.example", "host_malformed", id="list"),
        pytest.param("localhost evil.example", "host_malformed", id="blank"),
        pytest.param("0x7f000001", None, id="address-in-hex"),
        pytest.param("2130706433", None, id="address-as-a-number"),
        pytest.param("localhost..", "host_malformed", id="two-dots"),
        pytest.param("a" * 300, "host_malformed", id="long"),
    ],
)
def test_v4_1_3_v3_5_4_a_forged_host(any_site, host, reason):
    with any_site.records("host_fail", reason):
        answer = any_site.send(request("GET /who", host=host))
    assert answer.status == 400
    assert host.encode() not in answer.body


def test_v4_1_3_an_absent_host(site):
    with site.records("host_fail", "host_missing"):
        assert site.send(request("GET /who", host=None)).status == 400
    with site.records("host_fail", "host_missing"):
        assert site.send(b"GET /who HTTP/1.0\r\n\r\n").status == 400


def test_v4_1_3_two_hosts(any_site):
    # uvicorn's parser refuses this itself, and the app never sees it.
    assert any_site.send(request("GET /who", "Host: evil.example")).status == 400


@pytest.mark.parametrize("line", ["GET http://evil.example/who", "GET http://evil.example@localhost/who"])
def test_v4_1_3_a_target_in_absolute_form_names_no_host(any_site, line):
    """Granian hands on the path alone, uvicorn the whole target: either way its host has no say."""
    answer = any_site.send(request(line))
    assert answer.status in {200, 400}
    assert b"evil" not in answer.body
    assert any_site.send(request(line, host="evil.example")).status == 400


@pytest.mark.parametrize("target", ["@evil.com", "@evil.com/who", "*", "who", "evil.com:443", "?a=1", "\\who"])
def test_v4_1_3_a_target_that_is_no_path(any_site, target):
    """CVE-2026-48710: an address that is built from such a target points to somebody else's host."""
    assert any_site.send(request(f"GET {target}")).status == 400


@pytest.mark.parametrize(
    "header",
    [
        pytest.param("X-Forwarded-Host: evil.example", id="x-forwarded-host"),
        pytest.param("Forwarded: for=6.6.6.6;host=evil.example;proto=https", id="forwarded"),
        pytest.param("X-Forwarded-For: 6.6.6.6", id="x-forwarded-for"),
        pytest.param("X-Forwarded-For: 127.0.0.1, 6.6.6.6", id="x-forwarded-for-list"),
        pytest.param("X-Real-IP: 6.6.6.6", id="x-real-ip"),
        pytest.param("True-Client-IP: 6.6.6.6", id="true-client-ip"),
        pytest.param("X-Original-URL: /private", id="x-original-url"),
        pytest.param("X-Rewrite-URL: /private", id="x-rewrite-url"),
        pytest.param("X-Forwarded-Prefix: /evil", id="x-forwarded-prefix"),
    ],
)
def test_v4_1_3_v15_3_4_nobody_is_believed_who_was_not_declared(any_site, header):
    answer = any_site.send(request("GET /who", header))
    assert json.loads(answer.body) == {"user": None, "client": "127.0.0.1", "host": "localhost"}


@pytest.mark.parametrize(
    "header",
    [
        "X_Forwarded_For: 6.6.6.6",
        "X-Forwarded_For: 6.6.6.6",
        "X_Forwarded_Proto: https",
        "X_Real_IP: 6.6.6.6",
        "Content_Length: 3",
        "Sec_Fetch_Site: same-origin",
        "X_CSRF_Token: a",
    ],
)
def test_v4_1_3_an_underscore_is_no_hyphen(any_site, header):
    """CVE-2026-3902."""
    with any_site.records("input_validation_fail", "underscore_twin"):
        assert any_site.send(request("GET /who", header)).status == 400


def test_v4_1_3_other_headers_with_underscores_are_not_seen(any_site):
    names = json.loads(any_site.send(request("GET /headers", "Other_Name: a", "X-Plain: b")).body)
    assert "x-plain" in names
    assert not [name for name in names if "other" in name]


# Paths.


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        pytest.param("//evil.example/", "path_double_slash", id="two-slashes-first"),
        pytest.param("/paths//a", "path_double_slash", id="two-slashes"),
        pytest.param("/static//etc/passwd", "path_double_slash", id="unc-like"),
        pytest.param("/paths/../private", "path_dot_segment", id="dot-dot"),
        pytest.param("/paths/./a", "path_dot_segment", id="dot"),
        pytest.param("/paths/%2e%2e/private", "path_dot_segment", id="encoded-dots"),
        pytest.param("/paths/.%2E/private", "path_dot_segment", id="half-encoded-dots"),
        pytest.param("/paths/..", "path_dot_segment", id="dot-dot-last"),
        pytest.param("/paths/a%2fb", "path_encoded_slash", id="encoded-slash"),
        pytest.param("/paths/..%2f..%2fetc", None, id="encoded-slash-and-dots"),
        pytest.param("/encoded/..%2fprivate", "path_dot_segment", id="dots-where-a-slash-is-allowed"),
        pytest.param("/paths/a%5cb", "path_encoded_slash", id="encoded-backslash"),
        pytest.param("/paths/a\\b", "path_backslash", id="backslash"),
        pytest.param("/paths/%00", "path_control", id="nul"),
        pytest.param("/paths/a%0d%0ab", "path_control", id="cr-lf"),
        pytest.param("/paths/%7f", "path_control", id="del"),
        pytest.param("/paths/%zz", "path_bad_encoding", id="no-hex"),
        pytest.param("/paths/%", "path_bad_encoding", id="percent-alone"),
        pytest.param("/paths/%ff", "path_bad_encoding", id="no-utf-8"),
        pytest.param("/paths/%c0%ae%c0%ae/", "path_bad_encoding", id="overlong-dots"),
        pytest.param("/paths/%u002e", "path_bad_encoding", id="percent-u"),
        pytest.param("/paths/" + "a" * 9000, "url_too_long", id="long-path"),
        pytest.param("/paths/a?" + "a" * 9000, "url_too_long", id="long-query"),
    ],
)
def test_v1_5_3_v5_3_2_a_path_that_two_parsers_could_read_differently(any_site, path, reason):
    with any_site.records("input_validation_fail", reason):
        answer = any_site.send(request(f"GET {path}"))
    assert answer.status == 400
    assert answer.header("location") is None


# Headers.


@pytest.mark.parametrize("character", [b"\0", b"\r", b"\x01", b"\x1b", b"\x7f"])
def test_v4_2_4_a_control_character_in_a_header(any_site, character):
    # Most of these the servers refuse themselves; what they let through, the first gate refuses.
    assert any_site.send(request("GET /headers", b"X-A: a" + character + b"X-B: b")).status == 400


def test_v4_2_4_a_control_character_that_the_server_lets_through(uvicorn_site):
    with uvicorn_site.records("input_validation_fail", "control_character_in_header"):
        assert uvicorn_site.send(request("GET /headers", b"X-A: \x1b[2J")).status == 400


def test_v4_2_4_a_line_feed_ends_a_header(any_site):
    """RFC 9112 §2.2 lets a server take it for a line end; it is one for all of the header or for nothing."""
    names = json.loads(any_site.send(request("GET /headers", b"X-A: a\nX-B: b")).body)
    assert names[-2:] == ["x-a", "x-b"]


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param(["Content-Type: text/plain", "Content-Type: application/json"], id="content-type"),
        pytest.param(["Origin: http://localhost", "Origin: https://evil.example"], id="origin"),
        pytest.param(["Sec-Fetch-Site: same-origin", "Sec-Fetch-Site: cross-site"], id="sec-fetch-site"),
        pytest.param(["Authorization: Bearer a", "Authorization: Bearer b"], id="authorization"),
        pytest.param(["X-CSRF-Token: a", "X-CSRF-Token: b"], id="form-token"),
        pytest.param(["X-Forwarded-Proto: http", "X-Forwarded-Proto: https"], id="forwarded-proto"),
    ],
)
def test_v4_2_1_a_header_with_one_meaning_comes_once(any_site, headers):
    with any_site.records("input_validation_fail", "repeated_header"):
        assert any_site.send(request("POST /json", *headers, "Content-Length: 0")).status == 400


# Lengths: what is in the body shall never be taken for the next request.

SMUGGLED = b"GET /who HTTP/1.1\r\nHost: localhost\r\nX-Smuggled: 1\r\n\r\n"
CHUNKED = b"POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(
            b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
            % (5 + len(SMUGGLED))
            + SMUGGLED,
            id="length-then-chunked",
        ),
        pytest.param(
            b"POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n"
            b"%x\r\n" % len(SMUGGLED) + SMUGGLED + b"\r\n0\r\n\r\n",
            id="chunked-then-length",
        ),
        pytest.param(
            b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nContent-Length: %d\r\n\r\n" % len(SMUGGLED)
            + SMUGGLED,
            id="two-lengths",
        ),
        pytest.param(
            b"POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"
            + SMUGGLED,
            id="another-coding-last",
        ),
        pytest.param(
            b"POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
            id="blank-before-the-colon",
        ),
        pytest.param(
            b"POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
            id="an-unknown-coding",
        ),
        pytest.param(CHUNKED + b"0x0\r\n\r\n" + SMUGGLED, id="chunk-size-0x"),
        pytest.param(CHUNKED + b"+0\r\n\r\n" + SMUGGLED, id="chunk-size-with-a-sign"),
        pytest.param(CHUNKED + b"2;\nxx\r\n0\r\n\r\n" + SMUGGLED, id="bare-lf-in-an-extension"),
        pytest.param(CHUNKED + b"2\r\nxxyy0\r\n\r\n" + SMUGGLED, id="chunk-longer-than-it-says"),
    ],
)
def test_v4_2_1_no_second_request_hides_in_a_body(any_site, sent):
    """At most one answer comes; where the length is in doubt the connection ends with it (RFC 9112 §6.3)."""
    with any_site.connect() as connection:
        connection.sendall(sent)
        received = b""
        try:
            while piece := connection.recv(65_536):
                received += piece
        except ConnectionResetError:
            pass
    assert len(re.findall(rb"HTTP/1\.1 (?!1)\d\d\d", received)) <= 1
    assert b'"user"' not in received


def test_v4_2_1_two_lengths_are_refused_with_the_connection(uvicorn_site):
    """Granian takes the chunks for the length, as it may, and closes the connection (RFC 9112 §6.1)."""
    sent = request("POST /echo", "Content-Length: 5", "Transfer-Encoding: chunked", body=b"0\r\n\r\n", length=False)
    with uvicorn_site.records("input_validation_fail", "length_and_transfer_encoding"):
        answer = uvicorn_site.send(sent.replace(b"Connection: close\r\n", b""))
    assert answer.status == 400
    assert answer.header("connection") == "close"


def test_v4_2_1_a_malformed_body_is_answered_with_the_headers(site):
    answer = site.send(
        request("POST /echo", "Transfer-Encoding: chunked", body=b"-5\r\nhello\r\n0\r\n\r\n", length=False)
    )
    assert answer.status == 400
    assert answer.header("x-frame-options") == "DENY"


# Sockets.


def handshake(site, path, *headers, host="localhost"):
    key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
    upgrade = ["Upgrade: websocket", "Sec-WebSocket-Version: 13", key]
    sent = request(f"GET {path}", *upgrade, *headers, host=host).replace(b"Connection: close", b"Connection: Upgrade")
    return site.send(sent)


@pytest.mark.parametrize(
    ("path", "headers", "name", "reason"),
    [
        pytest.param(
            "/socket", ["Origin: https://evil.example"], "malicious_cors", "websocket_origin", id="foreign-origin"
        ),
        pytest.param(
            "/socket", ["Origin: http://localhost:1"], "malicious_cors", "websocket_origin", id="another-port"
        ),
        pytest.param(
            "/socket", ["Origin: https://localhost"], "malicious_cors", "websocket_origin", id="another-scheme"
        ),
        pytest.param("/socket", ["Origin: null"], "malicious_cors", None, id="origin-null"),
        pytest.param(
            "/socket", [f"Cookie: {COOKIE}=a"], "malicious_cors", "websocket_origin", id="cookie-without-origin"
        ),
        pytest.param(
            "/socket", ["Sec-Fetch-Site: cross-site"], "malicious_cors", "sec_fetch_cross_site", id="cross-site"
        ),
        pytest.param(
            "/private-socket", ["Origin: http://localhost"], "authz_fail", "not_signed_in", id="nobody-signed-in"
        ),
        pytest.param("/socket", ["X_Forwarded_For: 6.6.6.6"], "input_validation_fail", "underscore_twin", id="limits"),
        pytest.param("/nowhere/../socket", [], "input_validation_fail", "path_dot_segment", id="path"),
    ],
)
def test_v4_4_2_a_socket_is_refused_before_it_opens(any_site, path, headers, name, reason):
    with any_site.records(name, reason):
        answer = handshake(any_site, path, *headers)
    assert answer.status == 403


def test_v4_4_2_a_socket_for_another_host_is_refused(any_site):
    with any_site.records("host_fail", "host_not_allowed"):
        assert handshake(any_site, "/socket", host="evil.example").status == 403


async def test_v4_4_2_a_socket_of_our_own_page_has_its_session(any_site):
    async with any_site.signed_in() as browser:
        cookie = {"Cookie": f"{COOKIE}={browser.cookies[COOKIE].value}"}
    address = any_site.address.replace("http", "ws")
    with connect(f"{address}/private-socket", origin=any_site.address, additional_headers=cookie) as socket:
        assert socket.recv(timeout=TIMEOUT_SECONDS) == "ada"
        socket.send("hello")
        assert socket.recv(timeout=TIMEOUT_SECONDS) == "hello"
    # The same cookie, brought along by the browser of somebody who looks at another site.
    for origin in ("https://evil.example", None):
        with any_site.records("malicious_cors", "websocket_origin"), pytest.raises(InvalidStatus) as refused:
            connect(f"{address}/private-socket", origin=origin, additional_headers=cookie).close()
        assert refused.value.response.status_code == 403


def test_v4_4_2_a_program_without_cookie_may_connect_where_everybody_may(any_site):
    with connect(f"{any_site.address.replace('http', 'ws')}/socket") as socket:
        assert socket.recv(timeout=TIMEOUT_SECONDS) == "nobody"


def test_v4_4_2_closing_a_socket_is_no_failure(any_site):
    with any_site.records_nothing():
        with connect(f"{any_site.address.replace('http', 'ws')}/socket") as socket:
            socket.recv(timeout=TIMEOUT_SECONDS)
        time.sleep(0.2)
        assert any_site.send(request("GET /who")).status == 200
