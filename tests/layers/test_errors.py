"""The error tree and the error reference name the same codes."""

import importlib
import re
from pathlib import Path

import pytest

from fastness.html.translating import CATALOGUES, Messages
from fastness.kernel.errors import FastnessError
from fastness.kernel.texts import Text
from scripts.catalogues import PARTS
from tests.layers.source import every_module

REFERENCE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "errors.md"
SECTION = re.compile(r"^## `([a-z0-9_]+)`$", re.MULTILINE)

# Bandit's plugin loader, stevedore, is called in its old way when Bandit is imported; it does so itself, not we.
pytestmark = pytest.mark.filterwarnings("ignore:The verify_requirements argument is now a no-op:DeprecationWarning")


def descendants(error: type[FastnessError]) -> set[type[FastnessError]]:
    return {error}.union(*(descendants(child) for child in error.__subclasses__()))


def error_classes() -> list[type[FastnessError]]:
    for name in every_module():
        importlib.import_module(name)
    own = {error for error in descendants(FastnessError) if error.__module__.startswith("fastness.")}
    return sorted(own, key=lambda error: error.__qualname__)


def test_every_code_has_a_section_and_every_section_a_code():
    sections = SECTION.findall(REFERENCE.read_text(encoding="utf-8"))
    assert sorted(sections) == sorted(set(sections))
    assert {error.code for error in error_classes()} == set(sections)


def test_every_error_has_a_code_of_its_own():
    assert [error.__qualname__ for error in error_classes() if "code" not in vars(error)] == []
    codes = [error.code for error in error_classes()]
    assert sorted(codes) == sorted(set(codes))
    assert [code for code in codes if not re.fullmatch(r"[a-z][a-z0-9_]*", code)] == []


def test_every_error_has_a_status_and_a_public_sentence():
    wrong = [
        error.__qualname__
        for error in error_classes()
        if not (400 <= error.status < 600 and error.public.endswith(".") and error.__name__.endswith("Error"))
    ]
    assert wrong == []


def test_every_public_sentence_has_a_german_one():
    """If it fails: `public: str = Text("…")`, its part in `scripts/catalogues.py`, and a translation."""
    german = Messages("de", [folder / CATALOGUES for folder in PARTS])
    left = {
        error.public
        for error in error_classes()
        if not isinstance(error.public, Text) or error.public.translated(german) == error.public
    }
    assert left == set()
