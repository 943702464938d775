"""Sign-up, with what an app adds to it, and people who sign in with their address."""

import re
import uuid
from pathlib import Path

import pytest
from sqlalchemy import ForeignKey, String, select
from sqlalchemy.orm import Mapped, mapped_column

from fastness import Because
from fastness.auth.account_rules import AccountRules, SignInName
from fastness.auth.errors import SignUpRefusedError
from fastness.auth.links import MAX_LIVING
from fastness.auth.users import User, find_user
from fastness.authz.policies import Policy
from fastness.db.model import Model
from fastness.mail.outbox import QueuedMail
from tests.accounts.conftest import PASSWORD
from tests.accounts.flows import LINK, deliver, make, routes, rows
from tests.ready_made import MAIL_IN_MEMORY

__all__ = ["deliver", "make", "routes"]

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guides" / "account-flows.md"
ADDRESS = "grace@mail.example"


class SignedUpMember(Model):
    """What an app keeps about a person: its own table, joined by the id."""

    __tablename__ = "signed_up_members"

    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("fastness_users.id", ondelete="CASCADE"), primary_key=True)
    team: Mapped[str] = mapped_column(String(20))


class SignedUpMemberPolicy(Policy[SignedUpMember]):
    def view(self, actor):
        return SignedUpMember.user_id == actor.id

    def create(self, actor):
        return self.view(actor)


async def add_member(db, user, fields):
    team = fields.get("team") or "red"
    if team not in {"red", "blue", "of-another"}:
        raise SignUpRefusedError("team", "Choose red or blue.")
    owner = await find_user(db, "ada") if team == "of-another" else user
    db.add(SignedUpMember(user_id=owner.id, team=team))


@pytest.fixture
def rules():
    return AccountRules(sign_up=True)


@pytest.fixture
def templates(tmp_path):
    """The form of the guide, which adds a field to ours."""
    found = re.search(r"^```html accounts:sign_up_form.html\n(.*?)^```$", GUIDE.read_text(), re.DOTALL | re.MULTILINE)
    (tmp_path / "own" / "accounts").mkdir(parents=True)
    (tmp_path / "own" / "accounts" / "sign_up_form.html").write_text(found[1])
    return tmp_path / "own"


@pytest.fixture
async def shop(make_shop, migrated, routes, rules, templates):
    settings = {"mail": MAIL_IN_MEMORY, "accounts": rules}
    shop = await make_shop(routes, settings=settings, on_sign_up=add_member, templates=templates)
    async with shop.app.services.database.write.begin() as connection:
        await connection.run_sync(SignedUpMember.__table__.create)
    return shop


@pytest.fixture
def ask(browse, shop):
    async def ask(address=ADDRESS):
        async with browse(shop) as browser:
            await browser.open("/account/sign-up")
            return await browser.submit(email=address)

    return ask


@pytest.fixture
def link(ask, deliver):
    async def link(address=ADDRESS):
        await ask(address)
        [(_, text)] = await deliver()
        return LINK.search(text)[1]

    return link


async def test_somebody_signs_up_with_the_apps_own_field(shop, browse, link):
    async with browse(shop) as browser:
        page = await browser.open(await link())
        assert page.url.endswith("/account/sign-up/new")
        assert await rows(shop, User) == []
        assert "team" in page.form("sign-up/new").names
        page = await browser.submit(username="grace", display_name="Grace", password=PASSWORD, team="blue")
        assert page.url.endswith("/account/signed-up")
        assert (await browser.open("/")).json() is None
        await browser.sign_in("grace", PASSWORD)
        assert (await browser.open("/")).json() == "grace"
    async with shop.app.services.open_unit(is_read_only=True, unscoped=Because("a test looks at everything")) as unit:
        query = select(User, SignedUpMember.team).join(SignedUpMember, SignedUpMember.user_id == User.id)
        [(user, team)] = (await unit.session.execute(query)).all()
    assert (user.email, user.has_confirmed_email, user.is_staff, team) == (ADDRESS, True, False, "blue")


@pytest.mark.asvs("V6.3.8")
async def test_asking_answers_the_same_for_an_address_that_is_taken(shop, browse, make, ask, deliver, link):
    """V6.3.8: text, status and row are the same; the owner of the mailbox gets another mail."""
    async with browse(shop) as browser:
        await browser.open(await link())
        await browser.submit(username="grace", password=PASSWORD)
    pages = [await ask(address) for address in (ADDRESS, "nobody@mail.org")]
    texts = {re.sub(r'nonce="[^"]*"', "", page.text) for page in pages}
    assert ({page.status for page in pages}, len(texts)) == ({200}, 1)
    queued = await rows(shop, QueuedMail)
    assert len({(row.kind, row.is_settled) for row in queued}) == 1
    mails = dict(await deliver())
    assert LINK.search(mails["nobody@mail.org"])
    assert not LINK.search(mails[ADDRESS])
    assert "one already: grace" in mails[ADDRESS]


