"""The gates stand before all of a mounted app's code, and the app lives as long as the site."""

import asyncio
from contextlib import asynccontextmanager
from typing import Annotated

import pytest
from fastapi import Depends, FastAPI, Form, Request
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, RedirectResponse, StreamingResponse
from starlette.routing import Route

from fastness import Request as OurRequest
from fastness import Routes, access, mounting
from tests.web.mounts import SECRET, Item, sign_in_routes
from tests.web.wire import ask, messages_of

# The gate stands before all of the app's code.


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        pytest.param(b"{{{", "application/json", id="malformed"),
        pytest.param(b'{"name": "' + SECRET.encode() + b'"}', "application/json", id="does-not-fit"),
        pytest.param(b"", "application/json", id="nothing"),
        pytest.param(b"name=x", "application/x-www-form-urlencoded", id="form"),
        pytest.param(b"--x\r\nbroken", "multipart/form-data; boundary=x", id="broken-multipart"),
    ],
)
async def test_a_body_of_nobody_is_not_parsed(mounted, api, body, content_type):
    read = []

    @api.middleware("http")
    async def note(request, call_next):
        read.append("middleware")
        return await call_next(request)

    @api.post("/items")
    async def items(item: Item):
        return item

    @api.post("/form")
    async def form(name: Annotated[str, Form()]):
        return name

    shop, _ = await mounted(api, access.signed_in)

    async def receive():
        read.append("body")
        return {"type": "http.request", "body": body, "more_body": False}

    for path in ("/api/items", "/api/form"):
        sent = []

        async def send(message, sent=sent):
            sent.append(message)

        scope = {
            "type": "http",
            "method": "POST",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "scheme": "https",
            "http_version": "1.1",
            "client": ("198.51.100.7", 1),
            "server": ("x", 1),
            "headers": [(b"host", b"shop.example"), (b"content-type", content_type.encode())],
        }
        await shop.app(scope, receive, send)
        assert sent[0]["status"] == 401
    assert read == []
    assert shop.reasons() == ["not_signed_in"] * 2


async def test_a_signed_in_person_gets_what_the_endpoint_says(mounted, api):
    @api.post("/items")
    async def items(item: Item):
        return item

    _, browser = await mounted(api, access.signed_in)
    async with browser:
        assert (await browser.fetch("/api/items", "POST", json={"name": "ok", "price": 1})).status == 401
        await browser.fetch("/sign-in", "POST")
        page = await browser.fetch("/api/items", "POST", json={"name": "ok", "price": 1})
        assert (page.status, page.json()["price"]) == (200, 1)
        malformed = await browser.fetch(
            "/api/items", "POST", content=b"{{{", headers={"content-type": "application/json"}
        )
        assert malformed.status == 422


async def test_a_form_of_another_site_is_refused_and_one_of_ours_shows_its_token(mounted, api):
    @api.post("/form")
    async def form(name: Annotated[str, Form()]):
        return name

    @api.get("/token")
    async def token(request: Annotated[OurRequest, Depends(mounting.current_request)]):
        return request.csrf_token()

    shop, browser = await mounted(api, access.signed_in)
    async with browser:
        await browser.fetch("/sign-in", "POST")
        refused = await browser.from_site("https://evil.example", "/api/form", fields={"name": "x"})
        assert refused.status == 403
        headers = {"content-type": "application/x-www-form-urlencoded"}
        assert (await browser.fetch("/api/form", "POST", content=b"name=x", headers=headers)).status == 403
        value = (await browser.fetch("/api/token")).json()
        headers["x-csrf-token"] = value
        assert (await browser.fetch("/api/form", "POST", content=b"name=x", headers=headers)).json() == "x"
    assert shop.reasons()[-2:] == ["sec_fetch_cross_site", "csrf_token_missing"]


async def test_the_limit_of_the_route_holds_and_is_told_as_such(mounted, api):
    @api.post("/small")
    @mounting.options(max_body_bytes=10)
    async def small(item: Item):
        return item

    shop, browser = await mounted(api)
    async with browser:
        page = await browser.fetch("/api/small", "POST", json={"name": "a", "price": 1})
    # FastAPI alone would say "400, there was an error parsing the body".
    assert (page.status, page.json()["code"]) == (413, "body_too_large")
    assert shop.reasons() == ["declared_body_too_large"]


async def read_as_model(item: Item):
    return item


async def read_by_hand(request: Request):
    return await request.json()


async def ask_whether_they_are_gone(request: Request):
    return [await request.is_disconnected() for _ in range(2)]


@pytest.mark.parametrize("endpoint", [read_as_model, read_by_hand, ask_whether_they_are_gone])
@pytest.mark.parametrize("owner", ["site", "app"])
async def test_a_limit_holds_and_is_told_as_such_within_a_task_group_of_the_app(mounted, endpoint, owner):
    """Starlette's `BaseHTTPMiddleware` receives within a task group, which makes a group of errors of any one."""
    api = FastAPI(openapi_url=None)
    api.middleware("http")(passed_on)
    if owner == "app":
        api.exception_handler(Exception)(apologise)
    api.post("/small")(mounting.options(max_body_bytes=10)(endpoint))
    shop, browser = await mounted(api)
    async with browser:
        page = await browser.fetch("/api/small", "POST", json={"name": "a", "price": 1})
    assert (page.status, page.json()["code"]) == (413, "body_too_large")
    assert shop.reasons() == ["declared_body_too_large"]


