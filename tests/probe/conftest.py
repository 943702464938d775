import shutil

import pytest

from fastness.cli.probing import known_route
from fastness.db.migrations import upgrade
from fastness.kernel.secret import Secret
from fastness.probe.target import Account, Address, Target
from tests.probe.ledger import PASSWORDS, add_people, make_app, settings_in


@pytest.fixture(scope="session")
def seeded(tmp_path_factory):
    """Tables and people, to be copied."""
    import asyncio

    folder = tmp_path_factory.mktemp("ledger")
    settings = settings_in(folder)
    upgrade(settings.database_url, None)
    asyncio.run(add_people(make_app(settings)))
    return folder


@pytest.fixture
async def app(seeded, tmp_path):
    folder = shutil.copytree(seeded, tmp_path / "ledger")
    app = make_app(settings_in(folder))
    await app.open()
    yield app
    await app.close()


@pytest.fixture
def aim(app):
    """What is known of the app that answers at a port."""

    def aim_at(port, *, names=(), scheme="http", **overrides):
        values = {
            "address": Address(scheme=scheme, host="127.0.0.1", port=port),
            "keyring": app.settings.keyring,
            "routes": tuple(map(known_route, app.routes)),
            "accounts": tuple(Account(name=name, password=Secret(PASSWORDS[name])) for name in names),
        }
        return Target(**{**values, **overrides})

    return aim_at
