"""Requests with an API token: the token alone decides, and it opens what its owner and its scope both open."""

import pytest
from sqlalchemy import select

from fastness import JSONResponse, Permissions, Routes, access
from fastness.auth.errors import TokenNotMadeError
from fastness.auth.token_rules import TokenProblem, TokenRules, make_token_text
from fastness.auth.users import find_user
from fastness.kernel.because import Because
from fastness.kernel.tokens import random_id
from fastness.mail.mail import Mail
from fastness.mail.outbox import SEAL_PURPOSE, QueuedMail
from fastness.web.tokens import WRONG_TOKENS
from tests.accounts.conftest import PASSWORD, make_account

__all__ = ["make_account"]


class CasePermissions(Permissions):
    READ = "cases.read", "May read cases."
    WRITE = "cases.write", "May write cases."


REASON = Because("the tests prepare what they need")


@pytest.fixture
def routes():
    routes = Routes(access=access.signed_in)
    inner = Routes("/api", tokens=True)
    routes.include(inner)

    @inner.get("/me")
    async def me(request):
        user = request.user
        return JSONResponse(
            {
                "name": user.username,
                "may": sorted(user.permissions),
                "staff": user.is_staff,
                "roles": sorted(user.roles),
            }
        )

    @inner.post("/notes")
    async def add_note(request):
        return JSONResponse(
            {"by": request.user.username, "fields": [list(pair) for pair in await request.form_pairs()]}
        )

    @inner.get("/read", access=access.permission("cases.read"))
    async def read(request):
        return JSONResponse("read")

    @inner.get("/write", access=access.permission("cases.write"))
    async def write(request):
        return JSONResponse("written")

    @inner.get("/fresh", access=access.fresh(minutes=5))
    async def fresh(request):
        return JSONResponse("fresh")

    @inner.get("/factor", access=access.second_factor)
    async def factor(request):
        return JSONResponse("factor")

    @inner.get("/closed", tokens=False)
    async def closed(request):
        return JSONResponse("closed")

    @inner.get("/keep")
    async def keep(request):
        request.session.set("seen", value=True)
        return JSONResponse("kept")

    @routes.get("/page")
    async def page(request):
        return JSONResponse("page")

    open_routes = Routes(access=access.public)

    @open_routes.get("/open")
    async def open_to_all(request):
        user = request.user_or_none
        return JSONResponse(user and user.username)

    everything = Routes()
    everything.include(routes)
    everything.include(open_routes)
    return everything


@pytest.fixture
async def shop(make_shop, routes, make_account):
    shop = await make_shop(routes, permissions=[CasePermissions])
    await make_account(shop, "ada")
    services = shop.app.services
    async with services.open_unit(is_read_only=False) as unit:
        user = await find_user(unit.session, "ada")
        for name in CasePermissions:
            await services.roles.grant_permission(unit.session, name, to=user, by=REASON)
        await services.accounts.set_staff(unit.session, user, is_staff=True)
    return shop


async def change(shop, work):
    services = shop.app.services
    async with services.open_unit(is_read_only=False) as unit:
        user = await find_user(unit.session, "ada")
        return await work(services, unit.session, user)


async def make_token(shop, *permissions, days=30, name="nightly"):
    async def work(services, db, user):
        return await services.tokens.create(db, user, name=name, permissions=permissions, days=days)

    token, secret = await change(shop, work)
    return token, secret.reveal()


def bearing(token):
    return {"authorization": f"Bearer {token}"}


async def ask(shop, browse, path, token, method="GET", **options):
    async with browse(shop) as browser:
        return await browser.raw(method, path, headers=bearing(token), **options)


async def test_a_token_is_its_owner_with_the_part_it_names(shop, browse):
    _, token = await make_token(shop, "cases.read")
    page = await ask(shop, browse, "/api/me", token)
    assert page.json() == {"name": "ada", "may": ["cases.read"], "staff": False, "roles": []}
    assert page.headers["cache-control"].startswith("no-store")
    assert (await ask(shop, browse, "/api/read", token)).status == 200
    refused = await ask(shop, browse, "/api/write", token)
    assert (refused.status, refused.headers["www-authenticate"]) == (403, 'Bearer error="insufficient_scope"')


async def test_v8_3_2_what_the_owner_loses_the_token_loses_with_the_next_request(shop, browse):
    _, token = await make_token(shop, "cases.read")
    assert (await ask(shop, browse, "/api/read", token)).status == 200

    async def forbid(services, db, user):
        await services.roles.revoke_permission(db, "cases.read", of=user, by=REASON)

    await change(shop, forbid)
    assert (await ask(shop, browse, "/api/read", token)).status == 403


