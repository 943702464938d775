"""Hostile values, among them every suffix of every dangerous token, in every place and construct: the page keeps its tree.

The same templates under plain Jinja2 autoescape stand beside, to show that the oracle finds what there is to find.
"""

import pytest

from fastness.html.errors import TemplateRefusedError, ValueRefusedError
from fastness.kernel.errors import FastnessError
from tests.html import oracle

ROWS = [
    pytest.param(place, construct, id=f"{place} - {construct}")
    for place in oracle.PLACES
    for construct in oracle.CONSTRUCTS
]


LEXBOR, HTML5LIB = oracle.Judge(oracle.lexbor_tree), oracle.Judge(oracle.html5lib_tree)


def first_problem(environment, judge, values):
    """The first value that changes the page, or None; a value that raises is refused, which changes nothing."""
    template = environment.get_template("main")
    marked = oracle.fill(template, oracle.MARKER)
    for value in values:
        problem = judge.problem(marked, oracle.fill(template, value))
        if problem:
            return value, problem
    return None


@pytest.mark.parametrize(("place", "construct"), ROWS)
def test_a_value_stays_in_its_frame(place, construct):
    environment = oracle.contextual(oracle.folder(place, construct))
    try:
        environment.get_template("main")
        oracle.render(environment, oracle.MARKER)
    except (TemplateRefusedError, ValueRefusedError):
        assert construct in oracle.MAY_BE_REFUSED.get(place, ()), "refused, and the table does not say that it may be"
        return
    assert first_problem(environment, LEXBOR, oracle.SUFFIXES) is None
    values = oracle.SUFFIXES if construct == "plain" else oracle.WHOLE[::3]
    assert first_problem(environment, HTML5LIB, values) is None


def test_there_are_at_least_four_hundred_templates_and_few_may_be_refused():
    refused = sum(len(constructs) for constructs in oracle.MAY_BE_REFUSED.values())
    assert len(ROWS) - refused >= 400


def test_plain_autoescape_is_unsafe_in_many_of_them():
    unsafe = 0
    for row in ROWS:
        place, construct = row.values
        environment = oracle.plain(oracle.folder(place, construct))
        try:
            unsafe += first_problem(environment, LEXBOR, oracle.WHOLE) is not None
        except (FastnessError, TypeError):
            continue
    assert unsafe > len(ROWS) // 4
