"""Two Chromium profiles of one person: one ends the other, which sees it, and whose open socket is closed."""

import os

import pytest
from playwright.sync_api import expect

from fastness.testing.servers import asgi_server, free_port, running_server
from tests.browser.library_site import ROOT, failures, refused, wait_until, watching_browser

PASSWORD = "a long pass phrase of the tests"
OPEN = """() => { window.said = []; window.closeCode = 0;
  const socket = new WebSocket(location.origin.replace("http", "ws") + "/live");
  socket.onmessage = (event) => window.said.push(event.data);
  socket.onclose = (event) => window.closeCode = event.code; }"""


@pytest.fixture(scope="module")
def command(forks, tmp_path_factory):
    """Runs a command of the site's operator."""
    folder = tmp_path_factory.mktemp("devices")
    environ = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "FASTNESS_APP": "tests.browser.devices_app:app",
        "FASTNESS_SECRET_KEY": "browser-only-Wn4zK8vQ2rXy7LmB5tHs9cJd3fGp6A",
        "FASTNESS_HOSTS": "localhost",
        "FASTNESS_IS_HTTPS_REQUIRED": "false",
        "FASTNESS_DATABASE_URL": f"sqlite:///{folder}/data.sqlite3",
        "FASTNESS_STORE_URL": f"sqlite:///{folder}/store.sqlite3",
        "FASTNESS_SESSION_SOCKET_CHECK_SECONDS": "0.2",
    }

    def run(*arguments, stdin=""):
        done = forks.run(
            "-m", "fastness.cli", *arguments, "--app", environ["FASTNESS_APP"],
            folder=folder, environ=environ, stdin=stdin,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr

    run.folder, run.environ = folder, environ
    return run


@pytest.fixture(scope="module")
def site(command):
    command("db", "upgrade")
    command("users", "create", "ada", "--password-stdin", stdin=PASSWORD + "\n")
    port = free_port()
    server = asgi_server(command.environ["FASTNESS_APP"], port=port)
    with running_server(server, port=port, folder=command.folder, environ=command.environ):
        yield f"http://localhost:{port}"


def sign_in(page, site):
    page.goto(site + "/account/sign-in")
    page.get_by_label("Username").fill("ada")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", name="Home")).to_be_visible()


def test_v7_5_2_another_device_is_ended_and_its_socket_is_closed(site):
    with watching_browser() as context:
        here = context.new_page()
        other = context.browser.new_context()
        there = other.new_page()
        for page in (here, there):
            sign_in(page, site)
        there.evaluate(OPEN)
        wait_until(there, "window.said.length === 1")

        here.goto(site + "/account/devices")
        expect(here.get_by_text("(this one)")).to_have_count(1)
        here.get_by_role("button", name="End Chrome").click()
        expect(here.get_by_role("heading", name="Your devices")).to_be_visible()
        expect(here.get_by_role("button", name="End Chrome")).to_have_count(0)
        assert (refused(here), failures(here)) == (set(), [])

        wait_until(there, "window.closeCode > 0")
        assert there.evaluate("window.closeCode") == 1008
        there.goto(site + "/")
        expect(there.get_by_role("heading", name="Sign in")).to_be_visible()
        here.goto(site + "/")
        expect(here.get_by_role("heading", name="Home")).to_be_visible()
        other.close()


@pytest.mark.asvs("V7.4.5")
def test_an_operator_ends_the_sessions_and_closes_the_open_socket(site, command):
    with watching_browser() as context:
        page = context.new_page()
        sign_in(page, site)
        page.evaluate(OPEN)
        wait_until(page, "window.said.length === 1")
        command("users", "end-sessions", "ada")
        wait_until(page, "window.closeCode > 0")
        assert page.evaluate("window.closeCode") == 1008
        page.goto(site + "/")
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
