"""What the guide says: its example is accepted, its ids exist, its numbers are those of the code."""

import re
import tomllib
from pathlib import Path

from fastness.checks.runner import KNOWN_IDS
from fastness.cli.notices import ALL_NOTICES, accepted_for
from fastness.kernel.because import Because
from fastness.web.traffic import EVERY, WINDOW

GUIDE = (Path(__file__).resolve().parents[2] / "docs" / "guides" / "checks.md").read_text(encoding="utf-8")


def test_the_example_is_accepted():
    (block,) = re.findall(r"```toml\n(.+?)```", GUIDE, re.DOTALL)
    lines = tomllib.loads(block)["tool"]["fastness"]["accepted"]
    accepted = {name: Because(reason) for name, reason in lines.items()}
    assert accepted_for(KNOWN_IDS, accepted) == accepted


def test_every_id_in_it_is_one():
    assert set(re.findall(r"FST-[A-Z]+-\d{3}", GUIDE)) <= {notice.id for notice in ALL_NOTICES}


def test_its_numbers_are_those_of_the_code():
    words = {8: "eight"}
    assert f"one request of {words[EVERY]}, and after {WINDOW} looks" in GUIDE
