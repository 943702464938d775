"""V7, sessions: what a cookie is worth, when it is worth nothing any more, and what asks for a new proof."""

import base64
import json
from hashlib import sha256
from urllib.parse import urlencode

import pytest

from fastness.auth.users import User
from fastness.kernel.secret import Secret
from fastness.kernel.signing import Keyring
from fastness.kernel.tokens import hash_token
from fastness.web import receiving
from fastness.web.access import Fresh, public
from fastness.web.accessrules import All
from tests.accounts.conftest import PASSWORD
from tests.accounts.flows import deliver, make, routes, shop
from tests.web.conftest import browse, clock, make_shop, migrated
from tests.web.shop import KEY

__all__ = ["browse", "clock", "deliver", "make", "make_shop", "migrated", "routes", "shop"]

COOKIE = "__Host-session"


async def who(browser):
    return (await browser.fetch("/")).json()


def forgeries(user, real: str) -> dict[str, str]:
    claim = {"id": str(user.id), "username": "ada", "is_superuser": True}
    plain = base64.urlsafe_b64encode(json.dumps(claim).encode()).decode().rstrip("=")
    header = base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
    stored = base64.urlsafe_b64encode(sha256(real.encode()).digest()).decode().rstrip("=")
    return {
        "the user's id": str(user.id),
        "claims": plain,
        "an unsigned token": f"{header}.{plain}.",
        "claims signed with the app's own key": Keyring(Secret(KEY.reveal())).sign("session", plain.encode()),
        "what the store keeps": stored,
        "the last character changed": real[:-1] + ("A" if real[-1] != "A" else "E"),
        "the case turned": real.swapcase(),
        "a blank before": f" {real}x",
    }


async def test_v7_2_1_nothing_but_an_id_that_the_store_knows_is_a_session(shop, browse, make):
    user = await make()
    async with browse(shop) as browser:
        await browser.sign_in("ada", PASSWORD)
        real = browser.cookies[COOKIE].value
    for name, forged in forgeries(user, real).items():
        async with browse(shop) as other:
            page = await other.raw("GET", "/", headers={"cookie": f"{COOKIE}={forged}"})
            assert page.json() is None, name
    async with browse(shop) as other:
        assert (await other.raw("GET", "/", headers={"cookie": f"{COOKIE}={real}"})).json() == "ada"


async def test_v7_2_2_each_sign_in_of_one_person_has_an_id_of_its_own(shop, browse, make):
    await make()
    seen = set()
    for _ in range(4):
        async with browse(shop) as browser:
            await browser.sign_in("ada", PASSWORD)
            seen.add(browser.cookies[COOKIE].value)
    assert len(seen) == 4
    assert all(len(base64.urlsafe_b64decode(one + "=")) == 32 for one in seen)


async def test_v7_2_3_nothing_in_the_store_is_a_cookie(shop, browse, make):
    user = await make()
    async with browse(shop) as browser:
        await browser.sign_in("ada", PASSWORD)
        real = browser.cookies[COOKIE].value
    owned = await shop.app.services.store.list_owned(str(user.id), prefix=b"")
    assert owned
    for key, stored in owned:
        assert real.encode() not in key + stored.value
        assert base64.urlsafe_b64decode(real + "=") not in key + stored.value


@pytest.mark.parametrize("is_active", [False, True], ids=["closed", "opened-again"])
async def test_v7_4_2_a_session_of_a_closed_account_stays_dead(shop, browse, make, is_active):
    user = await make()
    services = shop.app.services
    async with browse(shop) as browser:
        await browser.sign_in("ada", PASSWORD)
        kept = dict(browser.cookies)
        for state in (False, is_active):
            async with services.open_unit(is_read_only=False) as unit:
                account = await services.load_account(unit.session, user.id)
                await services.accounts.set_active(unit.session, account, is_active=state)
        assert await who(browser) is None
        browser.cookies = kept
        assert await who(browser) is None


async def test_v7_4_1_signing_out_ends_also_a_session_that_has_just_got_a_new_id(shop, browse, make):
    user = await make()
    async with browse(shop) as browser, browse(shop) as parallel:
        await browser.sign_in("ada", PASSWORD)
        parallel.cookies = browser.cookies.copy()
        await parallel.open("/account/password")
        await parallel.submit(old_password=PASSWORD, password="a new and long enough phrase")
        former = f"{COOKIE}={browser.cookies[COOKIE].value}"
        headers = {"cookie": former, "origin": browser.origin, "sec-fetch-site": "same-origin"}
        assert (await browser.raw("POST", "/account/sign-out", headers=headers)).status == 303
        assert await who(parallel) is None
        assert await shop.app.services.sessions.active_sessions(user.id) == []


async def test_v7_4_3_another_device_is_out_after_a_new_password(shop, browse, make):
    await make()
    async with browse(shop) as here, browse(shop) as there:
        await here.sign_in("ada", PASSWORD)
        await there.sign_in("ada", PASSWORD)
        await here.open("/account/password")
        await here.submit(old_password=PASSWORD, password="a new and long enough phrase")
        assert (await who(here), await who(there)) == ("ada", None)


