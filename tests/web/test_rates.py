"""Declared rates: what is counted together, what a refusal says, and what cannot be written."""

import asyncio
from dataclasses import replace
from uuid import UUID

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from fastness import Because, JSONResponse, Routes, access, mounting, rates
from fastness.kernel.addresses import counted_as
from fastness.kernel.errors import ConfigError
from fastness.web.exchange import RATE_CLIENT, RATE_USER
from fastness.web.pipeline import STAGES
from fastness.web.rates import Rate, RateError
from tests.web.mounts import ADA
from tests.web.wire import ask


async def answer(request):
    return JSONResponse("answered")


async def plain(request):
    return PlainTextResponse("answered")


@pytest.fixture
def routes():
    return Routes(access=access.public)


async def statuses(browser, path, count, method="GET"):
    return [(await browser.from_site(browser.origin, path, method)).status for _ in range(count)]


# What can be written.


@pytest.mark.parametrize("requests", [0, -1, 2.5, True, "20", 10**9])
def test_a_number_that_is_none_is_refused(requests):
    with pytest.raises(RateError):
        rates.per_minute(requests)


@pytest.mark.parametrize("by", ["client", "user", None, "clinet"])
def test_whose_requests_is_one_of_three(by):
    with pytest.raises(RateError):
        rates.per_minute(20, by=by)


@pytest.mark.parametrize("seconds", [0, 7200, 1.5])
def test_a_window_is_at_most_an_hour(seconds):
    with pytest.raises(RateError):
        Rate(20, seconds)


@pytest.mark.parametrize("option", ["20/minute", 20, None, [rates.per_minute(20)], (rates.per_minute(20), 5)])
@pytest.mark.parametrize("place", ["route", "group", "mount"])
async def test_what_is_no_rate_stops_the_start(make_shop, option, place):
    async def declare():
        group = Routes("/g", access=access.public, **({"rate": option} if place == "group" else {}))
        if place == "mount":
            group.mount("/m", Starlette(), rate=option)
        else:
            group.get("/r", **({"rate": option} if place == "route" else {}))(answer)
        await make_shop(group)

    with pytest.raises(ConfigError) as caught:
        await declare()
    assert caught.value.code == "rate"


@pytest.mark.parametrize(
    ("rate", "text"),
    [
        pytest.param(rates.per_second(5), "5 per second by client", id="second"),
        pytest.param(rates.per_minute(20, by=rates.user), "20 per minute by user", id="minute"),
        pytest.param(rates.per_hour(100, by=rates.session), "100 per hour by session", id="hour"),
        pytest.param(Rate(3, 10), "3 per 10 seconds by client", id="own-window"),
    ],
)
def test_a_rate_reads_as_it_is_meant(rate, text):
    assert str(rate) == text


@pytest.mark.parametrize(
    ("one", "other", "are_one"),
    [
        pytest.param("2001:db8::1", "2001:db8::ffff", True, id="one-64"),
        pytest.param("2001:db8::1", "2001:db8:0:1::1", False, id="two-64"),
        pytest.param("192.0.2.1", "::ffff:192.0.2.1", True, id="mapped"),
        pytest.param("192.0.2.1", "192.0.2.2", False, id="two-addresses"),
        pytest.param("", "x" * 10_000, True, id="unknown"),
    ],
)
def test_an_ipv6_client_is_its_network(one, other, are_one):
    assert (counted_as(one) == counted_as(other)) is are_one


# What is counted.


async def test_v2_4_1_no_more_than_the_rate_pass(make_shop, browse, routes, clock):
    routes.get("/search", rate=rates.per_minute(3))(answer)
    routes.get("/free")(answer)
    shop = await make_shop(routes)
    async with browse(shop) as browser:
        pages = await asyncio.gather(*(browser.from_site(browser.origin, "/search", "GET") for _ in range(20)))
        assert sorted(page.status for page in pages) == [200] * 3 + [429] * 17
        assert shop.names() == ["excess_rate_limit_exceeded"] * 17
        assert set(shop.reasons()) == {"rate_by_client"}
        clock.advance(20)
        refused = await browser.from_site(browser.origin, "/search", "GET")
        assert (refused.status, refused.headers["retry-after"]) == (429, "40")
        assert (await browser.from_site(browser.origin, "/free", "GET")).status == 200
        clock.advance(40)
        assert await statuses(browser, "/search", 4) == [200, 200, 200, 429]


