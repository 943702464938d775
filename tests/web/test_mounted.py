"""What a request to a mounted app goes through, and what its endpoints and middleware can rely on."""

import asyncio
from contextlib import asynccontextmanager
from typing import Annotated, Literal
from uuid import UUID

import pytest
from fastapi import BackgroundTasks, Depends, FastAPI, File, Form, Header, HTTPException, Request, UploadFile, WebSocket
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse as FastAPIResponse
from pydantic import BaseModel, Field, field_validator
from sqlalchemy import literal, select
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.applications import Starlette
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.responses import PlainTextResponse, RedirectResponse, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from fastness import Because, JSONResponse, NotFoundError, Routes, access, mounting
from fastness import Request as OurRequest
from fastness.sessions.identity import Identity
from fastness.sessions.session import Session
from tests.web.test_sockets import connect
from tests.web.wire import ask, messages_of

ADA = Identity(
    id=UUID(int=7),
    username="ada",
    display_name="Ada",
    is_staff=False,
    roles=frozenset({"editors"}),
    permissions=frozenset(),
    authenticated_at=0.0,
    epoch=0,
)
SECRET = "hunter2-4111111111111111"
PARTNER = "https://partner.example"


class Item(BaseModel):
    name: str = Field(max_length=5)
    price: int
    kind: Literal["a", "b"] = "a"
    notes: dict[str, int] = {}
    model_config = {"extra": "forbid"}

    @field_validator("name")
    @classmethod
    def refuse(cls, value):
        if value == "bad":
            raise ValueError(f"{value} {SECRET}")
        return value


def sign_in_routes():
    routes = Routes()

    @routes.post("/sign-in", access=access.public, insecure_skip_csrf=Because("a test signs somebody in"))
    async def sign_in(request):
        request.site.sessions.sign_in(request.session, ADA)
        return JSONResponse("in")

    return routes


@pytest.fixture
def api():
    """A FastAPI app whose endpoints are public unless they say otherwise."""
    return FastAPI(openapi_url=None)


@pytest.fixture
def mounted(make_shop, browse):
    """Mounts an app at /api and opens a browser on it."""

    async def mount(app, rule=access.public, **options):
        routes = sign_in_routes()
        routes.mount("/api", app, access=rule, **options)
        shop = await make_shop(routes)
        return shop, browse(shop)

    return mount


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


# What is refused says where and why, and repeats nothing.


@pytest.mark.parametrize(
    ("path", "options", "errors"),
    [
        pytest.param(
            "/items", {"json": {"name": SECRET, "price": 1}}, [("body.name", "string_too_long")], id="value-too-long"
        ),
        pytest.param(
            "/items", {"json": {"name": "a", "price": SECRET}}, [("body.price", "int_parsing")], id="wrong-type"
        ),
        pytest.param("/items", {"json": {"name": "bad", "price": 1}}, [("body.name", "value_error")], id="own-message"),
        pytest.param(
            "/items", {"json": {"name": "a", "price": 1, SECRET: 1}}, [("body.*", "extra_forbidden")], id="own-name"
        ),
        pytest.param(
            "/items",
            {"json": {"name": "a", "price": 1, "notes": {SECRET: "x"}}},
            [("body.notes.*", "int_parsing")],
            id="key-of-a-mapping",
        ),
        pytest.param(
            "/items", {"json": {"name": "a", "price": 1, "kind": SECRET}}, [("body.kind", "literal_error")], id="choice"
        ),
        pytest.param("/items", {"content": f'{{"{SECRET}'.encode()}, [("body[1]", "json_invalid")], id="no-json"),
        pytest.param("/items", {"json": SECRET}, [("body", "model_attributes_type")], id="no-object"),
        pytest.param(f"/number?n={SECRET}", {}, [("query.n", "int_parsing")], id="query"),
        pytest.param(f"/at/{SECRET}", {}, [("path.n", "int_parsing")], id="path"),
        pytest.param("/number?n=1", {"headers": {"x-limit": SECRET}}, [("header.x-limit", "int_parsing")], id="header"),
    ],
)
async def test_no_validation_error_repeats_what_was_sent(mounted, api, caplog, path, options, errors):
    @api.post("/items")
    async def items(item: Item):
        return item

    @api.post("/number")
    async def number(n: int, x_limit: Annotated[int, Header()] = 1):
        return n

    @api.post("/at/{n}")
    async def at(n: int):
        return n

    options = {**options, "headers": {"content-type": "application/json", **options.get("headers", {})}}
    shop, browser = await mounted(api)
    async with browser:
        page = await browser.fetch("/api" + path, "POST", **options)
    assert page.status == 422
    assert page.headers["content-type"] == "application/problem+json"
    assert [(one["field"], one["rule"]) for one in page.json()["errors"]] == errors
    told = page.text + caplog.text + "".join(event.to_json() for event in shop.events.events)
    assert not any(part in told for part in (SECRET, "hunter2", "4111"))
    assert shop.names() == ["input_validation_fail"]


