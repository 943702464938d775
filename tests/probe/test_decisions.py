"""What the checks decide on by themselves: policies, cookies, redirects, times."""

import asyncio

import pytest

from fastness.probe.client import Client, Seen, Visitor
from fastness.probe.cookies import faults_of_cookie
from fastness.probe.headers import OPENER, faults_of, is_weak, policy_in
from fastness.probe.methods import is_other
from fastness.probe.redirects import leads_away
from fastness.probe.scan import Scan
from fastness.probe.signin import is_clear
from fastness.probe.target import Address
from fastness.probe.wire import Answer, Wire, parse_head, read_answer


@pytest.mark.parametrize(
    ("policy", "weak"),
    [
        pytest.param("default-src 'none'; base-uri 'none'; script-src 'nonce-a' 'strict-dynamic'", False, id="ours"),
        pytest.param("default-src 'none'; sandbox", False, id="data"),
        pytest.param("default-src 'self'; base-uri 'self'", False, id="own-scripts"),
        pytest.param("default-src 'self'", True, id="no-base"),
        pytest.param("img-src 'self'", True, id="nothing-about-scripts"),
        pytest.param("default-src 'self'; base-uri 'none'; script-src 'unsafe-inline'", True, id="inline"),
        pytest.param(
            "default-src 'none'; base-uri 'none'; script-src 'nonce-a' 'unsafe-inline'", False, id="inline-passed-over"
        ),
        pytest.param("default-src 'none'; base-uri 'none'; script-src 'nonce-a' 'unsafe-eval'", True, id="eval"),
        pytest.param("default-src 'none'; base-uri 'none'; script-src https:", True, id="scheme"),
        pytest.param(
            "default-src 'none'; base-uri 'none'; script-src 'nonce-a' 'strict-dynamic' https:", False, id="fallback"
        ),
        pytest.param(
            "default-src 'none'; base-uri 'none'; script-src 'nonce-a' https:", True, id="scheme-beside-nonce"
        ),
        pytest.param("default-src *; base-uri 'none'; script-src 'self'", True, id="objects"),
        pytest.param("default-src 'none'; script-src 'none'; script-src *", False, id="the-first-counts"),
    ],
)
def test_a_policy_is_weak_or_not(policy, weak):
    assert is_weak(policy_in(policy)) is weak


@pytest.mark.parametrize(
    ("head", "get", "told"),
    [
        pytest.param(200, 200, False, id="the-same"),
        pytest.param(200, 303, True, id="past-the-sign-in"),
        pytest.param(405, 200, True, id="not-answered"),
        pytest.param(429, 200, False, id="after-the-routes-rate"),
        pytest.param(200, 429, False, id="before-the-routes-rate"),
        pytest.param(0, 200, False, id="no-answer"),
    ],
)
def test_head_is_another_than_get(head, get, told):
    assert is_other(head, get) is told


@pytest.mark.parametrize(
    ("line", "ids"),
    [
        ("__Host-a=1; Path=/; Secure; HttpOnly; SameSite=Lax", []),
        ("a=; Path=/; Max-Age=0", []),
        ("a=1; Path=/; Secure; HttpOnly; SameSite=Lax", ["012"]),
        ("__Host-a=1; Path=/; HttpOnly; SameSite=Lax", ["010"]),
        ("__Host-a=1; Path=/; Secure; SameSite=Strict", ["010"]),
        ("__Host-a=1; Path=/; Secure; HttpOnly", ["011"]),
        ("__Host-a=1; Path=/; Secure; HttpOnly; SameSite=None", ["011"]),
        ("__Host-a=1; Secure; HttpOnly; SameSite=Lax; Domain=example.com", ["012"]),
    ],
)
def test_the_flags_of_a_cookie(line, ids):
    assert [notice.id for notice in faults_of_cookie(line, is_tls=True)] == [f"FST-PROBE-{number}" for number in ids]


