import asyncio
import gzip
import zlib

import pytest
import trustme

from fastness.kernel.because import Because
from fastness.kernel.errors import ConfigError
from fastness.kernel.events import EventName
from fastness.kernel.headers import HeaderValueError
from fastness.outbound.errors import (
    AddressReason,
    OutboundFailedError,
    OutboundReason,
    OutboundRefusedError,
    OutboundTimeoutError,
    OutboundTooLargeError,
)
from fastness.outbound.rules import OutboundRules
from tests.outbound.servers import Names, answer, client, server

pytestmark = pytest.mark.sockets
REASON = Because("the servers of these tests are on this machine")
LOCAL = [["127.0.0.1"]]


def rules_for(*ports: int, **values: object) -> OutboundRules:
    return OutboundRules(
        **{
            "hosts": ("api.test",),
            "ports": ports,
            "insecure_allow_private": REASON,
            "insecure_plaintext": REASON,
            **values,
        }
    )


async def test_an_answer_comes_back_whole():
    async with (
        server(answer(b'{"rate": 1.5}', headers=("X-One: a", "X-One: b"))) as real,
        client(rules_for(real.port), Names({"api.test": LOCAL})) as (outbound, events),
    ):
        got = await outbound.get(f"http://api.test:{real.port}/rates?of=eur", params={"to": "a&b"})
    assert (got.status, got.is_success, got.json(), got.headers["x-one"]) == (200, True, {"rate": 1.5}, "a, b")
    assert got.url == f"http://api.test:{real.port}/rates?of=eur&to=a%26b"
    head = real.seen[0].lower()
    assert head.startswith(b"get /rates?of=eur&to=a%26b http/1.1\r\n")
    assert f"host: api.test:{real.port}\r\n".encode() in head
    assert b"accept-encoding: gzip\r\n" in head
    assert events.events == []


@pytest.mark.parametrize(
    ("values", "kind", "body"),
    [
        pytest.param({"json": {"a": [1, None]}}, b"application/json", b'{"a":[1,null]}', id="json"),
        pytest.param({"form": {"a": "b c&d"}}, b"application/x-www-form-urlencoded", b"a=b+c%26d", id="form"),
        pytest.param({"body": b"\x00", "headers": {"Content-Type": "x/y"}}, b"x/y", b"\x00", id="bytes"),
        pytest.param({}, None, b"", id="nothing"),
    ],
)
async def test_a_body_is_sent_as_it_was_given(values, kind, body):
    async with (
        server(answer(status="204 No Content")) as real,
        client(rules_for(real.port), Names({"api.test": LOCAL})) as (outbound, _),
    ):
        assert (await outbound.post(f"http://api.test:{real.port}/", **values)).status == 204
    head, _, sent = real.seen[0].partition(b"\r\n\r\n")
    assert sent == body
    assert f"content-length: {len(body)}".encode() in head.lower()
    assert (b"content-type: " + (kind or b"")) in head.lower() if kind else b"content-type" not in head.lower()


async def test_a_name_that_is_rebound_is_looked_up_once_and_the_address_pinned():
    """The owner of the name answers with something harmless first, and with the cloud's keys when asked again."""
    async with server(answer(b"hello")) as real:
        names = Names({"api.test": [["127.0.0.1"], ["169.254.169.254"]]})
        async with client(rules_for(real.port), names) as (outbound, events):
            assert (await outbound.get(f"http://api.test:{real.port}/")).body == b"hello"
            assert names.asked == ["api.test"]
            with pytest.raises(OutboundRefusedError) as caught:  # a new connection is a new decision
                await outbound.get(f"http://api.test:{real.port}/")
    assert caught.value.reason is AddressReason.METADATA
    assert [(event.name, event.reason, event.detail["host"]) for event in events.events] == [
        (EventName.OUTBOUND_REFUSED, "address_metadata", "api.test")
    ]


