"""The templates of Fastness and of its example compile."""

from pathlib import Path

import pytest

from fastness.html import inventory
from fastness.html.environment import TemplateEnvironment

ROOT = Path(__file__).resolve().parents[2]
OWN = [ROOT / "src/fastness/accounts/templates", ROOT / "src/fastness/web/templates"]


@pytest.mark.parametrize(
    "folders",
    [
        pytest.param(OWN, id="Fastness"),
        pytest.param([ROOT / "examples/casebook/casebook/templates", *OWN], id="Casebook"),
    ],
)
def test_own_templates_compile_without_an_opening(folders):
    environment = TemplateEnvironment(folders)
    assert inventory.inspect(environment) == []
    assert inventory.precompile(environment) > 8
