"""The page: one file that nothing can be added to, with everything that the runs and the app say."""

import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from fastness import reports
from fastness.cli.notices import BY_TOOL
from fastness.kernel.findings import Topic
from fastness.reports.charts import chart_of
from fastness.reports.coverage import shares_of
from fastness.reports.page import page_of
from tests.reports.samples import ALL, AUDIT, CHECK, HOSTILE, facts, finding, hostile_run, huge_run, run_of

TEMPLATES = Path(reports.__file__).parent / "templates"
ELEMENTS = (
    "html head meta title style body a header nav main section article footer figure figcaption svg path desc rect circle text "
    "h1 h2 h3 p ul li span strong br div time table thead tbody tr th td dl dt dd code"
)


class Reader(HTMLParser):
    """Elements and attributes of a page, and its text."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.attributes, self.ids, self.text = [], [], [], ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        self.ids += [value for name, value in attrs if name == "id"]

    def handle_data(self, data):
        self.text += data


def read(runs, app=None):
    return Reader(page_of(runs, BY_TOOL, app))


def test_the_policy_allows_the_one_style_by_its_hash():
    page = page_of(ALL, BY_TOOL)
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in page, f"write this into report.html: sha256-{digest}"
    assert page.index("Content-Security-Policy") < page.index("<style>")


@pytest.mark.parametrize(
    ("runs", "app"),
    [
        pytest.param((), None, id="nothing"),
        pytest.param(ALL, None, id="without-an-app"),
        pytest.param(ALL, facts(), id="all"),
        pytest.param(
            tuple(hostile_run(tool) for tool in BY_TOOL), facts(HOSTILE[0], HOSTILE[1], HOSTILE[2]), id="hostile"
        ),
    ],
)
def test_there_are_no_elements_and_attributes_but_ours(runs, app):
    page = read(runs, app)
    assert set(page.tags) <= set(ELEMENTS.split())
    assert not [found for found in page.attributes if found[1].startswith("on") or found[1] in {"style", "src"}]
    links = {value for _, name, value in page.attributes if name == "href"}
    assert {link[0] for link in links} == {"#"}
    assert {link[1:] for link in links} <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))
    labelled = " ".join(value for _, name, value in page.attributes if name == "aria-labelledby").split()
    assert set(labelled) <= set(page.ids)


def test_what_others_wrote_is_text_and_is_seen():
    page = page_of([hostile_run()], BY_TOOL, facts(HOSTILE[5], HOSTILE[1], HOSTILE[2]))
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u2028\ud800-\udfff]", page)
    text = Reader(page).text
    for hostile in (*HOSTILE[:4], HOSTILE[6], HOSTILE[9], "\\u001b", "user\\u202egnp.exe", "\\ud800"):
        assert hostile in text


def test_everything_is_on_the_page():
    text = " ".join(read(ALL, facts()).text.split())
    for expected in (
        "FASTNESS_SECRET_KEY", "Somebody could get in.", "Close the door.", "FST-CSP-002", "A05:2025", "V3.4.3",
        "nobody has an address here", "insecure_cross_site", "reports come from anywhere",
        "It cannot be started.", "jinja2", "BSD-3-Clause", "2 packages, 1 with an open finding, 1 pinned with a hash",
        "by object signed in, role keepers", "denied anonymous", "Case: close", "Every fee has to be paid first.",
        "https://shop.example.com", "2026-11-20 09:30 UTC", "V17 WebRTC", "Level 3",
    ):  # fmt: skip
        assert expected in text, expected


def test_what_did_not_run_says_so():
    text = " ".join(read([]).text.split())
    for expected in ("nothing here was checked", "Not run", "Nobody looked.", "Check did not run", "Audit did not run"):
        assert expected in text
    assert "Nothing found." not in text
    assert "Nothing found." in read([run_of("probe")]).text


def test_an_open_finding_about_a_package_is_at_the_package():
    page = page_of([AUDIT], BY_TOOL)
    row = page[page.index('<th scope="row">jinja2</th>') :].partition("</tr>")[0]
    assert "Something is wrong" in row
    other = page[page.index('<th scope="row">rich</th>') :].partition("</tr>")[0]
    assert "no finding" in other


def test_thousands_of_findings():
    page = page_of([huge_run()], BY_TOOL)
    assert page.count('<article class="finding low">') == 3000


def test_the_requirements_are_counted_once():
    shares = shares_of(CHECK.report.findings)
    assert sum(one.total for one in shares.levels) == sum(one.total for one in shares.chapters) == 345
    assert [one.requirement.id for one in shares.loosened] == ["V3.4.3"]
    assert sum(one.loosened for one in shares.levels) == 1


def test_a_chart_is_as_long_as_its_parts():
    chart = chart_of("x", "X", [("a", "as", 1), ("b", "bs", 0), ("c", "cs", 2)])
    assert [(part.kind, part.start, part.length) for part in chart.parts] == [("a", 0, 33.333), ("c", 33.333, 66.667)]
    assert chart.description == "1 as, 2 cs"
    assert chart_of("x", "X", [("a", "as", 1)], whole=4).parts[0].length == 25
    assert chart_of("x", "X", []).description == "nothing"


def test_a_package_is_not_blamed_for_a_name_that_begins_like_its_own():
    run = run_of(
        "audit", finding(id="FST-DEPS-001", topic=Topic.COMPONENTS, where="requirements.txt: jinja2 2.10"),
        packages=AUDIT.packages[1:],
    )  # fmt: skip
    assert "1 packages, 0 with an open finding" in read([run]).text