async def test_nobody_floods_a_mailbox(shop, browse, ask, deliver, link):
    async with browse(shop) as browser:
        await browser.open(await link())
        await browser.submit(username="grace", password=PASSWORD)
    for number in range(2 * MAX_LIVING):
        await ask(ADDRESS[:number].upper() + ADDRESS[number:])
        await ask("other@mail.example"[:number].upper() + "other@mail.example"[number:])
        shop.clock.advance(61)
    sent = [address.lower() for address, _ in await deliver()]
    assert (sent.count(ADDRESS), sent.count("other@mail.example")) == (MAX_LIVING, MAX_LIVING)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        pytest.param({"username": ""}, "username", id="no-name"),
        pytest.param({"username": "ADA"}, "username", id="taken-in-another-case"),
        pytest.param({"username": "a\u0434a"}, "username", id="mixed-alphabets"),
        pytest.param({"username": "a\u200bda"}, "username", id="invisible"),
        pytest.param({"username": "eve@mail.example"}, "username", id="reads-as-an-address"),
        pytest.param({"username": "eve\uff20mail.example"}, "username", id="becomes-an-address"),
        pytest.param({"username": "eve\ufe6bmail.example"}, "username", id="becomes-an-address-too"),
        pytest.param({"password": "short"}, "password", id="short-password"),
        pytest.param({"team": "green"}, "team", id="the-apps-own-field"),
    ],
)
async def test_what_is_refused_makes_nothing_and_leaves_the_link_alive(shop, browse, make, link, fields, field):
    await make()
    good = {"username": "grace", "display_name": "Grace", "password": PASSWORD, "team": "red"}
    async with browse(shop) as browser:
        await browser.open(await link())
        page = await browser.submit(**{**good, **fields})
        assert page.status == 422
        assert f'id="{field}"' in page.text.partition('class="problem"')[2]
        assert 'value="Grace"' in page.text
        assert [user.username for user in await rows(shop, User)] == ["ada"]
        assert await rows(shop, SignedUpMember) == []
        assert (await browser.submit(**good)).url.endswith("/account/signed-up")


async def test_a_link_makes_one_account(shop, browse, link):
    address = await link()
    async with browse(shop) as browser, browse(shop) as other:
        await browser.open(address)
        await other.open(address)
        await browser.submit(username="grace", password=PASSWORD)
        assert (await other.submit(username="second", password=PASSWORD)).status == 410
    assert [user.username for user in await rows(shop, User)] == ["grace"]


class TestWhereItIsOff:
    @pytest.fixture
    def rules(self):
        return AccountRules()

    @pytest.mark.parametrize("path", ["/account/sign-up", "/account/sign-up/new"])
    async def test_there_is_nothing(self, shop, browse, path):
        async with browse(shop) as browser:
            assert (await browser.open(path)).status == 404
            assert (await browser.from_site(browser.origin, path, fields={"email": ADDRESS})).status in {403, 404}
        assert await rows(shop, QueuedMail) == []


class TestSigningInWithTheAddress:
    @pytest.fixture
    def rules(self):
        return AccountRules(sign_up=True, sign_in_name=SignInName.EMAIL)

    @pytest.mark.parametrize("typed", [ADDRESS, "Grace@MAIL.example", "\uff47race@mail.example"])
    async def test_the_address_is_the_name(self, shop, browse, link, typed):
        async with browse(shop) as browser:
            await browser.open(await link())
            await browser.submit(username="ignored", password=PASSWORD)
            await browser.sign_in(typed, PASSWORD)
            assert (await browser.open("/")).json() == ADDRESS

    async def test_whoever_was_invited_is_told_of_the_account_that_is_there(self, shop, make, ask, deliver):
        await make(ADDRESS, email=ADDRESS, password=None)
        await ask("GRACE@mail.example")
        [(to, text)] = await deliver()
        assert (to, LINK.search(text), "There is one already" in text) == (ADDRESS, None, True)

    async def test_an_invitation_after_the_link_was_sent_is_no_page_without_a_reason(self, shop, browse, make, link):
        address = await link()
        await make(ADDRESS, email=ADDRESS, password=None)
        async with browse(shop) as browser:
            await browser.open(address)
            assert (await browser.submit(password=PASSWORD)).status == 410
        assert [user.username for user in await rows(shop, User)] == [ADDRESS]

    async def test_the_page_asks_for_the_address(self, shop, browse):
        async with browse(shop) as browser:
            page = await browser.open("/account/sign-in")
            assert ('<label for="username">E-mail</label>' in page.text, 'type="email"' in page.text) == (True, True)
            assert "Enter your mail address." in (await browser.submit("/account/sign-in", password=PASSWORD)).text

    async def test_another_address_is_another_name(self, shop, browse, link, deliver):
        async with browse(shop) as browser:
            await browser.open(await link())
            await browser.submit(password=PASSWORD)
            await browser.sign_in(ADDRESS, PASSWORD)
            await browser.open("/account/email")
            await browser.submit("/account/email", email="hopper@mail.example")
            mails = dict(await deliver())
            await browser.open(LINK.search(mails["hopper@mail.example"])[1])
            await browser.submit()
            assert (await browser.sign_in(ADDRESS, PASSWORD)).status == 422
            await browser.sign_in("hopper@mail.example", PASSWORD)
            assert (await browser.open("/")).json() == "hopper@mail.example"


async def test_what_the_app_adds_is_the_new_persons_own(shop, browse, make, link):
    await make()
    async with browse(shop) as browser:
        await browser.open(await link())
        page = await browser.submit(username="grace", password=PASSWORD, team="of-another")
        assert page.status == 403
        assert [user.username for user in await rows(shop, User)] == ["ada"]
        assert await rows(shop, SignedUpMember) == []


@pytest.mark.parametrize("rules", [AccountRules(sign_up=True), AccountRules()], ids=["open", "closed"])
async def test_the_sign_in_page_leads_to_the_sign_up_where_there_is_one(shop, browse, rules):
    async with browse(shop) as browser:
        page = await browser.open("/account/sign-in")
        assert ('href="/account/sign-up"' in page.text) is rules.sign_up
        assert ((await browser.click("/account/sign-up")).status == 200) is rules.sign_up
