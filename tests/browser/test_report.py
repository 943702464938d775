"""The page of a report in Chromium: nothing is blocked or asked for, no rule of axe is broken, and nothing is cut."""

import re

import pytest

from fastness.cli.notices import BY_TOOL
from fastness.reports.page import page_of
from fastness.testing.chromium import chromium
from tests.browser.accessibility import bring_axe, violations
from tests.reports.samples import ALL, HOSTILE, facts, hostile_run

CUT = """() => [...document.querySelectorAll("body *")]
  .filter((one) => !one.closest("svg, .skip, thead"))
  .filter((one) => one.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
  .map((one) => one.outerHTML.slice(0, 120))"""


@pytest.fixture(scope="module")
def browser():
    with chromium(reduced_motion="reduce") as context:
        bring_axe(context)
        yield context


@pytest.fixture
def page(browser):
    page = browser.new_page()
    yield page
    page.close()


@pytest.fixture(scope="module", params=["all", "nothing", "hostile"])
def report(request, tmp_path_factory):
    runs = {"all": ALL, "nothing": (), "hostile": tuple(hostile_run(tool) for tool in BY_TOOL)}[request.param]
    app = {"all": facts(), "nothing": None, "hostile": facts(HOSTILE[0], HOSTILE[1], HOSTILE[2] * 20)}[request.param]
    file = tmp_path_factory.mktemp("report") / "report.html"
    file.write_text(page_of(runs, BY_TOOL, app), encoding="utf-8")
    return file.as_uri()


def opened(page, report, width=1280):
    """Open it, and return what Chromium complained of and what it asked for."""
    told, asked = [], []
    page.on("console", lambda message: told.append(message.text))
    page.on("pageerror", lambda error: told.append(str(error)))
    page.on("dialog", lambda dialog: told.append(dialog.message))
    page.on("request", lambda request: asked.append(request.url))
    page.set_viewport_size({"width": width, "height": 844})
    page.goto(report)
    assert told == []
    assert asked == [report]


def test_it_is_styled_and_breaks_no_rule_by_day_and_by_night(page, report):
    opened(page, report)
    assert violations(page) == []
    grounds = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        grounds.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert grounds == ["rgb(245, 247, 246)", "rgb(13, 20, 18)"]


def test_nothing_is_cut_on_a_phone(page, report):
    opened(page, report, width=390)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert page.evaluate(CUT) == []
    assert violations(page) == []


def test_it_prints_on_paper(page, report):
    opened(page, report, width=718)  # what is left of A4 between the margins, at 96 dots an inch
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate(CUT) == []
    assert not page.locator("nav").is_visible()
    kept = page.evaluate(
        "[...document.querySelectorAll('tr, article')].map((one) => getComputedStyle(one).breakInside)"
    )
    assert set(kept) <= {"avoid"}
    paper = page.pdf(prefer_css_page_size=True, print_background=True)
    assert {
        tuple(map(round, map(float, box))) for box in re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", paper)
    } == {(595, 842)}


def test_the_policy_stops_what_an_escaping_that_failed_would_let_in(page, tmp_path):
    planted = "<script>document.title='run'</script><style>body{display:none}</style><img src='https://shop.example/x'>"
    file = tmp_path / "planted.html"
    file.write_text(page_of(ALL, BY_TOOL).replace("<main", f"{planted}<main"), encoding="utf-8")
    blocked = []
    page.on("console", lambda message: blocked.append(message.text))
    page.goto(file.as_uri())
    assert page.title() != "run"
    assert page.locator("main").is_visible()
    assert len([text for text in blocked if "Content Security Policy" in text]) == 3
