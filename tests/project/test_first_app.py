"""The README's first application, as it stands there: it starts, signs in, adds a note, and keeps other people out."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from fastness.testing.browser import Browser
from fastness.testing.servers import asgi_server, free_port, running_server

README = Path(__file__).resolve().parents[2] / "README.md"
HOSTILE = "<script>alert(1)</script>"
# What a person's first visit leaves behind: tables, two accounts and a case.
SEED = """
import asyncio
from app import Case, Model, app
from fastness import Because
from fastness.db.migrations import upgrade

async def seed():
    services = app.services
    await app.open()
    await asyncio.to_thread(upgrade, app.settings.database_url, None)
    await services.database.open()
    async with services.database.write.begin() as connection:
        await connection.run_sync(Model.metadata.create_all)
    async with services.open_unit(is_read_only=False, unscoped=Because("the test's first rows")) as unit:
        ada, carol, _ = [
            await services.accounts.create_user(unit.session, username=name, password="a long pass phrase of " + name)
            for name in ("ada", "carol", "mallory")
        ]
        case = Case(owner_id=ada.id, reader_id=carol.id, title="The first case")
        unit.session.add(case)
        await unit.session.flush()
        print(case.id)
    await app.close()

asyncio.run(seed())
"""


def block(fence: str) -> str:
    found = re.search(
        rf"^```{re.escape(fence)}\n(.*?)^```$", README.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    assert found, f"the README has no block {fence}"
    return found[1]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "app.py").write_text(block("python first-app"), encoding="utf-8")
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "home.html").write_text(
        "<!doctype html><title>Home</title><h1>Home</h1>", encoding="utf-8"
    )
    (tmp_path / "templates" / "case.html").write_text(block("html first-app:case.html"), encoding="utf-8")
    monkeypatch.setenv("FASTNESS_PROFILE", "development")
    monkeypatch.setenv("FASTNESS_SECRET_KEY", "y2T8vKq0Zr5mWc7Nf4Jx1Hb6Ls9Pd3Ga-eUoRiSt")
    return tmp_path


@pytest.fixture
def case_id(folder):
    done = subprocess.run([sys.executable, "-c", SEED], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


async def test_the_first_app_runs(folder, case_id):
    port = free_port()
    address = f"http://localhost:{port}"
    with running_server(asgi_server("app:app", port=port), port=port, folder=folder):
        async with Browser(address) as ada, Browser(address) as carol, Browser(address) as mallory:
            assert (await ada.open("/")).status == 200
            assert "/account/sign-in" in (await ada.open(f"/cases/{case_id}")).url
            await ada.sign_in("ada", "a long pass phrase of ada")
            await mallory.sign_in("mallory", "a long pass phrase of mallory")

            assert "The first case" in (await ada.open(f"/cases/{case_id}")).text
            assert (await mallory.open(f"/cases/{case_id}")).status == 404
            await carol.sign_in("carol", "a long pass phrase of carol")
            assert "The first case" in (await carol.open(f"/cases/{case_id}")).text
            assert (await carol.submit("/notes", text="from a reader")).status == 404

            page = await ada.submit("/notes", text=HOSTILE)
            assert page.status == 200
            assert page.url.endswith(f"/cases/{case_id}")
            assert HOSTILE not in page.text
            assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page.text

            assert (await ada.submit("/notes", text="")).status == 422
            assert (await mallory.fetch(f"/cases/{case_id}/notes", "POST", json={})).status == 404
            assert (
                await ada.from_site("https://evil.example", f"/cases/{case_id}/notes", fields={"text": "x"})
            ).status == 403
