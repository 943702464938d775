"""Every event has a line in the event reference, and every event that is not reserved is written by some code."""

import re
from pathlib import Path

from fastness.kernel.events import EventName
from tests.layers.source import SOURCE

REFERENCE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "events.md"
ROW = re.compile(r"^\| `([a-z0-9_]+)` \|", re.MULTILINE)
USE = re.compile(r"\bEventName\.([A-Z0-9_]+)")


def sections() -> tuple[list[str], list[str]]:
    """The events that are written, and those that are reserved."""
    written, reserved = REFERENCE.read_text(encoding="utf-8").split("\n## Reserved\n")
    return ROW.findall(written), ROW.findall(reserved)


def used() -> set[str]:
    """The events that some code names, beside the vocabulary itself."""
    files = [file for file in SOURCE.rglob("*.py") if file.relative_to(SOURCE).as_posix() != "kernel/events.py"]
    names = {name for file in files for name in USE.findall(file.read_text(encoding="utf-8"))}
    return {EventName[name].value for name in names}


def test_the_reference_names_every_event_once():
    written, reserved = sections()
    assert sorted([*written, *reserved]) == sorted(name.value for name in EventName)


def test_what_the_reference_lists_is_written_by_some_code():
    written, _ = sections()
    assert sorted(set(written) - used()) == [], "nobody writes these: they belong under Reserved, or out"


def test_what_is_reserved_is_written_by_none():
    _, reserved = sections()
    assert sorted(set(reserved) & used()) == [], "some code writes these now: move the line up"
