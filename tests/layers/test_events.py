"""Every event has a line in the event reference, and every line an event."""

import re
from pathlib import Path

from fastness.kernel.events import EventName

REFERENCE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "events.md"
ROW = re.compile(r"^\| `([a-z0-9_]+)` \|", re.MULTILINE)


def test_the_reference_names_every_event_once():
    rows = ROW.findall(REFERENCE.read_text(encoding="utf-8"))
    assert sorted(rows) == sorted(name.value for name in EventName)
