"""Second factors in Chromium under the strict policy, with a virtual authenticator: set up, used, revoked.

The stories stand in one file and share the demo with the others, so each leaves its person as it found them.
"""

import re
import time
from base64 import b32decode

import pytest
from casebook.seed import OPERATOR, PEOPLE
from playwright.sync_api import expect

from fastness.auth.totp import STEP_SECONDS, code_at
from tests.browser.library_site import failures, refused, watching_browser
from tests.browser.test_passkey import AUTHENTICATOR

SOMEBODY = PEOPLE[-1]


@pytest.fixture(scope="module")
def browser():
    with watching_browser() as context:
        yield context


@pytest.fixture
def page(browser):
    browser.clear_cookies()
    page = browser.new_page()
    devtools = browser.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    yield page
    page.close()


def type_password(page, address, person=SOMEBODY):
    page.goto(address + "/account/sign-in")
    page.get_by_label("Username").fill(person.username)
    page.get_by_label("Password").fill(person.password)
    page.get_by_role("button", name="Sign in").click()


def sign_out(browser):
    # As a browser does that was closed: the session is not ended by the server, only gone from here.
    browser.clear_cookies()


def is_signed_in(page, address):
    page.goto(address + "/account/security")
    return page.get_by_role("heading", name="Security", exact=True).is_visible()


def test_a_passkey_is_made_signs_in_and_is_revoked(page, browser, casebook):
    type_password(page, casebook)
    page.goto(casebook + "/account/security")
    page.get_by_role("link", name="Add a passkey").click()
    page.get_by_label("Name").fill("Blue key")
    page.get_by_role("button", name="Make a passkey").click()
    expect(page.get_by_role("heading", name="Keep these recovery codes")).to_be_visible()
    assert (refused(page), failures(page)) == (set(), [])

    sign_out(browser)
    assert not is_signed_in(page, casebook)
    page.goto(casebook + "/account/sign-in")
    page.get_by_role("link", name="Sign in with a passkey").click()
    page.get_by_role("button", name="Continue").click()
    page.wait_for_url(lambda url: "/account/passkey" not in url)
    assert (refused(page), failures(page)) == (set(), [])
    assert is_signed_in(page, casebook)

    sign_out(browser)
    type_password(page, casebook)
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url(lambda url: "/account/second-factor" not in url)
    assert is_signed_in(page, casebook)

    page.get_by_role("button", name="Remove the passkey Blue key").click()
    expect(page.get_by_text("None yet.")).to_be_visible()
    sign_out(browser)
    page.goto(casebook + "/account/passkey")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("alert")).to_contain_text("This passkey was not accepted.")
    assert not is_signed_in(page, casebook)


def test_a_person_that_was_not_verified_is_refused(page, browser, casebook):
    type_password(page, casebook)
    devtools = browser.new_cdp_session(page)
    devtools.send("WebAuthn.disable")
    devtools.send("WebAuthn.enable")
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": {**AUTHENTICATOR, "isUserVerified": False}})
    page.goto(casebook + "/account/security/passkey")
    page.get_by_role("button", name="Make a passkey").click()
    expect(page.get_by_text("The passkey could not be made.")).to_be_visible()


def test_the_app_is_set_up_from_the_picture_and_a_code_works_once(page, browser, casebook):
    type_password(page, casebook)
    page.goto(casebook + "/account/security/app")
    expect(page.get_by_role("img", name="QR code for the app")).to_be_visible()
    text = page.locator("code.key").text_content()
    secret = b32decode(text + "=" * (-len(text) % 8))
    first = code_at(secret, int(time.time() // STEP_SECONDS))
    page.get_by_label("Code from your app").fill(first)
    page.get_by_role("button", name="Set up the app").click()
    expect(page.get_by_role("heading", name="Keep these recovery codes")).to_be_visible()
    codes = page.locator("ul.codes code").all_text_contents()
    assert len(codes) == 10
    assert all(re.fullmatch(r"[0-9a-z]{4}(-[0-9a-z]{4}){5}", code) for code in codes)

    sign_out(browser)
    type_password(page, casebook)
    page.get_by_label("Code from your app").fill(first)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("This code is not right, or was used already.")

    page.get_by_text("Use a recovery code").click()
    page.get_by_label("Recovery code").fill(codes[0])
    page.get_by_role("button", name="Sign in with the recovery code").click()
    page.wait_for_url(lambda url: "/account/second-factor" not in url)
    assert is_signed_in(page, casebook)
    expect(page.get_by_text("9 left.")).to_be_visible()

    sign_out(browser)
    type_password(page, casebook)
    page.get_by_text("Use a recovery code").click()
    page.get_by_label("Recovery code").fill(codes[0])
    page.get_by_role("button", name="Sign in with the recovery code").click()
    expect(page.get_by_role("alert")).to_contain_text("This recovery code is not right, or was used already.")
    page.get_by_label("Recovery code").fill(codes[1])
    page.get_by_role("button", name="Sign in with the recovery code").click()
    page.wait_for_url(lambda url: "/account/second-factor" not in url)
    page.goto(casebook + "/account/security")
    page.get_by_role("button", name="Remove the app").click()
    expect(page.get_by_role("link", name="Set up an app")).to_be_visible()


def test_staff_set_up_a_factor_before_their_first_session_and_confirm_with_it(page, browser, casebook):
    type_password(page, casebook, OPERATOR)
    expect(page).to_have_url(casebook + "/account/second-factor/set-up")
    page.goto(casebook + "/account/security")
    expect(page.get_by_role("heading", name="Sign in", exact=True)).to_be_visible()

    type_password(page, casebook, OPERATOR)
    page.get_by_role("button", name="Make a passkey").click()
    expect(page.get_by_role("heading", name="Keep these recovery codes")).to_be_visible()
    code = page.locator("ul.codes code").first.text_content()
    page.get_by_role("link", name="Continue").click()
    assert is_signed_in(page, casebook)
    page.get_by_text("Rename").first.click()
    page.get_by_label("New name").fill("Red key")
    page.get_by_role("button", name="Rename", exact=True).click()
    expect(page.get_by_text("Red key").first).to_be_visible()

    page.goto(casebook + "/account/confirm?next=/account/security/passkey")
    page.get_by_role("button", name="Use a passkey").click()
    expect(page).to_have_url(casebook + "/account/security/passkey")
    assert (refused(page), failures(page)) == (set(), [])

    page.goto(casebook + "/account/confirm?next=/account/security/app")
    page.get_by_label("Password").fill(OPERATOR.password)
    page.get_by_role("button", name="Confirm", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("Enter a code as well.")
    page.get_by_label("Password").fill(OPERATOR.password)
    page.get_by_label("Code from your app, or a recovery code").fill(code)
    page.get_by_role("button", name="Confirm", exact=True).click()
    expect(page).to_have_url(casebook + "/account/security/app")
    assert (refused(page), failures(page)) == (set(), [])
