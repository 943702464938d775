"""The example of the guide is an app that does what the guide says, and its table has the numbers of the rules."""

import importlib.util
import re
import sys
from pathlib import Path

import pytest

from fastness.auth.throttle_rules import Counted, ThrottleRules
from fastness.testing.browser import Browser
from tests.web.shop import make_settings

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guides" / "throttling.md"
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ROWS = {
    "account and address together": Counted.PAIR,
    "account, from anywhere": Counted.ACCOUNT,
    "known device": Counted.DEVICE,
    "address": Counted.ADDRESS,
    "IPv6 network (/64)": Counted.NETWORK,
    "the whole site": Counted.SITE,
}
SECONDS = {"a second": 1, "a minute": 60, "15 minutes": 900, "an hour": 3600, "a day": 86_400}


@pytest.fixture
async def browser(tmp_path):
    file = tmp_path / "guide_of_throttling.py"
    file.write_text("\n\n".join(BLOCK.findall(GUIDE.read_text(encoding="utf-8"))), encoding="utf-8")
    spec = importlib.util.spec_from_file_location(file.stem, file)
    module = importlib.util.module_from_spec(spec)
    sys.modules[file.stem] = module  # annotations are looked up there
    spec.loader.exec_module(module)
    app = module.make_app(
        make_settings(
            store_url=f"sqlite:///{tmp_path}/store.sqlite3", database_url=f"sqlite:///{tmp_path}/data.sqlite3"
        )
    )
    await app.open()
    async with Browser(app, origin="https://shop.example") as browser:
        yield browser
    await app.close()
    del sys.modules[file.stem]


@pytest.mark.parametrize("name", ROWS)
def test_the_table_has_the_numbers_of_the_rules(name):
    row = re.search(rf"^\| {re.escape(name)} \| (.*) \| (.*) \| (.*) \|$", GUIDE.read_text(), re.MULTILINE)
    limit = ThrottleRules().limit_of(ROWS[name])
    expected = (limit.attempts, limit.window_seconds, limit.max_delay_seconds)
    assert (int(row[1]), SECONDS[row[2]], SECONDS[row[3]]) == expected


@pytest.mark.parametrize(
    ("paths", "statuses"),
    [
        pytest.param(["/search"] * 4, [200, 200, 200, 429], id="route"),
        pytest.param(["/api/people", "/api/places"] * 3, [200] * 5 + [429], id="group"),
    ],
)
async def test_the_rates_hold(browser, paths, statuses):
    assert [(await browser.from_site(browser.origin, path, "GET")).status for path in paths] == statuses
