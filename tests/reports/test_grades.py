"""Grades: the worst that is open, and never an A for what nobody looked at."""

import pytest

from fastness.cli.notices import BY_TOOL
from fastness.kernel.because import Because
from fastness.kernel.findings import Severity, Topic
from fastness.kernel.report import Unchecked
from fastness.reports.grades import EDITIONS, Grade, categories_of, grade_of
from tests.reports.samples import finding, run_of

COMPLETE = tuple(run_of(tool) for tool in BY_TOOL)


def graded(runs, edition="2025"):
    return {one.id.partition(":")[0]: one for one in categories_of(runs, BY_TOOL, edition)}


@pytest.mark.parametrize(
    ("worst", "has_run", "is_complete", "grade"),
    [
        (None, True, True, Grade.A),
        (None, True, False, Grade.INCOMPLETE),
        (None, False, False, Grade.NOT_CHECKED),
        (Severity.INFO, True, True, Grade.A),
        (Severity.INFO, True, False, Grade.INCOMPLETE),
        (Severity.LOW, True, True, Grade.B),
        (Severity.LOW, True, False, Grade.B),
        (Severity.MEDIUM, True, True, Grade.C),
        (Severity.HIGH, True, True, Grade.D),
        (Severity.CRITICAL, True, True, Grade.F),
        (Severity.CRITICAL, False, False, Grade.F),
    ],
)
def test_the_rule(worst, has_run, is_complete, grade):
    assert grade_of(worst, has_run=has_run, is_complete=is_complete) is grade


@pytest.mark.parametrize("edition", EDITIONS)
def test_everything_looked_at_and_nothing_found_is_an_a_wherever_a_tool_looks(edition):
    grades = {one.grade for one in graded(COMPLETE, edition).values()}
    assert grades <= {Grade.A, Grade.NOT_CHECKED}
    assert Grade.A in grades


@pytest.mark.parametrize("edition", EDITIONS)
def test_nothing_run_is_nothing_checked(edition):
    assert {one.grade for one in graded((), edition).values()} == {Grade.NOT_CHECKED}


@pytest.mark.parametrize("left_out", BY_TOOL)
def test_without_one_of_the_tools_no_category_of_it_is_an_a(left_out):
    for one in graded([run for run in COMPLETE if run.report.tool != left_out]).values():
        assert (one.grade is Grade.A) is (not one.missing and graded(COMPLETE)[one.id[:3]].grade is Grade.A)
        if left_out in one.missing:
            assert one.grade in {Grade.INCOMPLETE, Grade.NOT_CHECKED}


def test_what_was_left_out_counts_where_it_could_have_been_found():
    runs = [
        run_of("check"),
        run_of("audit", unchecked=[Unchecked(what="a", why="b", topic=Topic.COMPONENTS)]),
        run_of("probe"),
    ]
    assert graded(runs)["A03"].grade is Grade.INCOMPLETE
    assert graded(runs)["A03"].missing == ("audit",)
    assert graded(runs)["A05"].grade is Grade.A
    anywhere = [run_of("check"), run_of("audit", unchecked=[Unchecked(what="a", why="b")]), run_of("probe")]
    assert graded(anywhere)["A05"].grade is Grade.INCOMPLETE


def test_the_worst_counts_and_the_accepted_does_not():
    run = run_of(
        "check",
        finding(Severity.LOW),
        finding(Severity.MEDIUM),
        accepted=[(finding(Severity.CRITICAL), Because("we looked at it"))],
    )
    one = graded([run])["A05"]
    assert (one.grade, one.accepted) == (Grade.C, 1)
    assert one.open == {
        Severity.CRITICAL: 0, Severity.HIGH: 0, Severity.MEDIUM: 1, Severity.LOW: 1, Severity.INFO: 0
    }  # fmt: skip


@pytest.mark.parametrize("topic", Topic)
def test_every_topic_is_in_one_category_of_each_edition(topic):
    run = run_of("check", finding(topic=topic))
    for edition in EDITIONS:
        assert [one.id for one in graded([run], edition).values() if sum(one.open.values())] == [
            getattr(topic, f"owasp_{edition}")
        ]
