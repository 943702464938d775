"""The pages are tried in the small app of the gates' tests."""

import pytest

from tests.ready_made import hashed
from tests.web.conftest import browse, clock, make_shop, migrated

__all__ = ["browse", "clock", "make_shop", "migrated"]

PASSWORD = "correct horse battery"


@pytest.fixture
async def make_account(migrated):
    """Creates a user of a shop."""

    async def make(shop, username: str):
        services = shop.app.services
        async with services.open_unit(is_read_only=False) as unit:
            return await services.accounts.create_user(unit.session, username=username, password=hashed(PASSWORD))

    return make
