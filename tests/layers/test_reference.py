"""The pages that are made from the code say what the code says now."""

from pathlib import Path

import pytest

from scripts.reference import pages

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "reference"


@pytest.mark.parametrize(("name", "text"), [pytest.param(*page, id=page[0]) for page in pages().items()])
def test_a_page_is_as_make_reference_writes_it(name, text):
    assert (FOLDER / name).read_text(encoding="utf-8") == text, "run `make reference`"