async def test_a_thousand_errors_are_not_a_thousand_lines(mounted, api):
    @api.post("/all")
    async def many(items: list[Item]):
        return items

    _, browser = await mounted(api)
    async with browser:
        page = await browser.fetch("/api/all", "POST", json=[{}] * 1000)
    assert len(page.json()["errors"]) == 20


@pytest.mark.parametrize("is_async", [True, False])
async def test_an_apps_own_handler_of_validation_errors_gets_no_input(mounted, api, is_async):
    async def own(request, error):
        return FastAPIResponse({"own": error.errors(), "body": error.body}, status_code=400)

    def plain(request, error):
        return FastAPIResponse({"own": error.errors(), "body": error.body}, status_code=400)

    api.exception_handler(RequestValidationError)(own if is_async else plain)

    @api.post("/items")
    async def items(item: Item):
        return item

    _, browser = await mounted(api)
    async with browser:
        page = await browser.fetch("/api/items", "POST", json={"name": SECRET, "price": 1})
    assert page.status == 400
    assert page.json()["own"][0]["loc"] == ["body", "name"]
    assert page.json()["body"] is None
    assert SECRET not in page.text


async def test_what_an_endpoint_returns_wrongly_is_neither_told_nor_logged(mounted, api, caplog):
    @api.get("/wrong", response_model=Item)
    async def wrong():
        return {"name": SECRET, "price": SECRET}

    _, browser = await mounted(api)
    async with browser:
        page = await browser.fetch("/api/wrong")
    assert (page.status, page.json()["code"]) == (500, "response_shape")
    assert SECRET not in page.text + caplog.text


async def test_a_sockets_parameters_are_not_repeated(mounted, api):
    @api.websocket("/w/{n}")
    async def socket(socket: WebSocket, n: int):
        await socket.accept()

    shop, _ = await mounted(api)
    assert await connect(shop.app, f"/api/w/{SECRET}", {}) == [("websocket.close", 1008)]
    assert shop.names() == ["input_validation_fail"]


# Errors look as they do elsewhere on the site.


async def raise_not_found():
    raise NotFoundError("no_case")


async def raise_http():
    raise HTTPException(409, "It was changed.", headers={"x-why": "changed"})


async def raise_http_document():
    raise HTTPException(409, {"field": "price"})


async def raise_unexpected():
    raise ValueError(SECRET)


async def raise_starlette():
    raise StarletteHTTPException(404)


@pytest.mark.parametrize(
    ("endpoint", "status", "code", "detail"),
    [
        pytest.param(raise_not_found, 404, "not_found", "There is no such page.", id="ours"),
        pytest.param(raise_http, 409, "foreign_refusal", "It was changed.", id="theirs"),
        pytest.param(raise_http_document, 409, "foreign_refusal", {"field": "price"}, id="theirs-as-a-document"),
        pytest.param(raise_starlette, 404, "foreign_refusal", "Not Found", id="starlettes"),
        pytest.param(raise_unexpected, 500, "unexpected", "Something went wrong here.", id="unexpected"),
    ],
)
async def test_errors_are_problem_documents_or_pages(mounted, api, endpoint, status, code, detail):
    api.get("/error")(endpoint)
    _, browser = await mounted(api)
    async with browser:
        page = await browser.fetch("/api/error")
        assert (page.status, page.json()["code"], page.json()["detail"]) == (status, code, detail)
        assert page.headers["content-type"] == "application/problem+json"
        assert page.headers["cache-control"] == "no-store"
        seen = await browser.open("/api/error")
        assert seen.status == status
        assert seen.headers["content-type"].startswith("text/html")
        assert "reference" in seen.text
    assert SECRET not in page.text + seen.text