@pytest.mark.parametrize("path", [pytest.param("/api/fresh", id="fresh"), pytest.param("/api/factor", id="factor")])
async def test_a_token_is_neither_a_fresh_sign_in_nor_a_second_factor(shop, browse, path):
    _, token = await make_token(shop, "cases.read")
    assert (await ask(shop, browse, path, token)).status == 403


async def test_only_routes_that_say_so_take_tokens(shop, browse):
    _, token = await make_token(shop)
    for path in ("/page", "/api/closed"):
        page = await ask(shop, browse, path, token)
        assert (page.status, page.json()["code"]) == (403, "token_not_accepted")
    assert (await ask(shop, browse, "/open", token)).json() is None


async def test_a_bearer_of_somebody_else_is_nothing_where_no_tokens_are_taken(shop, browse):
    async with browse(shop) as browser:
        await browser.sign_in("ada", PASSWORD)
        assert (await browser.fetch("/page", headers=bearing("ghp_something"))).status == 200


async def test_with_a_token_the_cookie_counts_for_nothing(shop, browse, make_account):
    _, token = await make_token(shop)
    await make_account(shop, "grace")
    async with browse(shop) as browser:
        await browser.sign_in("grace", PASSWORD)
        assert (await browser.fetch("/api/me")).json()["name"] == "grace"
        assert (await browser.fetch("/api/me", headers=bearing(token))).json()["name"] == "ada"
        assert (await browser.fetch("/api/me", headers=bearing(token[:-1]))).status == 401
        assert (await browser.fetch("/page", headers=bearing(token))).status == 403


async def test_a_token_needs_no_form_token_and_no_origin(shop, browse):
    _, token = await make_token(shop)
    page = await ask(shop, browse, "/api/notes", token, "POST", data={"text": "hello"})
    assert (page.status, page.json()) == (200, {"by": "ada", "fields": [["text", "hello"]]})


async def test_another_sites_page_is_refused_with_a_token_too(shop, browse):
    _, token = await make_token(shop)
    async with browse(shop) as browser:
        headers = {**bearing(token), "origin": "https://evil.example", "sec-fetch-site": "cross-site"}
        assert (await browser.raw("POST", "/api/notes", headers=headers, data={"a": "b"})).status == 403


async def test_a_token_has_no_session_to_write_to(shop, browse):
    _, token = await make_token(shop)
    page = await ask(shop, browse, "/api/keep", token)
    assert page.status == 500
    assert "set-cookie" not in page.headers


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("", "malformed", id="empty"),
        pytest.param("x" * 109, "malformed", id="other"),
        pytest.param("fst_\xe9", "malformed", id="not-ascii"),
    ],
)
async def test_what_is_no_token_is_refused(shop, browse, text, reason):
    shop.events.events.clear()
    async with browse(shop) as browser:
        page = await browser.raw("GET", "/api/me", headers={"authorization": f"Bearer {text}".encode("latin-1")})
    assert page.status == 401
    assert page.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    assert (shop.names(), shop.reasons()) == (["authn_token_fail"], [reason])


async def test_a_token_with_a_right_checksum_that_nobody_made(shop, browse):
    token, _ = await make_token(shop)
    shop.events.events.clear()
    assert (await ask(shop, browse, "/api/me", make_token_text(token.id).reveal())).status == 401
    assert shop.reasons() == ["unknown"]


async def test_without_a_token_the_answer_says_what_is_missing(shop, browse):
    async with browse(shop) as browser:
        page = await browser.raw("GET", "/api/me")
    assert (page.status, page.headers["www-authenticate"]) == (401, "Bearer")


async def test_an_expired_token_is_refused_though_it_was_just_used(shop, browse, clock):
    _, token = await make_token(shop, days=1)
    clock.advance(86_399)
    assert (await ask(shop, browse, "/api/me", token)).status == 200
    clock.advance(1)
    shop.events.events.clear()
    assert (await ask(shop, browse, "/api/me", token)).status == 401
    assert shop.names() == ["authn_token_reuse", "authn_token_fail"]
    assert set(shop.reasons()) == {"expired"}


async def test_a_revoked_token_is_refused_with_the_next_request(shop, browse):
    token, text = await make_token(shop)
    assert (await ask(shop, browse, "/api/me", text)).status == 200

    async def revoke(services, db, user):
        assert await services.tokens.revoke(db, user.id, token.id)
        assert not await services.tokens.revoke(db, user.id, token.id)

    await change(shop, revoke)
    shop.events.events.clear()
    assert (await ask(shop, browse, "/api/me", text)).status == 401
    assert set(shop.reasons()) == {"revoked"}


