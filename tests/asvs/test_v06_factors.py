"""V6.3 to V6.7, second factors, links in mails and notices: what counts as a proof, how often and how long."""

import html
import json
import math
import random
import re
from base64 import b32decode, urlsafe_b64decode
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from fastness.auth.account_rules import AccountRules
from fastness.auth.callers import Caller
from fastness.auth.factor_rules import SecondFactorRules
from fastness.auth.factor_types import Factor
from fastness.auth.purposes import Purpose
from fastness.auth.recovery import ALPHABET, LENGTH, new_codes
from fastness.auth.totp import DIGITS, STEP_SECONDS, code_at, matching_step, new_secret
from fastness.kernel.because import Because
from fastness.kernel.tokens import hash_token, random_token
from tests.accounts.conftest import PASSWORD
from tests.accounts.flows import LINK, deliver, make, routes, shop
from tests.auth.test_ceremonies import answer, creation
from tests.web.conftest import browse, clock, make_shop, migrated

__all__ = ["browse", "clock", "deliver", "make", "make_shop", "migrated", "routes", "shop"]

NOWHERE = Caller()
NEW = "an entirely different phrase"
OPTIONS = re.compile(r'data-options="([^"]+)"')


@pytest.fixture
def now(clock):
    """The code that an app shows in the next step."""

    def shown(secret):
        clock.advance(STEP_SECONDS)
        return code_at(secret, int(clock.epoch() // STEP_SECONDS))

    return shown


@pytest.fixture
async def owner(shop, make, now):
    """Somebody with an app, and its secret."""
    user = await make()
    secret = new_secret()
    await shop.app.services.factors.add_totp(user.id, secret, now(secret))
    return user, secret


def challenge_on(page) -> bytes:
    text = json.loads(html.unescape(OPTIONS.search(page.text)[1]))["challenge"]
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


async def begin(browser, password=PASSWORD):
    await browser.open("/account/sign-in")
    return await browser.submit("/account/sign-in", username="ada", password=password)


def test_v6_3_6_v6_5_7_v6_6_1_nothing_that_is_sent_or_measured_is_a_factor():
    """No mail, no telephone network; a fingerprint unlocks a passkey on its owner's device and is never ours to judge."""
    assert {factor.value for factor in Factor} == {"totp", "passkey", "recovery_code"}


async def test_v6_3_6_v6_6_1_the_page_after_the_password_offers_nothing_else(shop, browse, owner):
    async with browse(shop) as browser:
        page = await begin(browser)
        assert page.url.endswith("/account/second-factor")
        assert set(re.findall(r'<form[^>]*action="([^"]+)"', page.text)) <= {
            "/account/second-factor",
            "/account/second-factor/recovery",
            "/account/sign-out",
        }


@pytest.mark.parametrize("has", ["role", "staff"])
async def test_v6_3_3_whoever_may_do_more_than_others_is_not_signed_in_by_a_password(shop, browse, make, has, now):
    user = await make()
    services = shop.app.services
    async with services.open_unit(is_read_only=False) as unit:
        account = await services.load_account(unit.session, user.id)
        if has == "staff":
            await services.accounts.set_staff(unit.session, account, is_staff=True)
        else:
            role = await services.roles.superuser_role(unit.session)
            await services.roles.grant_role(unit.session, role, to=account, by=Because("the operator of the server"))
    async with browse(shop) as browser:
        page = await begin(browser)
        assert page.url.endswith("/account/second-factor/set-up")
        for path in ("/", "/account/security", "/account/tokens", "/account/devices"):
            answer = await browser.fetch(path)
            assert (answer.status, answer.text) == (200, "null") if path == "/" else answer.status == 401
        key = re.search(r'class="key">([A-Z2-7]+)<', page.text)[1]
        secret = b32decode(key + "=" * (-len(key) % 8))
        await browser.submit("/app", code=now(secret))
        assert (await browser.fetch("/")).json() == "ada"


async def test_v6_5_7_a_passkey_alone_is_not_enough_without_its_check_of_the_person(shop, browse, make):
    key = ec.generate_private_key(ec.SECP256R1())
    await with_passkey(shop, await make(), key)
    async with browse(shop) as browser:
        page = await browser.open("/account/passkey")
        await browser.submit("/account/passkey", answer=proof(key, challenge=challenge_on(page), flags=0x01, count=9))
        assert (await browser.fetch("/")).json() is None
        page = await browser.open("/account/passkey")
        await browser.submit("/account/passkey", answer=proof(key, challenge=challenge_on(page), count=9))
        assert (await browser.fetch("/")).json() == "ada"


async def test_v6_4_3_a_reset_of_the_password_signs_nobody_in_and_skips_no_factor(shop, browse, owner, deliver, now):
    _, secret = owner
    await deliver()
    async with browse(shop) as browser:
        await browser.open("/account/reset")
        await browser.submit(email="ada@mail.example")
        [(_, text)] = await deliver()
        await browser.open(LINK.search(text)[1])
        await browser.submit(password=NEW)
        assert (await browser.fetch("/")).json() is None
        page = await begin(browser, NEW)
        assert (page.url.rpartition("/")[2], (await browser.fetch("/")).json()) == ("second-factor", None)
        await browser.submit("/second-factor", code=now(secret))
        assert (await browser.fetch("/")).json() == "ada"


async def test_v6_3_5_a_right_password_with_a_wrong_factor_is_told_to_the_owner_once(shop, browse, owner, deliver):
    await deliver()
    async with browse(shop) as browser:
        await begin(browser)
        for code in ("000000", "000001", "000002"):
            await browser.submit("/second-factor", code=code)
    [(to, text)] = await deliver()
    assert to == "ada@mail.example"
    assert "password" in text
    assert "second factor" in text


def test_v6_5_2_a_recovery_code_needs_no_slow_hash():
    assert LENGTH * math.log2(len(ALPHABET)) >= 112
    assert {len(code.replace("-", "")) for code in new_codes(20)} == {LENGTH}


@pytest.mark.parametrize("draw", [lambda: new_codes(3), new_secret, random_token], ids=["codes", "totp", "links"])
def test_v6_5_3_what_is_drawn_does_not_follow_from_a_seed(draw):
    drawn = []
    for _ in range(2):
        random.seed(7)
        drawn.append(draw())
    assert drawn[0] != drawn[1]


def test_v6_5_4_nothing_has_less_than_twenty_bits():
    assert math.log2(10**DIGITS) > 19.9
    assert LENGTH * math.log2(len(ALPHABET)) > 20
    assert len(new_secret()) * 8 > 20
    assert len(urlsafe_b64decode(random_token() + "=")) * 8 > 20


def test_v6_5_5_a_code_lives_thirty_seconds_and_nothing_that_is_pending_ten_minutes():
    secret = new_secret()
    code = code_at(secret, 60_000_000)
    begun = 60_000_000 * STEP_SECONDS
    lives = [
        second
        for second in range(-90, 91)
        if matching_step(secret, code, now=begun + second, grace_seconds=0) is not None
    ]
    assert lives == list(range(30))
    default = SecondFactorRules()
    assert default.grace_seconds <= 10
    assert default.pending_seconds <= 600
    assert AccountRules().reset_life <= timedelta(minutes=30)


@pytest.mark.parametrize("factor", [Factor.TOTP, Factor.PASSKEY, Factor.RECOVERY_CODE])
@pytest.mark.parametrize("by", ["owner", "operator"])
async def test_v6_5_6_a_factor_that_was_taken_away_proves_nothing(shop, make, now, factor, by):
    user, key, secret = await make(), ec.generate_private_key(ec.SECP256R1()), new_secret()
    factors = shop.app.services.factors
    codes = (await factors.add_totp(user.id, secret, now(secret))).recovery_codes
    passkey = await with_passkey(shop, user, key)
    held = await factors.held(user.id)
    assert (held.totp_since is None, len(held.passkeys), held.recovery_codes) == (False, 1, len(codes))
    if by == "operator":
        await factors.reset(user.id)
    elif factor is Factor.TOTP:
        await factors.remove_totp(user.id, is_needed=False)
    elif factor is Factor.PASSKEY:
        await factors.remove_passkey(user.id, passkey, is_needed=False)
    else:
        await factors.renew_codes(user.id)
    match factor:
        case Factor.TOTP:
            assert not await factors.prove_totp(user.id, now(secret), caller=NOWHERE)
        case Factor.RECOVERY_CODE:
            assert not await factors.prove_recovery_code(user.id, codes[0], caller=NOWHERE)
        case Factor.PASSKEY:
            given = {"challenge": bytes(32), "text": proof(key, challenge=bytes(32), count=9), "caller": NOWHERE}
            assert await factors.prove_passkey(factors.party("shop.example"), user_id=user.id, **given) is None


@pytest.mark.parametrize("change", ["nothing", "removed", "ended"])
async def test_v6_5_6_a_passkey_that_is_taken_away_while_it_signs_in_signs_nobody_in(shop, make, change):
    user, key = await make(), ec.generate_private_key(ec.SECP256R1())
    services = shop.app.services
    passkey = await with_passkey(shop, user, key)
    given = {"challenge": bytes(32), "text": proof(key, challenge=bytes(32), count=9), "caller": NOWHERE}
    proved = await services.factors.prove_passkey(services.factors.party("shop.example"), user_id=None, **given)
    if change == "removed":
        await services.factors.remove_passkey(user.id, passkey, is_needed=False)
    elif change == "ended":
        await services.sessions.end_all(user.id)
    identity = await services.signing_in.enter(proved, caller=NOWHERE)
    assert (identity is not None) is (change == "nothing")


@pytest.mark.parametrize("seconds", [-3600, -60, 60, 3600])
async def test_v6_5_8_only_the_servers_clock_counts(shop, browse, owner, clock, seconds):
    """A code of another time, with every header that could claim it."""
    _, secret = owner
    claimed = clock.epoch() + seconds
    code = code_at(secret, int(claimed // STEP_SECONDS))
    headers = {"date": "Sun, 22 Nov 2026 13:00:00 GMT", "x-time": str(claimed), "x-timestamp": str(claimed)}
    async with browse(shop) as browser:
        await begin(browser)
        fields = {"code": code, "time": str(claimed), "timestamp": str(claimed)}
        token = dict(browser.page.form("/second-factor").fields)["csrf_token"]
        page = await browser.from_site(
            browser.origin,
            "/account/second-factor",
            fields={"csrf_token": token, **fields},
            headers=headers,
        )
        assert (page.status, (await browser.fetch("/")).json()) == (422, None)


async def test_v6_6_2_a_link_in_a_mail_is_good_for_what_was_asked_and_for_nothing_else(shop, browse, make, deliver):
    await make()
    async with browse(shop) as browser, browse(shop) as elsewhere:
        await browser.open("/account/reset")
        await browser.submit(email="ada@mail.example")
        [(_, text)] = await deliver()
        token = LINK.search(text)[1].rpartition("/")[2]
        for other in ("/account/invite/", "/account/sign-up/", "/account/email/confirm/", "/account/email/change/"):
            assert (await elsewhere.open(other + token)).status in {404, 410}
        await browser.open(LINK.search(text)[1])
        # Opened there, it is opened there: another browser has no form of it.
        assert (await elsewhere.open("/account/reset/new")).status == 410


async def test_v6_6_2_a_question_for_a_passkey_is_answered_in_its_own_session(shop, browse, make):
    key = ec.generate_private_key(ec.SECP256R1())
    await with_passkey(shop, await make(), key)
    async with browse(shop) as asked, browse(shop) as other:
        challenge = challenge_on(await asked.open("/account/passkey"))
        await other.open("/account/passkey")
        await other.submit("/account/passkey", answer=proof(key, challenge=challenge, count=9))
        assert (await other.fetch("/")).json() is None
        await asked.submit("/account/passkey", answer=proof(key, challenge=challenge, count=10))
        assert (await asked.fetch("/")).json() == "ada"


async def test_v6_7_2_each_question_for_a_passkey_is_random_and_long(shop, browse, make):
    await make()
    async with browse(shop) as browser:
        drawn = [challenge_on(await browser.open("/account/passkey")) for _ in range(20)]
    assert {len(challenge) for challenge in drawn} == {32}
    assert len(set(drawn)) == 20


async def test_v6_7_2_a_question_for_a_passkey_is_answered_once(shop, browse, make):
    key = ec.generate_private_key(ec.SECP256R1())
    await with_passkey(shop, await make(), key)
    async with browse(shop) as browser:
        page = await browser.open("/account/passkey")
        right = proof(key, challenge=challenge_on(page), count=9)
        form = page.form("/account/passkey")
        kept = dict(browser.cookies)
        await browser.submit(form, answer=right)
        assert (await browser.fetch("/")).json() == "ada"
        # A copy of the browser as it was, with the same answer.
        browser.cookies = kept
        await browser.submit(form, answer=right)
        assert (await browser.fetch("/")).json() is None


@pytest.mark.parametrize(
    ("change", "subject"),
    [
        pytest.param("password", "password", id="password"),
        pytest.param("factor", "second factor", id="factor"),
        pytest.param("codes", "recovery codes", id="recovery-codes"),
        pytest.param("address", "address", id="address"),
    ],
)
async def test_v6_3_7_who_is_changed_is_told_at_the_address_of_before(shop, make, owner, deliver, change, subject):
    user, _ = owner
    services = shop.app.services
    await deliver()
    match change:
        case "password":
            spared = await services.sessions.load(None)
            await services.own_password.change(user.id, NEW, site="shop", has_second_factor=False, spared=spared)
        case "factor":
            await services.factors.remove_totp(user.id, is_needed=False)
        case "codes":
            await services.factors.renew_codes(user.id)
        case "address":
            await change_address(services, user)
    told = await deliver()
    assert [to for to, _ in told] == ["ada@mail.example"]
    assert subject in told[0][1].lower()


async def change_address(services, user):
    life = timedelta(minutes=30)
    async with services.open_unit(is_read_only=False) as unit:
        token = await services.links.create(
            unit.session, Purpose.CHANGE, user=user, lives_for=life, data="new@mail.example"
        )
    async with services.open_unit(is_read_only=False) as unit:
        await services.address_links.change(unit.session, hash_token(token), site="shop")


async def with_passkey(shop, user, key):
    factors = shop.app.services.factors
    party = factors.party("shop.example")
    made = factors.check_creation(party, bytes(range(32)), creation(key, count=3))
    await factors.add_passkey(user.id, made, "key")
    return (await factors.held(user.id)).passkeys[0].id


def proof(key, **changes) -> str:
    """An answer that names nobody, as for a passkey that was asked for by its id."""
    data = json.loads(answer(key, **changes))
    del data["response"]["userHandle"]
    return json.dumps(data)
