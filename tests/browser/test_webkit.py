"""Signing in to the demo over http://localhost in WebKit, which drops Secure cookies there, as Safari does.

The demo runs as `fastness demo` starts it. Beside it a page sets one cookie with Secure and one without: the first is not sent
back, so this browser is one that the development profile's cookie is made for.
"""

import contextlib
import os
import shutil
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.support.expected_conditions import presence_of_element_located, title_contains
from selenium.webdriver.support.ui import WebDriverWait
from selenium.webdriver.webkitgtk.service import Service

from fastness.testing.servers import free_port, running_server
from scripts.system_packages import PROGRAMS, how_to_install
from tests.browser.library_site import ROOT, library_site

USERNAME, PASSWORD = "maren", "copper kettle on a quiet hill"
WAIT_SECONDS = 20
PAGE_LOAD_SECONDS = 40


def require(name: str) -> str:
    """The path of a program of scripts/system_packages.py, or a failure with the command that installs it."""
    program = next(program for program in PROGRAMS if program.name == name)
    path = program.find()
    if path is None:
        pytest.fail(f"{name} was not found; please run: {how_to_install([program])}")
    return path


@contextlib.contextmanager
def screen() -> Iterator[str]:
    """A screen that nobody sees; the server picks a number that is free and tells it."""
    ours, theirs = os.pipe()
    command = [require("Xvfb"), "-displayfd", str(theirs), "-screen", "0", "1280x900x24", "-nolisten", "tcp"]
    process = subprocess.Popen(command, pass_fds=[theirs], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.close(theirs)
    try:
        with os.fdopen(ours) as numbers:
            number = numbers.readline().strip()
        assert number, "Xvfb ended without a screen"
        yield f":{number}"
    finally:
        process.terminate()
        process.wait(10)


@contextlib.contextmanager
def webkit(home: Path) -> Iterator[WebDriver]:
    driver_path = require("WebKit driver")
    with contextlib.ExitStack() as stack:
        if sys.platform == "darwin":
            browser: WebDriver = webdriver.Safari()
        else:
            environ = {**os.environ, "DISPLAY": stack.enter_context(screen()), "HOME": str(home)}
            if os.geteuid() == 0:
                # Its sandbox does not start as root; the pages are our own.
                environ["WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS"] = "1"
            with warnings.catch_warnings():
                # selenium's own class uses what selenium deprecates.
                warnings.filterwarnings("ignore", "setting remote_server_addr", DeprecationWarning)
                browser = webdriver.WebKitGTK(service=Service(driver_path, env=environ))
        stack.callback(browser.quit)
        browser.set_page_load_timeout(PAGE_LOAD_SECONDS)
        yield browser


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with webkit(tmp_path_factory.mktemp("webkit")) as browser:
        yield browser


@pytest.fixture
def demo(tmp_path):
    """The demo as a person starts it, with data of its own."""
    folder = tmp_path / "casebook"
    left_out = shutil.ignore_patterns("var", ".env", "__pycache__")
    shutil.copytree(ROOT / "examples" / "casebook", folder, ignore=left_out)
    port = free_port()
    command = [sys.executable, "-m", "fastness.cli", "demo", "--port", str(port)]
    with running_server(command, port=port, folder=folder):
        yield f"http://localhost:{port}"


def test_signing_in_to_the_demo_over_http(browser, demo):
    wait = WebDriverWait(browser, WAIT_SECONDS)
    browser.get(demo)
    wait.until(title_contains("Sign in"))
    browser.find_element(By.ID, "username").send_keys(USERNAME)
    browser.find_element(By.ID, "password").send_keys(PASSWORD)
    browser.find_element(By.CSS_SELECTOR, "form.form button[type=submit]").click()
    wait.until(title_contains("Cases"))
    browser.refresh()
    assert "Cases" in browser.title
    # Not its `text`: in a narrow window only the first letter is to be seen.
    assert "Maren Holt" in str(browser.find_element(By.CSS_SELECTOR, ".person .name").get_property("textContent"))
    browser.find_element(By.CSS_SELECTOR, ".person button").click()
    wait.until(title_contains("Signed out"))
    browser.get(demo)
    wait.until(presence_of_element_located((By.ID, "password")))


def test_it_is_a_browser_that_drops_secure_cookies_on_http(browser, tmp_path):
    with library_site(tmp_path) as address:
        browser.get(address + "/set-cookies")
        # Other tests have left theirs: cookies of localhost are those of all its ports.
        browser.delete_all_cookies()
        browser.get(address + "/set-cookies")
        browser.get(address + "/cookies")
        assert browser.title == "plain"