async def test_a_limit_that_ends_a_stream_is_no_crash(mounted):
    api = FastAPI(openapi_url=None)
    api.middleware("http")(passed_on)

    @api.post("/stream")
    @mounting.options(max_body_bytes=10)
    async def stream():
        async def pieces():
            yield b"first"
            await asyncio.Event().wait()

        return StreamingResponse(pieces())

    shop, browser = await mounted(api)
    async with browser:
        await browser.fetch("/api/stream", "POST", content=b"x" * 20)
    assert shop.reasons() == ["declared_body_too_large"]


async def test_an_unread_body_is_dropped_where_middleware_of_the_app_streams_a_whole_answer(mounted):
    api = FastAPI(openapi_url=None)
    api.middleware("http")(passed_on)

    @api.post("/whole")
    async def whole():
        return "whole"

    @api.post("/pieces")
    async def pieces():
        return StreamingResponse(iter([b"one", b"two"]))

    shop, _ = await mounted(api)
    headers = [(b"content-length", b"4"), (b"sec-fetch-site", b"same-origin")]
    begun, ended = ({"type": "http.request", "body": b"ab", "more_body": more} for more in (True, False))
    for path, body, ends_connection in (("/api/whole", [begun, ended], False), ("/api/pieces", [begun], True)):
        start, *_ = await messages_of(shop.app, method="POST", path=path, headers=headers, messages=body)
        assert (start["status"], (b"connection", b"close") in start["headers"]) == (200, ends_connection)


async def passed_on(request, call_next):
    return await call_next(request)


async def apologise(request, error):
    return PlainTextResponse("sorry", status_code=500)


@pytest.mark.parametrize(
    ("content_type", "options", "status"),
    [
        pytest.param("application/json", {}, 413, id="json"),
        pytest.param("application/vnd.api+json; charset=utf-8", {}, 413, id="a-kind-of-json"),
        pytest.param("application/json", {"max_body_bytes": 2_000_000}, 200, id="json-where-the-route-says-so"),
        pytest.param("application/octet-stream", {}, 200, id="bytes"),
    ],
)
async def test_what_becomes_objects_at_once_has_the_smaller_limit(mounted, api, content_type, options, status):
    @api.post("/large")
    @mounting.options(**options)
    async def large(request: Request):
        return len(await request.body())

    _, browser = await mounted(api)
    async with browser:
        page = await browser.fetch(
            "/api/large", "POST", content=b'"' + b"x" * 600_000 + b'"', headers={"content-type": content_type}
        )
    assert page.status == status


# The app lives as long as the site.


async def test_the_lifespan_runs_within_the_sites(make_shop, browse):
    told = []

    @asynccontextmanager
    async def lifespan(app):
        told.append(("start", id(asyncio.current_task())))
        yield {"pool": "open"}
        told.append(("end", id(asyncio.current_task())))

    api = FastAPI(openapi_url=None, lifespan=lifespan)

    @api.get("/pool")
    async def pool(request: Request):
        request.state.mine = "mine"
        return request.state.pool

    @api.get("/other")
    async def other(request: Request):
        return hasattr(request.state, "mine")

    routes = Routes()
    routes.mount("/api", api, access=access.public)
    routes.mount("/again", api, access=access.public)
    shop = await make_shop(routes)
    async with browse(shop) as browser:
        assert (await browser.fetch("/api/pool")).json() == "open"
        assert (await browser.fetch("/again/pool")).json() == "open"
        assert (await browser.fetch("/api/other")).json() is False
    await shop.app.close()
    # Once for both mounts, and both in one task.
    assert [what for what, _ in told] == ["start", "end"]
    assert len({task for _, task in told}) == 1


async def test_an_app_that_cannot_start_stops_the_start(make_shop):
    ended = []

    @asynccontextmanager
    async def well(app):
        yield
        ended.append("well")

    @asynccontextmanager
    async def broken(app):
        raise ValueError
        yield

    routes = Routes()
    routes.mount("/well", Starlette(routes=[Route("/", PlainTextResponse("one"))], lifespan=well), access=access.public)
    routes.mount(
        "/broken", Starlette(routes=[Route("/", PlainTextResponse("one"))], lifespan=broken), access=access.public
    )
    with pytest.raises(Exception, match="/broken could not start"):
        await make_shop(routes)
    assert ended == ["well"]


async def test_an_app_that_knows_no_lifespan_is_served(make_shop):
    async def http_only(scope, receive, send):
        if scope["type"] != "http":
            raise NotImplementedError
        await PlainTextResponse("served")(scope, receive, send)

    routes = Routes()
    routes.mount("/raw", http_only, access=access.public)
    shop = await make_shop(routes)
    assert await ask(shop.app, path="/raw/x") == (200, b"served")


async def test_a_foreign_app_has_one_rule_for_all_of_it(make_shop, browse):
    async def foreign(scope, receive, send):
        await RedirectResponse("/elsewhere")(scope, receive, send)

    routes = sign_in_routes()
    routes.mount("/old", foreign, access=access.signed_in)
    shop = await make_shop(routes)
    async with browse(shop) as browser:
        for path in ("/old/", "/old/a", "/old/a/b?c=d"):
            assert (await browser.raw("GET", path)).status == 401
        await browser.fetch("/sign-in", "POST")
        assert (await browser.raw("GET", "/old/a")).status == 307
