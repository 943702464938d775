"""The apps of the guide on mounting, as they stand there."""

import re
from pathlib import Path

import pytest

from fastness import Settings
from tests.web.shop import make_settings
from tests.web.wire import ask

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guides" / "mounting.md"


def block(start: str) -> str:
    found = re.search(r"```python\n(" + re.escape(start) + r".*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None, start
    return found.group(1)


@pytest.fixture
def names(tmp_path, monkeypatch):
    settings = make_settings(
        store_url=f"sqlite:///{tmp_path}/store.sqlite3", database_url=f"sqlite:///{tmp_path}/data.sqlite3"
    )
    monkeypatch.setattr(Settings, "load", lambda: settings)
    return {}


async def test_ten_lines_are_enough(names):
    exec(block("from typing import Annotated"), names)  # noqa: S102 - the guide's own text
    app = names["app"]
    try:
        assert (await ask(app, path="/me"))[0] == 401
        assert (await ask(app, path="/account/sign-in"))[0] == 200
    finally:
        await app.close()
    assert len([line for line in block("from typing import Annotated").splitlines() if line]) <= 10


async def test_an_endpoint_says_its_options_and_the_app_is_mounted(names):
    for start in ("from typing import Annotated", "from fastness import Because", "from fastness import Fastness"):
        exec(block(start), names)  # noqa: S102 - the guide's own text
    site = names["site"]
    found = {route.path: route for route in site.routes}
    assert found["/api/hooks/payment"].max_body_bytes == 20_000
    assert [name for name, _ in found["/api/hooks/payment"].exemptions()] == ["insecure_skip_csrf"]
    assert str(found["/api/me"].access) == "signed_in"
