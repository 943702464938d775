"""The session stage: adopted never, read once, saved before the response, gone for good after sign-out."""

from uuid import UUID

import pytest

from fastness import Because, HTMLResponse, JSONResponse, Routes, access
from fastness.auth.users import get_user
from fastness.kernel.errors import FastnessError
from fastness.sessions.identity import Identity
from fastness.stores.store import StoreUnavailableError
from fastness.testing.visiting import with_session

ADA = UUID(int=7)


@pytest.fixture
def routes():
    routes = Routes(access=access.public)

    @routes.get("/")
    async def home(request):
        return JSONResponse("hello")

    @routes.get("/who")
    async def who(request):
        user = request.user_or_none
        return JSONResponse(user and user.username)

    @routes.get("/private", access=access.signed_in)
    async def private(request):
        return JSONResponse(request.session.get("cart"))

    @routes.post("/cart/{item}")
    async def cart(request):
        item = request.path_params["item"]
        request.session.set(item, 1)
        return JSONResponse(sorted(request.session.keys()))

    @routes.post("/fail")
    async def fail(request):
        request.session.set("half", "done")
        raise RuntimeError

    @routes.get("/same-for-all", read_session=False)
    async def same_for_all(request):
        return JSONResponse(request.user_or_none)

    @routes.get("/not-quite-the-same", read_session=False)
    async def not_quite_the_same(request):
        request.session.set("seen", True)
        return JSONResponse("seen")

    @routes.post("/sign-in", insecure_skip_csrf=Because("a test signs somebody in"))
    async def sign_in(request):
        identity = Identity(
            id=ADA,
            username="ada",
            display_name="Ada",
            is_staff=False,
            roles=frozenset(),
            permissions=frozenset(),
            authenticated_at=request.site.clock.epoch(),
            epoch=0,
        )
        request.site.sessions.sign_in(request.session, identity)
        return JSONResponse("in")

    @routes.post("/sign-out")
    async def sign_out(request):
        request.site.sessions.sign_out(request.session)
        return HTMLResponse("out")

    return routes


COOKIE = "__Host-session"


async def test_nobody_gets_a_cookie_until_something_is_stored(make_shop, browse, routes):
    shop = await make_shop(routes)
    async with browse(shop) as browser:
        for path in ("/", "/who"):
            assert "set-cookie" not in (await browser.fetch(path)).headers
        page = await browser.fetch("/cart/apple", "POST", json={})
    line = page.headers["set-cookie"]
    assert line.startswith(f"{COOKIE}=")
    assert {part.strip().lower() for part in line.split(";")[1:]} >= {"secure", "httponly", "samesite=lax", "path=/"}
    assert "domain" not in line.lower()
    assert page.headers["cache-control"] == "no-store"


@pytest.mark.asvs("V7.2.1", "V7.2.4")
@pytest.mark.parametrize(
    "value",
    [
        pytest.param("A" * 43, id="well-formed-and-unknown"),
        pytest.param("short", id="malformed"),
        pytest.param("A" * 5000, id="long"),
        pytest.param("%00" * 14 + "A", id="escapes"),
    ],
)
async def test_an_id_that_came_from_elsewhere_is_never_adopted(make_shop, browse, routes, value):
    shop = await make_shop(routes)
    async with browse(shop) as browser:
        page = await browser.fetch("/cart/apple", "POST", headers={"cookie": f"{COOKIE}={value}"})
        assert page.status == 200
        assert browser.cookies[COOKIE].value != value
        assert (await browser.fetch("/who", headers={"cookie": f"{COOKIE}={value}"})).json() is None


@pytest.mark.asvs("V7.2.4")
async def test_the_id_changes_with_the_sign_in_and_the_old_one_dies(make_shop, browse, routes):
    shop = await make_shop(routes)
    async with browse(shop) as browser:
        await browser.fetch("/cart/apple", "POST", json={})
        planted = browser.cookies[COOKIE].value
        await browser.fetch("/sign-in", "POST", json={})
        assert browser.cookies[COOKIE].value != planted
        assert (await browser.fetch("/who")).json() == "ada"
        assert (await browser.fetch("/who", headers={"cookie": f"{COOKIE}={planted}"})).json() is None


async def test_a_route_that_does_not_read_the_session_cannot_replace_it(make_shop, browse, routes):
    shop = await make_shop(routes)
    async with browse(shop) as browser:
        await browser.fetch("/sign-in", "POST", json={})
        assert (await browser.fetch("/same-for-all")).json() is None
        assert (await browser.fetch("/not-quite-the-same")).status == 500
        assert (await browser.fetch("/who")).json() == "ada"


