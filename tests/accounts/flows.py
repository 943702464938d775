"""A shop whose mail goes into a list, for the tests of flows by mail."""

import re

import pytest
from sqlalchemy import select

from fastness import Because, JSONResponse, Routes, access
from fastness.mail.mailers import text_of
from tests.accounts.conftest import PASSWORD
from tests.ready_made import MAIL_IN_MEMORY, hashed

LINK = re.compile(r"https://shop\.example(/account/[a-z/-]+/[\w-]{43})\b")


@pytest.fixture
def routes():
    routes = Routes(access=access.public)

    @routes.get("/")
    async def home(request):
        user = request.user_or_none
        return JSONResponse(user and user.username)

    return routes


@pytest.fixture
async def shop(make_shop, migrated, routes):
    return await make_shop(routes, settings={"mail": MAIL_IN_MEMORY})


@pytest.fixture
def deliver(shop):
    """Sends what waits, and returns the mails as pairs of address and text."""

    async def deliver():
        sent = shop.app.services.mailer.sent
        before = len(sent)
        await shop.app.services.postman.deliver_due()
        await shop.app.services.postman.deliver_due()
        return [(message["To"], text_of(message)) for message in sent[before:]]

    return deliver


@pytest.fixture
def make(shop):
    """Creates a user with an address."""

    async def make(username="ada", *, email="ada@mail.example", password=PASSWORD, is_active=True):
        services = shop.app.services
        async with services.open_unit(is_read_only=False) as unit:
            user = await services.accounts.create_user(
                unit.session, username=username, password=password and hashed(password), email=email
            )
            user.is_active = is_active
        shop.clock.advance(60)
        return user

    return make


async def rows(shop, model):
    """All rows of a table."""
    async with shop.app.services.open_unit(is_read_only=True, unscoped=Because("a test looks at everything")) as unit:
        return (await unit.session.scalars(select(model))).all()
