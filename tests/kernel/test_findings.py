import pytest

from fastness.kernel.errors import ConfigError
from fastness.kernel.findings import Finding, Notice, Severity, Topic


def finding(**fields):
    whole = {
        "id": "FST-WEB-012",
        "severity": Severity.HIGH,
        "title": "No hosts",
        "detail": "Why",
        "fix": "Set FASTNESS_HOSTS",
        "topic": Topic.MISCONFIGURATION,
    }
    return Finding(**whole | fields)


@pytest.mark.parametrize(
    ("severity", "rank", "is_error"),
    [
        pytest.param(Severity.INFO, 0, False, id="info"),
        pytest.param(Severity.LOW, 1, False, id="low"),
        pytest.param(Severity.MEDIUM, 2, False, id="medium"),
        pytest.param(Severity.HIGH, 3, True, id="high"),
        pytest.param(Severity.CRITICAL, 4, True, id="critical"),
    ],
)
def test_severities(severity, rank, is_error):
    assert severity.rank == rank
    assert severity.is_error is is_error
    assert finding(severity=severity).is_error is is_error


@pytest.mark.parametrize("name", ["FST-WEB-012", "FST-A1-000", "FST-SIXTEENLETTERSXY-999"])
def test_ids(name):
    assert finding(id=name).id == name


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("", id="empty"),
        pytest.param("FST-WEB-12", id="two digits"),
        pytest.param("FST-WEB-0123", id="four digits"),
        pytest.param("FST-web-012", id="small letters"),
        pytest.param("FST-1B-012", id="digit first"),
        pytest.param("FST-W-012", id="one letter"),
        pytest.param("FST-SEVENTEENLETTERSXY-012", id="long part"),
        pytest.param("FST--012", id="no part"),
        pytest.param("FST-WEB-012\n", id="newline"),
        pytest.param("xFST-WEB-012", id="something before"),
        pytest.param("FST-WEB-٠١٢", id="digits of another script"),
    ],
)
def test_ids_of_another_shape(name):
    with pytest.raises(ConfigError):
        finding(id=name)


@pytest.mark.parametrize("name", ["title", "detail", "fix"])
@pytest.mark.parametrize("text", ["", "  \n"])
def test_texts_are_there(name, text):
    with pytest.raises(ConfigError):
        finding(**{name: text})


def test_a_title_is_one_line_and_a_detail_may_have_more():
    assert finding(detail="one\ntwo", fix="one\ntwo").detail == "one\ntwo"
    with pytest.raises(ConfigError):
        finding(title="one\ntwo")


@pytest.mark.parametrize("requirements", [(), ("V3.5.1",), ("V3.5.1", "V13.10.22")])
def test_requirements(requirements):
    assert finding(asvs=requirements).asvs == requirements


@pytest.mark.parametrize("requirement", ["", "3.5.1", "V3.5", "V3.5.1\n", "v3.5.1", "V3.5.1.1", "xV3.5.1"])
def test_requirements_of_another_shape(requirement):
    with pytest.raises(ConfigError):
        finding(asvs=("V3.5.1", requirement))


def test_it_does_not_change():
    with pytest.raises(AttributeError):
        finding().severity = Severity.INFO
    assert finding().where is None
    assert finding(where="app.py:3").where == "app.py:3"


def test_every_topic_has_a_category_in_both_editions():
    assert {topic.owasp_2021 for topic in Topic} == {f"A{number:02}:2021" for number in range(1, 11)}
    assert {topic.owasp_2025 for topic in Topic} == {f"A{number:02}:2025" for number in range(1, 11)}
    assert (Topic.SSRF.owasp_2021, Topic.SSRF.owasp_2025) == ("A10:2021", "A01:2025")


def test_a_notice_makes_findings_that_differ_in_place_and_detail_only():
    notice = Notice(
        id="FST-WEB-012",
        severity=Severity.LOW,
        title="No hosts",
        why="Why",
        fix="Fix",
        topic=Topic.DESIGN,
        asvs=("V3.5.1",),
    )
    found = notice.found(where="app.py:3", detail="Here")
    assert (found.id, found.severity, found.topic, found.asvs) == (
        notice.id,
        notice.severity,
        notice.topic,
        notice.asvs,
    )
    assert (found.where, found.detail) == ("app.py:3", "Here")
    assert notice.found().detail == "Why"
