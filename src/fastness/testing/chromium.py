"""A real Chromium for tests, started by the test itself and kept away from the network.

The browser is Debian's or any Chromium on the path; a machine without one fails with the command that installs it.
"""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from typing import Final

from playwright.sync_api import BrowserContext, sync_playwright

from fastness.kernel.errors import FastnessError

_NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_MAC_PATHS: Final = (
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
_ARGUMENTS: Final = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE localhost , EXCLUDE 127.0.0.1",
)


class NoChromiumError(FastnessError):
    """No Chromium was found."""

    code = "test_chromium"


def chromium_path() -> str:
    """Where Chromium is; raises with the command that installs it."""
    for name in _NAMES:
        path = shutil.which(name)
        if path is not None:
            return path
    for path in _MAC_PATHS:
        if os.access(path, os.X_OK):
            return path
    raise NoChromiumError(
        "The browser tests need Chromium. Debian: apt-get install chromium. macOS: brew install chromium."
    )


@contextlib.contextmanager
def chromium(**options: object) -> Iterator[BrowserContext]:
    """A browser context with an empty profile. `options` go to Playwright's `launch_persistent_context`."""
    arguments = list(_ARGUMENTS)
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        arguments.append("--no-sandbox")
    with tempfile.TemporaryDirectory(prefix="fastness-chromium-") as profile, sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            profile,
            executable_path=chromium_path(),
            headless=True,
            args=arguments,
            **options,  # type: ignore[arg-type]
        )
        try:
            yield context
        finally:
            context.close()