async def test_clients_are_counted_apart(make_shop, browse, routes):
    routes.get("/search", rate=rates.per_minute(1))(answer)
    shop = await make_shop(routes)
    async with browse(shop, client_ip="192.0.2.1") as one, browse(shop, client_ip="192.0.2.2") as other:
        assert await statuses(one, "/search", 2) == [200, 429]
        assert await statuses(other, "/search", 2) == [200, 429]


async def test_a_route_is_counted_whatever_its_parameters(make_shop, browse, routes):
    routes.get("/cases/{number:int}", rate=rates.per_minute(2))(answer)
    shop = await make_shop(routes)
    async with browse(shop) as browser:
        assert [(await statuses(browser, f"/cases/{number}", 1))[0] for number in range(3)] == [200, 200, 429]


async def test_methods_of_one_address_are_counted_apart_and_head_with_get(make_shop, browse, routes):
    routes.get("/search", rate=rates.per_minute(2))(answer)
    routes.post("/search", rate=rates.per_minute(2))(answer)
    shop = await make_shop(routes)
    async with browse(shop) as browser:
        assert await statuses(browser, "/search", 1, "HEAD") == [200]
        assert await statuses(browser, "/search", 2) == [200, 429]
        assert await statuses(browser, "/search", 3, "POST") == [200, 200, 429]


async def test_all_of_several_rates_hold(make_shop, browse, routes, clock):
    routes.get("/search", rate=(rates.per_second(2), rates.per_minute(3)))(answer)
    shop = await make_shop(routes)
    async with browse(shop) as browser:
        assert await statuses(browser, "/search", 3) == [200, 200, 429]
        clock.advance(1)
        assert await statuses(browser, "/search", 2) == [200, 429]


async def test_a_group_counts_its_routes_together_and_its_groups_too(make_shop, browse):
    outer = Routes("/api", access=access.public, rate=rates.per_minute(5))
    inner = Routes("/v2", rate=rates.per_minute(2))
    outer.get("/a")(answer)
    inner.get("/b")(answer)
    inner.get("/c", rate=rates.per_minute(1))(answer)
    outer.include(inner)
    shop = await make_shop(outer)
    async with browse(shop) as browser:
        assert await statuses(browser, "/api/v2/c", 2) == [200, 429]  # its own: 1
        assert await statuses(browser, "/api/v2/b", 1) == [429]  # the inner group's: 2 were counted
        assert await statuses(browser, "/api/a", 3) == [200, 200, 429]  # the outer group's: 3 were counted


async def test_a_mount_counts_the_routes_of_its_app_together(make_shop, browse):
    api = Starlette(
        routes=[
            Route("/a", plain),
            Route("/b", mounting.options(rate=rates.per_minute(1))(plain_too)),
        ]
    )
    routes = Routes()
    routes.mount("/api", api, access=access.public, rate=rates.per_minute(3))
    shop = await make_shop(routes)
    async with browse(shop) as browser:
        assert await statuses(browser, "/api/b", 2) == [200, 429]
        assert await statuses(browser, "/api/a", 2) == [200, 429]


async def plain_too(request):
    return PlainTextResponse("answered")


async def test_an_app_that_cannot_be_looked_into_has_the_rate_of_its_mount(make_shop, browse, routes):
    async def anything(scope, receive, send):
        await PlainTextResponse("answered")(scope, receive, send)

    routes.mount("/old", anything, rate=rates.per_minute(2))
    shop = await make_shop(routes)
    async with browse(shop) as browser:
        assert await statuses(browser, "/old/a", 1) == [200]
        assert await statuses(browser, "/old/b", 2) == [200, 429]


# By user and by session.


@pytest.fixture
async def people(make_shop):
    routes = Routes(access=access.public)

    @routes.post("/sign-in/{number:int}", insecure_skip_csrf=Because("a test signs somebody in"))
    async def enter(request):
        identity = replace(ADA, id=UUID(int=request.path_params["number"]))
        request.site.sessions.sign_in(request.session, identity)
        return JSONResponse("in")

    routes.get("/by-user", rate=rates.per_minute(2, by=rates.user))(answer)
    routes.get("/by-session", rate=rates.per_minute(2, by=rates.session))(answer)
    return await make_shop(routes)