async def test_v7_4_5_a_proof_under_way_does_not_outlive_the_session_that_it_was_about(shop, browse, make):
    user = await make()
    services = shop.app.services
    count = services.store.increment_each

    async def ended_meanwhile(increments):
        services.store.increment_each = count
        await services.store.bump_epochs([str(user.id)])
        await services.sessions.end_all(user.id)
        return await count(increments)

    async with browse(shop) as browser:
        await browser.sign_in("ada", PASSWORD)
        await browser.open("/account/confirm")
        services.store.increment_each = ended_meanwhile
        await browser.submit("/account/confirm", password=PASSWORD)
        assert services.store.increment_each == count
        assert await who(browser) is None
        assert await services.sessions.active_sessions(user.id) == []


async def end_others(browser, services, user):
    await browser.open("/account/devices")
    await browser.submit("/account/devices/end-others")


async def end_by_an_operator(browser, services, user):
    await services.sessions.end_all(user.id)


@pytest.mark.parametrize("end", [end_others, end_by_an_operator])
async def test_v7_4_5_a_sign_in_under_way_is_ended_with_the_sessions(shop, browse, make, end):
    user = await make()
    services = shop.app.services
    put = services.store.put

    async with browse(shop) as owner, browse(shop) as other, browse(shop) as thief:

        async def ended_meanwhile(key, value, **options):
            # The thief's password was right, and the session is to be written.
            if options.get("owner"):
                services.store.put = put
                await end(owner, services, user)
            return await put(key, value, **options)

        await owner.sign_in("ada", PASSWORD)
        await other.sign_in("ada", PASSWORD)
        services.store.put = ended_meanwhile
        await thief.sign_in("ada", PASSWORD)
        assert services.store.put == put
        spared = "ada" if end is end_others else None
        assert (await who(owner), await who(other), await who(thief)) == (spared, None, None)
        assert len(await services.sessions.active_sessions(user.id)) == bool(spared)
        await thief.sign_in("ada", PASSWORD)
        assert await who(thief) == "ada"


@pytest.mark.parametrize("end", ["nothing", "sessions", "this one", "rights", "moved"])
async def test_v7_4_1_a_body_that_is_held_back_does_nothing_once_the_session_has_ended(
    shop, browse, make, monkeypatch, end
):
    """A thief has the session, and requests of which all but the last byte has come."""
    monkeypatch.setattr(receiving, "SOON_SECONDS", 0)
    user = await make()
    services = shop.app.services

    async with browse(shop) as browser:
        await browser.sign_in("ada", PASSWORD)
        form = (await browser.open("/account/tokens/new")).form("/account/tokens/new")
        body = urlencode({**dict(form.fields), "name": "backup", "days": "9"}).encode()

        async def held_back():
            yield body[:-1]
            match end:
                case "sessions":
                    await services.sessions.end_all(user.id)
                case "this one":
                    await services.sessions.end_one(user.id, hash_token(browser.cookies[COOKIE].value))
                case "rights":
                    async with services.open_unit(is_read_only=False) as unit:
                        found = await unit.session.get_one(User, user.id)
                        await services.accounts.set_staff(unit.session, found, is_staff=True)
                case "moved":
                    session = await services.sessions.load(browser.cookies[COOKIE].value)
                    services.sessions.rotate(session)
                    await services.sessions.save(session)
            yield body[-1:]

        headers = {"content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "same-origin"}
        page = await browser.raw("POST", "/account/tokens/new", headers=headers, content=held_back())
        assert page.status == (200 if end in {"nothing", "moved"} else 401)
        async with services.open_unit(is_read_only=True) as unit:
            made = await services.tokens.list_live(unit.session, user.id)
        assert len(made) == (1 if end in {"nothing", "moved"} else 0)


# What a person signed in may post without a proof of the last minutes, and why.
WITHOUT_PROOF = {
    "sign_out": "ends what is there",
    "confirm": "is the proof",
    "password": "asks for the old password itself",
    "revoke_token": "ends a way in",
    "email_send": "writes to the address that the account has",
}


async def test_v7_5_1_whatever_changes_a_way_in_asks_for_a_proof_of_the_last_minutes(shop):
    changing = [
        route
        for route in shop.app.routes
        if route.path.startswith("/account/") and route.access != public and not {"POST"}.isdisjoint(route.methods)
    ]
    assert len(changing) > 8
    for route in changing:
        if route.name not in WITHOUT_PROOF:
            parts = route.access.parts if isinstance(route.access, All) else (route.access,)
            assert any(isinstance(part, Fresh) and part.seconds <= 1_800 for part in parts), route.name


@pytest.mark.parametrize(
    "path",
    [
        "/account/security/app",
        "/account/security/passkey",
        "/account/email",
        "/account/tokens/new",
    ],
)
async def test_v7_5_1_a_session_of_an_hour_ago_is_asked_again(shop, browse, make, path):
    await make()
    async with browse(shop) as browser:
        await browser.sign_in("ada", PASSWORD)
        for _ in range(4):
            shop.clock.advance(15 * 60)
            assert await who(browser) == "ada"
        assert "/account/confirm" in (await browser.open(path)).url
        assert (await browser.fetch(path)).status == 403
