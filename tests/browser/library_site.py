"""The pages of library_app.py in a server process of their own, and a Chromium that notes what happens in a page."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from playwright.sync_api import BrowserContext, Page

from fastness.testing.chromium import chromium
from fastness.testing.servers import asgi_server, free_port, running_server
from scripts.browser_libraries import fetch_all
from tests.ready_made import CHEAP_PASSWORDS_ENVIRON

ROOT: Final = Path(__file__).resolve().parent.parent.parent
WAIT_MILLISECONDS: Final = 15_000

# In every page, before its own scripts: what the policy refused, and what the page threw.
WATCH: Final = """
window.refused = []; window.failures = [];
addEventListener("securitypolicyviolation", (event) => window.refused.push(event.effectiveDirective));
addEventListener("unhandledrejection", (event) => window.failures.push(String(event.reason)));
addEventListener("error", (event) => {
  if (event.target === window) window.failures.push(event.message);
}, true);
"""


@contextlib.contextmanager
def library_site(folder: Path, **environ: str) -> Iterator[str]:
    """Serve the pages in the production profile, but for TLS; `environ` sets what differs from the default."""
    fetch_all()
    port = free_port()
    settings = {
        "PYTHONPATH": str(ROOT),
        "FASTNESS_SECRET_KEY": "browser-only-Wn4zK8vQ2rXy7LmB5tHs9cJd3fGp6A",
        "FASTNESS_HOSTS": "localhost",
        "FASTNESS_IS_HTTPS_REQUIRED": "false",
        "FASTNESS_DATABASE_URL": f"sqlite:///{folder}/data.sqlite3",
        "FASTNESS_STORE_URL": f"sqlite:///{folder}/store.sqlite3",
        **CHEAP_PASSWORDS_ENVIRON,
    }
    command = asgi_server("tests.browser.library_app:app", port=port)
    with running_server(command, port=port, folder=folder, environ={**settings, **environ}):
        yield f"http://localhost:{port}"


@contextlib.contextmanager
def watching_browser() -> Iterator[BrowserContext]:
    with chromium() as context:
        context.set_default_timeout(WAIT_MILLISECONDS)
        context.add_init_script(WATCH)
        yield context


def refused(page: Page) -> set[str]:
    """The directives that refused something in this page so far."""
    return set(page.evaluate("window.refused"))


def failures(page: Page) -> list[str]:
    """What the page's scripts threw and nobody caught."""
    return page.evaluate("window.failures")


def wait_until(page: Page, expression: str) -> None:
    """Ask the page until the expression holds; Playwright's own waiting evaluates it in the page, which the policy forbids."""
    for _ in range(WAIT_MILLISECONDS // 50):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(50)
    message = f"{expression} never held in {page.url}"
    raise AssertionError(message)
