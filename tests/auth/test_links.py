import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from fastness.auth.errors import DeadLinkError
from fastness.auth.links import MAX_LIVING, FoundLink, Links, OneTimeLink, key_of, state_of
from fastness.auth.purposes import Purpose
from fastness.auth.users import User, email_key
from fastness.db.errors import TransactionConflictError
from fastness.db.unit import Unit
from fastness.kernel.events import EventName
from tests.auth.conftest import PASSWORD

HOUR = timedelta(hours=1)
ADDRESS = "new@example.com"


@pytest.fixture
def links(clock, events):
    return Links(clock=clock, events=events)


@pytest.fixture
def make_link(database, links, ada):
    """Makes a link and returns its key."""

    async def make(purpose=Purpose.RESET, *, user=ada, data=""):
        async with Unit(database, is_read_only=False) as unit:
            owner = None if user is None else await unit.session.get_one(User, user.id)
            token = await links.create(unit.session, purpose, user=owner, lives_for=HOUR, data=data)
        return key_of(token)

    return make


@pytest.fixture
def find(database, links):
    async def find(key, purpose=Purpose.RESET) -> FoundLink | None:
        async with Unit(database, is_read_only=True) as unit:
            return await links.find(unit.session, purpose, key)

    return find


@pytest.fixture
def use(database, links):
    async def use(key, purpose=Purpose.RESET) -> FoundLink:
        async with Unit(database, is_read_only=False) as unit:
            return await links.use(unit.session, purpose, key)

    return use


@pytest.mark.asvs("V6.4.1", "V6.5.1")
async def test_a_link_works_once_and_looking_does_not_use_it(make_link, find, use, ada, events):
    key = await make_link()
    for _ in range(3):
        assert (await find(key)).user.id == ada.id
    assert (await use(key)).user.id == ada.id
    assert await find(key) is None
    with pytest.raises(DeadLinkError):
        await use(key)
    assert [(event.name, event.reason, event.user_id) for event in events.events] == [
        (EventName.AUTHN_TOKEN_CREATED, "link_password_reset", str(ada.id)),
        (EventName.AUTHN_TOKEN_REVOKED, "link_password_reset", str(ada.id)),
    ]


async def test_the_token_is_long_and_not_in_the_database(database, links, ada):
    async with Unit(database, is_read_only=False) as unit:
        user = await unit.session.get_one(User, ada.id)
        tokens = {await links.create(unit.session, Purpose.RESET, user=user, lives_for=HOUR) for _ in range(3)}
        rows = (await unit.session.execute(select(OneTimeLink.__table__))).all()
    assert len(tokens) == 3
    assert all(len(token) == 43 and token not in repr(rows) for token in tokens)


async def test_of_two_who_use_it_at_once_one_is_told_that_it_is_dead(make_link, use):
    key = await make_link()
    results = await asyncio.gather(*(use(key) for _ in range(8)), return_exceptions=True)
    assert sum(isinstance(result, FoundLink) for result in results) == 1
    assert {type(result) for result in results} <= {FoundLink, DeadLinkError, TransactionConflictError}


async def test_what_is_rolled_back_does_not_use_it(database, links, make_link, find):
    key = await make_link()
    unit = Unit(database, is_read_only=False)
    await links.use(unit.session, Purpose.RESET, key)
    await unit.finish(422)
    assert await find(key) is not None


@pytest.mark.asvs("V6.4.1", "V6.5.5")
@pytest.mark.parametrize(
    ("seconds", "lives"), [pytest.param(3599, True, id="in-time"), pytest.param(3600, False, id="too-late")]
)
async def test_a_link_is_short_lived(make_link, find, use, clock, seconds, lives):
    key = await make_link()
    clock.advance(seconds)
    assert (await find(key) is not None) is lives
    if not lives:
        with pytest.raises(DeadLinkError):
            await use(key)


@pytest.mark.asvs("V6.6.2")
@pytest.mark.parametrize("purpose", [each for each in Purpose if each is not Purpose.RESET])
async def test_a_link_is_good_for_its_purpose_only(make_link, find, use, purpose):
    key = await make_link(Purpose.RESET)
    assert await find(key, purpose) is None
    with pytest.raises(DeadLinkError):
        await use(key, purpose)
    assert await find(key) is not None


CHANGES = {
    "password": lambda user, clock: setattr(user, "password_hash", "another"),
    "address": lambda user, clock: setattr(user, "email", "other@example.com"),
    "closed": lambda user, clock: setattr(user, "is_active", False),
    "valid-since": lambda user, clock: setattr(user, "valid_since", clock.now()),
    "signed-in": lambda user, clock: setattr(user, "last_login_at", clock.now()),
    "nothing": lambda user, clock: None,
    "name": lambda user, clock: setattr(user, "display_name", "Countess"),
}


