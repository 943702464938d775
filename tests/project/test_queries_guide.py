"""The list of the guide on queries, as it stands there: it sorts, filters, searches and turns pages."""

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from fastness.testing.browser import Browser
from fastness.testing.servers import asgi_server, free_port, running_server

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guides" / "queries.md"
SEED = """
import asyncio
from datetime import date
from app import Case, Model, Status, app

TITLES = ("Alpha", "Beta 100%", "Gamma", "Delta <b>", "Epsilon")

async def seed():
    await app.services.database.open()
    async with app.services.database.write.begin() as connection:
        await connection.run_sync(Model.metadata.create_all, tables=[Model.metadata.tables["listed_cases"]])
    async with app.services.open_unit(is_read_only=False) as unit:
        for number, title in enumerate(TITLES, start=1):
            status = Status.CLOSED if number == 2 else Status.OPEN
            unit.session.add(Case(title=title, client=f"Client {number % 2}", status=status, opened_on=date(2026, 1, number)))
    await app.services.database.close()

asyncio.run(seed())
"""


class Reader(HTMLParser):
    """The titles in the first column, and the links by their words."""

    def __init__(self, text):
        super().__init__()
        self.titles: list[str] = []
        self.links: dict[str, str] = {}
        self._cells, self._href, self._is_in_cell = 0, None, False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self._cells = 0 if tag == "tr" else self._cells + (tag == "td")
        self._is_in_cell = tag == "td" and self._cells == 1
        self._href = dict(attrs).get("href") if tag == "a" else None

    def handle_data(self, data):
        if self._is_in_cell:
            self.titles.append(data)
        if self._href:
            self.links[data] = self._href
        self._is_in_cell = False


def block(fence: str) -> str:
    found = re.search(
        rf"^```{re.escape(fence)}\n(.*?)^```$", GUIDE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    assert found, f"the guide has no block {fence}"
    return found[1]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "app.py").write_text(block("python queries:app.py"), encoding="utf-8")
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "cases.html").write_text(block("html queries:cases.html"), encoding="utf-8")
    monkeypatch.setenv("FASTNESS_PROFILE", "development")
    monkeypatch.setenv("FASTNESS_SECRET_KEY", "y2T8vKq0Zr5mWc7Nf4Jx1Hb6Ls9Pd3Ga-eUoRiSt")
    monkeypatch.setenv("FASTNESS_DATABASE_URL", f"sqlite:///{tmp_path}/data.sqlite3")
    monkeypatch.setenv("FASTNESS_STORE_URL", f"sqlite:///{tmp_path}/store.sqlite3")
    done = subprocess.run([sys.executable, "-c", SEED], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return tmp_path


async def test_the_list_of_the_guide_works(folder):
    port = free_port()
    with running_server(asgi_server("app:app", port=port), port=port, folder=folder):
        async with Browser(f"http://localhost:{port}") as browser:

            async def read(address: str) -> Reader:
                page = await browser.open(address)
                assert page.status == 200, page.text
                return Reader(page.text)

            first = await read("/cases")
            assert first.titles == ["Epsilon", "Delta <b>"]
            second = await read("/cases" + first.links["Next"])
            third = await read("/cases" + second.links["Next"])
            assert (second.titles, third.titles) == (["Gamma", "Beta 100%"], ["Alpha"])
            assert "Next" not in third.links
            assert (await read("/cases" + third.links["Previous"])).titles == second.titles
            by_title = await read("/cases" + first.links["Title"])
            assert by_title.titles == ["Alpha", "Beta 100%"]
            assert (await read("/cases" + by_title.links["Title"])).titles == ["Gamma", "Epsilon"]
            assert (await read("/cases?q=%25&status=")).titles == ["Beta 100%"]
            assert (await read("/cases?status=closed")).titles == ["Beta 100%"]
            assert (await read("/cases?since=2026-01-05&size=50")).titles == ["Epsilon"]
            for wrong in ("sort=client.title", "staus=open", "size=1000", "since=tomorrow", "after=1"):
                assert (await browser.open(f"/cases?{wrong}")).status == 400
