"""The app as it is served, with the demo's people and cases, in a folder of its own for each test."""

import asyncio
import importlib
import shutil
import sys
from pathlib import Path

import pytest
from casebook.seed import PEOPLE, seed

from fastness import Fastness
from fastness.db.migrations import look, upgrade
from fastness.db.statements import FOR_MIGRATIONS
from fastness.testing.browser import Browser
from fastness.testing.postgres import postgres_server

FOLDER = Path(__file__).parent.parent
MIGRATIONS = FOLDER / "migrations"
SECRET = "for-the-tests-only"
PASSWORDS = {person.username: person.password for person in PEOPLE}


def load_app(folder: Path, database_url: str = "") -> Fastness:
    """Read the app's module anew with this folder as its own: it takes its settings as it is read."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("FASTNESS_PROFILE", "development")
        environment.setenv("FASTNESS_PROJECT", "casebook")
        environment.setenv("FASTNESS_SECRET_KEY", "tests-only-Jx8vQn3kLw72mZpR5tYcB1sDfGhK9aEu")
        environment.setenv("FASTNESS_DATABASE_URL", database_url or f"sqlite:///{folder}/data.sqlite3")
        environment.setenv("FASTNESS_STORE_URL", "memory:")
        environment.setenv("FASTNESS_TRIPWIRES_MODE", "block")
        # As cheap as the rules allow: tests sign in hundreds of times.
        environment.setenv("FASTNESS_PASSWORDS_MEMORY_KIB", "7168")
        environment.setenv("FASTNESS_PASSWORDS_TIME_COST", "5")
        environment.chdir(folder)
        sys.modules.pop("casebook.app", None)
        app: Fastness = importlib.import_module("casebook.app").app
    return app


@pytest.fixture(scope="session")
def seeded(tmp_path_factory):
    """A folder with the demo's data, to be copied: hashing two pass phrases for every test would take the time."""
    folder = tmp_path_factory.mktemp("seeded")
    app = load_app(folder)
    upgrade(app.settings.database_url, MIGRATIONS)

    async def fill():
        await app.open()
        try:
            await seed(app)
        finally:
            await app.close()

    asyncio.run(fill())
    return folder


@pytest.fixture
async def app(seeded, tmp_path):
    """A seeded app."""
    shutil.copytree(seeded, tmp_path, dirs_exist_ok=True)
    app = load_app(tmp_path)
    await app.open()
    app.arm()  # as its server does: nothing that the demo does trips a wire
    yield app
    await app.close()


@pytest.fixture(scope="session")
def server():
    """A PostgreSQL with the account that the demo would have there; it owns nothing."""
    with postgres_server() as server:
        server.run_sql(f"CREATE ROLE casebook LOGIN PASSWORD '{SECRET}'")
        yield server


@pytest.fixture(scope="session")
def make_database(server):
    """Makes databases as the demo's migrations leave them; the address is that account's."""

    def make():
        name = server.create_database()
        upgrade(server.url(name), MIGRATIONS)

        def grant(connection):
            statement = "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO casebook"
            connection.exec_driver_sql(statement, execution_options=FOR_MIGRATIONS)

        look(server.url(name), grant)
        return server.url(name, user="casebook", password=SECRET)

    return make


@pytest.fixture
async def app_on_postgresql(make_database, tmp_path):
    """A seeded app whose database enforces the policies once more."""
    app = load_app(tmp_path, make_database())
    await app.open()
    await seed(app)
    app.arm()
    yield app
    await app.close()


def signed_in(username):
    """A fixture with the browser of one of the demo's people, on the list of cases."""

    @pytest.fixture(name=username)
    async def browser(app):
        async with Browser(app, origin="http://localhost") as browser:
            await browser.sign_in(username, PASSWORDS[username])
            yield browser

    return browser


maren = signed_in("maren")
idris = signed_in("idris")
jonna = signed_in("jonna")
tariq = signed_in("tariq")
