"""V12, secure communication: TLS or nothing, as `fastness serve` runs it."""

import ssl
import time

import pytest

from tests.attacks.site import running_site
from tests.attacks.wire import request

PAGE = ["Accept: text/html", "Sec-Fetch-Mode: navigate"]


def test_v12_1_1_the_newest_tls_is_spoken(deployed):
    with deployed.connect() as plain, deployed.trust.wrap_socket(plain, server_hostname="localhost") as connection:
        assert connection.version() == "TLSv1.3"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
def test_v12_1_1_old_tls_is_refused(deployed, version):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    with deployed.connect() as plain, pytest.raises((ssl.SSLError, ConnectionError)):
        context.wrap_socket(plain, server_hostname="localhost")


@pytest.mark.parametrize("path", ["/", "/who", "/private", "/nowhere", "/static/site.css"])
def test_v3_4_1_every_answer_tells_browsers_to_stay_with_tls(deployed, path):
    answer = deployed.send(request(f"GET {path}", host="target.example"))
    assert answer.status in {200, 401, 404}
    assert answer.all("strict-transport-security") == ["max-age=31536000; includeSubDomains"]


def test_v3_4_1_but_not_for_localhost(deployed):
    """A browser would refuse plain http to every other project on the developer's machine."""
    assert deployed.send(request("GET /who")).header("strict-transport-security") is None


async def test_v3_3_1_v12_2_1_the_session_lives_over_tls(deployed):
    async with deployed.signed_in() as browser:
        assert (await browser.fetch("/who")).json()["user"] == "ada"
        assert (await browser.open("/private")).status == 200


@pytest.fixture(scope="module")
def plain_site(seeded, tmp_path_factory):
    """A deployment whose proxy was forgotten: https is asked for, and http arrives."""
    folder = tmp_path_factory.mktemp("plain")
    with running_site(seeded, folder, FASTNESS_IS_HTTPS_REQUIRED="true") as site:
        yield site


@pytest.mark.parametrize(
    ("sent", "status", "location"),
    [
        pytest.param(request("GET /who?a=1", *PAGE), 308, "https://localhost/who?a=1", id="page"),
        pytest.param(
            request("GET //evil.example", *PAGE), 308, "https://localhost//evil.example", id="path-like-a-host"
        ),
        pytest.param(request("GET /who", *PAGE, host="evil.example"), 400, None, id="forged-host"),
        pytest.param(request("GET /who"), 426, None, id="program"),
        pytest.param(request("POST /notes", *PAGE, "Content-Length: 0"), 426, None, id="form"),
        pytest.param(request("GET /who", *PAGE, "X-Forwarded-Proto: https"), 503, None, id="undeclared-proxy"),
        pytest.param(request("GET /who", "X_Forwarded_Proto: https"), 400, None, id="underscore"),
    ],
)
def test_v12_2_1_v4_1_2_nothing_is_served_over_plain_http(plain_site, sent, status, location):
    answer = plain_site.send(sent)
    assert (answer.status, answer.header("location")) == (status, location)
    assert answer.header("set-cookie") is None
    assert b'"user"' not in answer.body


def test_v12_2_1_plain_http_on_the_port_of_tls_gets_nothing(deployed):
    with deployed.connect() as connection:
        connection.sendall(request("GET /who"))
        assert b'"user"' not in connection.recv(65_536)


def test_v15_2_2_a_head_that_never_ends_is_cut_off(deployed):
    """The server gives a head ten seconds, before the app sees anything of it."""
    with deployed.connect() as plain, deployed.trust.wrap_socket(plain, server_hostname="localhost") as connection:
        connection.sendall(b"GET /who HTTP/1.1\r\nHost: localhost\r\n")
        started = time.monotonic()
        connection.settimeout(20)
        try:
            received = connection.recv(65_536)
        except ConnectionError:
            received = b""
    assert b'"user"' not in received
    assert time.monotonic() - started < 20
