"""The demo in Chromium, as people use it: with a mouse, with the keyboard alone, in two tabs, on a phone, at night."""

import re

import pytest
from casebook.seed import PEOPLE
from playwright.sync_api import expect

from fastness.testing.chromium import chromium

MAREN, IDRIS = PEOPLE[:2]
HOSTILE = "<script>alert(1)</script>"
WAIT_MILLISECONDS = 15_000


@pytest.fixture(scope="module")
def browser():
    with chromium() as context:
        context.set_default_timeout(WAIT_MILLISECONDS)
        yield context


@pytest.fixture
def page(browser, casebook):
    """A page of a browser that has never been here; whatever opens a dialog or throws fails the test."""
    browser.clear_cookies()
    page = browser.new_page()
    noticed = []
    page.on("dialog", lambda dialog: dismiss(dialog, noticed))
    page.on("pageerror", lambda error: noticed.append(str(error)))
    yield page
    assert noticed == []
    for one in browser.pages[1:]:
        one.close()


def dismiss(dialog, noted):
    noted.append(dialog.message)
    dialog.dismiss()


def sign_in(page, address, person=MAREN):
    page.goto(address + "/")
    page.get_by_label("Username").fill(person.username)
    page.get_by_label("Password").fill(person.password)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Cases")).to_be_visible()


def open_case(page, title="Deposit withheld"):
    page.get_by_role("link", name=re.compile(title)).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(title)


def test_a_note_is_text_and_after_the_sign_out_nothing_is_left(page, casebook):
    sign_in(page, casebook)
    open_case(page)
    page.get_by_label("New note").fill(HOSTILE)
    page.get_by_role("button", name="Add note").click()
    note = page.locator(".timeline li .text").first
    expect(note).to_have_text(HOSTILE)
    assert note.inner_html().strip() == "&lt;script&gt;alert(1)&lt;/script&gt;"
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(casebook + "/account/signed-out")
    for _ in range(3):
        page.go_back()
        expect(page.get_by_role("button", name="Sign in")).to_be_visible()
        text = page.locator("body").inner_text()
        assert not [word for word in ("Deposit", "Cases", MAREN.display_name, "Amélie", "alert(1)") if word in text]


def test_back_after_signing_out_elsewhere_shows_nothing_private(page, browser, casebook):
    """The person signs out in another tab; this one still shows the case, and loads nothing more."""
    sign_in(page, casebook)
    open_case(page)
    other = browser.new_page()
    other.goto(casebook + "/")
    other.get_by_role("button", name="Sign out").click()
    expect(other).to_have_url(casebook + "/account/signed-out")
    page.go_back()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    page.go_forward()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    assert "Amélie" not in page.locator("body").inner_text()


def test_what_hostile_mail_held_is_shown_as_text(page, casebook):
    sign_in(page, casebook)
    open_case(page, "Phishing mail")
    text = page.locator(".timeline").inner_text()
    assert HOSTILE in text
    assert '"><img src=x onerror=alert(1)>' in text
    assert page.locator(".timeline script, .timeline img").count() == 0


def test_a_case_is_closed_when_it_is_paid_and_opened_again(page, browser, casebook):
    """The page is from before the fee, which was added in another tab."""
    sign_in(page, casebook)
    open_case(page, "Neighbour's extension")
    page.get_by_role("button", name="Record payment").click()
    expect(page.get_by_role("button", name="Close case")).to_be_visible()
    other = browser.new_page()
    other.goto(page.url)
    other.get_by_text("Add a fee").click()
    other.get_by_label("What for").fill("Letter, recorded delivery")
    other.get_by_label("Amount").fill("8,95")
    other.get_by_role("button", name="Add fee").click()
    expect(other.get_by_text("€\xa08.95 due")).to_be_visible()
    expect(other.get_by_role("button", name="Close case")).to_have_count(0)
    page.get_by_role("button", name="Close case").click()
    expect(page.get_by_role("alert")).to_contain_text("Every fee has to be paid first.")
    expect(page.get_by_role("button", name="Close case")).to_have_count(0)
    page.get_by_role("button", name="Record payment").click()
    page.get_by_role("button", name="Close case").click()
    expect(page.locator(".eyebrow .chip")).to_have_text("Closed")
    page.get_by_role("button", name="Open this case again").click()
    expect(page.locator(".eyebrow .chip")).to_have_text("Open")


