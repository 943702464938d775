"""No page of the accounts, of the demo or of an error breaks a rule that axe-core knows, by day or by night."""

import asyncio
import mimetypes
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from casebook.seed import PEOPLE
from playwright.sync_api import expect

from fastness import JSONResponse, Routes, access, web
from fastness.testing.browser import Browser
from fastness.testing.chromium import chromium
from tests.accounts.visits import visit_all
from tests.browser.accessibility import bring_axe, violations
from tests.web.mounts import sign_in_routes
from tests.web.shop import ORIGIN, Shop

ASSETS = Path(web.__file__).parent / "assets"
MAREN = PEOPLE[0]


@pytest.fixture(scope="module")
def browser():
    with chromium(reduced_motion="reduce") as context:
        bring_axe(context)
        yield context


@pytest.fixture
def page(browser):
    page = browser.new_page()
    yield page
    page.close()


@pytest.fixture(scope="module")
def account_pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("visits")
    # On a thread: Playwright has the loop of this one.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(visit_all(folder))).result().pages


@pytest.fixture(scope="module")
def german_errors(tmp_path_factory):
    async def ask():
        routes = Routes(access=access.public)

        @routes.post("/take")
        async def take(request):
            return JSONResponse("taken")

        groups = [routes, sign_in_routes()]
        shop = Shop(tmp_path_factory.mktemp("errors"), groups, clock=None, settings={"languages": ("de",)})
        await shop.app.open()
        try:
            async with Browser(shop.app, origin=ORIGIN) as browser:
                await browser.fetch("/sign-in", "POST")
                fields = {"csrf_token": "of another session", "opening_hours": "8 to 12"}
                stale = await browser.from_site(ORIGIN, "/take", fields=fields)
                return {"404": (await browser.open("/no-such-page")).text, "form": stale.text}
        finally:
            await shop.app.close()

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(ask())).result()


def test_the_account_pages(page, account_pages):
    assert broken_in(page, account_pages) == {}


def test_error_pages_in_german(page, german_errors):
    assert all('<html lang="de">' in markup for markup in german_errors.values())
    assert broken_in(page, german_errors) == {}


def broken_in(page, pages):
    """What is wrong with the markup that the app gave out, together with the assets that go with it."""

    def answer(route):
        path = urlsplit(route.request.url).path
        name = path.rpartition("/")[2]
        if path.startswith("/static/"):
            file = ASSETS / re.sub(r"\.[0-9a-f]{8,}(?=\.\w+$)", "", name)
            route.fulfill(body=file.read_bytes(), content_type=mimetypes.guess_type(file.name)[0])
        else:
            route.fulfill(body=markup[int(name)], content_type="text/html; charset=utf-8")

    markup = list(pages.values())
    page.route(f"{ORIGIN}/**", answer)
    found = {}
    for number, name in enumerate(pages):
        page.goto(f"{ORIGIN}/page/{number}")
        if broken := violations(page):
            found[name] = broken
    return found


def test_the_demo(page, casebook):
    """Signed in and not, a list, an object, a form with problems, an error."""
    addresses = ["/", "/cases/new", "/offices", "/account/security", "/account/devices", "/no-such-page"]
    found = {}
    page.goto(casebook + "/account/sign-in")
    found["/account/sign-in"] = violations(page)
    page.get_by_label("Username").fill(MAREN.username)
    page.get_by_label("Password").fill(MAREN.password)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", name="Cases")).to_be_visible()
    page.locator("main a[href^='/cases/']").first.click()
    addresses.append(urlsplit(page.url).path)
    for address in addresses:
        page.goto(casebook + address)
        found[address] = violations(page)
    page.goto(casebook + "/cases/new")
    page.locator("main form button[type=submit]").last.click()
    found["/cases/new, refused"] = violations(page)
    page.goto(casebook + "/")
    page.get_by_role("link", name="Unpaid overtime").click()
    found["a case with fees"] = violations(page)
    page.get_by_text("Add a fee").click()
    page.get_by_role("button", name="Add fee").click()
    found["a fee, refused"] = violations(page)
    page.evaluate("document.querySelector('button[name=step]').value = 'reopen'")
    page.locator("button[name=step]").click()
    expect(page.get_by_role("alert")).to_contain_text("Not done")
    found["a step, refused"] = violations(page)
    assert {address: broken for address, broken in found.items() if broken} == {}
