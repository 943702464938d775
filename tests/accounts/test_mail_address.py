"""Confirming the address of an account, and changing it."""

import pytest

from fastness.auth.users import User
from tests.accounts.conftest import PASSWORD
from tests.accounts.flows import LINK, deliver, make, routes, rows, shop

__all__ = ["deliver", "make", "routes", "shop"]

OLD, NEW = "ada@mail.example", "countess@mail.example"


@pytest.fixture
def change(browse, shop, deliver):
    """Signs in, asks for another address, and returns the mails."""

    async def change(username="ada", address=NEW):
        async with browse(shop) as browser:
            await browser.sign_in(username, PASSWORD)
            await deliver()  # of the second sign-in, on a device that is not known
            await browser.open("/account/email")
            await browser.submit("/account/email", email=address)
        return await deliver()

    return change


async def address_of(shop, username="ada"):
    [user] = [user for user in await rows(shop, User) if user.username == username]
    return user.email, user.has_confirmed_email


async def test_an_address_changes_when_the_link_that_went_there_is_used(shop, browse, make, change, deliver):
    await make()
    [(to, text)] = await change()
    assert (to, await address_of(shop)) == (NEW, (OLD, False))
    async with browse(shop) as browser, browse(shop) as elsewhere:
        await elsewhere.sign_in("ada", PASSWORD)
        await deliver()
        page = await browser.open(LINK.search(text)[1])
        assert page.url.endswith("/account/email/change")
        assert NEW in page.text
        assert await address_of(shop) == (OLD, False)
        assert (await browser.submit()).status == 200
        assert await address_of(shop) == (NEW, True)
        assert (await elsewhere.open("/")).json() is None
    [(to, text)] = await deliver()
    assert to == OLD
    assert "address" in text


async def test_a_link_to_change_works_once_and_the_last_one_only(shop, browse, make, change):
    await make()
    [(_, first)] = await change(address="one@mail.example")
    [(_, second)] = await change(address="two@mail.example")
    async with browse(shop) as browser:
        assert (await browser.open(LINK.search(first)[1])).status == 410
        await browser.open(LINK.search(second)[1])
        await browser.submit()
        assert (await browser.open(LINK.search(second)[1])).status == 410
    assert await address_of(shop) == ("two@mail.example", True)


@pytest.mark.asvs("V7.5.1")
async def test_the_change_asks_for_a_fresh_proof(shop, browse, make, deliver):
    await make()
    async with browse(shop) as browser:
        await browser.sign_in("ada", PASSWORD)
        page = await browser.open("/account/email")
        form = page.form("/account/email")
        shop.clock.advance(601)
        page = await browser.open("/account/email")
        assert "New address" not in page.text
        page = await browser.submit(form, email=NEW)
        assert "Look into your mail" not in page.text
    assert await deliver() == []


async def test_nobody_is_told_of_an_address_that_is_taken_but_its_reader(shop, browse, make, change):
    await make()
    [(_, text)] = await change()
    async with browse(shop) as browser:
        await browser.open(LINK.search(text)[1])
        await browser.submit()
    await make("eve", email="eve@mail.example")
    [(to, text)] = await change("eve", NEW.upper())
    assert to == NEW.upper()
    async with browse(shop) as browser:
        await browser.open(LINK.search(text)[1])
        assert (await browser.submit()).status == 409
    assert await address_of(shop, "eve") == ("eve@mail.example", False)
    assert await address_of(shop, "ada") == (NEW, True)


async def test_an_address_is_confirmed_by_a_link_that_went_there(shop, browse, make, deliver):
    await make()
    async with browse(shop) as browser:
        await browser.sign_in("ada", PASSWORD)
        page = await browser.open("/account/email")
        assert "not confirmed yet" in page.text
        await browser.submit("/account/email/send")
        [(to, text)] = await deliver()
        await browser.open(LINK.search(text)[1])
        assert await address_of(shop) == (OLD, False)
        await browser.submit()
        assert (to, await address_of(shop)) == (OLD, (OLD, True))
        assert (await browser.open("/")).json() == "ada"
        assert "is confirmed" in (await browser.open("/account/email")).text
    assert "email_confirmed" in shop.reasons()


async def test_an_address_that_somebody_typed_keeps_nobody_from_confirming_it(shop, browse, make, change):
    await make("eve", email=NEW)
    await make()
    [(_, text)] = await change()
    async with browse(shop) as browser:
        await browser.open(LINK.search(text)[1])
        assert (await browser.submit()).status == 200
    assert (await address_of(shop), await address_of(shop, "eve")) == ((NEW, True), (NEW, False))


@pytest.mark.parametrize("address", ["", "ada", "a@b.example\r\nbcc: c@d.example", "m\u0131ke@mail.example"])
async def test_what_is_no_address_is_refused(shop, browse, make, deliver, address):
    await make()
    async with browse(shop) as browser:
        await browser.sign_in("ada", PASSWORD)
        await browser.open("/account/email")
        assert (await browser.submit("/account/email", email=address)).status == 422
    assert await deliver() == []