async def sign_in(browser, number):
    assert (await browser.fetch(f"/sign-in/{number}", "POST")).status == 200


async def test_a_user_is_counted_on_all_devices_and_apart_from_others(people, browse):
    async with browse(people) as one, browse(people, client_ip="192.0.2.9") as two, browse(people) as other:
        await sign_in(one, 1)
        await sign_in(two, 1)
        await sign_in(other, 2)
        assert await statuses(one, "/by-user", 1) == [200]
        assert await statuses(two, "/by-user", 2) == [200, 429]
        assert await statuses(other, "/by-user", 2) == [200, 200]


@pytest.mark.parametrize("cookie", ["x" * 43, "x", ""], ids=["unknown", "malformed", "empty"])
async def test_whose_cookie_is_none_of_a_session_is_counted_by_address(people, cookie):
    """Such a cookie comes with whoever was away for long: they must not meet an error that keeps it in their browser."""
    headers = [(b"cookie", b"__Host-session=" + cookie.encode())]
    sent = [await ask(people.app, path="/by-session", headers=given) for given in (headers, headers, [])]
    assert [status for status, _ in sent] == [200, 200, 429]


async def test_a_session_that_ends_with_the_very_request_is_counted_by_address(migrated, people, browse):
    async with browse(people) as one:
        await sign_in(one, 1)
        # The user is not there (any more), which the request finds out before it is counted.
        await people.app.services.store.bump_epoch(str(UUID(int=1)))
        assert await statuses(one, "/by-session", 3) == [200, 200, 429]


async def test_who_is_not_signed_in_is_counted_by_address(people, browse):
    async with browse(people) as one, browse(people) as two, browse(people, client_ip="192.0.2.9") as far:
        assert await statuses(one, "/by-user", 1) == [200]
        assert await statuses(two, "/by-user", 2) == [200, 429]
        assert await statuses(far, "/by-user", 1) == [200]
        assert await statuses(one, "/by-session", 3) == [200, 200, 429]


async def test_sessions_are_counted_apart(people, browse):
    async with browse(people) as one, browse(people) as two:
        await sign_in(one, 1)
        await sign_in(two, 1)
        assert await statuses(one, "/by-session", 3) == [200, 200, 429]
        assert await statuses(two, "/by-session", 3) == [200, 200, 429]
    assert {"rate_by_session"} == {reason for reason in people.reasons() if reason.startswith("rate")}


# Beside the other gates.


async def test_a_hidden_route_stays_hidden_when_its_rate_is_used_up(make_shop, browse):
    routes = Routes(access=access.hidden(access.signed_in))
    routes.get("/secret", rate=rates.per_minute(1))(answer)
    shop = await make_shop(routes)
    async with browse(shop) as browser:
        assert await statuses(browser, "/secret", 3) == await statuses(browser, "/nowhere", 3) == [404] * 3


async def test_with_the_store_away_a_route_with_a_rate_is_away(make_shop, browse, routes):
    routes.get("/search", rate=rates.per_minute(3))(answer)
    routes.get("/free")(answer)
    shop = await make_shop(routes)
    async with browse(shop) as browser:
        await shop.app.services.store.close()
        assert await statuses(browser, "/search", 1) == [503]
        assert await statuses(browser, "/free", 1) == [200]


async def test_without_rates_nothing_is_counted_or_asked_for(make_shop, routes):
    routes.get("/free")(answer)
    shop = await make_shop(routes)
    # The account pages that send mail have rates of their own.
    free = [route for route in shop.app.routes if not route.path.startswith("/account/")]
    assert len(free) > 1
    assert all(not route.rates and not route.needed_stamps & (RATE_CLIENT | RATE_USER) for route in free)


def test_the_client_is_counted_before_the_session_is_read_and_the_user_after():
    names = [stage.__code__.co_names for stage in STAGES]
    order = [
        next(i for i, used in enumerate(names) if name in used)
        for name in ("CrossSiteStage", "ClientRateStage", "SessionStage", "UserRateStage", "GateStage")
    ]
    assert order == sorted(order)
