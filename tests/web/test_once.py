"""A request that names itself by a key is carried out once."""

import asyncio
import uuid
from uuid import UUID

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Mapped, mapped_column
from starlette.background import BackgroundTask

from fastness import JSONResponse, Model, Response, Routes, access, redirect
from fastness.auditlog.rules import AuditRules
from fastness.auth.answers import KeptAnswer
from fastness.db.engine import Database
from fastness.db.migrations import look
from fastness.db.unit import Unit
from fastness.sessions.identity import Identity
from fastness.web.route import RouteError
from fastness.web.routing import seal_route
from tests.prepared import prepared_url
from tests.ready_made import migrate

KEY = "8e03978e-40d5-43e8-bc93-6894a57f9324"
WHO = {"ada": UUID(int=1), "bob": UUID(int=2)}


class Payment(Model):
    __tablename__ = "test_payments"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    cents: Mapped[int]


def make_routes():
    routes = Routes()
    calls = []

    @routes.post("/sign-in/{name}", access=access.public)
    async def sign_in(request):
        name = request.path_params["name"]
        identity = Identity(id=WHO[name], username=name, display_name=name, authenticated_at=request.site.clock.epoch())
        request.site.sessions.sign_in(request.session, identity)
        return JSONResponse(request.csrf_token())

    async def work(request):
        values = await request.json()
        calls.append(values)
        request.db.add(Payment(cents=values["cents"]))
        await request.db.flush()
        if values.get("fails"):
            return JSONResponse({"error": "declined"}, status=402)
        response = JSONResponse({"paid": values["cents"], "number": len(calls)}, status=201)
        response.headers["x-other"] = "not kept"
        return response

    for path in ("/payments", "/refunds"):
        routes.post(path, access=access.signed_in, idempotency_key=True, name=path[1:])(work)

    @routes.post("/open", access=access.public, idempotency_key=True)
    async def open_to_all(request):
        return JSONResponse("done")

    @routes.post("/moved", access=access.signed_in, idempotency_key=True)
    async def moved(request):
        return redirect(request, "payments")

    @routes.post("/later", access=access.signed_in, idempotency_key=True)
    async def later(request):
        async def after():
            # By now the payment can be seen from outside.
            async with Unit(request.site.service(Database), is_read_only=True) as unit:
                calls.append([*(await unit.session.scalars(select(Payment.cents))).all()])

        request.db.add(Payment(cents=7))
        response = Response("paid", headers={"content-disposition": 'attachment; filename="a.txt"'})
        response.background = BackgroundTask(after)
        return response

    @routes.post("/large", access=access.signed_in, idempotency_key=True)
    async def large(request):
        return Response(b"x" * 70_000)

    return routes, calls


def make_tables(url):
    migrate(url)
    look(url, Payment.__table__.create)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request):
    return prepared_url(request, make_tables)


@pytest.fixture
async def till(make_shop, browse, database_url, tmp_path):
    """A shop with tables, and a person who is signed in."""
    routes, calls = make_routes()
    audit = AuditRules(url=f"sqlite:///{tmp_path}/audit.sqlite3")
    shop = await make_shop(routes, settings={"database_url": database_url, "audit": audit})
    database = shop.app.services.database
    browser = browse(shop)
    await browser.fetch("/sign-in/ada", "POST")

    class Till:
        def __init__(self):
            self.calls = calls
            self.shop = shop
            self.people = lambda: browse(shop)
            self.browser = browser

        async def pay(self, cents=100, *, key=KEY, path="/payments", browser=None, **more):
            headers = {} if key is None else {"idempotency-key": key}
            return await (browser or self.browser).fetch(path, "POST", json={"cents": cents, **more}, headers=headers)

        async def paid(self):
            async with Unit(database, is_read_only=True) as unit:
                return (await unit.session.scalars(select(Payment.cents))).all()

        async def kept(self):
            async with Unit(database, is_read_only=True) as unit:
                return await unit.session.scalar(select(func.count(KeptAnswer.id)))

    return Till()


async def test_the_second_request_gets_the_first_answer_and_does_nothing(till):
    first, second = await till.pay(), await till.pay()
    assert (first.status, second.status) == (201, 201)
    assert first.json() == second.json() == {"paid": 100, "number": 1}
    assert await till.paid() == [100]
    assert "idempotent-replayed" not in first.headers
    assert second.headers["idempotent-replayed"] == "true"
    assert second.headers["content-type"] == first.headers["content-type"]
    assert "x-other" in first.headers
    assert "x-other" not in second.headers
    assert "no-store" in second.headers["cache-control"]


