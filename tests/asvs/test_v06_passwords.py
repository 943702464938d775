"""V6.2 and V6.4, passwords: what one must be on every way to it, and who may choose it."""

import re
from pathlib import Path

import pytest

import fastness
from fastness.auth.errors import PasswordRefusedError
from fastness.auth.factor_rules import SecondFactorRules
from fastness.auth.passwordpolicy import PasswordOwner, PasswordPolicy
from fastness.auth.passwords import PasswordReason, PasswordRules
from fastness.auth.purposes import Purpose
from fastness.auth.roles import Role
from fastness.auth.users import User, find_user
from fastness.db.migrations import OWN_PREFIX
from fastness.db.model import Model
from fastness.kernel.because import Because
from fastness.kernel.tokens import hash_token
from fastness.kernel.verdicts import ALLOW
from tests.accounts.conftest import PASSWORD
from tests.accounts.flows import deliver, make, routes, rows
from tests.ready_made import MAIL_IN_MEMORY
from tests.web.conftest import browse, clock, make_shop, migrated

__all__ = ["browse", "clock", "deliver", "make", "make_shop", "migrated", "routes"]

SOURCE = Path(fastness.__file__).parent
FOURTEEN = "horse and barn"
NEW = "a new and long enough phrase"
PAGES = sorted((SOURCE / "accounts" / "templates" / "accounts").glob("*.html"))
INPUTS = re.compile(r"<input\b[^>]*>", re.DOTALL)


@pytest.fixture
async def shop(make_shop, migrated, routes):
    # One factor also for a superuser: what is tried here is what a password opens.
    alone = SecondFactorRules(insecure_unenforced=Because("what is tried here needs a password alone"))
    return await make_shop(routes, settings={"mail": MAIL_IN_MEMORY, "second_factors": alone})


async def create(services, user, db):
    await services.accounts.create_user(db, username="grace", password=FOURTEEN)


async def set_by_command(services, user, db):
    await services.accounts.set_password(db, user, FOURTEEN)


async def change(services, user, db):
    spared = await services.sessions.load(None)
    await services.own_password.change(user.id, FOURTEEN, site="shop", has_second_factor=False, spared=spared)


async def reset(services, user, db):
    await by_link(services, user, Purpose.RESET)


async def accept_invitation(services, user, db):
    await by_link(services, user, Purpose.INVITE)


async def by_link(services, user, purpose):
    life = services.settings.accounts.reset_life
    async with services.open_unit(is_read_only=False) as unit:
        token = await services.links.create(unit.session, purpose, user=user, lives_for=life)
    async with services.open_unit(is_read_only=False) as unit:
        await services.password_links.set_password(unit.session, purpose, hash_token(token), FOURTEEN, site="shop")


@pytest.mark.parametrize("way", [create, set_by_command, change, reset, accept_invitation])
async def test_v6_2_1_fourteen_characters_are_too_few_on_every_way(shop, make, way):
    user = await make()
    services = shop.app.services
    with pytest.raises(PasswordRefusedError) as refusal:
        async with services.open_unit(is_read_only=way in {reset, accept_invitation, change}) as unit:
            await way(services, user, unit.session)
    assert refusal.value.reason is PasswordReason.TOO_SHORT


def test_v6_2_1_a_hash_comes_from_an_accepted_password_only():
    """Who writes the column: the two functions that take an accepted password, its upgrade at sign-in, and the import."""
    writes = re.compile(r"\bpassword_hash\s*=(?!=)\s*(?!None)\S+")
    found = {
        (file.relative_to(SOURCE).as_posix(), text.rstrip(",)"))
        for file in SOURCE.rglob("*.py")
        for text in writes.findall(file.read_text(encoding="utf-8"))
    }
    assert {file for file, _ in found if not file.startswith(("auth/djangoimport", "auth/djangowriting"))} == {
        "auth/accounts.py",
        "auth/login.py",
    }


@pytest.mark.parametrize(
    "password",
    [
        pytest.param("739105518260447", id="digits"),
        pytest.param("small letters and nothing else", id="small-letters"),
        pytest.param("CAPITALS AND NOTHING ELSE", id="capitals"),
        pytest.param("    some    spaces    ", id="spaces"),
        pytest.param("🦊🐢🐝🦉🐙🦀🐬🦜🐘🦒🦔🐇🦢🦩🐌", id="emoji"),
        pytest.param("正しい馬の電池のホッチキスの話", id="another-script"),
        pytest.param("';--\"<>&%00{{}}\\\\$", id="signs"),
        pytest.param("tab\tand\u00a0no-break space", id="other-spaces"),
    ],
)
def test_v6_2_5_any_characters_will_do(password):
    assert PasswordPolicy(PasswordRules()).decide(password, PasswordOwner(username="ada")) is ALLOW