async def test_headers_of_a_refusal_are_kept(mounted, api):
    api.get("/error")(raise_http)
    _, browser = await mounted(api)
    async with browser:
        assert (await browser.fetch("/api/error")).headers["x-why"] == "changed"


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        pytest.param("GET", "/api/none", 404, "not_found", id="no-route"),
        pytest.param("DELETE", "/api/one", 405, "method_refused", id="no-method"),
        pytest.param("OPTIONS", "/api/one", 405, "method_refused", id="no-options"),
        pytest.param("POST", "/api/one/", 404, "not_found", id="other-slash-of-a-post"),
    ],
)
async def test_what_the_app_does_not_have_is_told_by_the_site(mounted, api, method, path, status, code):
    api.get("/one")(raise_unexpected)
    _, browser = await mounted(api)
    async with browser:
        page = await browser.fetch(path, method)
    assert (page.status, page.json()["code"]) == (status, code)


async def test_the_other_slash_is_redirected_without_the_host(mounted, api):
    api.get("/one")(raise_unexpected)
    _, browser = await mounted(api)
    async with browser:
        page = await browser.raw("GET", "/api/one/")
    assert (page.status, page.headers["location"]) == (308, "/api/one")


async def test_an_apps_own_handlers_stay(mounted, api):
    class OutOfStockError(Exception):
        pass

    @api.exception_handler(OutOfStockError)
    async def out(request, error):
        return PlainTextResponse("out of stock", 409)

    @api.exception_handler(418)
    async def teapot(request, error):
        return PlainTextResponse("own teapot", 418)

    @api.exception_handler(Exception)
    async def crash(request, error):
        return PlainTextResponse("own crash", 500)

    @api.get("/{what}")
    async def fail(what: str):
        raise {"out": OutOfStockError(), "tea": HTTPException(418), "crash": ValueError(SECRET)}[what]

    _, browser = await mounted(api)
    async with browser:
        assert (await browser.fetch("/api/out")).text == "out of stock"
        assert (await browser.fetch("/api/tea")).text == "own teapot"
        # The error goes on to the server's log, as Starlette has it; the answer was the app's own.
        with pytest.raises(ValueError, match="hunter2"):
            await ask_all(browser, "/api/crash")


async def ask_all(browser, path):
    """Like a server that shows what the app raised."""
    sent = await messages_of(browser._client._transport.app, path=path)
    assert b"".join(message.get("body", b"") for message in sent) == b"own crash"


async def test_an_error_of_a_middleware_is_a_page_of_the_site(mounted, api):
    @api.middleware("http")
    async def broken(request, call_next):
        raise NotFoundError("no_tenant") if request.url.path.endswith("ours") else ValueError(SECRET)

    api.get("/ours")(raise_unexpected)
    api.get("/theirs")(raise_unexpected)
    shop, browser = await mounted(api)
    async with browser:
        assert (await browser.fetch("/api/ours")).json()["code"] == "not_found"
        page = await browser.fetch("/api/theirs")
        assert (page.status, page.json()["code"]) == (500, "unexpected")
    assert shop.names() == ["sys_crash"]


# What endpoints use.


async def test_dependencies_give_what_belongs_to_the_request(mounted, api, migrated):
    @api.get("/me")
    async def me(
        user: Annotated[Identity, Depends(mounting.current_user)],
        maybe: Annotated[Identity | None, Depends(mounting.current_user_or_none)],
        session: Annotated[Session, Depends(mounting.current_session)],
        request: Annotated[OurRequest, Depends(mounting.current_request)],
        db: Annotated[AsyncSession, Depends(mounting.current_db)],
    ):
        found = await db.scalar(select(literal(1)))
        return [
            user.username,
            maybe is user,
            session is request.session,
            db is request.db,
            found,
            request.path_for("api:me"),
        ]

    _, browser = await mounted(api)
    async with browser:
        # On a public route where nobody is signed in.
        assert (await browser.fetch("/api/me")).status == 401
        await browser.fetch("/sign-in", "POST")
        assert (await browser.fetch("/api/me")).json() == ["ada", True, True, True, 1, "/api/me"]


async def test_what_is_put_into_the_session_is_there_for_all_of_the_site(mounted, api):
    @api.post("/note")
    async def note(session: Annotated[Session, Depends(mounting.current_session)]):
        session.set("note", "kept")
        return "noted"

    @api.get("/note")
    async def read(session: Annotated[Session, Depends(mounting.current_session)]):
        return session.get("note")

    _, browser = await mounted(api)
    async with browser:
        noted = await browser.fetch("/api/note", "POST")
        assert noted.headers["cache-control"] == "no-store"
        assert (await browser.fetch("/api/note")).json() == "kept"


