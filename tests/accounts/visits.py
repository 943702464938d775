"""Every page that people have of their accounts, as it comes out of the app: with and without problems, before and after.

For tests that look at all of them. `visit_all` names each page and returns its markup; `missing_templates` says what no page was
made of, so that a new template cannot be forgotten.
"""

import re
from base64 import b32decode
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fastness import JSONResponse, Routes, access, accounts
from fastness.auth.account_rules import AccountRules
from fastness.auth.totp import STEP_SECONDS, code_at
from fastness.kernel.clock import ManualClock
from fastness.mail.mailers import text_of
from fastness.testing.browser import Browser
from fastness.web.templates import Templates
from tests.accounts.conftest import PASSWORD
from tests.accounts.flows import LINK
from tests.ready_made import MAIL_IN_MEMORY, migrate
from tests.web.shop import ORIGIN, Shop

FOLDER = Path(accounts.__file__).parent / "templates" / "accounts"
FRAMES = {"layout.html", "places.html"}
NEW = "an entirely different phrase"


class Visits:
    """What was seen so far."""

    def __init__(self, shop: Shop, headers: Mapping[str, str]) -> None:
        self.shop = shop
        self.pages: dict[str, str] = {}
        self.templates: set[str] = set()
        self._headers = headers
        self._count = 0

    def browser(self) -> Browser:
        """Somebody who has never been here, at an address of their own."""
        self._count += 1
        browser = Browser(self.shop.app, origin=ORIGIN, client_ip=f"10.0.0.{self._count}")
        browser._client.headers.update(self._headers)
        return browser

    def see(self, name: str, page) -> None:
        """Keep a page."""
        assert page.status < 500, name
        assert "<h1" in page.text, name
        self.pages[name] = page.text

    async def link(self) -> str:
        """The link in the last mail."""
        services = self.shop.app.services
        before = len(services.mailer.sent)
        await services.postman.deliver_due()
        await services.postman.deliver_due()
        return next(found[1] for mail in services.mailer.sent[before:] if (found := LINK.search(text_of(mail))))

    def code(self, page) -> str:
        """What the app shows for the secret on the page; a new one each time."""
        text = re.search(r'class="key">([A-Z2-7]+)<', page.text)[1]
        self._secret = b32decode(text + "=" * (-len(text) % 8))
        return self.next_code()

    def next_code(self) -> str:
        self.shop.clock.advance(STEP_SECONDS)
        return code_at(self._secret, int(self.shop.clock.epoch() // STEP_SECONDS))


async def visit_all(folder: Path, *, settings: Mapping[str, object] | None = None, **headers: str) -> Visits:
    """Go through all of it, in a shop of its own whose data lie in the folder."""
    migrate(f"sqlite:///{folder}/data.sqlite3")
    routes = Routes(access=access.public)

    @routes.get("/")
    async def home(request):
        user = request.user_or_none
        return JSONResponse(user and user.username)

    rules = {"mail": MAIL_IN_MEMORY, "accounts": AccountRules(sign_up=True), **(settings or {})}
    clock = ManualClock(datetime(2026, 11, 22, 12, 0, tzinfo=UTC))
    visits = Visits(Shop(folder, [routes], clock=clock, settings=rules), headers)
    render = Templates.render

    def noted(self, name, context):
        visits.templates.add(name.rpartition("/")[2])
        return render(self, name, context)

    await visits.shop.app.open()
    try:
        await _make_ada(visits.shop)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Templates, "render", noted)
            for part in (_before_signing_in, _mailed, _own_pages, _second_factor, _the_end):
                await part(visits)
    finally:
        await visits.shop.app.close()
    return visits


async def _make_ada(shop: Shop) -> None:
    services = shop.app.services
    async with services.open_unit(is_read_only=False) as unit:
        await services.accounts.create_user(
            unit.session, username="ada", password=PASSWORD, email="ada@mail.example", display_name="Ada"
        )
    shop.clock.advance(60)


def missing_templates(visits: Visits) -> set[str]:
    """The templates of the account pages that made none of the pages."""
    return {path.name for path in FOLDER.glob("*.html")} - visits.templates - FRAMES


async def _before_signing_in(visits: Visits) -> None:
    async with visits.browser() as browser:
        visits.see("sign-in", await browser.open("/account/sign-in"))
        visits.see("sign-in, empty", await browser.submit())
        visits.see("sign-in, refused", await browser.submit(username="nobody", password="x"))
        for address in ("/account/signed-out", "/account/passkey", "/account/sign-up/sent", "/account/reset/sent"):
            visits.see(address, await browser.open(address))
        for address in ("/account/closed", "/account/password-set", "/account/signed-up", "/account/reset/new"):
            visits.see(address, await browser.open(address))
        for address in ("/account/sign-up", "/account/reset"):
            visits.see(address, await browser.open(address))
            visits.see(f"{address}, refused", await browser.submit(email="no address"))


async def _mailed(visits: Visits) -> None:
    async with visits.browser() as browser:
        await browser.open("/account/sign-up")
        await browser.submit(email="grace@mail.example")
        visits.see("sign-up form", await browser.open(await visits.link()))
        visits.see("sign-up form, refused", await browser.submit(username="", password="short"))
        visits.see("sign-up form, short", await browser.submit(username="grace", password="short"))
        await browser.open("/account/reset")
        await browser.submit(email="ada@mail.example")
        visits.see("reset form", await browser.open(await visits.link()))
        visits.see("reset form, refused", await browser.submit(password="short"))


async def _own_pages(visits: Visits) -> None:
    async with visits.browser() as browser:
        await _post(browser, "/account/sign-in", username="ada", password=PASSWORD)
        for name in ("security", "security/app", "security/passkey", "password", "email", "devices", "tokens", "data"):
            visits.see(name, await browser.open(f"/account/{name}"))
        visits.see("password, refused", await _post(browser, "/account/password"))
        visits.see("password, short", await _post(browser, "/account/password", old_password=PASSWORD, password="x"))
        visits.see("email, refused", await _post(browser, "/account/email", email="no address"))
        visits.see("new token", await browser.open("/account/tokens/new"))
        visits.see("new token, refused", await browser.submit("/account/tokens/new", name=""))
        visits.see("token", await _post(browser, "/account/tokens/new", name="nightly"))
        visits.see("tokens, with one", await browser.open("/account/tokens"))
        visits.see("email sent", await _post(browser, "/account/email", email="other@mail.example"))
        visits.see("confirm address", await browser.open(await visits.link()))
        visits.shop.clock.advance(1_000)
        visits.see("step-up", await browser.open("/account/email"))
        visits.see("step-up, refused", await browser.submit("/account/confirm", password="wrong"))


async def _second_factor(visits: Visits) -> None:
    async with visits.browser() as browser:
        await _post(browser, "/account/sign-in", username="ada", password=PASSWORD)
        page = await browser.open("/account/security/app")
        visits.see("app, refused", await browser.submit("/app", code="000000"))
        page = await browser.open("/account/security/app")
        visits.see("recovery codes", await browser.submit("/app", code=visits.code(page)))
        visits.see("security, with a factor", await browser.open("/account/security"))
    async with visits.browser() as browser:
        visits.see("second factor", await _post(browser, "/account/sign-in", username="ada", password=PASSWORD))
        visits.see("second factor, refused", await browser.submit("/second-factor", code="000000"))
        await browser.submit("/second-factor", code=visits.next_code())
        assert (await browser.open("/")).json() == "ada"
        visits.shop.clock.advance(1_000)
        visits.see("step-up with a factor", await browser.open("/account/email"))


async def _the_end(visits: Visits) -> None:
    visits.shop.clock.advance(3_600)
    async with visits.browser() as browser:
        await browser.open("/account/sign-up")
        await browser.submit(email="hedy@mail.example")
        await browser.open(await visits.link())
        visits.see("signed up", await browser.submit(username="hedy", password=PASSWORD))


async def _post(browser: Browser, path: str, **fields: str):
    await browser.open(path)
    return await browser.submit(path, **fields)