@pytest.mark.parametrize("page", [pytest.param(page, id=page.stem) for page in PAGES])
def test_v6_2_6_v6_2_7_every_field_of_a_password_is_masked_and_takes_what_a_manager_fills_in(page):
    for field in INPUTS.findall(page.read_text(encoding="utf-8")):
        assert not re.search(r"\bon[a-z]+=", field)
        if 'name="password"' in field or 'name="old_password"' in field or 'type="password"' in field:
            assert 'type="password"' in field
            assert re.search(r'autocomplete="(current|new)-password"', field)
            assert "readonly" not in field


def test_v6_2_7_no_script_of_ours_listens_to_pasting():
    scripts = list(SOURCE.rglob("*.js"))
    assert scripts
    for script in scripts:
        assert not re.search(r"\b(before)?paste\b", script.read_text(encoding="utf-8")), script


@pytest.mark.parametrize("length", [64, 100, 128])
async def test_v6_2_9_a_long_password_is_taken_and_signs_in(shop, length):
    password = ("correct horse battery staple " * 5)[:length]
    services = shop.app.services
    async with services.open_unit(is_read_only=False) as unit:
        await services.accounts.create_user(unit.session, username="ada", password=password)
    assert (await services.login.attempt(username="ada", password=password)).user
    assert not (await services.login.attempt(username="ada", password=password[:-1])).user


async def test_v6_2_10_a_password_of_ten_years_signs_in_and_nobody_asks_for_another(shop, browse, make):
    await make()
    shop.clock.advance(10 * 365 * 86_400)
    async with browse(shop) as browser:
        page = await browser.sign_in("ada", PASSWORD)
        assert (page.url, page.json()) == ("https://shop.example/", "ada")


async def test_v6_3_2_a_new_deployment_has_no_account_and_nobody_with_a_role(shop, browse):
    assert await rows(shop, User) == []
    assert [role.name for role in await rows(shop, Role)] in ([], ["superuser"])
    async with browse(shop) as browser:
        for name in ("admin", "root", "sa", "administrator", "guest", "demo"):
            assert (await browser.sign_in(name, name)).status == 422


def test_v6_4_2_nothing_is_kept_or_asked_that_hints_at_a_password():
    asked = re.compile(r"hint|question|answer|reminder|maiden|pet_name", re.IGNORECASE)
    columns = {
        column.name
        for name, table in Model.metadata.tables.items()
        if name.startswith(OWN_PREFIX)
        for column in table.columns
    }
    assert columns
    assert {column for column in columns if asked.search(column)} == set()
    names = {
        name
        for page in PAGES
        for field in INPUTS.findall(page.read_text(encoding="utf-8"))
        for name in re.findall(r'\bname="([^"]+)"', field)
    }
    # The answer of a passkey is a signature.
    assert {name for name in names if asked.search(name)} <= {"answer"}


async def test_v6_4_6_nobody_chooses_the_password_of_somebody_else(shop, browse, make):
    await make("bob", email="bob@mail.example", password="what bob has chosen")
    admin = await make()
    services = shop.app.services
    async with services.open_unit(is_read_only=False) as unit:
        role = await services.roles.superuser_role(unit.session)
        await services.roles.grant_role(unit.session, role, to=admin, by=Because("the operator of the server"))
    forged = {"username": "bob", "user": "bob", "user_id": "bob", "email": "bob@mail.example"}
    async with browse(shop) as browser:
        await browser.sign_in("ada", PASSWORD)
        await browser.open("/account/password")
        await browser.submit(**forged, old_password=PASSWORD, password=NEW)
    assert (await services.login.attempt(username="bob", password="what bob has chosen")).user
    assert (await services.login.attempt(username="ada", password=NEW)).user


def test_v6_4_6_a_password_is_set_by_its_owner_only():
    callers = {
        file.relative_to(SOURCE).as_posix()
        for file in SOURCE.rglob("*.py")
        if re.search(r"accounts\.set_password\(", file.read_text(encoding="utf-8"))
    }
    assert callers == {"auth/own_password.py", "auth/password_links.py"}


async def test_v6_4_1_an_invited_account_has_no_password_before_its_owner_chose_one(shop):
    services = shop.app.services
    async with services.open_unit(is_read_only=False) as unit:
        user = await services.accounts.create_user(unit.session, username="grace", password=None)
    token = await token_for(services, user)
    for guess in ("", token, "grace", hash_token(token).hex()):
        assert not (await services.login.attempt(username="grace", password=guess)).user
    async with services.open_unit(is_read_only=True) as unit:
        found = await find_user(unit.session, "grace")
    assert found.password_hash is None


async def token_for(services, user):
    async with services.open_unit(is_read_only=False) as unit:
        life = services.settings.accounts.invite_life
        return await services.links.create(unit.session, Purpose.INVITE, user=user, lives_for=life)
