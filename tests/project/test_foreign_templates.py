"""Templates that were not written for Fastness: nearly all compile, and a refusal says what to write instead."""

import pytest

from scripts.foreign_templates import share, survey


@pytest.fixture(scope="module")
def outcomes():
    return survey()


def test_at_most_fifteen_in_a_hundred_are_refused(outcomes):
    assert {each.project.partition(" ")[0] for each in outcomes} == {
        "sqladmin",
        "starlette-admin",
        "flask-admin",
        "mkdocs",
    }
    assert sum(each.count for each in outcomes) >= 150
    assert share(outcomes) <= 0.15


def test_a_refusal_names_its_place_and_the_remedy(outcomes):
    refused = [error for each in outcomes for error in each.refused.values()]
    assert refused
    for error in refused:
        problem, _, remedy = error.problem.partition(". ")
        assert error.template
        assert error.line > 0
        assert problem
        assert remedy.endswith(".")
