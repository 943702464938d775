"""htmx 2, Turbo 8 and Alpine's CSP build in a real browser under the default policy.

What a library writes into the page comes from a server whose HTML somebody got something into. With `trusted_html="server"` the
HTML arrives and everything in it that could run stays dead; without, it does not arrive at all. In a site that gave its policy up
the same HTML runs: it is no dud.
"""

import pytest

from tests.browser.library_site import failures, library_site, refused, wait_until, watching_browser

TRUSTED_TYPES = "require-trusted-types-for"
TURBO_STYLE = "'sha256-WAyOw4V+FqDc35lQPyRADLBWbuNK8ahvYEaQIYF1+Ps='"
REASON = "shows what the hostile HTML does where no policy stands in its way"
GIVEN_UP = {
    "FASTNESS_CSP_SCRIPT_SRC": "'self','unsafe-inline'",
    "FASTNESS_CSP_INSECURE_INLINE": REASON,
    "FASTNESS_CSP_INSECURE_NO_TRUSTED_TYPES": REASON,
}

# Turbo brings a style element for its progress bar, which the default policy refuses: see docs/guides/live-pages.md.
LIBRARIES = [
    pytest.param("/htmx", "#load", set(), id="htmx"),
    pytest.param("/turbo", "#visit", {"style-src-elem"}, id="turbo-visit"),
    pytest.param("/turbo", "#load", {"style-src-elem"}, id="turbo-frame"),
    pytest.param("/alpine", "#load", set(), id="alpine"),
]


@pytest.fixture(scope="module")
def trusting(tmp_path_factory):
    with library_site(tmp_path_factory.mktemp("trusting"), FASTNESS_CSP_TRUSTED_HTML="server") as address:
        yield address


@pytest.fixture(scope="module")
def default(tmp_path_factory):
    with library_site(tmp_path_factory.mktemp("default")) as address:
        yield address


@pytest.fixture(scope="module")
def given_up(tmp_path_factory):
    with library_site(tmp_path_factory.mktemp("given-up"), **GIVEN_UP) as address:
        yield address


@pytest.fixture(scope="module")
def styled(tmp_path_factory):
    styles = f"'self','nonce',{TURBO_STYLE}"
    folder = tmp_path_factory.mktemp("styled")
    with library_site(folder, FASTNESS_CSP_TRUSTED_HTML="server", FASTNESS_CSP_STYLE_SRC=styles) as address:
        yield address


@pytest.fixture(scope="module")
def browser():
    with watching_browser() as context:
        yield context


@pytest.fixture
def page(browser):
    page = browser.new_page()
    yield page
    page.close()


@pytest.mark.parametrize(("path", "button", "at_rest"), LIBRARIES)
def test_html_of_the_server_is_swapped_in_and_nothing_in_it_runs(trusting, page, path, button, at_rest):
    page.goto(trusting + path)
    page.evaluate("window.isSameDocument = true")
    assert refused(page) == at_rest
    page.click(button)
    page.wait_for_selector("p.swapped")
    # The image has failed, so its handler had its chance, and the elements behind it theirs. Asked of the image itself: it may
    # have failed before it was put into the page, where nobody hears of it.
    wait_until(page, "[...document.images].some((image) => image.complete && image.naturalWidth === 0)")
    page.click("a.bait")
    page.wait_for_timeout(300)
    assert page.evaluate("window.isSameDocument")
    assert page.evaluate("window.pwned === undefined")
    assert "script-src-attr" in refused(page)
    assert failures(page) == []


@pytest.mark.parametrize(("path", "button", "at_rest"), LIBRARIES)
def test_without_the_setting_trusted_types_refuse_the_swap(default, page, path, button, at_rest):
    page.goto(default + path)
    assert refused(page) == at_rest
    page.click(button)
    wait_until(page, f"window.refused.includes('{TRUSTED_TYPES}')")
    page.wait_for_timeout(300)
    assert page.locator("p.swapped").count() == 0
    assert page.evaluate("window.pwned === undefined")


@pytest.mark.parametrize(("path", "button", "at_rest"), LIBRARIES)
def test_the_same_html_runs_where_the_policy_was_given_up(given_up, page, path, button, at_rest):
    page.goto(given_up + path)
    page.click(button)
    wait_until(page, "window.pwned !== undefined")


@pytest.mark.parametrize("path", ["/htmx", "/htmx/form"])
def test_htmx_sends_the_token_and_swaps_the_answer_in_as_text(trusting, page, path):
    page.goto(trusting + path)
    page.fill("#text", "<img src=x onerror='window.pwned=1'>")
    page.click("#send")
    page.wait_for_selector("#target p.swapped")
    assert page.inner_text("p.swapped") == "<img src=x onerror='window.pwned=1'>"
    assert refused(page) == set()
    assert failures(page) == []


def test_without_the_token_nothing_is_sent_in(trusting, page):
    page.goto(trusting + "/htmx")
    page.fill("#text", "anything")
    page.evaluate("document.querySelector('meta[name=csrf-token]').content = ''")
    with page.expect_response("**/echo") as answer:
        page.click("#send")
    assert answer.value.status == 403
    assert page.locator("p.swapped").count() == 0


def test_turbo_visits_the_next_page_without_leaving_the_document(trusting, page):
    page.goto(trusting + "/turbo")
    page.evaluate("window.isSameDocument = true")
    page.click("#visit")
    page.wait_for_url("**/turbo/page")
    page.wait_for_selector("p.swapped")
    assert page.title() == "after"
    assert page.evaluate("window.isSameDocument")
    page.go_back()
    page.wait_for_selector("#visit")
    assert page.title() == "before"
    assert page.evaluate("window.isSameDocument")


def test_turbo_replaces_a_frame_and_nothing_beside_it(trusting, page):
    page.goto(trusting + "/turbo")
    page.click("#load")
    page.wait_for_selector("#frame p.swapped")
    assert page.url == trusting + "/turbo"
    assert page.locator("#visit").count() == 1
    assert page.locator("#load").count() == 0


def test_turbo_styles_its_progress_bar_where_the_hash_of_the_style_is_allowed(styled, page):
    page.goto(styled + "/turbo")
    page.click("#load")
    page.wait_for_selector("#frame p.swapped")
    assert "style-src-elem" not in refused(page)


def test_alpine_reacts_to_a_click(default, page):
    page.goto(default + "/alpine")
    page.wait_for_selector("#opened", state="hidden")
    page.click("#increase")
    page.wait_for_selector("#opened", state="visible")
    page.click("#increase")
    page.wait_for_selector("#opened.many")
    assert page.inner_text("output") == "2"
    assert refused(page) == set()
    assert failures(page) == []