@pytest.mark.parametrize(
    ("addresses", "reason"),
    [
        pytest.param(["10.0.0.1"], AddressReason.PRIVATE, id="private"),
        pytest.param(["127.0.0.1"], AddressReason.LOOPBACK, id="loopback"),
        pytest.param(["::ffff:127.0.0.1"], AddressReason.EMBEDDED, id="mapped"),
        pytest.param(["8.8.8.8", "10.0.0.1"], AddressReason.PRIVATE, id="one of two"),
        pytest.param(["fe80::1%lo"], AddressReason.LINK_LOCAL, id="link-local"),
    ],
)
async def test_a_name_that_leads_inside_is_refused(addresses, reason):
    async with server(answer()) as real:
        rules = rules_for(real.port, insecure_allow_private=None)
        async with client(rules, Names({"api.test": [addresses]})) as (outbound, events):
            with pytest.raises(OutboundRefusedError) as caught:
                await outbound.get(f"http://api.test:{real.port}/")
    assert caught.value.reason is reason
    assert real.seen == []
    assert [event.reason for event in events.events] == [reason.value]


async def test_private_is_for_listed_hosts_even_where_any_host_may_be_asked():
    async with server(answer()) as real:
        rules = rules_for(real.port, insecure_any_host=REASON)
        async with client(rules, Names({"other.test": LOCAL})) as (outbound, _):
            for host in ("other.test", "127.0.0.1"):
                with pytest.raises(OutboundRefusedError) as caught:
                    await outbound.get(f"http://{host}:{real.port}/")
                assert caught.value.reason is AddressReason.LOOPBACK
    assert real.seen == []


async def test_the_next_address_is_tried():
    async with server(answer(b"hello")) as real:
        names = Names({"api.test": [["127.0.0.2", "127.0.0.1"]]})
        async with client(rules_for(real.port), names) as (outbound, _):
            assert (await outbound.get(f"http://api.test:{real.port}/")).body == b"hello"


async def test_nobody_there_is_a_failure_and_an_event():
    async with client(rules_for(1), Names({"api.test": LOCAL})) as (outbound, events):
        with pytest.raises(OutboundFailedError):
            await outbound.get("http://api.test:1/")
    assert [(event.name, event.reason) for event in events.events] == [(EventName.OUTBOUND_FAIL, "outbound_failed")]


async def test_a_name_that_does_not_exist_is_a_failure():
    async with client(rules_for(443), Names({})) as (outbound, _):
        with pytest.raises(OutboundFailedError):
            await outbound.get("https://api.test/")


async def test_tls_asks_for_the_name_and_checks_the_certificate_against_it(tmp_path):
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    async with server(answer(b"hello"), tls=authority.issue_cert("api.test")) as real:
        names = Names({"api.test": LOCAL, "other.test": LOCAL})
        rules = rules_for(real.port, hosts=("api.test", "other.test"), ca_file=str(tmp_path / "ca.pem"))
        async with client(rules, names) as (outbound, _):
            assert (await outbound.get(f"https://api.test:{real.port}/")).body == b"hello"
            with pytest.raises(OutboundFailedError):  # the same server under a name that its certificate is not for
                await outbound.get(f"https://other.test:{real.port}/")
    assert real.names == ["api.test", "other.test"]
    assert len(real.seen) == 1


async def test_a_certificate_of_nobody_we_believe_is_refused():
    async with (
        server(answer(b"hello"), tls=trustme.CA().issue_cert("api.test")) as real,
        client(rules_for(real.port), Names({"api.test": LOCAL})) as (outbound, _),
    ):
        with pytest.raises(OutboundFailedError):
            await outbound.get(f"https://api.test:{real.port}/")
    assert real.seen == []


async def test_redirects_are_not_followed_unless_that_is_said():
    async with (
        server(answer(status="302 Found", headers=("location: /b",))) as real,
        client(rules_for(real.port), Names({"api.test": LOCAL})) as (outbound, _),
    ):
        assert (await outbound.get(f"http://api.test:{real.port}/")).status == 302
    assert len(real.seen) == 1


