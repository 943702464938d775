"""What is not sealed cannot answer: routes added late, routers exchanged, paths and methods rewritten, leaves taken off."""

import pytest
from fastapi import APIRouter, FastAPI
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route, Router, WebSocketRoute

from fastness import Routes, access
from fastness.web.frozen import LateRouteError
from fastness.web.mounted import Leaf, RouterGuard
from tests.web.test_sockets import connect
from tests.web.wire import ask


async def one():
    return "one"


async def secret():
    return "secret"


async def secret_page(request):
    return PlainTextResponse("secret")


async def secret_socket(socket):
    await socket.accept()
    await socket.send_text("secret")
    await socket.close()


class Parts:
    """A FastAPI app with an included router, one within that, a nested app and a frontend."""

    def __init__(self, folder):
        (folder / "index.html").write_text("<p>front")
        self.inner = APIRouter()
        self.inner.get("/inner")(one)
        self.router = APIRouter()
        self.router.get("/one")(one)
        self.router.include_router(self.inner, prefix="/deep")
        self.nested = Starlette(routes=[Route("/one", self.page)])
        self.api = FastAPI(openapi_url=None)
        self.api.get("/one")(one)
        self.api.include_router(self.router, prefix="/v1")
        self.api.mount("/nested", self.nested)
        self.api.frontend("/web", directory=folder)
        self.folder = folder

    @staticmethod
    async def page(request):
        return PlainTextResponse("one")


@pytest.fixture
async def parts(tmp_path):
    return Parts(tmp_path)


@pytest.fixture
async def shop(make_shop, parts):
    routes = Routes()
    routes.mount("/api", parts.api, access=access.public)
    return await make_shop(routes)


PATHS = ["/api/one", "/api/v1/one", "/api/v1/deep/inner", "/api/nested/one", "/api/web/"]


@pytest.mark.parametrize("path", PATHS)
async def test_what_is_sealed_answers(shop, path):
    status, body = await ask(shop.app, path=path)
    assert (status, b"one" in body or b"front" in body) == (200, True)


# A route is added late, by the front door.

LATE = [
    pytest.param(lambda parts: parts.api.get("/late")(secret), "/api/late", id="app"),
    pytest.param(lambda parts: parts.router.get("/late")(secret), "/api/v1/late", id="included-router"),
    pytest.param(
        lambda parts: parts.inner.get("/late")(secret), "/api/v1/deep/late", id="router-of-an-included-router"
    ),
    pytest.param(
        lambda parts: parts.api.include_router(router_with_secret()), "/api/late", id="a-router-included-late"
    ),
    pytest.param(lambda parts: parts.api.mount("/late", PlainTextResponse("secret")), "/api/late/x", id="a-late-mount"),
    pytest.param(lambda parts: parts.nested.add_route("/late", secret_page), "/api/nested/late", id="nested-app"),
    pytest.param(lambda parts: parts.api.frontend("/late", directory=parts.folder), "/api/late/", id="a-late-frontend"),
    pytest.param(
        lambda parts: parts.api.add_api_websocket_route("/late", secret_socket), "/api/late", id="a-late-socket"
    ),
    pytest.param(
        lambda parts: parts.api.router.routes.insert(0, Route("/late", secret_page)), "/api/late", id="insert"
    ),
    pytest.param(lambda parts: parts.api.router.routes.clear(), "/api/one", id="clear"),
    pytest.param(lambda parts: parts.router.routes.pop(), "/api/v1/one", id="pop"),
    pytest.param(lambda parts: parts.api.router.routes.__iadd__([]), "/api/late", id="plus-equals"),
    pytest.param(lambda parts: parts.api.router.routes.__setitem__(0, None), "/api/late", id="by-index"),
    pytest.param(lambda parts: parts.api.router.routes.sort(key=id), "/api/late", id="sort"),
]


def router_with_secret():
    router = APIRouter()
    router.get("/late")(secret)
    return router


@pytest.mark.parametrize(("change", "path"), LATE)
async def test_a_route_cannot_be_added_late(shop, parts, change, path):
    with pytest.raises(LateRouteError):
        change(parts)
    assert b"secret" not in (await ask(shop.app, path=path))[1]
    # What was there before answers as before.
    assert (await ask(shop.app, path="/api/one"))[0] == 200


# And by the back door: every request is answered 500, until the process starts anew.


def replace_routes(router, *routes):
    router.routes = [*routes, *router.routes]


def behind(router, route):
    list.insert(router.routes, 0, route)