async def test_the_user_of_a_response_keeps_it_out_of_caches(mounted, api):
    @api.get("/hello")
    async def hello(user: Annotated[Identity | None, Depends(mounting.current_user_or_none)]):
        return FastAPIResponse("hello", headers={"cache-control": "public, max-age=60"})

    @api.get("/plain")
    async def plain():
        return FastAPIResponse("plain", headers={"cache-control": "public, max-age=60"})

    _, browser = await mounted(api)
    async with browser:
        assert (await browser.fetch("/api/hello")).headers["cache-control"] == "no-store"
        assert (await browser.fetch("/api/plain")).headers["cache-control"] == "public, max-age=60"


async def test_outside_of_a_mount_the_dependencies_say_so():
    with pytest.raises(mounting.NotMountedError):
        await mounting.current_user(Request({"type": "http"}))


async def test_parameters_of_the_mount_and_of_the_route_arrive(make_shop, browse):
    api = FastAPI(openapi_url=None)

    @api.get("/cases/{case_id}")
    async def show(shop_name: str, case_id: int, request: Annotated[OurRequest, Depends(mounting.current_request)]):
        return [shop_name, case_id, dict(request.path_params), request.scope["root_path"]]

    routes = Routes()
    routes.mount("/shops/{shop_name}", api, access=access.public)
    shop = await make_shop(routes)
    async with browse(shop) as browser:
        page = await browser.fetch("/shops/north/cases/7?shop_name=query")
    assert page.json() == ["query", 7, {"shop_name": "north", "case_id": "7"}, "/shops/north"]


async def test_addresses_of_the_apps_own_making_are_whole(mounted, api):
    @api.get("/a/{n}")
    async def a(request: Request, n: int):
        return [str(request.url_for("a", n=n)), str(request.url), request.scope["root_path"]]

    _, browser = await mounted(api)
    async with browser:
        assert (await browser.fetch("/api/a/7")).json() == [
            "https://shop.example/api/a/7",
            "https://shop.example/api/a/7",
            "/api",
        ]


async def test_head_is_answered_without_a_body(mounted, api):
    @api.get("/stream")
    async def stream():
        return StreamingResponse(iter(["a", "b", "c"]), headers={"x-count": "3"})

    shop, _ = await mounted(api)
    sent = await messages_of(shop.app, method="HEAD", path="/api/stream")
    assert sent[0]["status"] == 200
    assert (b"x-count", b"3") in sent[0]["headers"]
    assert [message.get("body") for message in sent[1:]] == [b""]


async def test_dependency_overrides_and_cleanups_work(mounted, api):
    told = []

    async def resource():
        yield "real"
        told.append("closed")

    async def stand_in():
        yield "stand-in"
        told.append("closed")

    @api.get("/a")
    async def a(value: Annotated[str, Depends(resource)], later: BackgroundTasks):
        later.add_task(told.append, "later")
        return value

    _, browser = await mounted(api)
    async with browser:
        assert (await browser.fetch("/api/a")).json() == "real"
        api.dependency_overrides[resource] = stand_in
        assert (await browser.fetch("/api/a")).json() == "stand-in"
    assert sorted(told) == ["closed", "closed", "later", "later"]


async def test_plain_functions_and_uploads_work(mounted, api):
    @api.get("/plain")
    def plain():
        return "on a thread"

    @api.post("/upload")
    async def upload(file: Annotated[UploadFile, File()]):
        return [file.filename, (await file.read()).decode()]

    body = (
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n'
        b"Content-Type: text/plain\r\n\r\nhello\r\n--x--\r\n"
    )
    _, browser = await mounted(api)
    async with browser:
        assert (await browser.fetch("/api/plain")).json() == "on a thread"
        headers = {"content-type": "multipart/form-data; boundary=x"}
        page = await browser.fetch("/api/upload", "POST", content=body, headers=headers)
        assert page.json() == ["a.txt", "hello"]


async def test_middleware_of_the_app_runs_inside_the_gates(mounted):
    class Stamp(BaseHTTPMiddleware):
        async def dispatch(self, request, call_next):
            response = await call_next(request)
            response.headers["x-stamp"] = "seen"
            response.headers["x-frame-options"] = "ALLOWALL"
            return response

    async def one(request):
        return PlainTextResponse("one")

    app = Starlette(routes=[Route("/one", one)], middleware=[Middleware(Stamp)])
    _, browser = await mounted(app, access.signed_in)
    async with browser:
        refused = await browser.fetch("/api/one")
        assert (refused.status, "x-stamp" in refused.headers) == (401, False)
        await browser.fetch("/sign-in", "POST")
        page = await browser.fetch("/api/one")
        assert (page.text, page.headers["x-stamp"], page.headers["x-frame-options"]) == ("one", "seen", "DENY")