@pytest.mark.parametrize(
    ("location", "is_away"),
    [
        ("/", False),
        ("https://www.example.com/x?next=https://probe.invalid", False),
        ("/probe.invalid", False),
        ("https://probe.invalid/", True),
        ("//probe.invalid", True),
        ("/\\probe.invalid", True),
        ("\\\\probe.invalid", True),
        ("/\t/probe.invalid", True),
        ("https://www.example.com@probe.invalid/", True),
        ("https://www.example.com.probe.invalid/", True),
        ("", False),
        ("https://[", False),
    ],
)
def test_where_a_redirect_leads(aim, location, is_away):
    target = aim(443, address=Address(scheme="https", host="www.example.com", port=443))
    scan = Scan(target, Client(target, Wire(address=target.address, timeout_seconds=1)))
    assert leads_away(scan, "/go", Answer(status=303, headers=(("location", location),))) is is_away


@pytest.mark.parametrize(
    ("known", "unknown", "clear"),
    [
        pytest.param([0.30, 0.31, 0.29, 0.30], [0.30, 0.30, 0.30, 0.31], False, id="equal"),
        pytest.param([0.30, 0.31, 0.29, 0.30], [0.01, 0.01, 0.01, 0.01], True, id="slower"),
        pytest.param([0.01, 0.01, 0.01, 0.01], [0.30, 0.31, 0.29, 0.30], True, id="faster"),
        pytest.param([0.90, 0.80, 0.30, 0.30], [0.30, 0.30, 0.30, 0.30], False, id="a-slow-moment"),
        pytest.param([0.90, 0.90, 0.10, 0.10], [0.30, 0.30, 0.90, 0.90], False, id="both-ways"),
        pytest.param([0.004, 0.004, 0.004, 0.004], [0.001, 0.001, 0.001, 0.001], False, id="too-small-for-a-network"),
    ],
)
def test_times_differ_only_if_they_do_each_time(known, unknown, clear):
    assert is_clear(known, unknown) is clear


def test_a_visitor_keeps_cookies_until_they_are_deleted():
    visitor = Visitor()
    visitor.keep(Answer(status=200, headers=(("set-cookie", "a=1; Path=/"), ("set-cookie", "b=2; Max-Age=60"))))
    assert visitor.header == "a=1; b=2"
    visitor.keep(Answer(status=200, headers=(("set-cookie", "a=; Max-Age=0"),)))
    assert visitor.header == "b=2"


def test_a_head_is_read_as_it_came():
    assert parse_head(b"HTTP/1.1 200 OK\r\nServer:x\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\n\r\n") == (
        200,
        (("server", "x"), ("set-cookie", "a=1"), ("set-cookie", "b=2")),
    )


@pytest.mark.parametrize("head", [b"SSH-2.0-x\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n", b"\r\n\r\n"])
def test_what_is_no_http_is_no_answer(head):
    with pytest.raises(ValueError, match=r".+"):
        parse_head(head)


async def test_a_body_without_a_length_ends_with_the_connection():
    reader = asyncio.StreamReader()
    reader.feed_data(b"HTTP/1.1 200 OK\r\n\r\none ")
    answer = asyncio.create_task(read_answer(reader, method="GET"))
    await asyncio.sleep(0)
    reader.feed_data(b"two")
    reader.feed_eof()
    assert (await answer).body == b"one two"


@pytest.mark.parametrize(
    ("policy", "is_fault"),
    [
        pytest.param("same-origin", False, id="default"),
        pytest.param("noopener-allow-popups", False, id="as-the-settings-may-say"),
        pytest.param("unsafe-none", True, id="open"),
        pytest.param("", True, id="none"),
    ],
)
def test_a_page_cuts_the_window_that_opened_it_off(policy, is_fault):
    headers = (("content-type", "text/html"), ("cross-origin-opener-policy", policy))
    seen = Seen(method="GET", path="/", answer=Answer(status=200, headers=headers, body=b"<p>"))
    assert (OPENER in faults_of(seen)) is is_fault
