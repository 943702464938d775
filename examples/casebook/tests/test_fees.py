"""Steps of a case and payments of fees: in their order, once, and by those who may."""

import asyncio
import dataclasses
import re
import uuid

import pytest
from casebook.models import Case, Fee, Stage, Status
from sqlalchemy import select

from fastness import Because
from fastness.testing.browser import Browser
from fastness.testing.visiting import with_session

LOOKING = Because("a test looks at what is stored")
FREE, DUE, CLOSED = "Deposit withheld", "Unpaid overtime", "Refund for a cancelled course"


async def open_case(browser, title):
    """Open the case with this title from the list of cases."""
    page = await browser.open("/")
    return await browser.open(re.search(rf'href="(/cases/[^"]+)"><bdi>{re.escape(title)}', page.text)[1])


def steps_on(page):
    """The steps that a page offers."""
    return set(re.findall(r'name="step" value="([^"]+)"', page.text))


@pytest.fixture
def look(app):
    """Read the objects of a model whose column begins with a text, whoever may see them."""

    async def read(column, text):
        async with app.services.open_unit(is_read_only=True, unscoped=LOOKING) as unit:
            return (await unit.session.scalars(select(column.class_).where(column.startswith(text)))).all()

    return read


@pytest.fixture
def status_of(look):
    async def status(title):
        (case,) = await look(Case.title, title)
        return case.status

    return status


@pytest.mark.parametrize(
    ("title", "username", "steps"),
    [
        pytest.param(FREE, "maren", {"wait", "close"}, id="open"),
        pytest.param(DUE, "maren", {"wait"}, id="open with a fee due"),
        pytest.param("Phishing mail", "jonna", {"resume", "close"}, id="waiting"),
        pytest.param(CLOSED, "maren", {"reopen"}, id="closed, an owner"),
        pytest.param(CLOSED, "jonna", set(), id="closed, an editor"),
        pytest.param(FREE, "tariq", set(), id="open, a reader"),
        pytest.param("Tenancy: heating off", "maren", set(), id="of another office"),
    ],
)
async def test_the_page_offers_what_can_be_done(app, title, username, steps):
    async with Browser(app, origin="http://localhost") as browser:
        await with_session(app, username)(browser)
        assert steps_on(await open_case(browser, title)) == steps


async def test_a_case_is_closed_when_its_fees_are_paid(maren, status_of):
    stale = (await open_case(maren, FREE)).form("/steps")
    assert "Every fee has to be paid first." not in maren.page.text
    page = await maren.submit("/fees", purpose="Letter, recorded delivery", amount="8,95")
    assert "€\xa08.95 due" in page.text
    assert steps_on(page) == {"wait"}
    refused = await maren.submit(stale, step="close")
    assert refused.status == 409
    assert 'role="alert"' in refused.text
    assert "Every fee has to be paid first." in refused.text
    assert await status_of(FREE) is Status.OPEN
    paid = await maren.submit("/payment")
    assert "€\xa08.95 paid" in paid.text
    assert "recorded by <bdi>Maren Holt" in paid.text
    closed = await maren.submit("/steps", step="close")
    assert 'class="chip closed">Closed' in closed.text
    assert steps_on(closed) == {"reopen"}
    assert "/fees" not in closed.text
    await maren.submit("/steps", step="reopen")
    assert await status_of(FREE) is Status.OPEN


@pytest.mark.parametrize(
    ("step", "status"),
    [
        pytest.param("burnt", 422, id="no such step"),
        pytest.param("", 422, id="none"),
        pytest.param("resume", 409, id="not from here"),
        pytest.param("reopen", 409, id="nothing to open"),
        pytest.param("wait", 200, id="the one that is next"),
    ],
)
async def test_steps_come_in_their_order(maren, status_of, step, status):
    await open_case(maren, FREE)
    page = await maren.submit("/steps", step=step)
    assert page.status == status
    assert FREE in page.text
    assert await status_of(FREE) is (Status.WAITING if status == 200 else Status.OPEN)


async def test_only_an_owner_of_the_office_opens_a_case_again(maren, jonna, status_of):
    stale = (await open_case(jonna, FREE)).form("/steps")
    assert (await jonna.submit("/steps", step="close")).status == 200
    assert "An owner of the office can open it again." in jonna.page.text
    assert (await jonna.submit(stale, step="reopen")).status == 403
    assert await status_of(FREE) is Status.CLOSED
    await open_case(maren, FREE)
    assert (await maren.submit("/steps", step="reopen")).status == 200
    assert await status_of(FREE) is Status.OPEN


async def test_of_two_people_at_once_one_closes_the_case(maren, jonna, status_of):
    await open_case(maren, FREE)
    await open_case(jonna, FREE)
    pages = await asyncio.gather(*(browser.submit("/steps", step="close") for browser in (maren, jonna)))
    assert sorted(page.status for page in pages) == [200, 409]
    late = next(page for page in pages if page.status == 409)
    assert "This has changed in the meantime." in late.text
    assert 'class="chip closed">Closed' in late.text
    assert await status_of(FREE) is Status.CLOSED


async def test_of_two_people_at_once_one_records_the_payment(maren, jonna, look):
    await open_case(maren, DUE)
    await open_case(jonna, DUE)
    pages = await asyncio.gather(*(browser.submit("/payment") for browser in (maren, jonna)))
    assert sorted(page.status for page in pages) == [200, 409]
    (fee,) = await look(Fee.purpose, "Certified copies")
    assert fee.stage is Stage.PAID
    winner = ("Maren Holt", "Jonna Lindqvist")[[page.status for page in pages].index(200)]
    for page in pages:
        assert f"recorded by <bdi>{winner}" in page.text.split("Certified copies")[1]