@pytest.mark.asvs("V7.4.1")
async def test_a_cookie_is_worth_nothing_after_sign_out(make_shop, browse, routes):
    shop = await make_shop(routes)
    async with browse(shop) as browser:
        await browser.fetch("/sign-in", "POST", json={})
        stolen = browser.cookies[COOKIE].value
        assert (await browser.fetch("/private")).status == 200
        await browser.fetch("/sign-out", "POST", json={})
        assert COOKIE not in browser.cookies
        page = await browser.fetch("/private", headers={"cookie": f"{COOKIE}={stolen}"})
    assert page.status == 401
    assert "session_use_after_expire" in shop.names()
    event = next(event for event in shop.events.events if event.name == "session_use_after_expire")
    assert event.route == "private"
    assert event.client_ip == "127.0.0.1"


@pytest.mark.asvs("V7.3.1", "V7.3.2")
async def test_sessions_end_when_idle_and_in_any_case(make_shop, browse, routes, clock):
    shop = await make_shop(routes)
    async with browse(shop) as browser:
        await browser.fetch("/sign-in", "POST", json={})
        clock.advance(29 * 60)
        assert (await browser.fetch("/private")).status == 200
        clock.advance(29 * 60)
        assert (await browser.fetch("/private")).status == 200
        clock.advance(31 * 60)
        assert (await browser.fetch("/private")).status == 401
        await browser.fetch("/sign-in", "POST", json={})
        for _ in range(12 * 3):
            clock.advance(20 * 60)
            last = await browser.fetch("/private")
    assert last.status == 401


async def test_two_requests_at_once_lose_nothing(make_shop, browse, routes):
    shop = await make_shop(routes)
    async with browse(shop) as browser:
        await browser.fetch("/cart/apple", "POST", json={})
        import asyncio

        await asyncio.gather(*(browser.fetch(f"/cart/item{n}", "POST", json={}) for n in range(10)))
        page = await browser.fetch("/cart/last", "POST", json={})
    assert page.json() == sorted(["apple", "last", *(f"item{n}" for n in range(10))])


async def test_a_failed_request_stores_nothing(make_shop, browse, routes):
    shop = await make_shop(routes)
    async with browse(shop) as browser:
        await browser.fetch("/cart/apple", "POST", json={})
        assert (await browser.fetch("/fail", "POST", json={})).status == 500
        assert "half" not in (await browser.fetch("/cart/pear", "POST", json={})).json()


async def test_a_revoked_owner_is_gone_with_the_next_request(make_shop, browse, routes, migrated):
    shop = await make_shop(routes)
    async with browse(shop) as browser:
        await browser.fetch("/sign-in", "POST", json={})
        # The epoch moves when anything about the user changes; there is no such user in the database, so nobody is left.
        await shop.app.services.store.bump_epoch(str(ADA))
        assert (await browser.fetch("/private")).status == 401
        assert (await browser.fetch("/who")).json() is None


async def test_a_form_from_before_a_gain_of_privilege_is_no_forgery(make_shop, browse, routes, migrated):
    @routes.get("/token", access=access.signed_in)
    async def token(request):
        return JSONResponse(request.csrf_token())

    @routes.post("/take", access=access.signed_in, csrf="always")
    async def take(request):
        return JSONResponse(request.user.is_staff)

    shop = await make_shop(routes)
    services = shop.app.services
    async with services.open_unit(is_read_only=False) as unit:
        ada = await services.accounts.create_user(unit.session, username="ada", password="correct horse battery")
    async with browse(shop) as browser, browse(shop) as other:
        tokens = []
        for one in (browser, other):
            await with_session(shop.app, "ada", has_second_factor=True)(one)
            tokens.append((await one.fetch("/token")).json())
        async with services.open_unit(is_read_only=False) as unit:
            await services.accounts.set_staff(unit.session, await get_user(unit.session, ada.id), is_staff=True)
        before = browser.cookies[COOKIE].value
        page = await browser.fetch("/take", "POST", headers={"x-csrf-token": tokens[0]})
        assert (page.status, page.text) == (200, "true")
        assert browser.cookies[COOKIE].value != before
        # The other session's token fits neither the old id of this one nor the new.
        assert (await other.fetch("/take", "POST", headers={"x-csrf-token": tokens[0]})).status == 403


def noted(name, method, calls):
    def call(*args, **options):
        calls.append(name)
        return method(*args, **options)

    return call