def exchange_router(parts):
    parts.api.router = FastAPI(openapi_url=None, routes=[Route("/one", secret_page)]).router


CHANGED = [
    pytest.param(lambda parts: replace_routes(parts.api.router, Route("/one", secret_page)), id="another-list"),
    pytest.param(
        lambda parts: replace_routes(parts.router, Route("/one", secret_page)), id="list-of-an-included-router"
    ),
    pytest.param(lambda parts: replace_routes(parts.inner, Route("/inner", secret_page)), id="list-below-that"),
    pytest.param(
        lambda parts: replace_routes(parts.nested.router, Route("/one", secret_page)), id="list-of-a-nested-app"
    ),
    pytest.param(lambda parts: behind(parts.api.router, Route("/one", secret_page)), id="behind-the-list"),
    pytest.param(lambda parts: behind(parts.router, Route("/one", secret_page)), id="behind-an-included-routers-list"),
    pytest.param(lambda parts: list.clear(parts.api.router.routes), id="emptied-behind-the-list"),
    pytest.param(lambda parts: list.reverse(parts.api.router.routes), id="another-order"),
    pytest.param(
        lambda parts: list.__setitem__(parts.nested.routes, 0, Route("/one", parts.page)), id="an-equal-route"
    ),
    pytest.param(lambda parts: parts.router._mark_routes_changed(), id="made-anew-by-fastapi"),
    pytest.param(lambda parts: parts.inner._mark_routes_changed(), id="made-anew-below-that"),
    pytest.param(exchange_router, id="another-router"),
]


@pytest.mark.parametrize("change", CHANGED)
@pytest.mark.parametrize("has_answered", [True, False], ids=["after-a-request", "before-any"])
async def test_after_a_change_nothing_of_the_app_answers(shop, parts, change, has_answered):
    if has_answered:
        assert (await ask(shop.app, path="/api/one"))[0] == 200
    change(parts)
    for path in PATHS:
        status, body = await ask(shop.app, path=path)
        assert (status, b"secret" in body) == (500, False)
    assert set(shop.names()) == {"pipeline_fault"}
    assert set(shop.reasons()) == {"router_changed"}


# Mutations of the guard itself. The neighbour that is not touched goes on answering.


def take_leaf_off(parts):
    route = next(route for route in parts.api.routes if getattr(route, "path", "") == "/one")
    assert isinstance(route.app, Leaf)
    route.app = route.app.app


def take_leaf_off_a_context(parts):
    inclusion = next(route for route in parts.api.routes if hasattr(route, "effective_candidates"))
    context = inclusion.effective_candidates()[0]
    assert isinstance(context.app, Leaf)
    context.app = context.app.app


def take_leaf_off_nested(parts):
    route = parts.nested.routes[0]
    route.app = route.app.app


@pytest.mark.parametrize(
    ("mutate", "path", "neighbour"),
    [
        pytest.param(take_leaf_off, "/api/one", "/api/v1/one", id="route"),
        pytest.param(take_leaf_off_a_context, "/api/v1/one", "/api/v1/deep/inner", id="context"),
        pytest.param(take_leaf_off_nested, "/api/nested/one", "/api/one", id="nested"),
    ],
)
async def test_an_endpoint_without_its_leaf_cannot_answer(shop, parts, mutate, path, neighbour):
    mutate(parts)
    status, body = await ask(shop.app, path=path)
    assert (status, b'"one"' in body) == (500, False)
    assert shop.reasons() == ["unsealed_route"]
    assert (await ask(shop.app, path=neighbour))[0] == 200


async def test_an_endpoint_whose_leaf_admits_another_route_cannot_answer(shop, parts):
    route = next(route for route in parts.api.routes if getattr(route, "path", "") == "/one")
    route.app.routes.clear()
    status, _ = await ask(shop.app, path="/api/one")
    assert status == 500
    assert shop.reasons() == ["other_endpoint"]


@pytest.mark.parametrize("path", ["/one", "/v1/one"])
async def test_a_sealed_app_does_not_answer_by_itself(shop, parts, path):
    with pytest.raises(Exception, match="no longer by itself"):
        await ask(parts.api, path=path)
    assert parts.api.router.middleware_stack.__class__ is RouterGuard


class RewritePath:
    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        if scope["type"] != "lifespan":
            scope["path"] = scope["path"].replace("/open", "/closed")
        await self.app(scope, receive, send)


class RewriteMethod:
    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        if scope["type"] == "http":
            override = dict(scope["headers"]).get(b"x-http-method-override")
            if override is not None:
                scope["method"] = override.decode()
        await self.app(scope, receive, send)


