"""A passkey in a real browser with a virtual authenticator: neither policy stands in its way, and what is closed is closed.

Each feature is tried in two sites, one with the default Permissions-Policy and one that opens only the location: what works in
the one is refused in the other, so it is the header that decides.
"""

import pytest

from tests.browser.library_site import library_site, refused, watching_browser

AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture(scope="module")
def default(tmp_path_factory):
    with library_site(tmp_path_factory.mktemp("default")) as address:
        yield address


@pytest.fixture(scope="module")
def reversed_site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reversed")
    with library_site(folder, FASTNESS_HEADERS_PERMISSIONS_POLICY="geolocation") as address:
        yield address


@pytest.fixture(scope="module")
def browser():
    with watching_browser() as context:
        # The person has agreed, so that only the header can refuse.
        context.grant_permissions(["geolocation"])
        context.set_geolocation({"latitude": 48.5, "longitude": 9.0})
        yield context


@pytest.fixture
def page(browser):
    page = browser.new_page()
    devtools = browser.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    yield page
    page.close()


def test_a_passkey_is_made_and_signs_in(default, page):
    page.goto(default + "/passkey")
    made = page.evaluate("outcome(register())")
    assert len(made) > 20
    assert page.evaluate("outcome(signIn())") == made
    assert refused(page) == set()


@pytest.mark.parametrize("ceremony", ["register", "signIn"])
def test_a_passkey_is_refused_where_the_policy_closes_it(reversed_site, page, ceremony):
    page.goto(reversed_site + "/passkey")
    assert page.evaluate(f"outcome({ceremony}())") == "NotAllowedError"
    assert not page.evaluate("document.featurePolicy.allowsFeature('publickey-credentials-get')")


def test_the_location_is_refused_by_the_policy(default, page):
    page.goto(default + "/passkey")
    assert not page.evaluate("document.featurePolicy.allowsFeature('geolocation')")
    assert "permissions policy" in page.evaluate("locate()")


def test_the_location_is_told_where_the_policy_opens_it(reversed_site, page):
    page.goto(reversed_site + "/passkey")
    assert page.evaluate("locate()") == "at 48.5"
