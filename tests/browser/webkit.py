"""WebKit, driven by its WebDriver: on Linux WebKitGTK under an X server of the test's own, on macOS Safari."""

import contextlib
import os
import shutil
import subprocess
import sys
import warnings
from collections.abc import Iterator

from selenium import webdriver
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.webkitgtk.options import Options
from selenium.webdriver.webkitgtk.service import Service

from scripts.system_packages import PROGRAMS, how_to_install

WAIT_SECONDS = 15


@contextlib.contextmanager
def webkit() -> Iterator[WebDriver]:
    """A browser with an empty profile."""
    if sys.platform == "darwin":
        browser: WebDriver = webdriver.Safari()
        with quitting(browser):
            yield browser
        return
    with screen() as display:
        # As root the browser's own sandbox does not start, and the pages are the test's own.
        environ = {**os.environ, "DISPLAY": display, "WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS": "1"}
        service = Service(executable_path=required("WebKitWebDriver"), env=environ)
        with warnings.catch_warnings():
            # Selenium's own constructor calls its own deprecated one.
            warnings.simplefilter("ignore", DeprecationWarning)
            browser = webdriver.WebKitGTK(options=Options(), service=service)
        with quitting(browser):
            yield browser


@contextlib.contextmanager
def quitting(browser: WebDriver) -> Iterator[WebDriver]:
    try:
        yield browser
    finally:
        browser.quit()


@contextlib.contextmanager
def screen() -> Iterator[str]:
    """An X server that chooses a free number and ends with the block."""
    read_end, write_end = os.pipe()
    command = [required("Xvfb"), "-displayfd", str(write_end), "-screen", "0", "1280x900x24", "-nolisten", "tcp"]
    process = subprocess.Popen(command, pass_fds=(write_end,), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.close(write_end)
    try:
        with os.fdopen(read_end) as pipe:
            yield f":{pipe.readline().strip()}"
    finally:
        process.terminate()
        process.wait(10)


def required(command: str) -> str:
    path = shutil.which(command)
    if path is None:
        missing = [program for program in PROGRAMS if command in program.commands]
        message = f"{command} is needed for the tests in WebKit; please run: {how_to_install(missing)}"
        raise FileNotFoundError(message)
    return path