def cors_api(**options):
    api = FastAPI(openapi_url=None)
    api.add_middleware(CORSMiddleware, allow_origins=[PARTNER], allow_methods=["PUT"], **options)

    @api.put("/one")
    async def one():
        return "one"

    return api


PREFLIGHT = {"origin": PARTNER, "access-control-request-method": "PUT"}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param(PREFLIGHT, 200, id="preflight"),
        pytest.param({**PREFLIGHT, "origin": "https://evil.example"}, 400, id="of-a-stranger"),
        pytest.param({"origin": PARTNER}, 405, id="without-a-method"),
        pytest.param({}, 405, id="no-preflight"),
    ],
)
async def test_a_preflight_is_answered_by_the_apps_cors_middleware(mounted, headers, status):
    _, browser = await mounted(cors_api(), access.signed_in)
    async with browser:
        page = await browser.raw("OPTIONS", "/api/one", headers=headers)
        assert page.status == status
        assert (page.headers.get("access-control-allow-origin") == PARTNER) is (status == 200)


async def test_after_the_preflight_the_gates_decide(make_shop, browse):
    routes = Routes()
    routes.mount("/api", cors_api(), access=access.public, trusted_origins=(PARTNER,))
    routes.mount("/closed", cors_api(), access=access.public)
    shop = await make_shop(routes)
    async with browse(shop) as browser:
        headers = {"origin": PARTNER, "sec-fetch-site": "cross-site"}
        page = await browser.raw("PUT", "/api/one", headers=headers)
        assert (page.json(), page.headers["access-control-allow-origin"]) == ("one", PARTNER)
        assert (await browser.raw("PUT", "/closed/one", headers=headers)).status == 403


async def test_a_nested_app_and_static_files_answer(mounted, tmp_path):
    (tmp_path / "a.txt").write_text("static")

    async def deep(request):
        return PlainTextResponse(f"deep {request.scope['root_path']} {request.path_params['n']}")

    app = Starlette(
        routes=[
            Mount("/nested", Starlette(routes=[Mount("/more", routes=[Route("/{n:int}", deep)])])),
            Mount("/files", StaticFiles(directory=tmp_path)),
        ]
    )
    _, browser = await mounted(app)
    async with browser:
        assert (await browser.fetch("/api/nested/more/7")).text == "deep /api/nested/more 7"
        assert (await browser.fetch("/api/files/a.txt")).text == "static"
        missing = await browser.fetch("/api/files/none.txt")
        assert (missing.status, missing.headers["content-type"]) == (404, "application/problem+json")
        assert (await browser.fetch("/api/files/a.txt", "POST")).status == 405


async def test_a_frontend_answers_where_no_route_does(mounted, api, tmp_path):
    (tmp_path / "index.html").write_text("<p>front")
    api.frontend("/", directory=tmp_path)
    api.get("/one")(endpoint_one)
    _, browser = await mounted(api)
    async with browser:
        assert (await browser.fetch("/api/one")).json() == "one"
        assert "front" in (await browser.open("/api/")).text
        assert "front" in (await browser.open("/api/some/page")).text


async def endpoint_one():
    return "one"


async def test_a_socket_of_the_app_passes_the_gates(mounted, api):
    @api.websocket("/w")
    @access.requires(access.signed_in)
    async def closed(socket: WebSocket):
        await socket.accept()

    @api.websocket("/echo")
    async def echo(socket: WebSocket):
        await socket.accept()
        await socket.send_text("hello " + await socket.receive_text())
        await socket.close()

    shop, _ = await mounted(api)
    assert await connect(shop.app, "/api/w", {}) == [("websocket.close", 1008)]
    assert await connect(shop.app, "/api/echo", {"origin": "https://evil.example"}) == [("websocket.close", 1008)]
    assert await connect(shop.app, "/api/echo", {}) == [
        ("websocket.accept", None),
        ("websocket.send", "hello you"),
        ("websocket.close", 1000),
    ]


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
    routes.mount("/well", Starlette(routes=[Route("/", endpoint_one)], lifespan=well), access=access.public)
    routes.mount("/broken", Starlette(routes=[Route("/", endpoint_one)], lifespan=broken), access=access.public)
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