async def test_a_redirect_takes_no_credentials_to_another_origin():
    async with server(answer(b"there")) as other:
        sends_on = answer(status="302 Found", headers=(f"location: http://other.test:{other.port}/x",))
        async with server(sends_on) as real:
            rules = rules_for(real.port, other.port, hosts=("api.test", "other.test"), max_redirects=1)
            async with client(rules, Names({"api.test": LOCAL, "other.test": LOCAL})) as (outbound, _):
                got = await outbound.get(
                    f"http://api.test:{real.port}/",
                    headers={"Authorization": "Bearer x", "X-Key": "y", "Accept": "a/b"},
                )
    assert (got.body, got.url) == (b"there", f"http://other.test:{other.port}/x")
    assert b"Bearer x" in real.seen[0]
    assert b"Bearer" not in other.seen[0]
    assert b"x-key" not in other.seen[0].lower()
    assert b"accept: a/b" in other.seen[0].lower()


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        pytest.param("http://169.254.169.254:{port}/latest/", OutboundReason.HOST_NOT_ALLOWED, id="metadata"),
        pytest.param("http://inner.test:{port}/", AddressReason.LINK_LOCAL, id="a listed name that leads inside"),
        pytest.param("http://evil.test:{port}/", OutboundReason.HOST_NOT_ALLOWED, id="out of the list"),
        pytest.param("http://api.test:22/", OutboundReason.PORT_NOT_ALLOWED, id="another port"),
        pytest.param("gopher://api.test/", OutboundReason.SCHEME, id="another scheme"),
        pytest.param("/again", OutboundReason.TOO_MANY_REDIRECTS, id="round in a circle"),
    ],
)
async def test_each_redirect_is_decided_on_anew(location, reason):
    async def respond(_, writer):
        writer.write(answer(status="307 Moved", headers=(f"location: {location.format(port=real.port)}",)))

    async with server(respond) as real:
        rules = rules_for(real.port, hosts=("api.test", "inner.test"), max_redirects=2)
        names = Names({"api.test": LOCAL, "inner.test": [["169.254.7.7"]]})
        async with client(rules, names) as (outbound, _):
            with pytest.raises(OutboundRefusedError) as caught:
                await outbound.get(f"http://api.test:{real.port}/")
    assert caught.value.reason is reason


BOMB = gzip.compress(bytes(50_000_000), 9)


@pytest.mark.parametrize(
    ("response", "error"),
    [
        pytest.param(answer(bytes(2000)), OutboundTooLargeError, id="declared and too large"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n" + bytes(2000), OutboundTooLargeError, id="until the end"
        ),
        pytest.param(answer(BOMB, headers=("content-encoding: gzip",)), OutboundTooLargeError, id="bomb"),
        pytest.param(
            answer(gzip.compress(BOMB), headers=("content-encoding: gzip, gzip",)),
            OutboundFailedError,
            id="bomb in a bomb",
        ),
        pytest.param(
            answer(b"x", headers=("content-encoding: br",)), OutboundFailedError, id="packing that was not offered"
        ),
        pytest.param(answer(b"no gzip", headers=("content-encoding: gzip",)), OutboundFailedError, id="not packed"),
        pytest.param(
            answer(gzip.compress(b"abc")[:-4], headers=("content-encoding: gzip",)),
            OutboundFailedError,
            id="broken off, packed",
        ),
        pytest.param(
            answer(gzip.compress(b"abc") + b"more", headers=("content-encoding: gzip",)),
            OutboundFailedError,
            id="goes on",
        ),
        pytest.param(
            answer(zlib.compress(b"abc"), headers=("content-encoding: gzip",)),
            OutboundFailedError,
            id="another packing",
        ),
        pytest.param(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc", OutboundFailedError, id="broken off"),
        pytest.param(b"SSH-2.0-OpenSSH\r\n", OutboundFailedError, id="not HTTP"),
        pytest.param(b"HTTP/1.1 200 OK\r\n" + b"a: " + b"b" * 200_000, OutboundFailedError, id="headers without end"),
        pytest.param(b"", OutboundFailedError, id="nothing"),
    ],
)
async def test_an_answer_that_cannot_be_used_is_an_error(response, error):
    async with (
        server(response) as real,
        client(rules_for(real.port, max_response_bytes=1000), Names({"api.test": LOCAL})) as (
            outbound,
            events,
        ),
    ):
        with pytest.raises(OutboundFailedError) as caught:
            await outbound.get(f"http://api.test:{real.port}/")
    assert type(caught.value) is error
    assert [event.reason for event in events.events] == [error.code]


@pytest.mark.parametrize("coding", ["gzip", "x-gzip", "GZIP"])
async def test_gzip_is_unpacked(coding):
    response = answer(gzip.compress(b"x" * 900), headers=(f"content-encoding: {coding}",))
    async with (
        server(response) as real,
        client(rules_for(real.port, max_response_bytes=900), Names({"api.test": LOCAL})) as (outbound, _),
    ):
        assert (await outbound.get(f"http://api.test:{real.port}/")).text == "x" * 900


async def test_a_server_that_drips_runs_into_the_time_limit():
    async def drip(_, writer):
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.01)

    async with (
        server(drip) as real,
        client(rules_for(real.port, timeout_seconds=0.2), Names({"api.test": LOCAL})) as (outbound, events),
    ):
        with pytest.raises(OutboundTimeoutError):
            await outbound.get(f"http://api.test:{real.port}/")
    assert [event.reason for event in events.events] == ["outbound_timeout"]