def rewriting(kind):
    api = FastAPI(openapi_url=None, middleware=[Middleware(kind)])
    api.get("/open")(access.requires(access.public)(one_like()))
    api.get("/closed")(access.requires(access.signed_in)(secret))
    api.delete("/open")(access.requires(access.signed_in)(secret_like()))
    api.api_route("/both", methods=["GET", "POST"])(access.requires(access.public)(secret_like()))
    return api


def one_like():
    async def open_one():
        return "one"

    return open_one


def secret_like():
    async def hidden():
        return "secret"

    return hidden


async def test_a_middleware_cannot_lead_to_another_endpoint(make_shop):
    routes = Routes()
    routes.mount("/api", rewriting(RewritePath))
    shop = await make_shop(routes)
    status, body = await ask(shop.app, path="/api/open")
    assert (status, b"secret" in body) == (500, False)
    assert shop.reasons() == ["other_endpoint"]


@pytest.mark.parametrize(
    ("path", "override", "reason"),
    [
        pytest.param("/api/open", b"DELETE", "other_endpoint", id="to-another-endpoint"),
        # The gates read GET: no form token was asked for, and the database was read-only.
        pytest.param("/api/both", b"POST", "method_rewritten", id="to-the-same-endpoint"),
    ],
)
async def test_a_middleware_cannot_change_the_method(make_shop, path, override, reason):
    routes = Routes()
    routes.mount("/api", rewriting(RewriteMethod))
    shop = await make_shop(routes)
    status, body = await ask(shop.app, path=path, headers=[(b"x-http-method-override", override)])
    assert (status, b"secret" in body) == (500, False)
    assert shop.reasons() == [reason]


async def test_a_socket_without_its_leaf_cannot_accept(make_shop):
    route = WebSocketRoute("/w", secret_socket)
    routes = Routes()
    routes.mount("/api", Starlette(routes=[route]), access=access.public)
    shop = await make_shop(routes)
    assert (await connect(shop.app, "/api/w", {}))[0][0] == "websocket.accept"
    route.app = route.app.app
    assert await connect(shop.app, "/api/w", {}) == [("websocket.close", 1008)]
    assert shop.reasons() == ["unsealed_route"]


class Answering:
    """Middleware of a router that answers by itself."""

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        if scope["type"] == "http" and scope["path"].endswith("/one"):
            await PlainTextResponse("by the middleware")(scope, receive, send)
            return
        await self.app(scope, receive, send)


async def test_the_guard_stands_inside_of_a_routers_middleware(make_shop):
    route = Route("/two", secret_page)
    inner = Router([Route("/one", secret_page), route], middleware=[Middleware(Answering)])
    routes = Routes()
    routes.mount("/api", Starlette(routes=[Mount("/r", inner)]), access=access.public)
    shop = await make_shop(routes)
    assert await ask(shop.app, path="/api/r/one") == (200, b"by the middleware")
    assert await ask(shop.app, path="/api/r/two") == (200, b"secret")
    route.app = route.app.app
    assert (await ask(shop.app, path="/api/r/two"))[0] == 500


async def test_one_app_under_two_mounts_keeps_their_rules(make_shop):
    api = FastAPI(openapi_url=None)
    api.get("/one")(one_like())
    routes = Routes()
    routes.mount("/open", api, access=access.public)
    routes.mount("/closed", api, access=access.signed_in)
    shop = await make_shop(routes)
    assert await ask(shop.app, path="/open/one") == (200, b'"one"')
    assert (await ask(shop.app, path="/closed/one"))[0] == 401


async def test_a_router_that_is_included_twice_has_the_rules_of_each_inclusion(make_shop):
    router = APIRouter()
    router.get("/one")(one_like())
    api = FastAPI(openapi_url=None)
    api.include_router(router, prefix="/a")
    api.include_router(router, prefix="/b")
    routes = Routes()
    routes.mount("/api", api, access=access.public)
    shop = await make_shop(routes)
    for path in ("/api/a/one", "/api/b/one"):
        assert await ask(shop.app, path=path) == (200, b'"one"')


async def test_a_stack_that_was_built_before_is_built_anew(make_shop):
    api = FastAPI(openapi_url=None)
    api.get("/one")(one_like())
    assert (await ask(api, path="/one"))[0] == 200
    api.router = FastAPI(openapi_url=None, routes=[Route("/one", secret_page)]).router
    routes = Routes()
    routes.mount("/api", api, access=access.public)
    shop = await make_shop(routes)
    assert await ask(shop.app, path="/api/one") == (200, b"secret")
