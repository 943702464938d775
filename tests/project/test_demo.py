"""`fastness demo`: one command from nothing to an app somebody can sign in to, and its data stays."""

import os
import shutil
import stat
import sys
from pathlib import Path

from fastness.testing.browser import Browser
from fastness.testing.servers import free_port, running_server

CASEBOOK = Path(__file__).resolve().parents[2] / "examples" / "casebook"
NOT_COPIED = shutil.ignore_patterns(".env", "var", ".*cache", "__pycache__")


async def test_the_demo_starts_signs_in_and_keeps_its_data(tmp_path, monkeypatch):
    folder = Path(shutil.copytree(CASEBOOK, tmp_path / "casebook", ignore=NOT_COPIED))
    for name in [name for name in os.environ if name.startswith("FASTNESS_")]:
        monkeypatch.delenv(name)
    keys = []
    for start in ("first", "second"):
        port = free_port()
        command = [sys.executable, "-m", "fastness.cli", "demo", "--port", str(port)]
        with running_server(command, port=port, folder=folder):
            address = f"http://localhost:{port}"
            said = (folder / f"server-{port}.log").read_text()
            assert address in said
            name, password = next(line.strip() for line in said.splitlines() if line.startswith("  ")).split(None, 1)
            async with Browser(address) as browser:
                page = await browser.sign_in(name, password)
                assert (page.status, page.url) == (200, f"{address}/"), start
        keys.append((folder / ".env").read_text())
    assert keys[0] == keys[1]
    assert stat.S_IMODE((folder / ".env").stat().st_mode) == 0o600
