"""The connection: who is believed, what is spoken, and what comes over plain http."""

import ssl
from datetime import UTC, datetime, timedelta

import pytest
import trustme

from fastness.probe.catalogue import CHECKS
from fastness.probe.client import Client, Seen
from fastness.probe.runner import run_probe
from fastness.probe.scan import Scan
from fastness.probe.target import Address
from fastness.probe.tls import check_hsts, check_plain_http, seconds_of
from fastness.probe.wire import Answer, Wire
from tests.probe.careless import serving

pytestmark = pytest.mark.sockets
AUTHORITY = trustme.CA()


def context_of(certificate) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


@pytest.fixture
def trusted(tmp_path, monkeypatch):
    AUTHORITY.cert_pem.write_to_path(tmp_path / "authority.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))


async def report_of(app, aim, tls, *names):
    async with serving(app, tls=tls) as port:
        checks = [(name, check) for name, check in CHECKS if name in names]
        return await run_probe(aim(port, scheme="https"), checks=checks)


async def test_a_certificate_that_is_not_believed_ends_the_scan(app, aim):
    sent = []

    async def counted(scope, receive, send):
        sent.append(scope)

    report = await report_of(counted, aim, context_of(trustme.CA().issue_cert("127.0.0.1")), "headers")
    assert [finding.id for finding in report.findings] == ["FST-PROBE-100"]
    assert [one.what for one in report.unchecked] == [report.unchecked[0].what]
    assert sent == []


async def test_nor_is_one_for_another_name(app, aim, trusted):
    report = await report_of(app, aim, context_of(AUTHORITY.issue_cert("other.example")), "headers")
    assert [finding.id for finding in report.findings] == ["FST-PROBE-100"]


async def test_a_good_one_is_clean(app, aim, trusted):
    tls = context_of(AUTHORITY.issue_cert("127.0.0.1", not_after=datetime.now(UTC) + timedelta(days=90)))
    report = await report_of(app, aim, tls, "certificate", "old TLS", "plain http", "headers", "cookies")
    assert (report.findings, report.unchecked) == ((), ())


async def test_one_that_ends_soon_is_told(app, aim, trusted):
    tls = context_of(AUTHORITY.issue_cert("127.0.0.1", not_after=datetime.now(UTC) + timedelta(days=3)))
    report = await report_of(app, aim, tls, "certificate")
    assert [finding.id for finding in report.findings] == ["FST-PROBE-101"]


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
async def test_an_old_version_is_told(app, aim, trusted):
    tls = context_of(AUTHORITY.issue_cert("127.0.0.1"))
    tls.set_ciphers("ALL:@SECLEVEL=0")
    tls.minimum_version = ssl.TLSVersion.TLSv1
    report = await report_of(app, aim, tls, "old TLS")
    assert [finding.id for finding in report.findings] == ["FST-PROBE-102"]


def scan_of(aim, answer, **address):
    target = aim(443, address=Address(**{"scheme": "https", "host": "www.example.com", "port": 443, **address}))
    client = Client(target, Wire(address=target.address, timeout_seconds=1))
    client.seen.append(Seen(method="GET", path="/", answer=answer))
    return Scan(target, client)


@pytest.mark.parametrize(
    ("value", "is_found"),
    [
        ("max-age=31536000; includeSubDomains", False),
        ("max-age=63072000", False),
        ("includeSubDomains; Max-Age=31536000", False),
        ("max-age=86400", True),
        ("max-age=0", True),
        ("max-age=soon", True),
        ("", True),
    ],
)
async def test_hsts_holds_for_a_year(aim, value, is_found):
    answer = Answer(status=200, headers=(("strict-transport-security", value),))
    found = [finding.id async for finding in check_hsts(scan_of(aim, answer))]
    assert found == ["FST-PROBE-103"] * is_found


async def test_hsts_is_not_asked_of_an_address(aim):
    scan = scan_of(aim, Answer(status=200), host="127.0.0.1")
    assert [finding async for finding in check_hsts(scan)] == []


@pytest.mark.parametrize(("host", "is_found"), [("www.example.com", True), ("localhost", False)])
async def test_a_site_over_plain_http_is_told_unless_it_is_on_this_machine(aim, host, is_found):
    scan = scan_of(aim, Answer(status=200), scheme="http", host=host, port=80)
    assert [finding.id async for finding in check_plain_http(scan)] == ["FST-PROBE-104"] * is_found


def test_seconds_of_nothing_are_none():
    assert seconds_of("") == 0