async def test_what_comes_after_the_answer_comes_after_the_commit_and_once(till):
    first, second = [await till.pay(path="/later") for _ in range(2)]
    assert (first.text, second.text, await till.paid()) == ("paid", "paid", [7])
    assert till.calls == [[7]]
    assert second.headers["content-disposition"] == first.headers["content-disposition"]


async def test_a_new_key_is_a_new_request(till):
    assert (await till.pay()).json()["number"] == 1
    assert (await till.pay(key="another-key-0123456789")).json()["number"] == 2
    assert await till.paid() == [100, 100]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"cents": 200}, id="other body"),
        pytest.param({"path": "/refunds"}, id="other address"),
        pytest.param({"path": "/payments?twice=1"}, id="other query"),
    ],
)
async def test_a_key_stands_for_one_request(till, change):
    await till.pay()
    refused = await till.pay(**change)
    assert (refused.status, refused.json()["code"]) == (422, "idempotency_key_reused")
    assert await till.paid() == [100]


@pytest.mark.parametrize(
    "key",
    [
        pytest.param(None, id="none"),
        pytest.param("", id="empty"),
        pytest.param("short", id="short"),
        pytest.param("x" * 129, id="long"),
        pytest.param("with spaces in it, which no key has", id="spaces"),
        pytest.param('"unfinished-0123456789', id="half quoted"),
    ],
)
async def test_a_request_without_a_key_is_refused(till, key):
    refused = await till.pay(key=key)
    assert (refused.status, refused.json()["code"]) == (400, "idempotency_key")
    assert await till.paid() == []


async def test_a_key_is_the_same_with_and_without_quotation_marks(till):
    await till.pay(key=KEY)
    assert (await till.pay(key=f'"{KEY}"')).headers["idempotent-replayed"] == "true"


async def test_keys_of_two_people_have_nothing_to_do_with_each_other(till):
    await till.pay()
    bob = till.people()
    await bob.fetch("/sign-in/bob", "POST")
    assert (await till.pay(browser=bob)).json()["number"] == 2
    assert await till.paid() == [100, 100]


async def test_nobody_has_no_keys(till):
    stranger = till.people()
    refused = await stranger.fetch("/open", "POST", json={}, headers={"idempotency-key": KEY})
    assert refused.status == 401
    assert await till.kept() == 0


async def test_what_failed_is_undone_and_can_be_tried_again(till):
    assert (await till.pay(fails=True)).status == 402
    assert await till.paid() == []
    assert await till.kept() == 0
    assert (await till.pay(fails=True)).status == 402
    assert len(till.calls) == 2


async def test_of_two_at_once_one_does_the_work(till):
    answers = await asyncio.gather(*(till.pay() for _ in range(4)))
    assert {answer.status for answer in answers} <= {201, 409}
    assert 201 in {answer.status for answer in answers}
    assert await till.paid() == [100]
    assert (await till.pay()).json() == {"paid": 100, "number": till.calls.index({"cents": 100}) + 1}


async def test_after_a_day_it_is_forgotten(till):
    await till.pay()
    till.shop.clock.advance(24 * 3600 + 1)
    await till.browser.fetch("/sign-in/ada", "POST")
    assert (await till.pay(cents=300)).json() == {"paid": 300, "number": 2}
    till.shop.clock.advance(24 * 3600 + 1)
    assert await till.shop.app.services.forget_answers() == 1
    assert await till.kept() == 0


async def test_answers_are_sealed_and_have_no_cookie(till):
    await till.pay()
    async with Unit(till.shop.app.services.database, is_read_only=True) as unit:
        sealed = await unit.session.scalar(select(KeptAnswer.sealed))
    assert "paid" not in sealed
    assert KEY not in sealed


async def test_a_redirect_is_kept_with_its_address(till):
    headers = {"idempotency-key": KEY}
    first = await till.browser.fetch("/moved", "POST", json={}, headers=headers)
    second = await till.browser.fetch("/moved", "POST", json={}, headers=headers)
    assert first.status == second.status == 303
    assert first.headers["location"] == second.headers["location"] == "/payments"


async def test_an_answer_that_is_too_large_is_an_error_of_the_app(till):
    answer = await till.browser.fetch("/large", "POST", json={}, headers={"idempotency-key": KEY})
    assert answer.status == 500
    assert await till.kept() == 0


@pytest.mark.parametrize(
    "declare",
    [
        pytest.param(lambda routes: routes.websocket("/s", access=access.public, idempotency_key=True), id="socket"),
        pytest.param(
            lambda routes: routes.post("/s", access=access.public, read_session=False, idempotency_key=True),
            id="nobody is read",
        ),
    ],
)
def test_it_is_for_requests_of_people(declare):
    routes = Routes()

    async def handler(request):
        return JSONResponse("never")

    declare(routes)(handler)
    with pytest.raises(RouteError, match="idempotency_key"):
        seal_route(next(routes.declared()))
