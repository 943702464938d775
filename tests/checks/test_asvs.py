"""The requirements of ASVS for one app: each in one place, up to the level asked for."""

import pytest

from fastness.checks.asvs import Requirement, Who, cover, load_requirements, requirements_from
from fastness.checks.csp import CSP_INLINE


def row(name="V1.2.3", *, level=1, who=Who.DEFAULT, tests=("tests/test_x.py::test_x",), is_patched=True):
    return Requirement(
        id=name,
        level=level,
        who=who,
        area="other",
        words="Nothing bad",
        how="Well.",
        tests=tests,
        is_patched=is_patched,
    )


@pytest.mark.parametrize(
    ("requirement", "place"),
    [
        pytest.param(row(), "proved", id="test-and-patch"),
        pytest.param(row(is_patched=False), "unproved", id="no-patch"),
        pytest.param(row(tests=()), "unproved", id="no-test"),
        pytest.param(row(who=Who.SUPPORT), "left", id="support"),
        pytest.param(row(who=Who.APP, tests=(), is_patched=False), "left", id="app"),
        pytest.param(row(who=Who.OPERATIONS, tests=(), is_patched=False), "left", id="operations"),
        pytest.param(row("V3.4.3"), "loosened", id="a-finding-names-it"),
        pytest.param(row("V3.4.3", who=Who.APP), "loosened", id="a-finding-names-what-is-the-apps"),
        pytest.param(row("V3.4.30"), "proved", id="a-finding-names-another"),
        pytest.param(row("V3.4.3", level=3), None, id="above-the-level"),
    ],
)
def test_each_requirement_is_in_one_place(requirement, place):
    finding = CSP_INLINE.found()
    assert finding.asvs == ("V3.4.3",)
    coverage = cover([requirement], [finding], level=2)
    places = {name: getattr(coverage, name) for name in ("proved", "unproved", "loosened", "left")}
    assert [name for name, rows in places.items() if rows] == ([place] if place else [])
    assert coverage.total == (1 if place else 0)
    assert [one.findings for one in coverage.loosened] == ([(finding,)] if place == "loosened" else [])


def test_a_row_is_read_with_its_tests():
    data: dict[str, str | int] = {"id": "V1.2.3", "level": 2, "who": "ops", "area": "tls", "words": "a", "how": "b"}
    (requirement,) = requirements_from([data], tests={"V1.2.3": ["x"], "V1.2.4": ["y"]}, patched=["V1.2.3"])
    assert (requirement.who, requirement.tests, requirement.is_patched) == (Who.OPERATIONS, ("x",), True)
    assert requirement.chapter == "V1"
    assert not requirement.is_proved


def test_the_package_holds_all_of_them():
    assert len(load_requirements()) == 345
    assert any(one.is_proved for one in load_requirements())