async def test_v7_4_2_a_token_stays_dead_when_its_owner_is_opened_again(shop, browse, clock):
    _, token = await make_token(shop)
    assert (await ask(shop, browse, "/api/me", token)).status == 200
    for is_active, reason in ((False, "owner_inactive"), (True, "owner_changed")):
        clock.advance(1)

        async def switch(services, db, user, is_active=is_active):
            await services.accounts.set_active(db, user, is_active=is_active)

        await change(shop, switch)
        shop.events.events.clear()
        assert (await ask(shop, browse, "/api/me", token)).status == 401
        assert shop.events.events[-1].reason == reason


async def test_v7_4_3_a_new_password_ends_the_tokens(shop, browse, clock):
    _, token = await make_token(shop)
    clock.advance(1)

    async def renew(services, db, user):
        await services.accounts.set_password(db, user, "another horse battery")

    await change(shop, renew)
    assert (await ask(shop, browse, "/api/me", token)).status == 401


async def test_the_last_use_is_written_once_a_minute(shop, browse, clock):
    token, text = await make_token(shop)

    async def last_used():
        async def look(services, db, user):
            (one,) = await services.tokens.list_live(db, user.id)
            return one.last_used_at

        return await change(shop, look)

    assert await last_used() is None
    await ask(shop, browse, "/api/me", text)
    first = await last_used()
    assert first == clock.now()
    clock.advance(30)
    await ask(shop, browse, "/api/me", text)
    assert await last_used() == first
    clock.advance(30)
    await ask(shop, browse, "/api/me", text)
    assert await last_used() == clock.now()
    assert token.last_used_at is None


async def test_v14_2_4_neither_table_nor_store_holds_the_token(shop, browse, tmp_path):
    _, token = await make_token(shop)
    await ask(shop, browse, "/api/me", token)
    for file in tmp_path.glob("*.sqlite3*"):
        assert token[37:-8].encode() not in file.read_bytes()
    assert not any(token[37:-8] in event.to_json() for event in shop.events.events)


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        pytest.param({"name": " "}, TokenProblem.NAME, id="no-name"),
        pytest.param({"name": "a\u202eb"}, TokenProblem.NAME, id="invisible"),
        pytest.param({"days": 366}, TokenProblem.DAYS, id="too-long"),
        pytest.param({"days": 0}, TokenProblem.DAYS, id="no-day"),
    ],
)
async def test_what_cannot_be_made(shop, values, problem):
    with pytest.raises(TokenNotMadeError) as caught:
        await make_token(shop, **values)
    assert caught.value.reason is problem


async def test_nobody_makes_a_token_that_may_more_than_they(shop, make_account):
    user = await make_account(shop, "grace")
    services = shop.app.services
    with pytest.raises(TokenNotMadeError) as caught:
        async with services.open_unit(is_read_only=False) as unit:
            await services.tokens.create(unit.session, user, name="x", permissions=["cases.read"], days=1)
    assert caught.value.reason is TokenProblem.PERMISSIONS


async def test_there_are_not_endlessly_many(make_shop, routes, make_account):
    shop = await make_shop(routes, permissions=[CasePermissions], settings={"tokens": TokenRules(max_per_user=1)})
    await make_account(shop, "ada")
    await make_token(shop)
    with pytest.raises(TokenNotMadeError) as caught:
        await make_token(shop)
    assert caught.value.reason is TokenProblem.COUNT


async def test_v6_3_7_the_owner_is_told_of_a_new_token(shop, browse):
    async def give_address(services, db, user):
        user.email = "ada@mail.example"

    await change(shop, give_address)
    await make_token(shop, name="nightly report")
    services = shop.app.services
    async with services.open_unit(is_read_only=True) as unit:
        (row,) = await unit.session.scalars(select(QueuedMail))
    mail = Mail.from_text(services.sealer.open(SEAL_PURPOSE, str(row.id), row.sealed), kind=row.kind)
    assert (mail.kind, mail.to, mail.context["detail"]) == ("token-created", "ada@mail.example", "nightly report")
    assert mail.context["site"] == "shop.example"


async def test_wrong_tokens_are_counted_by_client_and_right_ones_never_wait(shop, browse):
    _, token = await make_token(shop, "cases.read")
    wrong = make_token_text(random_id()).reveal()
    statuses = [(await ask(shop, browse, "/api/me", wrong)).status for _ in range(WRONG_TOKENS.requests + 2)]
    assert statuses == [401] * WRONG_TOKENS.requests + [429] * 2
    page = await ask(shop, browse, "/api/me", wrong)
    assert int(page.headers["retry-after"]) > 0
    assert "excess_rate_limit_exceeded" in shop.names()
    assert (await ask(shop, browse, "/api/me", token)).status == 200
    async with browse(shop, client_ip="192.0.2.7") as browser:
        assert (await browser.raw("GET", "/api/me", headers=bearing(wrong))).status == 401
    shop.clock.advance(61)
    assert (await ask(shop, browse, "/api/me", wrong)).status == 401
