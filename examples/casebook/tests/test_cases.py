"""What people can do with their cases, and what they cannot do with other people's."""

import dataclasses
import html
import re
import uuid

import pytest
from casebook.models import Case
from casebook.seed import STORIES, seed
from sqlalchemy import func, select

from fastness import Because

SHARED = next(story for story in STORIES if story.shared_with == "maren")
LOOKING = Because("a test looks at what is stored")


def case_path(browser, title):
    """Where the case with this title is, as the list of cases says."""
    return re.search(rf'href="(/cases/[^"]+)"><bdi>{re.escape(title)}', browser.page.text)[1]


async def test_everybody_sees_their_own_cases_only(maren, idris):
    assert "Deposit withheld after move-out" in maren.page.text
    assert "Benefit stopped without notice" not in maren.page.text
    assert "Benefit stopped without notice" in idris.page.text
    assert "Deposit withheld after move-out" not in idris.page.text


@pytest.mark.parametrize(
    ("shown", "expected", "hidden"),
    [
        pytest.param("open", "Deposit withheld", "Phishing mail", id="open"),
        pytest.param("waiting", "Phishing mail", "Deposit withheld", id="waiting"),
        pytest.param("closed", "Refund for a cancelled course", "Deposit withheld", id="closed"),
    ],
)
async def test_the_list_can_be_narrowed(maren, shown, expected, hidden):
    page = await maren.open(f"/?status={shown}")
    assert expected in page.text
    assert hidden not in page.text


@pytest.mark.parametrize(
    "query", ["status=' OR 1=1 --", "sort=owner_id", "office=1", "sort=title&sort=client", "size=999"]
)
async def test_a_list_is_asked_for_nothing_else(maren, query):
    page = await maren.open(f"/?{query}")
    assert page.status == 400
    assert "Deposit withheld" not in page.text


async def test_the_list_is_searched_and_sorted(maren):
    page = await maren.open("/?q=deposit")
    assert "Deposit withheld" in page.text
    assert "Phishing mail" not in page.text
    titles = re.findall(r'href="/cases/[^"]+"><bdi>([^<]+)', (await maren.open("/?sort=title")).text)
    assert titles == sorted(titles)
    assert len(titles) > 3


async def test_a_case_of_another_office_is_told_from_ones_own(maren, idris):
    assert re.findall(r"<bdi>([^<]+)</bdi></a><span[^>]*>Shared with you", maren.page.text) == [SHARED.title]
    assert "Shared with you" not in idris.page.text


async def test_somebody_elses_case_is_as_unknown_as_none(maren, idris):
    path = case_path(maren, "Deposit withheld")
    assert (await maren.open(path)).status == 200
    other = await idris.open(path)
    none = await idris.open(f"/cases/{uuid.uuid4()}")
    assert (other.status, none.status) == (404, 404)
    blank = re.compile(r'<code>[^<]+</code>|nonce="[^"]+"|[\w-]{22,}')
    assert blank.sub("", other.text) == blank.sub("", none.text)


async def test_nobody_writes_into_somebody_elses_case(maren, idris):
    path = case_path(maren, "Deposit withheld")
    await idris.open(case_path(idris, "Benefit stopped"))
    form = dataclasses.replace(idris.page.form("/notes"), action=path + "/notes")
    assert (await idris.submit(form, text="Written by the wrong hand")).status == 404
    assert "Written by the wrong hand" not in (await maren.open(path)).text


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("<script>alert(1)</script>", id="script"),
        pytest.param('"><img src=x onerror=alert(1)>', id="event handler"),
        pytest.param("</div></article><form action=//evil.example>", id="markup"),
    ],
)
async def test_a_note_is_text(maren, text):
    await maren.open(case_path(maren, "Deposit withheld"))
    page = await maren.submit("/notes", text=text)
    assert page.status == 200
    assert text not in page.text
    assert text in html.unescape(page.text)


async def test_a_note_keeps_its_lines(maren):
    await maren.open(case_path(maren, "Deposit withheld"))
    page = await maren.submit("/notes", text="  first\r\nsecond  ")
    assert ">first\nsecond<" in page.text


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("  \n ", id="blank"),
        pytest.param("x" * 5001, id="too long"),
    ],
)
async def test_a_note_that_is_none_is_refused_and_kept(maren, text):
    await maren.open(case_path(maren, "Deposit withheld"))
    page = await maren.submit("/notes", text=text)
    assert page.status == 422
    assert 'aria-invalid="true"' in page.text
    assert 'href="#text"' in page.text


async def test_a_closed_case_takes_no_note_until_it_is_open_again(maren):
    path = case_path(maren, "Deposit withheld")
    await maren.open(path)
    note = maren.page.form("/notes")
    assert 'class="chip closed"' in (await maren.submit("/steps", step="close")).text
    assert (await maren.submit(note, text="Too late")).status == 422
    await maren.open(path)
    await maren.submit("/steps", step="reopen")
    assert "In time" in (await maren.submit("/notes", text="In time")).text
    assert "Too late" not in maren.page.text


async def test_a_new_case_gets_the_next_number(maren, app):
    await maren.open("/cases/new")
    page = await maren.submit("/cases/new", title="Lost parcel", client="Ada Brandt")
    assert page.status == 200
    async with app.services.open_unit(is_read_only=True, unscoped=LOOKING) as unit:
        newest = (await unit.session.scalars(select(Case).where(Case.title == "Lost parcel"))).one()
        highest = await unit.session.scalar(select(func.max(Case.number)).where(Case.year == newest.year))
    assert newest.number == highest
    assert newest.reference in page.text


async def test_a_case_without_a_title_is_not_opened(maren):
    await maren.open("/cases/new")
    page = await maren.submit("/cases/new", title=" ", client="Ada Brandt")
    assert page.status == 422
    assert 'href="#title"' in page.text
    assert "Ada Brandt" in page.text


async def test_after_signing_out_nothing_is_shown(maren):
    path = case_path(maren, "Deposit withheld")
    await maren.submit("/sign-out")
    assert maren.page.url.endswith("/account/signed-out")
    await maren.open(path)
    assert "/account/sign-in" in maren.page.url
    assert "Deposit withheld" not in maren.page.text


async def test_every_page_comes_with_one_stylesheet_and_nothing_inline(maren):
    paths = ["/", "/cases/new", case_path(maren, "Phishing mail"), "/nothing/here", "/account/signed-out"]
    for path in paths:
        text = (await maren.open(path)).text
        assert text.count('rel="stylesheet"') == 1, path
        assert re.findall(r"<style|<script|\sstyle=|\son[a-z]+=\"", text) == [], path


async def test_seeding_again_changes_nothing(app, maren):
    await maren.open(case_path(maren, "Deposit withheld"))
    await maren.submit("/notes", text="Still here tomorrow")
    await seed(app)
    async with app.services.open_unit(is_read_only=True, unscoped=LOOKING) as unit:
        count = await unit.session.scalar(select(func.count(Case.id)))
    assert count == len(STORIES)
    assert "Still here tomorrow" in (await maren.open(maren.page.url)).text


@pytest.mark.parametrize(
    "path",
    ["security", "security/app", "devices", "tokens", "password", "data", "email", "confirm", "confirm?next=/offices"],
)
async def test_the_account_pages_wear_the_same_dress_and_lead_back(maren, path):
    page = await maren.open(f"/account/{path}")
    assert page.status in {200, 403}
    assert '<a class="brand" href="/">' in page.text
    assert '<a href="/offices"' in page.text
