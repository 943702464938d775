"""The example of the guide seals, and its settings and commands are there."""

import re
from pathlib import Path

from fastness.cli.usercommands import users
from fastness.settings.settings import Settings
from fastness.settings.variables import variables_of

GUIDE = (Path(__file__).resolve().parents[2] / "docs" / "guides" / "second-factors.md").read_text(encoding="utf-8")


async def test_the_example_asks_for_a_second_factor(make_shop, browse):
    names: dict[str, object] = {}
    code = re.search(r"^```python\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)[1]
    exec(compile(code, "guide", "exec"), names)  # noqa: S102 - our own example
    shop = await make_shop(names["routes"])
    async with browse(shop) as browser:
        assert (await browser.fetch("/payments/")).status == 401


def test_the_settings_are_there():
    named = set(re.findall(r"FASTNESS_SECOND_FACTORS_[A-Z_]+", GUIDE))
    assert named
    assert named <= variables_of(Settings).keys()


def test_the_command_is_there():
    assert "users reset-factors" in GUIDE
    assert "reset-factors" in {command.name for command in users.registered_commands}
