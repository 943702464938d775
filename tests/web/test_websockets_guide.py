"""The sockets of the guide, as they stand there."""

import json
import re
import runpy
from pathlib import Path

import pytest

from fastness import Because, Settings
from fastness.testing.browser import Browser
from fastness.testing.matrix import with_session
from tests.web.shop import ORIGIN, make_settings
from tests.web.test_sockets import connect

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guides" / "websockets.md"


@pytest.fixture
async def guide(tmp_path, migrated, monkeypatch):
    settings = make_settings(
        store_url=f"sqlite:///{tmp_path}/store.sqlite3", database_url=f"sqlite:///{tmp_path}/data.sqlite3"
    )
    monkeypatch.setattr(Settings, "load", lambda: settings)
    (block,) = re.findall(r"^```python websockets:app.py\n(.*?)^```$", GUIDE.read_text(), re.DOTALL | re.MULTILINE)
    (tmp_path / "app.py").write_text(block)
    made = runpy.run_path(str(tmp_path / "app.py"))
    app, parcel = made["app"], made["Parcel"]
    await app.open()
    async with app.services.database.write.begin() as connection:
        await connection.run_sync(parcel.__table__.create)
    async with app.services.open_unit(is_read_only=False, unscoped=Because("rows of the test")) as unit:
        for name, number in (("ada", 2), ("grace", 1)):
            user = await app.services.accounts.create_user(
                unit.session, username=name, password="a long pass phrase of the tests"
            )
            unit.session.add_all([parcel(owner_id=user.id) for _ in range(number)])
    yield app
    await app.close()


async def said(app, path, text=None):
    async with Browser(app, origin=ORIGIN) as browser:
        await with_session(app, "ada")(browser)
        cookie = f"__Host-session={browser.cookies['__Host-session'].value}"
    messages = await connect(app, path, {"origin": ORIGIN, "cookie": cookie}, text, is_leaving=True)
    return [text for kind, text in messages if kind == "websocket.send"]


async def test_the_sockets_of_the_guide(guide):
    assert [json.loads(text) for text in await said(guide, "/live/parcels")][:1] == [{"parcels": 2, "of": "ada"}]
    assert await said(guide, "/live/echo", "hello") == ["HELLO"]
