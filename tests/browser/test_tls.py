"""The target as `fastness serve` runs it, in Chromium over TLS and HTTP/2, with the cookie of production."""

import pytest
from playwright.sync_api import expect

from fastness.testing.chromium import chromium
from tests.attacks.site import COOKIE, deployed_site
from tests.attacks.target import PASSWORDS

WAIT_MILLISECONDS = 15_000


@pytest.fixture(scope="module")
def deployed(seeded, tmp_path_factory):
    with deployed_site(seeded, tmp_path_factory.mktemp("deployed")) as site:
        yield site


@pytest.fixture(scope="module")
def page(deployed):
    """The page of somebody who has signed in."""
    # The certificate is of an authority that nobody knows; that it is checked, V12 shows with one that is.
    with chromium(ignore_https_errors=True) as context:
        context.set_default_timeout(WAIT_MILLISECONDS)
        page = context.new_page()
        page.goto(deployed.address + "/private")
        page.get_by_label("Username").fill("ada")
        page.get_by_label("Password").fill(PASSWORDS["ada"])
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_text("for ada only")).to_be_visible()
        yield page


def test_v12_2_1_v3_3_1_the_session_lives_over_http_2(page, deployed):
    page.goto(deployed.address + "/private")
    assert page.evaluate("performance.getEntriesByType('navigation')[0].nextHopProtocol") == "h2"
    (cookie,) = page.context.cookies()
    assert (cookie["name"], cookie["secure"], cookie["httpOnly"], cookie["sameSite"]) == (COOKIE, True, True, "Lax")


STATUS = "async ([path, options]) => (await fetch(path, options)).status"


@pytest.mark.parametrize(
    ("path", "content_type", "body", "status", "event"),
    [
        pytest.param("/echo", "application/json", "x" * 3_000_000, 413, "excess_rate_limit_exceeded", id="large-body"),
        pytest.param("/notes", "application/x-www-form-urlencoded", "text=a", 403, "csrf_fail", id="no-token"),
        pytest.param("/json", "application/json", "{", 400, "input_validation_fail", id="no-json"),
    ],
)
def test_v4_2_1_refusals_hold_over_http_2_too(page, deployed, path, content_type, body, status, event):
    """HTTP/2 has no Content-Length to go by and no connection to close."""
    page.goto(deployed.address + "/")
    with deployed.records(event):
        options = {"method": "POST", "headers": {"content-type": content_type}, "body": body}
        assert page.evaluate(STATUS, [path, options]) == status
    assert page.evaluate(STATUS, ["/who", {}]) == 200
