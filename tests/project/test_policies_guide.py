"""The app of the guide on policies, as it stands there: each person meets their own binders, whatever they ask for."""

import re
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from uuid import UUID

import pytest

from fastness import Because, Model
from fastness.db.migrations import upgrade
from fastness.testing.browser import Browser

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guides" / "policies.md"
PASSWORD = "a long pass phrase of "


def block(fence: str) -> str:
    found = re.search(
        rf"^```{re.escape(fence)}\n(.*?)^```$", GUIDE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    assert found, f"the guide has no block {fence}"
    return found[1]


@pytest.fixture(scope="module")
def guide(tmp_path_factory):
    """The guide's module: models are declared once in a process."""
    path = tmp_path_factory.mktemp("guide") / "policies_guide_app.py"
    path.write_text(block("python policies:app.py").replace("app = Fastness(Settings.load(), routes=[routes])", ""))
    spec = spec_from_file_location("policies_guide_app", path)
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
async def app(guide, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "var").mkdir()
    monkeypatch.setenv("FASTNESS_PROFILE", "development")
    monkeypatch.setenv("FASTNESS_SECRET_KEY", "y2T8vKq0Zr5mWc7Nf4Jx1Hb6Ls9Pd3Ga-eUoRiSt")
    app = guide.Fastness(guide.Settings.load(), routes=[guide.routes])
    upgrade(app.settings.database_url, None)
    await app.open()
    services = app.services
    tables = [guide.readers, *(model.__table__ for model in (guide.Colleague, guide.Binder, guide.Sheet))]
    await services.database.open()
    async with services.database.write.begin() as connection:
        await connection.run_sync(Model.metadata.create_all, tables=tables)
    async with services.open_unit(is_read_only=False, unscoped=Because("the rows of the guide's test")) as unit:
        people = {}
        for number, name in enumerate(("ada", "bob"), start=1):
            user = await services.accounts.create_user(unit.session, username=name, password=PASSWORD + name)
            people[name] = guide.Colleague(id=user.id)
            own = guide.Binder(id=UUID(int=number), owner_id=user.id, title=name, sheets=[guide.Sheet(text="first")])
            unit.session.add_all([people[name], own])
        shared = guide.Binder(id=UUID(int=9), owner_id=people["ada"].id, title="shared", readers=[people["bob"]])
        unit.session.add(shared)
    yield app
    await app.close()


@pytest.fixture
async def bob(app):
    async with Browser(app, origin="http://localhost") as browser:
        await browser.sign_in("bob", PASSWORD + "bob")
        yield browser


async def test_bob_sees_what_is_his_and_what_was_shared(bob):
    assert (await bob.fetch("/binders")).json() == [["bob", 1], ["shared", 0]]
    assert (await bob.fetch("/count")).json() == [2, 3]


@pytest.mark.parametrize(
    ("binder", "status", "may_edit"),
    [
        pytest.param(2, 200, True, id="his"),
        pytest.param(9, 200, False, id="shared-with-him"),
        pytest.param(1, 404, None, id="hers"),
    ],
)
async def test_bob_opens_what_he_may(bob, binder, status, may_edit):
    page = await bob.fetch(f"/binders/{UUID(int=binder)}")
    assert page.status == status
    assert page.json().get("may_edit") is may_edit


@pytest.mark.parametrize(("binder", "status"), [pytest.param(2, 200, id="his"), pytest.param(9, 404, id="shared")])
async def test_bob_renames_what_is_his(bob, binder, status):
    page = await bob.fetch(f"/binders/{UUID(int=binder)}/title", "POST", json={"title": "renamed"})
    assert page.status == status


@pytest.mark.parametrize(("binder", "status"), [pytest.param(2, 201, id="his"), pytest.param(1, 404, id="hers")])
async def test_bob_puts_sheets_where_he_may(bob, binder, status):
    sheet = {"binder": str(UUID(int=binder)), "text": "second"}
    assert (await bob.fetch("/sheets", "POST", json=sheet)).status == status


async def test_what_is_closed_takes_no_sheets_although_it_is_his(bob):
    assert (await bob.fetch("/binders/close", "POST", json={})).json() == 1
    sheet = {"binder": str(UUID(int=2)), "text": "late"}
    assert (await bob.fetch("/sheets", "POST", json=sheet)).status == 403
