"""Offices and their people, shared cases, and the same cases as JSON."""

import dataclasses
import re

import pytest
from casebook.models import Case, Note
from sqlalchemy import select, update

from fastness.authz.errors import UnscopedError


def case_path(browser, title):
    """Where the case with this title is, as the list of cases says."""
    return re.search(rf'href="(/cases/[^"]+)"><bdi>{re.escape(title)}', browser.page.text)[1]


async def office_path(browser):
    """Where the first office of whoever is signed in is."""
    return re.search(r'href="(/offices/[^"]+)"', (await browser.open("/offices")).text)[1]


async def test_who_reads_only_finds_nothing_to_press(tariq):
    page = await tariq.open(case_path(tariq, "Deposit withheld"))
    assert page.status == 200
    assert re.findall(r'<form[^>]+action="([^"]+)"', page.text) == ["/account/sign-out"]


@pytest.mark.parametrize(
    ("form", "values"),
    [
        pytest.param("/notes", {"text": "Written by a reader"}, id="note"),
        pytest.param("/steps", {"step": "close"}, id="step"),
        pytest.param("/fees", {"purpose": "A stamp", "amount": "1"}, id="fee"),
        pytest.param("/shares", {"username": "idris"}, id="share"),
    ],
)
async def test_who_reads_only_cannot_send_what_an_editor_sends(jonna, tariq, form, values):
    path = case_path(jonna, "Deposit withheld")
    await jonna.open(path)
    sent = jonna.page.form(form)
    token = dict((await tariq.open(path)).form("/account/sign-out").fields)["csrf_token"]
    fields = tuple((name, token if name == "csrf_token" else value) for name, value in sent.fields)
    page = await tariq.submit(dataclasses.replace(sent, fields=fields), **values)
    assert page.status in {403, 404}
    assert "Written by a reader" not in (await jonna.open(path)).text
    assert 'class="chip open"' in jonna.page.text
    assert "Idris" not in jonna.page.text
    assert "A stamp" not in jonna.page.text
    assert (await jonna.submit(form, **values)).status == 200


async def test_a_shared_case_is_seen_by_the_colleague_and_no_longer_after_the_end(maren, idris):
    path = case_path(maren, "Deposit withheld")
    assert (await idris.open(path)).status == 404
    await maren.open(path)
    await maren.submit("/shares", username="idris")
    page = await idris.open(path)
    assert page.status == 200
    assert "/notes" not in page.text
    assert "Deposit withheld" in (await idris.open("/")).text
    await maren.open(path)
    await maren.submit("/end")
    assert (await idris.open(path)).status == 404


async def test_who_may_write_in_a_shared_case_writes_notes_and_changes_nothing_else(maren, idris):
    await maren.open(case_path(maren, "Deposit withheld"))
    await maren.submit("/shares", username="idris", may_write="y")
    await idris.open("/")
    await idris.open(case_path(idris, "Deposit withheld"))
    assert "From next door" in (await idris.submit("/notes", text="From next door")).text
    assert "/steps" not in idris.page.text
    assert "/fees" not in idris.page.text
    assert "/shares" not in idris.page.text


@pytest.mark.parametrize(
    ("username", "problem"),
    [
        pytest.param("nobody-of-this-name", "Nobody here signs in", id="unknown"),
        pytest.param("", "Enter the name", id="empty"),
    ],
)
async def test_a_case_is_shared_with_somebody_who_exists(maren, username, problem):
    await maren.open(case_path(maren, "Deposit withheld"))
    page = await maren.submit("/shares", username=username)
    assert page.status == 422
    assert problem in page.text


async def test_only_owners_say_who_works_in_an_office(maren, jonna, idris):
    path = await office_path(maren)
    assert "Take somebody in" not in (await jonna.open(path)).text
    assert (await idris.open(path)).status == 404
    await maren.open(path)
    page = await maren.submit("/members", username="idris", duty="reader")
    assert "Idris Okafor" in page.text
    assert (await idris.open(path)).status == 200
    assert "Deposit withheld" in (await idris.open("/")).text


async def test_a_duty_holds_with_the_next_request(maren, jonna):
    await jonna.open(case_path(jonna, "Deposit withheld"))
    note = jonna.page.form("/notes")
    page = await maren.open(await office_path(maren))
    hers = re.search(r"Jonna Lindqvist.*?action=\"(/members/[^/\"]+)\"", page.text, re.DOTALL)[1]
    form = page.form(hers)
    await maren.submit(form, duty="reader")
    assert (await jonna.submit(note, text="One more")).status == 403


async def test_an_owner_cannot_leave_the_office_without_one(maren):
    page = await maren.open(await office_path(maren))
    assert sorted(re.findall(r"Duty of ([^<]+)<", page.text)) == ["Jonna Lindqvist", "Tariq Aziz-Berg"]


async def test_a_case_is_opened_in_an_office_of_ones_own(idris, maren):
    office = (await office_path(maren)).rsplit("/", 1)[1]
    await idris.open("/cases/new")
    form = idris.page.form("/cases/new")
    fields = tuple((name, office if name == "office_id" else value) for name, value in form.fields)
    page = await idris.submit(dataclasses.replace(form, fields=fields), title="Planted", client="Nobody")
    assert page.status == 422
    assert "Planted" not in (await maren.open("/")).text


async def test_who_reads_only_opens_no_case(tariq):
    assert "/cases/new" not in tariq.page.text
    await tariq.open("/cases/new")
    assert (await tariq.submit("/cases/new", title="Planted", client="Nobody")).status == 422


# The same as JSON.


async def test_the_api_shows_what_the_pages_show(maren, idris):
    listed = (await maren.fetch("/api/cases")).json()
    assert "Deposit withheld after move-out" in {case["title"] for case in listed}
    assert "Benefit stopped without notice" not in {case["title"] for case in listed}
    case = next(case for case in listed if case["title"].startswith("Deposit"))
    assert len((await maren.fetch(f"/api/cases/{case['id']}")).json()["notes"]) == 3
    assert (await idris.fetch(f"/api/cases/{case['id']}")).status == 404


async def test_the_api_writes_notes_for_those_who_may(maren, tariq):
    listed = (await maren.fetch("/api/cases")).json()
    case = next(case for case in listed if case["title"].startswith("Deposit"))
    path = f"/api/cases/{case['id']}/notes"
    written = await maren.fetch(path, "POST", json={"text": "By program"})
    assert written.status == 201
    assert (await tariq.fetch(path, "POST", json={"text": "By a reader"})).status == 404
    assert (await maren.fetch(path, "POST", json={"text": "", "author_id": "me"})).status == 422
    assert "By program" in (await maren.open(f"/cases/{case['id']}")).text


async def test_a_stranger_gets_401_before_anything_is_read(app, maren):
    await maren.submit("/sign-out")
    assert (await maren.fetch("/api/cases")).status == 401
    malformed = await maren.fetch(
        "/api/cases/nonsense/notes", "POST", content=b"{", headers={"content-type": "application/json"}
    )
    assert malformed.status == 401


# What a forgotten scope does.


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param(select(Case), id="cases"),
        pytest.param(select(Case.title), id="a column"),
        pytest.param(select(Note).join(Case), id="notes through cases"),
        pytest.param(update(Case).values(status="closed"), id="all at once"),
    ],
)
async def test_a_forgotten_scope_raises(app, statement):
    async with app.services.open_unit(is_read_only=False) as unit:
        with pytest.raises(UnscopedError):
            await unit.session.execute(statement)
