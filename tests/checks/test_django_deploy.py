"""The table beside Django's `check --deploy`: whole, and true about the ids on both sides."""

import re
from pathlib import Path

from fastness.checks.catalogue import NOTICES
from tests.checks.planted.test_coverage import ELSEWHERE

PAGE = Path(__file__).resolve().parents[2] / "docs" / "security" / "django-deploy.md"
ROW = re.compile(r"^\| `([a-z]+\.[EW]\d{3})` \| (.+) \| (.+) \|$", re.MULTILINE)
OURS = re.compile(r"FST-[A-Z]+-\d{3}")

# What Django 6.1 registers with the tag security or with deploy=True.
DJANGO = {
    *(f"security.W{number:03}" for number in (*range(1, 7), 8, 9, *range(10, 17), *range(18, 23), 25, 27)),
    *(f"security.E{number:03}" for number in (23, 24, 26, 101, 102)),
    "mail.E001",
    "caches.W002",
    "async.E001",
    "gis.W001",
}


def rows():
    return ROW.findall(PAGE.read_text(encoding="utf-8"))


def test_every_id_of_django_has_its_row():
    assert sorted(name for name, _, _ in rows()) == sorted(DJANGO)


def test_every_row_has_a_check_or_a_reason():
    for name, _, ours in rows():
        assert OURS.search(ours) or ours.startswith("cannot be configured"), name
        assert not ours.startswith("cannot be configured") or ": " in ours or ";" in ours, name


def test_every_check_on_the_right_is_one():
    known = {notice.id for notice in NOTICES}
    named = {each for _, _, ours in rows() for each in OURS.findall(ours)}
    assert named <= known
    # That each is found is shown by planting it; this one guards what no setting can make.
    assert named & ELSEWHERE.keys() <= {"FST-SESSIONS-001", "FST-FILES-005"}
