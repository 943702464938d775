"""The templates of Fastness and of its example compile."""

import re
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


@pytest.mark.parametrize(
    "folder",
    [
        *(pytest.param(folder, id=folder.parent.name) for folder in OWN),
        pytest.param(ROOT / "examples/casebook/casebook/templates", id="Casebook"),
        pytest.param(ROOT / "src/fastness/cli/project", id="new-project"),
    ],
)
def test_nonces_and_tokens_are_not_written_by_hand(folder):
    pages = [page for page in folder.rglob("*") if page.name.endswith((".html", ".html.in"))]
    assert len(pages) > 1
    by_hand = re.compile(r"nonce|csrf_token|csrf_field")
    assert [page.name for page in pages if by_hand.search(page.read_text(encoding="utf-8"))] == []