@pytest.mark.parametrize(
    ("purpose", "change", "lives"),
    [
        *((Purpose.RESET, name, name in {"nothing", "name"}) for name in CHANGES),
        *((Purpose.INVITE, name, name in {"nothing", "name"}) for name in CHANGES),
        *((Purpose.CONFIRM, name, name in {"nothing", "name", "signed-in", "password"}) for name in CHANGES),
        *((Purpose.CHANGE, name, name in {"nothing", "name", "signed-in", "password"}) for name in CHANGES),
    ],
)
async def test_a_link_dies_when_the_account_changes(database, make_link, find, use, ada, clock, purpose, change, lives):
    """A hash alone changes when a sign-in renews it; a new password changes the moment since which sessions count."""
    key = await make_link(purpose)
    async with Unit(database, is_read_only=False) as unit:
        CHANGES[change](await unit.session.get_one(User, ada.id), clock)
    assert (await find(key, purpose) is not None) is lives
    if not lives:
        with pytest.raises(DeadLinkError):
            await use(key, purpose)


async def test_set_password_kills_every_link(database, accounts, make_link, find, clock, ada):
    keys = {purpose: await make_link(purpose) for purpose in Purpose}
    async with Unit(database, is_read_only=False) as unit:
        await accounts.set_password(unit.session, await unit.session.get_one(User, ada.id), PASSWORD)
    assert [await find(key, purpose) for purpose, key in keys.items()] == [None] * len(keys)


async def test_a_link_of_no_account_carries_an_address(make_link, find, use):
    key = await make_link(Purpose.SIGN_UP, user=None, data=ADDRESS)
    assert await use(key, Purpose.SIGN_UP) == FoundLink(user=None, data=ADDRESS)
    assert await find(key, Purpose.SIGN_UP) is None


async def test_a_flood_of_requests_ends_in_few_living_links(database, links, make_link, clock, ada):
    for _ in range(MAX_LIVING):
        await make_link()
    async with Unit(database, is_read_only=False) as unit:
        user = await unit.session.get_one(User, ada.id)
        assert await links.create(unit.session, Purpose.RESET, user=user, lives_for=HOUR) is None
    clock.advance(3600)
    await make_link()
    async with Unit(database, is_read_only=True) as unit:
        assert await unit.session.scalar(select(func.count()).select_from(OneTimeLink)) == 1


async def test_an_address_in_other_letters_is_the_same_mailbox(database, links, make_link):
    for number in range(MAX_LIVING):
        await make_link(Purpose.SIGN_UP, user=None, data=ADDRESS[:number].upper() + ADDRESS[number:])
    async with Unit(database, is_read_only=False) as unit:
        for typed in (ADDRESS, ADDRESS.upper()):
            assert await links.create(unit.session, Purpose.SIGN_UP, user=None, lives_for=HOUR, data=typed) is None


async def test_links_are_revoked_by_purpose(database, links, make_link, find, ada):
    reset, invite = await make_link(), await make_link(Purpose.INVITE)
    async with Unit(database, is_read_only=False) as unit:
        await links.revoke(unit.session, Purpose.RESET, ada)
    assert await find(reset) is None
    assert await find(invite, Purpose.INVITE) is not None


@pytest.mark.parametrize("token", ["", "é" * 43, "x" * 5000], ids=["empty", "no-ascii", "long"])
def test_what_cannot_be_a_token_has_no_key(token):
    assert key_of(token) is None


def test_a_state_keeps_its_parts_apart(clock):
    now = clock.now()
    common = {"id": None, "is_active": True, "valid_since": now}
    one = User(**common, email="a@b.example", password_hash="c")
    other = User(**common, email="a@b.examplec", password_hash="")
    assert state_of(Purpose.RESET, one) != state_of(Purpose.RESET, other)


@pytest.mark.parametrize(
    ("address", "key"),
    [
        pytest.param("Ada@Example.COM", "ada@example.com", id="case"),
        pytest.param(" ada@example.com ", "ada@example.com", id="spaces"),
        pytest.param("mıke@example.com", "mıke@example.com", id="dotless-i"),
        pytest.param("\u212aate@example.com", "\u212aate@example.com", id="kelvin-sign-is-no-k"),
    ],
)
def test_addresses_are_compared_by_ascii_case_only(address, key):
    assert email_key(address) == key


def test_another_address_is_not_confirmed():
    user = User(email="ada@example.com")
    user.confirmed_email_key = user.email_key
    user.email = "ADA@example.com"
    assert user.has_confirmed_email
    user.email = "eve@example.com"
    assert (user.has_confirmed_email, user.email_key) == (False, "eve@example.com")
