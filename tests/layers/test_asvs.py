"""The map of ASVS: every row is there once, and the page, the data and the patches say what the tests say now."""

import re

import pytest

from fastness.checks.asvs import LEVELS, Who, load_requirements
from scripts.asvs import made
from scripts.patches import SOURCE, patches
from scripts.proofs import collect, order, proofs_in

REQUIREMENTS = {one.id: one for one in load_requirements()}
BY_LEVEL = {1: 70, 2: 183, 3: 92}
PATCHES = tuple(patches())


def test_a_file_is_as_the_tests_make_it():
    old = [path.name for path, text in made().items() if path.read_text(encoding="utf-8") != text]
    assert old == [], "run `python -m scripts.asvs`"


def test_every_requirement_is_there_once():
    assert list(REQUIREMENTS) == sorted(REQUIREMENTS, key=order)
    assert len(load_requirements()) == len(REQUIREMENTS) == 345
    assert {level: sum(one.level == level for one in REQUIREMENTS.values()) for level in LEVELS} == BY_LEVEL


def test_a_requirement_is_told_in_short():
    assert [one.id for one in REQUIREMENTS.values() if not re.fullmatch(r"V\d+\.\d+\.\d+", one.id)] == []
    assert [one.id for one in REQUIREMENTS.values() if not 0 < len(one.words.split()) <= 15] == []
    assert [one.id for one in REQUIREMENTS.values() if not one.how.endswith(".")] == []
    assert [one.id for one in REQUIREMENTS.values() if "|" in one.words + one.how] == []


def test_no_test_names_a_requirement_that_is_not_there():
    assert set(collect()) <= set(REQUIREMENTS)


@pytest.mark.parametrize("patch", PATCHES, ids=lambda patch: patch.requirement)
def test_a_patch_still_has_its_place(patch):
    requirement = REQUIREMENTS[patch.requirement]
    assert requirement.who is Who.DEFAULT
    assert patch.chosen_of(requirement.tests), "no test is left that would notice"
    text = (SOURCE / patch.file).read_text(encoding="utf-8")
    assert patch.applied_to(text) != text


def test_each_row_has_one_patch():
    assert len({patch.requirement for patch in PATCHES}) == len(PATCHES)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param("def test_v6_2_1_short(): ...", [("V6.2.1", "test_v6_2_1_short")], id="by-name"),
        pytest.param(
            "async def test_v2_1_1_v10_2_30_two(): ...",
            [("V2.1.1", "test_v2_1_1_v10_2_30_two"), ("V10.2.30", "test_v2_1_1_v10_2_30_two")],
            id="two-in-a-name",
        ),
        pytest.param('@pytest.mark.asvs("V1.1.1")\ndef test_x(): ...', [("V1.1.1", "test_x")], id="by-mark"),
        pytest.param(
            'class TestX:\n  @pytest.mark.asvs("V1.1.1")\n  def test_x(self): ...\n  def test_y(self): ...',
            [("V1.1.1", "TestX::test_x")],
            id="in-a-class",
        ),
        pytest.param(
            '@pytest.mark.asvs("V1.1.1")\nclass TestX:\n  def test_x(self): ...\n  def helper(self): ...',
            [("V1.1.1", "TestX::test_x")],
            id="of-a-class",
        ),
        pytest.param('@pytest.mark.asvs("V1.1.1")\ndef make(): ...', [], id="no-test"),
        pytest.param("def test_asvs_is_there(): ...", [], id="no-id"),
        pytest.param("def test_v6_2_short(): ...", [], id="half-an-id"),
    ],
)
def test_a_proof_is_found(source, expected):
    assert list(proofs_in(source)) == expected
