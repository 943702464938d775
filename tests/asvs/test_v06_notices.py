"""V6.3.5: people hear of a sign-in on a new device, of many that failed, and of what they may do; and nobody else does."""

from datetime import timedelta

import pytest

from fastness.auth.callers import Caller
from fastness.auth.errors import ThrottledError
from fastness.auth.throttle_rules import ThrottleRules
from fastness.auth.totp import STEP_SECONDS, code_at, new_secret
from fastness.kernel.because import Because
from fastness.mail.outbox import QueuedMail
from tests.accounts.conftest import PASSWORD
from tests.accounts.flows import deliver, make, routes, rows, shop
from tests.web.conftest import browse, clock, make_shop, migrated

__all__ = ["browse", "clock", "deliver", "make", "make_shop", "migrated", "routes", "shop"]

OPERATOR = Because("the operator of the server")
FREE = ThrottleRules().account_attempts


async def sign_in(browser, code=None):
    browser.cookies.pop("__Host-session", None)
    await browser.open("/account/sign-in")
    await browser.submit("/account/sign-in", username="ada", password=PASSWORD)
    if code is not None:
        await browser.submit("/second-factor", code=code)
    assert (await browser.fetch("/")).json() == "ada"


async def test_v6_3_5_a_sign_in_on_a_device_that_is_not_known_is_told(shop, browse, make, deliver):
    await make()
    async with browse(shop) as first, browse(shop, user_agent="Firefox/140.0 (Linux)") as second:
        for browser, is_told in ((first, False), (first, False), (second, True), (second, False), (first, False)):
            await sign_in(browser)
            told = await deliver()
            assert [to for to, _ in told] == ["ada@mail.example"] * is_told
            assert all("Browser: Firefox on Linux" in text.splitlines() for _, text in told)


async def test_v6_3_5_it_is_told_where_a_second_factor_completes_the_sign_in(shop, browse, make, deliver):
    user, secret = await make(), new_secret()

    def code():
        shop.clock.advance(STEP_SECONDS)
        return code_at(secret, int(shop.clock.epoch() // STEP_SECONDS))

    await shop.app.services.factors.add_totp(user.id, secret, code())
    await deliver()
    async with browse(shop) as first, browse(shop) as second:
        for browser, is_told in ((first, False), (first, False), (second, True)):
            await sign_in(browser, code())
            assert len(await deliver()) == is_told


async def fail(shop, name, times):
    """Wrong passwords for one account, each from another address; how many of them were looked at."""
    tried = 0
    for number in range(times):
        caller = Caller(client_ip=f"192.0.2.{number}")
        try:
            await shop.app.services.login.attempt(username=name, password="not the pass phrase", caller=caller)
        except ThrottledError:
            continue
        tried += 1
    return tried


async def test_v6_3_5_many_sign_ins_that_failed_are_told_once_and_to_the_owner_only(shop, make, deliver):
    await make()
    await make("bob", email="bob@mail.example", is_active=False)
    assert await fail(shop, "Ada", FREE - 1) == FREE - 1
    assert await rows(shop, QueuedMail) == []
    for name in ("ADA", "bob", "nobody at all"):
        await fail(shop, name, FREE + 2)
    # The same row for each, so that nobody learns who exists; the worker knows.
    waiting = await rows(shop, QueuedMail)
    assert [row.kind for row in waiting] == ["sign-in-slowed"] * 3
    assert len({len(row.sealed) // 100 for row in waiting}) == 1
    [(to, text)] = await deliver()
    assert (to, "failed to sign in to the account ada many times" in " ".join(text.split())) == (
        "ada@mail.example",
        True,
    )
    assert await rows(shop, QueuedMail) == []
    shop.clock.advance(timedelta(hours=1).total_seconds())
    await fail(shop, "ada", 2)
    assert await deliver() == []


@pytest.mark.parametrize("has_signed_in", [True, False])
async def test_v6_3_5_what_somebody_may_do_is_told_when_it_was_changed(shop, browse, make, deliver, has_signed_in):
    user = await make()
    if has_signed_in:
        async with browse(shop) as browser:
            await sign_in(browser)
    services, roles = shop.app.services, shop.app.services.roles
    async with services.open_unit(is_read_only=False) as unit:
        db = unit.session
        clerks = await roles.create_role(db, "clerks", by=OPERATOR)
        night = await roles.create_group(db, "Night shift", by=OPERATOR)
        keepers = await roles.create_role(db, "keepers", by=OPERATOR)
        await roles.grant_role(db, keepers, to=night, by=OPERATOR)
    assert await deliver() == []
    for change, now_held in (
        (lambda db: roles.grant_role(db, clerks, to=user, by=OPERATOR), "Now: clerks"),
        (lambda db: roles.grant_role(db, clerks, to=user, by=OPERATOR), None),
        (lambda db: roles.add_member(db, night, user, by=OPERATOR), "Now: clerks, keepers"),
        (
            lambda db: roles.grant_permission(db, "accounts.view_users", to=user, by=OPERATOR),
            "Now: clerks, keepers, accounts.view_users",
        ),
        (lambda db: roles.remove_member(db, night, user, by=OPERATOR), "Now: clerks, accounts.view_users"),
    ):
        async with services.open_unit(is_read_only=False) as unit:
            await change(unit.session)
        told = await deliver()
        assert [to for to, _ in told] == ["ada@mail.example"] * (has_signed_in and now_held is not None)
        assert all(now_held in text.splitlines() for _, text in told)