async def test_a_fee_is_not_added_to_a_case_that_was_closed_meanwhile(maren, jonna, look):
    await open_case(maren, FREE)
    await open_case(jonna, FREE)
    await jonna.submit("/steps", step="close")
    assert (await maren.submit("/fees", purpose="Too late", amount="5")).status == 422
    assert await look(Fee.purpose, "Too late") == []


@pytest.mark.parametrize(
    ("purpose", "amount", "problem"),
    [
        pytest.param("", "12.50", "Say what it is for.", id="nothing"),
        pytest.param("x" * 201, "12.50", "t most 200 characters", id="long"),
        pytest.param("A stamp", "", "Enter an amount like 12.50.", id="no amount"),
        pytest.param("A stamp", "12.505", "Enter an amount like 12.50.", id="part of a cent"),
        pytest.param("A stamp", "-1", "Enter an amount like 12.50.", id="less than nothing"),
        pytest.param("A stamp", "20000", "A fee is between", id="too much"),
    ],
)
async def test_a_fee_that_is_none_is_refused_and_kept(maren, look, purpose, amount, problem):
    await open_case(maren, FREE)
    page = await maren.submit("/fees", purpose=purpose, amount=amount)
    assert page.status == 422
    assert problem in page.text
    assert dict(page.form("/fees").fields)["amount"] == amount
    assert '<details class="more" open>' in page.text
    assert await look(Fee.purpose, "A stamp") == []


async def test_a_fee_is_text(maren):
    await open_case(maren, FREE)
    page = await maren.submit("/fees", purpose='"><script>alert(1)</script>', amount="1")
    assert page.status == 200
    assert "<script>alert" not in page.text


async def test_a_case_elsewhere_takes_no_fee_and_no_step(maren, idris):
    """Idris reads and writes notes where a case is shared; the office of the case charges for it and goes on with it."""
    shared = await open_case(maren, "Tenancy: heating off")
    assert "Four thermometers" in shared.text
    page = await open_case(idris, "Tenancy: heating off")
    steps, fees = page.form("/steps"), page.form("/fees")
    token = dict(shared.form("/account/sign-out").fields)["csrf_token"]
    for form, values, status in ((steps, {"step": "close"}, 403), (fees, {"purpose": "Planted", "amount": "5"}, 404)):
        fields = tuple((name, token if name == "csrf_token" else value) for name, value in form.fields)
        page = await maren.submit(dataclasses.replace(form, fields=fields), **values)
        assert page.status == status
    assert "Planted" not in (await open_case(idris, "Tenancy: heating off")).text


# The same by a program.


async def due_fee(browser):
    """The fee that is due, as the API tells it."""
    listed = (await browser.fetch("/api/cases")).json()
    case = next(case for case in listed if case["title"].startswith(DUE))
    fees = (await browser.fetch(f"/api/cases/{case['id']}")).json()["fees"]
    return next(fee for fee in fees if fee["stage"] == "due")


async def pay(browser, fee, key):
    """Send a payment under a key, as a script of the page does."""
    token = dict(browser.page.form("/account/sign-out").fields)["csrf_token"]
    headers = {"idempotency-key": key, "x-csrf-token": token}
    return await browser.fetch(f"/api/fees/{fee['id']}/payment", "POST", headers=headers)


async def test_a_payment_that_is_sent_again_is_made_once(maren, look):
    fee, key = await due_fee(maren), uuid.uuid4().hex
    first, again = await pay(maren, fee, key), await pay(maren, fee, key)
    assert (first.status, first.json()["stage"], first.json()["cents"]) == (200, "paid", 3050)
    assert (again.status, again.json()) == (200, first.json())
    assert again.headers["idempotent-replayed"] == "true"
    (stored,) = await look(Fee.purpose, "Certified copies")
    assert stored.paid_at.isoformat().partition("+")[0] == first.json()["paid_at"].rstrip("Z")


async def test_a_second_payment_is_refused(maren, jonna):
    fee = await due_fee(maren)
    assert (await pay(maren, fee, uuid.uuid4().hex)).status == 200
    late = await pay(jonna, fee, uuid.uuid4().hex)
    assert (late.status, late.json()["code"]) == (409, "transition_refused")


async def test_two_requests_of_one_key_at_once_pay_once(maren, look):
    fee, key = await due_fee(maren), uuid.uuid4().hex
    answers = await asyncio.gather(*(pay(maren, fee, key) for _ in range(3)))
    done = [answer for answer in answers if answer.status == 200]
    assert done
    assert {answer.status for answer in answers} <= {200, 409}
    assert len({answer.text for answer in done}) == 1
    (stored,) = await look(Fee.purpose, "Certified copies")
    assert stored.stage is Stage.PAID


@pytest.mark.parametrize(
    ("username", "status"),
    [
        pytest.param("jonna", 200, id="editor"),
        pytest.param("tariq", 404, id="reader"),
        pytest.param("idris", 404, id="another office"),
    ],
)
async def test_who_pays_by_program(app, maren, look, username, status):
    fee = await due_fee(maren)
    async with Browser(app, origin="http://localhost") as browser:
        await with_session(app, username)(browser)
        await browser.open("/")
        assert (await pay(browser, fee, uuid.uuid4().hex)).status == status
    (stored,) = await look(Fee.purpose, "Certified copies")
    assert stored.stage is (Stage.PAID if status == 200 else Stage.DUE)


async def test_a_payment_without_a_key_is_refused(maren, look):
    refused = await pay(maren, await due_fee(maren), "short")
    assert (refused.status, refused.json()["code"]) == (400, "idempotency_key")
    (stored,) = await look(Fee.purpose, "Certified copies")
    assert stored.stage is Stage.DUE