async def test_more_requests_than_connections_wait():
    under_way = 0
    most = 0

    async def respond(_, writer):
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0)
        under_way -= 1
        writer.write(answer(b"ok"))

    async with (
        server(respond) as real,
        client(rules_for(real.port, connections=2), Names({"api.test": LOCAL})) as (outbound, _),
    ):
        got = await asyncio.gather(*(outbound.get(f"http://api.test:{real.port}/") for _ in range(10)))
    assert {one.body for one in got} == {b"ok"}
    assert most <= 2


async def test_no_proxy_of_the_environment_is_used(monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    async with (
        server(answer(b"direct")) as real,
        client(rules_for(real.port), Names({"api.test": LOCAL})) as (outbound, _),
    ):
        assert (await outbound.get(f"http://api.test:{real.port}/")).body == b"direct"


async def test_no_cookie_is_kept_for_the_next_request():
    async with (
        server(answer(headers=("set-cookie: a=b",))) as real,
        client(rules_for(real.port), Names({"api.test": LOCAL})) as (outbound, _),
    ):
        for _ in range(2):
            await outbound.get(f"http://api.test:{real.port}/")
    assert b"cookie" not in real.seen[1].lower()


@pytest.mark.parametrize(
    ("headers", "error"),
    [
        pytest.param({"X": "a\r\nHost: evil.test"}, HeaderValueError, id="line end"),
        pytest.param({"X\r\nY": "a"}, HeaderValueError, id="line end in the name"),
        pytest.param({"Host": "evil.test"}, ConfigError, id="host"),
        pytest.param({"Transfer-Encoding": "chunked"}, ConfigError, id="where it ends"),
        pytest.param({"content-length": "1"}, ConfigError, id="its length"),
    ],
)
async def test_a_header_cannot_change_the_request(headers, error):
    async with client(rules_for(80), Names({"api.test": LOCAL})) as (outbound, _):
        with pytest.raises(error):
            await outbound.get("http://api.test/", headers=headers)


@pytest.mark.parametrize("method", ["get", "CONNECT", "TRACE", "GET / HTTP/1.1\r\nX: ", ""])
async def test_only_methods_are_methods(method):
    async with client(rules_for(80), Names({"api.test": LOCAL})) as (outbound, _):
        with pytest.raises(ConfigError):
            await outbound.request(method, "http://api.test/")


async def test_there_is_one_body():
    async with client(rules_for(80), Names({"api.test": LOCAL})) as (outbound, _):
        with pytest.raises(ConfigError):
            await outbound.post("http://api.test/", json={}, body=b"")