def test_somebody_elses_case_is_unknown(page, casebook):
    sign_in(page, casebook, IDRIS)
    open_case(page, "Benefit stopped")
    address = page.url
    page.get_by_role("button", name="Sign out").click()
    sign_in(page, casebook, MAREN)
    answer = page.goto(address)
    assert answer is not None
    assert answer.status == 404
    assert "Benefit" not in page.locator("body").inner_text()


def test_a_form_from_before_the_sign_in_loses_nothing(page, browser, casebook):
    """A note is half written when the session changes in another tab."""
    sign_in(page, casebook)
    open_case(page)
    text = 'Half a note, with "quotes" & <b>'
    page.get_by_label("New note").fill(text)
    other = browser.new_page()
    other.goto(casebook + "/")
    other.get_by_role("button", name="Sign out").click()
    sign_in(other, casebook)
    page.get_by_role("button", name="Add note").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("before you signed in")
    expect(page.locator("body")).to_contain_text(text)
    page.get_by_role("button", name="Send again").click()
    expect(page.locator(".timeline li .text").first).to_have_text(text)


def test_a_sign_in_form_from_before_the_sign_in_still_signs_in(page, browser, casebook):
    page.goto(casebook + "/")
    other = browser.new_page()
    sign_in(other, casebook, IDRIS)
    page.get_by_label("Username").fill(MAREN.username)
    page.get_by_label("Password").fill(MAREN.password)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("button", name="Send again")).to_be_visible()
    # What is kept is not shown to whoever stands behind.
    assert MAREN.password not in page.locator("body").inner_text()
    page.get_by_role("button", name="Send again").click()
    expect(page.get_by_text(MAREN.display_name)).to_be_visible()


def tab_to(page, name, *, limit=30):
    """Press Tab until the element of that accessible name has the focus, and see that the focus shows."""
    for _ in range(limit):
        page.keyboard.press("Tab")
        focused = page.locator(":focus")
        if focused.count() and (focused.evaluate(LABEL) or "").startswith(name):
            assert focused.evaluate(SHOWS_FOCUS), f"{name} shows no focus"
            return
    pytest.fail(f"{name} cannot be reached with the keyboard")


# A link that covers its row draws the outline round that.
SHOWS_FOCUS = """(element) => ["", "::before", "::after"].some((part) => {
  const style = getComputedStyle(element, part);
  return style.outlineStyle !== "none" || style.boxShadow !== "none";
})"""
LABEL = """(element) => element.labels?.[0]?.innerText ?? element.innerText ?? element.getAttribute("aria-label")"""


def test_the_keyboard_is_enough(page, casebook):
    page.goto(casebook + "/")
    tab_to(page, "Username")
    page.keyboard.type(MAREN.username)
    tab_to(page, "Password")
    page.keyboard.type(MAREN.password)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Cases")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_text("Skip to the content")
    page.keyboard.press("Enter")
    tab_to(page, "Deposit withheld")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Deposit withheld")
    tab_to(page, "New note")
    page.keyboard.type("Written without a mouse.")
    tab_to(page, "Add note")
    page.keyboard.press("Space")
    expect(page.locator(".timeline li .text").first).to_have_text("Written without a mouse.")
    tab_to(page, "Sign out")
    page.keyboard.press("Enter")
    expect(page).to_have_url(casebook + "/account/signed-out")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390, 320])
