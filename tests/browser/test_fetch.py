"""The fetch script in a real browser: the token goes with what changes something, to this origin, and nowhere else.

ASVS 5.0: V3.5.1.
"""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from fastness.testing.chromium import chromium
from fastness.testing.servers import asgi_server, free_port, running_server
from tests.browser.library_site import ROOT

SEND = "([address, options]) => fastness.fetch(address, options).then(async (r) => [r.status, await r.text()])"


class Elsewhere(BaseHTTPRequestHandler):
    """Another site, which lets everybody in and notes whether the token came along."""

    def do_POST(self):
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.server.tokens.append("x-csrf-token" in self.headers)
        self.answer(b"elsewhere")

    def do_OPTIONS(self):
        self.answer(b"")

    def answer(self, body):
        self.send_response(200)
        for name in ("origin", "headers", "methods"):
            self.send_header(f"access-control-allow-{name}", "*")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments):
        pass


@pytest.fixture(scope="module")
def other():
    with ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere) as server:
        server.tokens = []
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def site(other, tmp_path_factory):
    folder = tmp_path_factory.mktemp("fetch")
    port = free_port()
    elsewhere = f"http://127.0.0.1:{other.server_port}"
    environ = {
        "PYTHONPATH": str(ROOT),
        "ELSEWHERE": elsewhere,
        "FASTNESS_SECRET_KEY": "browser-only-Wn4zK8vQ2rXy7LmB5tHs9cJd3fGp6A",
        "FASTNESS_HOSTS": "localhost",
        "FASTNESS_IS_HTTPS_REQUIRED": "false",
        "FASTNESS_DATABASE_URL": f"sqlite:///{folder}/data.sqlite3",
        "FASTNESS_STORE_URL": f"sqlite:///{folder}/store.sqlite3",
        "FASTNESS_CSP_CONNECT_SRC": f"'self',{elsewhere}",
    }
    command = asgi_server("tests.browser.fetch_app:app", port=port)
    with running_server(command, port=port, folder=folder, environ=environ):
        yield f"http://localhost:{port}"


@pytest.fixture(scope="module")
def browser():
    with chromium() as context:
        yield context


@pytest.fixture
def page(browser, site):
    opened = browser.new_page()
    opened.goto(f"{site}/page")
    yield opened
    opened.close()


@pytest.fixture
def tokens(other):
    """For each request that arrived at the other site, whether it brought the token."""
    other.tokens.clear()
    return other.tokens


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        pytest.param({"method": "POST", "json": {"a": [1, "é"]}}, ("application/json", '{"a":[1,"é"]}'), id="json"),
        pytest.param({"method": "PUT", "json": None}, ("application/json", "null"), id="json-null"),
        pytest.param({"method": "POST", "body": "x"}, ("text/plain;charset=UTF-8", "x"), id="text"),
        pytest.param(
            {"method": "POST", "body": "a=1", "headers": {"Content-Type": "application/x-www-form-urlencoded"}},
            ("application/x-www-form-urlencoded", "a=1"),
            id="form",
        ),
        pytest.param({"method": "POST"}, ("", ""), id="nothing"),
    ],
)
def test_what_changes_something_has_the_token(page, options, expected):
    status, text = page.evaluate(
        "([o]) => fastness.fetch('/echo', o).then(async (r) => [r.status, await r.json()])", [options]
    )
    assert (status, tuple(text.values())) == (200, expected)


def test_the_browsers_own_fetch_has_none(page):
    assert page.evaluate("fetch('/echo', {method: 'POST', body: 'x'}).then((r) => r.status)") == 403


@pytest.mark.parametrize("options", [{}, {"method": "GET"}, {"method": "get"}])
def test_what_only_reads_has_none(page, options):
    assert page.evaluate(SEND, ["/seen", options]) == [200, '{"has_token":false}']


def test_another_site_gets_the_request_without_the_token(page, other, tokens):
    address = f"http://127.0.0.1:{other.server_port}/collect"
    assert page.evaluate(SEND, [address, {"method": "POST", "body": "x"}]) == [200, "elsewhere"]
    assert tokens == [False]


def test_a_redirect_to_another_site_takes_no_token_along(page, tokens):
    outcome = page.evaluate(
        "fastness.fetch('/away', {method: 'POST', body: 'x'}).then(() => 'followed', (error) => error.name)"
    )
    assert outcome == "TypeError"
    assert tokens == []


def test_the_browsers_own_fetch_would_take_it_along(page, tokens):
    """So that the test above shows something."""
    page.evaluate(
        """fetch('/away', {method: 'POST', body: 'x', headers: {
          "X-CSRF-Token": document.querySelector("meta[name=csrf-token]").content}}).then((r) => r.text())"""
    )
    assert tokens == [True]


def test_a_page_without_a_token_says_what_to_write(browser, site):
    page = browser.new_page()
    page.goto(f"{site}/bare")
    message = page.evaluate("fastness.fetch('/echo', {method: 'POST'}).catch((error) => error.message)")
    assert '<meta name="csrf-token" content="{{ csrf_token() }}">' in message
    page.close()
