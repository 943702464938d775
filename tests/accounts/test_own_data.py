"""Downloading one's data, and closing the account."""

import pytest
from sqlalchemy import select

from fastness.auth.personal_data import PersonalData
from fastness.auth.users import User
from fastness.kernel.errors import ConfigError
from tests.accounts.conftest import PASSWORD
from tests.accounts.flows import deliver, make, routes, rows
from tests.ready_made import MAIL_IN_MEMORY
from tests.web.shop import ORIGIN

__all__ = ["deliver", "make", "routes"]


async def export_notes(db, user_id):
    return [{"about": name} for name in await db.scalars(select(User.username).where(User.id == user_id))]


@pytest.fixture
async def shop(make_shop, migrated, routes):
    return await make_shop(routes, settings={"mail": MAIL_IN_MEMORY}, exporters={"notes": export_notes})


@pytest.mark.asvs("V5.4.1")
async def test_somebody_downloads_what_is_kept_about_them(shop, browse, make):
    user = await make()
    await make("eve", email="eve@mail.example")
    async with browse(shop) as browser:
        await browser.sign_in("ada", PASSWORD)
        page = await browser.open("/account/data/export")
    assert page.headers["content-disposition"] == 'attachment; filename="account.json"'
    assert page.headers["cache-control"] == "no-store"
    found = page.json()
    assert set(found) == {"exported_at", "account", "notes"}
    assert found["notes"] == [{"about": "ada"}]
    assert (found["account"]["id"], found["account"]["email"]) == (str(user.id), "ada@mail.example")
    assert "argon2" not in page.text
    assert "eve" not in page.text


@pytest.mark.parametrize("path", ["/account/data", "/account/data/export"])
@pytest.mark.parametrize(
    ("seconds", "is_shown"), [pytest.param(0, True, id="fresh"), pytest.param(601, False, id="a-while-ago")]
)
async def test_the_data_asks_for_a_fresh_proof(shop, browse, make, path, seconds, is_shown):
    await make()
    async with browse(shop) as browser:
        await browser.sign_in("ada", PASSWORD)
        shop.clock.advance(seconds)
        page = await browser.open(path)
        assert (page.url == f"{ORIGIN}{path}" and page.status == 200) is is_shown


@pytest.mark.asvs("V7.4.2")
async def test_closing_the_account_ends_every_session(shop, browse, make, deliver):
    await make()
    async with browse(shop) as browser, browse(shop) as elsewhere:
        await elsewhere.sign_in("ada", PASSWORD)
        await browser.sign_in("ada", PASSWORD)
        await browser.open("/account/data")
        assert (await browser.submit("/account/data/close")).status == 422
        assert (await elsewhere.open("/")).json() == "ada"
        await browser.open("/account/data")
        page = await browser.submit("/account/data/close", sure="yes")
        assert page.url.endswith("/account/closed")
        assert (await browser.open("/")).json() is None
        assert (await elsewhere.open("/")).json() is None
        assert (await browser.sign_in("ada", PASSWORD)).status == 422
    [user] = await rows(shop, User)
    assert not user.is_active
    assert "ada@mail.example" in [to for to, _ in await deliver()]


def test_the_part_of_the_account_is_nobody_elses(clock):
    with pytest.raises(ConfigError):
        PersonalData({"account": export_notes}, clock=clock)