def test_every_page_fits_and_brings_its_style(page, casebook, tmp_path, width, scheme):
    """Nothing sticks out sideways, the policy stops nothing, and the pictures lie in the test's folder for whoever looks."""
    refused = []
    page.on("console", lambda message: refused.append(message.text) if message.type == "error" else None)
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)

    def look(name):
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
        page.screenshot(path=tmp_path / f"{name}-{width}-{scheme}.png", full_page=True)

    page.goto(casebook + "/")
    look("sign-in")
    page.get_by_label("Username").fill("nobody")
    page.get_by_label("Password").fill("of whom nobody has heard")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_be_visible()
    look("refused")
    refused.clear()  # Chromium counts the 422 among the errors.
    sign_in(page, casebook)
    look("cases")
    open_case(page, "Phishing mail")
    look("case")
    page.goto(casebook + "/")
    open_case(page, "Unpaid overtime")
    page.get_by_text("Add a fee").click()
    look("fees")
    page.goto(casebook + "/cases/new")
    look("new-case")
    page.goto(casebook + "/offices")
    look("offices")
    page.get_by_role("link", name="Harbour Street Advice Centre").click()
    look("office")
    for place in ("security", "devices", "password", "tokens/new"):
        page.goto(f"{casebook}/account/{place}")
        look(place.replace("/", "-"))
    page.get_by_label("Name").fill("Nightly export")
    page.get_by_role("button", name="Make the token").click()
    expect(page.get_by_role("heading", name="Your new token")).to_be_visible()
    look("token")
    assert refused == []
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    brightness = sum(map(int, re.findall(r"\d+", background)[:3])) / 3
    assert (brightness > 128) is (scheme == "light")
    page.goto(casebook + "/nowhere")
    look("not-found")


def test_at_night_a_telephone_can_read_the_picture_of_the_app(page, casebook):
    """The layout is the app's own and knows nothing of the picture: dark on dark, no camera reads it."""
    page.emulate_media(color_scheme="dark")
    sign_in(page, casebook)
    page.get_by_role("link", name=MAREN.display_name).click()
    page.get_by_role("link", name="Set up an app").click()
    picture = page.get_by_role("img", name="QR code")
    expect(picture.locator("rect")).to_have_css("fill", "rgb(255, 255, 255)")
    expect(picture.locator("path")).to_have_css("fill", "rgb(0, 0, 0)")
    around, behind = picture.bounding_box(), picture.locator("rect").bounding_box()
    assert behind["width"] >= around["width"] - 1
    page.get_by_role("link", name="Casebook").click()
    expect(page.get_by_role("heading", name="Cases")).to_be_visible()


def test_what_is_wrong_stands_apart_from_the_first_field(page, casebook):
    """Two hidden inputs lie between them, and none of them is seen."""
    sign_in(page, casebook)
    page.get_by_role("link", name="New case").click()
    page.get_by_role("button", name="Open case").click()
    summary = page.get_by_role("alert").bounding_box()
    label = page.locator("label", has_text="Title").bounding_box()
    assert label["y"] - (summary["y"] + summary["height"]) > 12


@pytest.mark.parametrize("width", [1280, 320])
def test_the_account_has_the_bar_of_the_app_and_leads_back(page, casebook, width):
    page.set_viewport_size({"width": width, "height": 900})
    sign_in(page, casebook)
    account = page.get_by_role("link", name=MAREN.display_name)
    initial, button = (
        account.locator(".avatar").bounding_box(),
        page.get_by_role("button", name="Sign out").bounding_box(),
    )
    offices = page.get_by_role("navigation", name="Casebook").get_by_role("link", name="Offices").bounding_box()
    assert offices["x"] + offices["width"] <= initial["x"]
    assert initial["x"] + initial["width"] <= button["x"]
    account.click()
    expect(page.get_by_role("heading", name="Security")).to_be_visible()
    places = page.get_by_role("navigation", name="Your account")
    places.get_by_role("link", name="Your devices").click()
    expect(places.get_by_role("link", name="Your devices")).to_have_attribute("aria-current", "true")
    page.get_by_role("navigation", name="Casebook").get_by_role("link", name="Cases").click()
    expect(page.get_by_role("heading", name="Cases")).to_be_visible()


def test_a_list_is_sorted_on_a_phone_too(page, casebook):
    page.set_viewport_size({"width": 390, "height": 900})
    sign_in(page, casebook)
    page.get_by_role("columnheader", name="Case").get_by_role("link").click()
    expect(page.locator("main .title").first).to_have_text("Deposit withheld after move-out")
    page.get_by_role("columnheader", name="Case").get_by_role("link").click()
    expect(page.locator("main .title").first).to_have_text("Unpaid overtime, night shift")
