"""JUnit: the shape that readers share, a case for everything that is looked for, and no text that breaks out."""

import re

import pytest
from defusedxml import ElementTree

from fastness.cli.notices import BY_TOOL
from fastness.reports.junit import junit_of
from tests.reports.samples import AUDIT, CHECK, EMPTY, HOSTILE, PROBE, hostile_run, huge_run

# The shape that the readers of Jenkins, GitLab and Azure share: attributes with what they look like, and what is inside.
NUMBER, ANY = r"[0-9]+", r"(?s).+"
SHAPE = {
    "testsuites": ({}, {"testsuite"}),
    "testsuite": (
        {
            "name": ANY,
            "timestamp": r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}",
            "time": NUMBER,
            "tests": NUMBER,
            "failures": NUMBER,
            "errors": NUMBER,
            "skipped": NUMBER,
        },
        {"testcase"},
    ),
    "testcase": ({"classname": ANY, "name": ANY, "time": NUMBER}, {"failure", "error", "system-out"}),
    "failure": ({"type": ANY, "message": ANY}, set()),
    "error": ({"type": ANY, "message": ANY}, set()),
    "system-out": ({}, set()),
}


def suite_of(run):
    (suite,) = ElementTree.fromstring(junit_of(run, BY_TOOL[run.report.tool]).encode())
    return suite


def strangers(element):
    """What is not as the table says, below an element too."""
    attributes, inside = SHAPE[element.tag]
    if element.attrib.keys() != attributes.keys():
        yield element.tag, dict(element.attrib)
    yield from ((name, value) for name, value in element.attrib.items() if not re.fullmatch(attributes[name], value))
    names = [child.tag for child in element]
    if not set(names) <= inside or (element.tag == "testcase" and len(names) != len(set(names))):
        yield element.tag, names
    for child in element:
        yield from strangers(child)


@pytest.mark.parametrize(
    "run",
    [
        pytest.param(EMPTY, id="empty"),
        pytest.param(CHECK, id="check"),
        pytest.param(AUDIT, id="audit"),
        pytest.param(PROBE, id="probe"),
        pytest.param(hostile_run(), id="hostile"),
        pytest.param(huge_run(), id="huge"),
    ],
)
def test_the_shape_and_the_counts(run):
    suite = suite_of(run)
    assert list(strangers(suite)) == []
    assert int(suite.get("tests")) == len(suite)
    assert int(suite.get("failures")) == len(suite.findall("testcase/failure"))
    assert int(suite.get("errors")) == len(suite.findall("testcase/error"))
    is_passed = suite.get("failures") == suite.get("errors") == "0"
    assert is_passed is run.report.is_passed


def test_there_is_a_case_for_everything_that_is_looked_for():
    names = {case.get("name").partition(" ")[0] for case in suite_of(EMPTY)}
    assert names == {notice.id for notice in BY_TOOL["check"]}


def test_what_is_grave_fails_and_what_is_not_is_in_the_output():
    cases = {case.get("name").partition(" ")[0]: case for case in suite_of(CHECK)}
    assert "FASTNESS_SECRET_KEY" in cases["FST-SETTINGS-001"].find("failure").get("message")
    assert cases["FST-CSP-002"].find("failure") is None
    assert "shop/app.py:12" in cases["FST-CSP-002"].find("system-out").text
    assert "accepted: nobody has an address here" in cases["FST-MAIL-001"].find("system-out").text


def test_what_was_not_checked_is_an_error():
    (error,) = suite_of(AUDIT).findall("testcase/error")
    assert (error.get("message"), error.text) == ("Bandit", "It cannot be started.")


def test_no_text_breaks_out_or_is_lost():
    suite = suite_of(hostile_run())
    (failure,) = suite.findall("testcase[failure]/failure")
    for text in HOSTILE[:4]:
        assert text in failure.text
    assert "\\u001b" in failure.text
    assert "\\u202e" in failure.text
    assert [error.get("message") for error in suite.findall("testcase/error")][:4] == list(HOSTILE[:4])
