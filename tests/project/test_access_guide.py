"""The app of the guide on access, as it stands there: who may do what in it, before and after a role is given."""

import re
import runpy
from pathlib import Path

import pytest

from fastness import Because
from fastness.auth.roles import find_role
from fastness.auth.users import find_user
from fastness.db.migrations import upgrade
from fastness.testing.browser import Browser

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guides" / "access.md"
SETUP = Because("what the guide takes for granted")
PASSWORD = "a long pass phrase of the guide"


def block(fence: str) -> str:
    found = re.search(
        rf"^```{re.escape(fence)}\n(.*?)^```$", GUIDE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    assert found, f"the guide has no block {fence}"
    return found[1]


@pytest.fixture
async def app(tmp_path, monkeypatch):
    (tmp_path / "app.py").write_text(
        block("python access-guide") + block("python access-guide:roles"), encoding="utf-8"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FASTNESS_PROFILE", "development")
    monkeypatch.setenv("FASTNESS_SECRET_KEY", "y2T8vKq0Zr5mWc7Nf4Jx1Hb6Ls9Pd3Ga-eUoRiSt")
    monkeypatch.setenv("FASTNESS_DATABASE_URL", f"sqlite:///{tmp_path}/data.sqlite3")
    monkeypatch.setenv("FASTNESS_STORE_URL", f"sqlite:///{tmp_path}/store.sqlite3")
    app = runpy.run_path(str(tmp_path / "app.py"))["app"]
    upgrade(f"sqlite:///{tmp_path}/data.sqlite3", None)
    await app.open()
    services = app.services
    async with services.open_unit(is_read_only=False) as unit:
        db = unit.session
        for name in ("ada", "bob"):
            await services.accounts.create_user(db, username=name, password=PASSWORD)
        await services.roles.create_role(db, "editors", by=SETUP, permissions=["cases.add_note"])
        await services.roles.create_role(db, "auditors", by=SETUP)
        await services.roles.create_role(
            db, "managers", by=SETUP, permissions=["cases.add_note", "accounts.grant_roles"]
        )
        await services.roles.grant_role(db, await role_of(db, "managers"), to=await user_of(db, "ada"), by=SETUP)
    yield app
    await app.close()


async def role_of(db, name):
    role = await find_role(db, name)
    assert role is not None
    return role


async def user_of(db, name):
    user = await find_user(db, name)
    assert user is not None
    return user


async def test_the_guide_s_app_does_what_the_guide_says(app):
    async with Browser(app, origin="http://localhost:8000") as ada, Browser(app, origin="http://localhost:8000") as bob:
        assert "/account/sign-in" in (await bob.open("/cases/")).url
        await ada.sign_in("ada", PASSWORD)
        await bob.sign_in("bob", PASSWORD)
        assert (await bob.fetch("/cases/")).json() == {"may_close": False}
        assert (await bob.fetch("/cases/case")).json() == "the case"
        assert (await bob.fetch("/cases/case", "DELETE", json={})).status == 403
        assert (await bob.fetch("/audit/log")).status == 404

        assert (await bob.fetch("/cases/notes", "POST", json={})).status == 403
        assert (await bob.fetch("/cases/editors", "POST", json={})).status == 403
        assert (await ada.fetch("/cases/editors", "POST", json={})).status == 303
        assert (await bob.fetch("/cases/notes", "POST", json={})).status == 401, "he needs a second factor from now on"
        await bob.sign_in("bob", PASSWORD)
        assert (await bob.fetch("/cases/notes", "POST", json={})).json() == "added"
        assert (await bob.fetch("/cases/editors", "POST", json={})).status == 403

        services = app.services
        async with services.open_unit(is_read_only=False) as unit:
            bobs = await user_of(unit.session, "bob")
            await services.roles.grant_role(unit.session, await role_of(unit.session, "auditors"), to=bobs, by=SETUP)
            await services.roles.grant_permission(unit.session, "cases.close", to=bobs, by=SETUP)
        assert (await bob.fetch("/audit/log")).json() == "the log"
        assert (await bob.fetch("/cases/case", "DELETE", json={})).json() == "closed"


def test_every_command_of_the_guide_is_one():
    commands = (GUIDE.parents[1] / "reference" / "commands.md").read_text(encoding="utf-8")
    for line in re.findall(r"^\$ (fastness \w+ \w+)", GUIDE.read_text(encoding="utf-8"), re.MULTILINE):
        assert f"## `{line} " in commands, line
