"""WebKit keeps no Secure cookie on http://localhost, as Chromium does: development has to work without."""

import pytest
from casebook.seed import PEOPLE
from selenium.webdriver.common.by import By
from selenium.webdriver.support.expected_conditions import (
    presence_of_element_located,
    text_to_be_present_in_element,
    url_contains,
    url_to_be,
)
from selenium.webdriver.support.wait import WebDriverWait

from tests.attacks.target import PASSWORDS
from tests.browser.webkit import WAIT_SECONDS, webkit

MAREN = PEOPLE[0]
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def browser():
    with webkit() as browser:
        yield browser


def wait(browser, condition):
    return WebDriverWait(browser, WAIT_SECONDS).until(condition)


def sign_in(browser, address, username, password):
    browser.get(address + "/account/sign-in")
    browser.find_element(By.NAME, "username").send_keys(username)
    browser.find_element(By.NAME, "password").send_keys(password)
    browser.find_element(By.CSS_SELECTOR, "button[type=submit]").click()


def test_the_demo_signs_in_over_http(browser, casebook):
    sign_in(browser, casebook, MAREN.username, MAREN.password)
    # The address is asked for first: a look into a page that is about to go away never comes back.
    wait(browser, url_to_be(casebook + "/"))
    wait(browser, presence_of_element_located((By.LINK_TEXT, "Deposit withheld after move-out"))).click()
    wait(browser, url_contains("/cases/"))
    wait(browser, presence_of_element_located((By.NAME, "text"))).send_keys(HOSTILE)
    browser.find_element(By.XPATH, "//button[text()='Add note']").click()
    wait(browser, text_to_be_present_in_element((By.CSS_SELECTOR, ".timeline li .text"), HOSTILE))
    (session,) = browser.get_cookies()
    assert (session["name"], session["secure"], session["httpOnly"]) == ("casebook-session", False, True)
    browser.find_element(By.XPATH, "//button[text()='Sign out']").click()
    wait(browser, url_contains("/account/signed-out"))
    browser.get(casebook + "/")
    wait(browser, url_contains("/account/sign-in"))


def test_it_does_drop_the_cookie_of_production_over_http(browser, target):
    """The neighbour that shows what the cookie without Secure is for; a browser that learns to keep it fails here."""
    sign_in(browser, target.address, "ada", PASSWORDS["ada"])
    wait(browser, url_to_be(target.address + "/"))
    browser.get(target.address + "/private")
    wait(browser, url_contains("/account/sign-in"))