def count_calls(store) -> list[str]:
    """Note every call of the real store's methods."""
    calls: list[str] = []
    for name in ("get", "put", "delete", "delete_owned", "list_owned", "bump_epoch", "epoch", "increment"):
        setattr(store, name, noted(name, getattr(store, name), calls))
    return calls


async def test_a_signed_in_request_reads_the_store_once_and_the_database_never(make_shop, browse, routes):
    shop = await make_shop(routes)
    statements = []
    from sqlalchemy import event

    for engine in (shop.app.services.database.read, shop.app.services.database.write):
        event.listen(engine.sync_engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    async with browse(shop) as browser:
        await browser.fetch("/sign-in", "POST", json={})
        calls = count_calls(shop.app.services.store)
        assert (await browser.fetch("/private")).status == 200
    assert calls == ["get"]
    assert statements == []


async def test_with_the_store_away_public_pages_serve_and_nobody_is_signed_in(make_shop, browse, routes):
    shop = await make_shop(routes)
    async with browse(shop) as browser:
        await browser.fetch("/sign-in", "POST", json={})
        await shop.app.services.store.close()
        assert (await browser.fetch("/")).json() == "hello"
        assert (await browser.fetch("/who")).json() is None
        assert (await browser.fetch("/private")).status == 503
        assert (await browser.fetch("/cart/pear", "POST", json={})).status == 503
    assert "store_unavailable" in shop.names()
    with pytest.raises(StoreUnavailableError):
        await shop.app.services.store.get(b"x")


@pytest.fixture
def undecided():
    """Handlers that do something to the session, and then answer with the status that is asked for, or raise it."""
    routes = Routes(access=access.public)

    def answer(request):
        status = int(request.query["status"])
        if request.query.get("raise"):
            raise type("AskedError", (FastnessError,), {"code": "asked", "status": status})("asked for")
        return JSONResponse("done", status=status)

    @routes.post("/in", insecure_skip_csrf=Because("a test signs somebody in"))
    async def come_in(request):
        identity = Identity(
            id=ADA, username="ada", display_name="Ada", authenticated_at=request.site.clock.epoch(), epoch=0
        )
        request.session.set("planted", 1)
        request.site.sessions.sign_in(request.session, identity)
        return answer(request)

    @routes.post("/out", insecure_skip_csrf=Because("a test signs somebody out"))
    async def go_out(request):
        request.site.sessions.sign_out(request.session)
        return answer(request)

    @routes.post("/attempt", insecure_skip_csrf=Because("a test counts attempts"))
    async def attempt(request):
        request.session.set("attempts", request.session.get("attempts", 0) + 1)
        return answer(request)

    @routes.get("/state")
    async def state(request):
        user = request.user_or_none
        return JSONResponse([user and user.username, request.session.get("attempts")])

    return routes


@pytest.mark.parametrize("raises", [pytest.param("", id="answered"), pytest.param("&raise=1", id="raised")])
@pytest.mark.parametrize(
    ("status", "is_in", "is_out", "attempts"),
    [
        pytest.param(200, "ada", None, 1, id="200"),
        pytest.param(400, None, None, 1, id="400"),
        pytest.param(422, None, None, 1, id="422"),
        pytest.param(500, None, None, None, id="500"),
        pytest.param(503, None, None, None, id="503"),
    ],
)
async def test_what_is_given_follows_the_transaction_and_what_is_taken_away_stays(
    make_shop, browse, undecided, status, is_in, is_out, attempts, raises
):
    shop = await make_shop(undecided)
    async with browse(shop) as browser:
        await browser.fetch(f"/in?status={status}{raises}", "POST")
        assert (await browser.fetch("/state")).json() == [is_in, None]
    async with browse(shop) as browser:
        await browser.fetch("/in?status=200", "POST")
        await browser.fetch(f"/out?status={status}{raises}", "POST")
        assert (await browser.fetch("/state")).json() == [is_out, None]
    async with browse(shop) as browser:
        await browser.fetch(f"/attempt?status={status}{raises}", "POST")
        assert (await browser.fetch("/state")).json() == [None, attempts]


async def test_a_sign_in_that_is_undone_leaves_who_was_there_before(make_shop, browse, undecided):
    shop = await make_shop(undecided)
    async with browse(shop) as browser:
        await browser.fetch("/attempt?status=200", "POST")
        before = browser.cookies[COOKIE].value
        await browser.fetch("/in?status=422", "POST")
        assert browser.cookies[COOKIE].value == before
        assert (await browser.fetch("/state")).json() == [None, 1]
