"""Ids of checks and findings are written once, kept for ever, and documented."""

import re
from collections import Counter
from pathlib import Path

from tests.layers.source import SOURCE

REFERENCE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "checks.md"
ID = re.compile(r"[\"'](FST-[A-Z]+-\d{3})[\"']")
SECTION = re.compile(r"^\| `(FST-[A-Z]+-\d{3})` \|", re.MULTILINE)


def ids_in_source() -> list[str]:
    return [found for file in SOURCE.rglob("*.py") for found in ID.findall(file.read_text(encoding="utf-8"))]


def test_an_id_is_written_in_one_place():
    assert [name for name, count in Counter(ids_in_source()).items() if count > 1] == []


def test_the_reference_names_every_id_once():
    rows = SECTION.findall(REFERENCE.read_text(encoding="utf-8"))
    assert sorted(rows) == sorted(ids_in_source())
