"""Pages of other sites in the browser of somebody who is signed in: forms, frames, scripts and sockets.

The attacker's pages come from 127.0.0.1, which is another site than localhost, and from another port of localhost, which is
another origin of the same site: to the second SameSite cookies are no wall, they come along.
"""

import pytest
from playwright.sync_api import expect

from fastness.testing.chromium import chromium
from tests.attacks.site import COOKIE
from tests.attacks.target import PASSWORDS
from tests.attacks.wire import request
from tests.browser.elsewhere import elsewhere
from tests.browser.library_site import wait_until

WAIT_MILLISECONDS = 15_000
HOSTS = [pytest.param("127.0.0.1", id="another-site"), pytest.param("localhost", id="same-site")]


@pytest.fixture(scope="module")
def browser():
    with chromium() as context:
        context.set_default_timeout(WAIT_MILLISECONDS)
        yield context


@pytest.fixture(scope="module")
def evil():
    with elsewhere() as place:
        yield place


@pytest.fixture
def page(browser, target, evil):
    """A page of somebody who is signed in."""
    browser.clear_cookies()
    evil.page, evil.asked = "", []
    page = browser.new_page()
    page.goto(target.address + "/account/sign-in")
    page.get_by_label("Username").fill("ada")
    page.get_by_label("Password").fill(PASSWORDS["ada"])
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(target.address + "/")
    yield page
    for one in browser.pages[1:]:
        one.close()


def notes(target):
    return target.send(request("GET /notes/count")).body


FORMS = [
    pytest.param("application/x-www-form-urlencoded", id="form"),
    pytest.param("text/plain", id="text-plain"),
    pytest.param("multipart/form-data", id="multipart"),
]


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("kind", FORMS)
def test_v3_5_1_a_form_of_another_site_is_not_carried_out(page, target, evil, host, kind):
    evil.page = (
        f'<form method="post" enctype="{kind}" action="{target.address}/notes"><input name="text" value="forged">'
        "</form><script>document.forms[0].submit()</script>"
    )
    before = notes(target)
    with target.records("malicious_cors", "sec_fetch_cross_site") as events:
        page.goto(evil.at(host) + "/page")
        page.wait_for_url(target.address + "/notes")
    expect(page.get_by_text("came from another site")).to_be_visible()
    assert events[0]["route"] == "add_note"
    assert notes(target) == before


@pytest.mark.parametrize("host", HOSTS)
def test_v3_5_1_v3_4_2_a_script_of_another_site_sends_nothing_and_reads_nothing(page, target, evil, host):
    page.goto(evil.at(host) + "/page")
    before = notes(target)
    outcome = """async ([address, options]) => {
      try { const answer = await fetch(address, options); return answer.type + " " + (await answer.text()).length; }
      catch (error) { return error.name; }
    }"""
    sent = {"method": "POST", "mode": "no-cors", "credentials": "include", "body": "text=forged"}
    with target.records("malicious_cors", "sec_fetch_cross_site"):
        page.evaluate(outcome, [target.address + "/notes", sent])
    json = {"method": "POST", "credentials": "include", "headers": {"content-type": "application/json"}, "body": "{}"}
    assert page.evaluate(outcome, [target.address + "/notes", json]) == "TypeError"
    read = {"credentials": "include"}
    assert page.evaluate(outcome, [target.address + "/who", read]) == "TypeError"
    # Even blind it may not be loaded: Cross-Origin-Resource-Policy.
    assert page.evaluate(outcome, [target.address + "/who", {**read, "mode": "no-cors"}]) == "TypeError"
    assert notes(target) == before


@pytest.mark.parametrize("host", HOSTS)
def test_v4_4_2_a_socket_of_another_site_does_not_open(page, target, evil, host):
    page.goto(evil.at(host) + "/page")
    connect = """(address) => new Promise((done) => {
      const socket = new WebSocket(address);
      socket.onopen = () => done("open"); socket.onerror = () => done("refused");
    })"""
    address = target.address.replace("http", "ws")
    for path in ("/socket", "/private-socket"):
        with target.records("malicious_cors", "websocket_origin"):
            assert page.evaluate(connect, address + path) == "refused"
    # From the site's own page the same sockets open.
    page.goto(target.address + "/")
    assert page.evaluate(connect, address + "/private-socket") == "open"


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("path", ["/private", "/framed", "/nowhere"])
def test_v3_4_6_a_page_is_in_nobodys_frame(page, target, evil, host, path):
    evil.page = f'<iframe src="{target.address}{path}"></iframe>'
    with target.records("csp_violation") as events:
        page.goto(evil.at(host) + "/page")
        frame = page.frames[1]
        frame.wait_for_load_state()
    assert frame.url == "chrome-error://chromewebdata/"
    assert events[0]["detail"]["directive"] == "frame-ancestors"


def test_v3_4_8_another_site_keeps_no_hand_on_our_window(page, target, evil):
    page.goto(evil.at("127.0.0.1") + "/page")
    with page.context.expect_page() as opened:
        page.evaluate("(address) => { window.ours = window.open(address); }", target.address + "/private")
    opened.value.wait_for_load_state()
    assert opened.value.evaluate("window.opener") is None
    wait_until(page, "window.ours.closed")


def test_v3_3_4_no_script_reads_the_session(page, target):
    assert COOKIE in {cookie["name"] for cookie in page.context.cookies()}
    assert page.evaluate("document.cookie") == ""


def test_v14_3_1_back_after_the_sign_out_shows_nothing(page, target):
    page.goto(target.address + "/private")
    expect(page.get_by_text("for ada only")).to_be_visible()
    page.goto(target.address + "/")
    page.evaluate("""async () => {
      const token = document.querySelector("[name=csrf_token]").value;
      await fetch("/account/sign-out", {method: "POST", headers: {"X-CSRF-Token": token}});
    }""")
    page.goto(target.address + "/account/signed-out")
    for _ in range(2):
        page.go_back()
    expect(page).to_have_url(target.address + "/account/sign-in?next=/private")
    assert "only" not in page.locator("body").inner_text()
