"""The pages that are made from the code say what the code says now."""

from pathlib import Path

from scripts.reference import pages

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "reference"


def test_a_page_is_as_make_reference_writes_it():
    old = [name for name, text in pages().items() if (FOLDER / name).read_text(encoding="utf-8") != text]
    assert old == [], "run `make reference`"
