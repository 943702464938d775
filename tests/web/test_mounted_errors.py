"""What goes wrong inside a mounted app is told as elsewhere on the site, and never with what was sent."""

from typing import Annotated

import pytest
from fastapi import Header, HTTPException, WebSocket
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse as FastAPIResponse
from pydantic import BaseModel, ConfigDict
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.responses import PlainTextResponse

from fastness import Model, NotFoundError, Output, PublicID
from fastness.db.columns import PasswordHash
from fastness.web.invalidvalues import safe_step
from tests.web.mounts import SECRET, Item
from tests.web.test_sockets import connect
from tests.web.wire import messages_of

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
    assert not any(part in told for part in (SECRET, "hunter2", "41111111"))
    assert shop.names() == ["input_validation_fail"]


@pytest.mark.parametrize(
    ("step", "told"),
    [
        pytest.param("price", "price", id="declared"),
        pytest.param("body", "body", id="place"),
        pytest.param(SECRET, "*", id="sent"),
        pytest.param(3, 3, id="position"),
        pytest.param(4_111_111_111_111_111, "*", id="a-number-that-is-no-position"),
        pytest.param(-1, "*", id="a-negative-number"),
        pytest.param(None, "*", id="something-else"),
    ],
)
def test_a_step_of_a_place_is_told_if_its_author_named_it(step, told):
    assert safe_step(step, frozenset({"price"})) == told


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


class Locker(Model):
    __tablename__ = "mounted_lockers"
    id: Mapped[PublicID]
    name: Mapped[str]
    pin_hash: Mapped[str] = mapped_column(PasswordHash)


class LockerOut(Output, model=Locker):
    name: str


class LockerShape(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    name: str


class ForeignBase(DeclarativeBase):
    pass


class Shelf(ForeignBase):
    __tablename__ = "foreign_shelves"
    name: Mapped[str] = mapped_column(primary_key=True)


LOCKER = Locker(name="North", pin_hash=SECRET)


@pytest.mark.asvs("V15.3.1")
@pytest.mark.parametrize(
    ("returned", "model", "answer"),
    [
        pytest.param(LOCKER, None, None, id="one"),
        pytest.param([LOCKER], None, None, id="several"),
        pytest.param({"page": {"items": (LOCKER,)}}, None, None, id="deep"),
        pytest.param(LockerOut.of(LOCKER), None, {"name": "North"}, id="an-output"),
        pytest.param(LOCKER, LockerShape, {"name": "North"}, id="a-response-model"),
        pytest.param(Shelf(name="Low"), None, {"name": "Low"}, id="a-model-of-the-apps-own-base"),
    ],
)
async def test_a_model_that_an_endpoint_returns_is_told_what_to_write(mounted, api, caplog, returned, model, answer):
    """FastAPI would send every column, the hash of the password among them."""

    @api.get("/locker", response_model=model)
    async def locker():
        return returned

    _, browser = await mounted(api)
    async with browser:
        page = await browser.fetch("/api/locker")
    assert SECRET not in page.text + caplog.text
    if answer is not None:
        assert (page.status, page.json()) == (200, answer)
        return
    assert (page.status, page.json()["code"]) == (500, "unserialisable_model")
    assert "class LockerOut(Output, model=Locker)" in caplog.text
