"""A mounted Starlette or FastAPI app is sealed route by route, and what cannot be sealed does not start."""

import functools
import re
from typing import Annotated

import pytest
from fastapi import APIRouter, FastAPI, Form
from fastapi.routing import APIRoute
from starlette.applications import Starlette
from starlette.endpoints import HTTPEndpoint, WebSocketEndpoint
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import PlainTextResponse
from starlette.routing import BaseRoute, Host, Match, Mount, Route, Router, WebSocketRoute
from starlette.staticfiles import StaticFiles

from fastness import Because, ConfigError, Routes, access, mounting
from fastness.web.route import MissingAccessError, RouteError
from tests.web.shop import Shop


async def answer(request):
    return PlainTextResponse("answer")


async def listen(socket):
    await socket.accept()


@access.requires(access.role("editors"))
async def marked(request):
    return PlainTextResponse("marked")


class Endpoint(HTTPEndpoint):
    async def get(self, request):
        return PlainTextResponse("got")

    @access.requires(access.role("editors"))
    async def delete(self, request):
        return PlainTextResponse("deleted")


class Listening(WebSocketEndpoint):
    pass


def bare_api(**options):
    """A FastAPI app without pages of its own."""
    return FastAPI(openapi_url=None, **options)


def including(router, prefix="/v1"):
    api = bare_api()
    api.include_router(router, prefix=prefix)
    return api


def api_with(method, path, endpoint, **options):
    api = bare_api()
    getattr(api, method)(path, **options)(endpoint)
    return api


def router_with(method, path, endpoint, **options):
    router = APIRouter(prefix="/r")
    getattr(router, method)(path, **options)(endpoint)
    return router


def frontend(folder, prefix=""):
    api = bare_api()
    (folder / "index.html").write_text("<p>front")
    if prefix:
        router = APIRouter()
        router.frontend("/", directory=folder)
        api.include_router(router, prefix=prefix)
    else:
        api.frontend("/", directory=folder)
    return api


def rows(app):
    """Path, methods or kind, and rule of what is mounted."""
    return [
        (route.path, " ".join(sorted(route.methods)) or route.kind, str(route.access))
        for route in app.routes
        if route.path.startswith("/m")
    ]


async def endpoint():
    return "answer"


KINDS = [
    pytest.param(lambda _: Starlette(routes=[Route("/a", answer)]), [("/m/a", "GET HEAD")], id="starlette-route"),
    pytest.param(lambda _: Router([Route("/a", answer)]), [("/m/a", "GET HEAD")], id="bare-router"),
    pytest.param(
        lambda _: Starlette(routes=[Route("/a", answer, methods=["POST", "PUT"])]), [("/m/a", "POST PUT")], id="methods"
    ),
    pytest.param(
        lambda _: Starlette(routes=[Route("/a", functools.partial(answer))]), [("/m/a", "GET HEAD")], id="partial"
    ),
    pytest.param(
        lambda _: Starlette(routes=[Route("/a/{case_id:int}", answer)]),
        [("/m/a/{case_id:int}", "GET HEAD")],
        id="parameter",
    ),
    pytest.param(lambda _: Starlette(routes=[Route("/", answer)]), [("/m/", "GET HEAD")], id="start-page"),
    pytest.param(lambda _: Starlette(routes=[WebSocketRoute("/w", listen)]), [("/m/w", "websocket-asgi")], id="socket"),
    pytest.param(
        lambda _: Starlette(routes=[WebSocketRoute("/w", Listening)]), [("/m/w", "websocket-asgi")], id="socket-class"
    ),
    pytest.param(
        lambda _: Starlette(routes=[Mount("/n", routes=[Route("/a", answer)])]), [("/m/n/a", "GET HEAD")], id="nested"
    ),
    pytest.param(
        lambda _: Starlette(
            routes=[Mount("/n", Starlette(routes=[Mount("/o", Starlette(routes=[Route("/a", answer)]))]))]
        ),
        [("/m/n/o/a", "GET HEAD")],
        id="nested-twice",
    ),
    pytest.param(
        lambda folder: Starlette(routes=[Mount("/s", StaticFiles(directory=folder))]),
        [("/m/s/{path:path}", "mount")],
        id="static-files",
    ),
    pytest.param(
        lambda _: Starlette(routes=[Mount("/f", PlainTextResponse("foreign"))]),
        [("/m/f/{path:path}", "mount")],
        id="nested-foreign-app",
    ),
    pytest.param(lambda _: api_with("get", "/a", endpoint), [("/m/a", "GET HEAD")], id="fastapi-get"),
    pytest.param(lambda _: api_with("post", "/a", endpoint), [("/m/a", "POST")], id="fastapi-post"),
    pytest.param(lambda _: api_with("websocket", "/w", listen), [("/m/w", "websocket-asgi")], id="fastapi-socket"),
    pytest.param(
        lambda _: including(router_with("get", "/a", endpoint)), [("/m/v1/r/a", "GET HEAD")], id="included-router"
    ),
    pytest.param(
        lambda _: including(router_with("websocket", "/w", listen)),
        [("/m/v1/r/w", "websocket-asgi")],
        id="socket-of-an-included-router",
    ),
    pytest.param(
        lambda _: including(including(router_with("get", "/a", endpoint), "/v2").router),
        [("/m/v1/v2/r/a", "GET HEAD")],
        id="router-included-twice-over",
    ),
    pytest.param(
        lambda _: including(APIRouter(routes=[Route("/a", answer)])),
        [("/m/v1/a", "GET HEAD")],
        id="starlette-in-fastapi",
    ),
    pytest.param(
        lambda _: including(APIRouter(routes=[Mount("/n", Starlette(routes=[Route("/a", answer)]))])),
        [("/m/v1/n/a", "GET HEAD")],
        id="mount-of-an-included-router",
    ),
    pytest.param(frontend, [("/m/{path:path}", "GET HEAD"), ("/m", "GET HEAD")], id="frontend"),
    pytest.param(
        lambda folder: frontend(folder, "/web"),
        [("/m/web/{path:path}", "GET HEAD"), ("/m/web", "GET HEAD")],
        id="frontend-of-an-included-router",
    ),
    pytest.param(
        lambda _: FastAPI(redoc_url=None),
        [("/m/openapi.json", "GET HEAD"), ("/m/docs", "GET HEAD"), ("/m/docs/oauth2-redirect", "GET HEAD")],
        id="fastapis-own-pages",
    ),
]


@pytest.mark.parametrize(("make", "found"), KINDS)
async def test_every_kind_of_route_is_a_route_of_the_table(make_shop, tmp_path, make, found):
    routes = Routes()
    routes.mount("/m", make(tmp_path), access=access.signed_in)
    shop = await make_shop(routes)
    assert rows(shop.app) == [(*row, "signed_in") for row in found]


@pytest.mark.parametrize(("make", "found"), KINDS)
async def test_every_kind_of_route_needs_a_rule(make_shop, tmp_path, make, found):
    routes = Routes()
    routes.mount("/m", make(tmp_path))
    with pytest.raises(MissingAccessError) as caught:
        await make_shop(routes)
    assert found[0][0] in str(caught.value)
    assert "@access.requires(" in str(caught.value)


async def test_the_message_names_the_endpoints_file_and_line(make_shop):
    routes = Routes()
    routes.mount("/m", api_with("get", "/forgotten", endpoint))
    with pytest.raises(MissingAccessError, match=rf"/m/forgotten.*{re.escape(__file__)}:\d+"):
        await make_shop(routes)


async def test_fastapis_own_pages_can_be_left_out_and_the_message_says_how(make_shop):
    routes = Routes()
    routes.mount("/m", FastAPI())
    with pytest.raises(MissingAccessError, match="docs_url=None"):
        await make_shop(routes)


async def test_no_rule_is_needed_where_every_endpoint_has_its_own(make_shop):
    routes = Routes()
    routes.mount("/m", api_with("get", "/a", access.requires(access.public)(endpoint_like())))
    shop = await make_shop(routes)
    assert rows(shop.app) == [("/m/a", "GET HEAD", "public")]


def endpoint_like():
    async def one():
        return "one"

    return one


def mark_router():
    router = router_with("get", "/a", endpoint_like())
    return including(access.requires(access.role("editors"))(router))


def mark_app():
    return access.requires(access.role("editors"))(api_with("get", "/a", endpoint_like()))


@pytest.mark.parametrize(
    ("make", "rules"),
    [
        pytest.param(lambda: Starlette(routes=[Route("/a", answer)]), ["signed_in"], id="inherited"),
        pytest.param(
            lambda: Starlette(routes=[Route("/a", marked)]), ["signed_in & role(editors)"], id="its-own-and-the-mounts"
        ),
        pytest.param(
            lambda: Starlette(routes=[Route("/a", functools.partial(marked))]),
            ["signed_in & role(editors)"],
            id="in-a-partial",
        ),
        pytest.param(
            lambda: api_with("get", "/a", access.requires(access.role("editors"))(endpoint_like())),
            ["signed_in & role(editors)"],
            id="fastapi",
        ),
        pytest.param(mark_router, ["signed_in & role(editors)"], id="of-an-included-router"),
        pytest.param(mark_app, ["signed_in & role(editors)"], id="of-the-app"),
        pytest.param(
            lambda: Starlette(routes=[Route("/a", Endpoint)]),
            ["signed_in & role(editors)", "signed_in"],
            id="one-for-each-method-of-a-class",
        ),
    ],
)
async def test_what_is_inside_can_ask_for_more(make_shop, make, rules):
    routes = Routes()
    routes.mount("/m", make(), access=access.signed_in)
    shop = await make_shop(routes)
    assert [row[2] for row in rows(shop.app)] == rules


async def test_what_is_inside_cannot_ask_for_less(make_shop):
    routes = Routes()
    opened = access.requires(access.public)(endpoint_like())
    routes.mount("/m", api_with("get", "/a", opened), access=access.signed_in)
    with pytest.raises(RouteError, match=r"access\.public"):
        await make_shop(routes)


async def test_the_rule_of_a_class_that_is_included_as_a_route_holds_for_each_method(make_shop):
    routes = Routes("/m", access=access.signed_in)
    routes.include(Route("/c", Endpoint))
    shop = await make_shop(routes)
    assert rows(shop.app) == [
        ("/m/c", "DELETE", "signed_in & role(editors)"),
        ("/m/c", "GET HEAD", "signed_in"),
    ]


class Unknown(BaseRoute):
    path = "/x"

    def matches(self, scope):
        return Match.FULL, {}


class Parsing(Route):
    async def handle(self, scope, receive, send):
        await receive()


class ParsingAPIRoute(APIRoute):
    async def handle(self, scope, receive, send):
        await receive()


class OwnHandlers(APIRoute):
    def get_route_handler(self):
        handler = super().get_route_handler()

        async def own(request):
            return await handler(request)

        return own


def own_route_class(kind):
    router = APIRouter(route_class=kind)
    router.get("/a")(endpoint_like())
    return including(router)


def replaced_handle():
    route = Route("/a", answer)
    vars(route)["handle"] = answer
    return Starlette(routes=[route])


def with_root_path():
    api = bare_api()
    api.root_path = "/m"
    return api


@pytest.mark.parametrize(
    ("make", "part_of_message"),
    [
        pytest.param(lambda: Starlette(routes=[Unknown()]), "Unknown", id="a-kind-of-its-own"),
        pytest.param(lambda: Starlette(routes=[Parsing("/a", answer)]), "Parsing", id="answers-past-its-app"),
        pytest.param(lambda: own_route_class(ParsingAPIRoute), "ParsingAPIRoute", id="fastapi-past-its-app"),
        pytest.param(replaced_handle, "cannot be sealed", id="replaced-on-the-object"),
        pytest.param(lambda: Starlette(routes=[Host("a.example", answer)]), "Host", id="by-host"),
        pytest.param(
            lambda: including(APIRouter(routes=[Host("a.example", answer)])), "Host", id="by-host-in-an-included-router"
        ),
        pytest.param(lambda: Router([Route("/a", answer)], default=answer), "default of its own", id="own-default"),
        pytest.param(lambda: Starlette(debug=True, routes=[Route("/a", answer)]), "debug=True", id="debug"),
        pytest.param(
            lambda: Starlette(routes=[Mount("/n", Starlette(debug=True))]), "debug=True", id="debug-of-a-nested-app"
        ),
        pytest.param(with_root_path, "root_path", id="root-path"),
        pytest.param(
            lambda: api_with("get", "/{shop}", endpoint_like()), "Duplicated", id="a-parameter-that-the-mount-has"
        ),
    ],
)
async def test_what_cannot_be_sealed_does_not_start(make_shop, make, part_of_message):
    routes = Routes()
    routes.mount("/m/{shop}", make(), access=access.public)
    with pytest.raises(ConfigError, match=re.escape(part_of_message)):
        await make_shop(routes)


@pytest.mark.parametrize("path", ["/m/{path:path}", "/m/{a}-{a}", "/m/{a:none}"])
async def test_a_mount_whose_end_is_not_known_does_not_start(make_shop, path):
    routes = Routes()
    routes.mount(path, Starlette(routes=[Route("/a", answer)]), access=access.public)
    with pytest.raises(RouteError):
        await make_shop(routes)


async def test_a_mark_that_is_no_rule_does_not_start(make_shop):
    forged = endpoint_like()
    forged.access = "public"
    routes = Routes()
    routes.mount("/m", api_with("get", "/a", forged), access=access.signed_in)
    with pytest.raises(RouteError, match="write a rule"):
        await make_shop(routes)


async def test_an_app_without_routes_and_rule_does_not_start(make_shop):
    routes = Routes()
    routes.mount("/m", bare_api())
    with pytest.raises(MissingAccessError, match="no routes"):
        await make_shop(routes)


async def test_a_route_class_that_wraps_the_handler_is_known(make_shop):
    routes = Routes()
    routes.mount("/m", own_route_class(OwnHandlers), access=access.public)
    shop = await make_shop(routes)
    assert rows(shop.app) == [("/m/v1/a", "GET HEAD", "public")]


async def test_options_are_the_mounts_and_then_the_endpoints(make_shop):
    @mounting.options(max_body_bytes=10, insecure_skip_csrf=Because("signed by the partner"))
    async def hook():
        return "hook"

    async def plain():
        return "plain"

    api = bare_api()
    api.post("/hook")(hook)
    api.post("/plain")(plain)
    api.post("/large", max_body_size=9_000_000)(plain)
    api.websocket("/w")(listen)
    routes = Routes()
    routes.mount("/m", api, access=access.public, csrf="always", max_body_bytes=100, name="partner")
    shop = await make_shop(routes)
    found = {route.name: route for route in shop.app.routes}
    hook_route, plain_route = found["partner:hook"], found["partner:plain"]
    assert [name for name, _ in hook_route.exemptions()] == ["insecure_skip_csrf"]
    assert (hook_route.max_body_bytes, hook_route.csrf) == (10, "always")
    assert list(plain_route.exemptions()) == []
    assert found["partner:listen"].csrf == "forms"


async def test_a_limit_that_fastapi_was_told_is_the_routes(make_shop):
    api = bare_api()
    api.post("/large", max_body_size=9_000_000)(endpoint_like())
    routes = Routes()
    routes.mount("/m", api, access=access.public)
    shop = await make_shop(routes)
    assert shop.app.routes[0].max_body_bytes == 9_000_000


def with_cors(**options):
    return Middleware(CORSMiddleware, allow_origins=["https://partner.example"], **options)


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: bare_api(middleware=[with_cors()]), id="app"),
        pytest.param(lambda: Starlette(middleware=[with_cors()]), id="starlette"),
    ],
)
async def test_preflights_are_routes_of_their_own(make_shop, make):
    app = make()
    app.router.routes += [Route("/a", answer, methods=["POST"]), Route("/c", Endpoint)]
    routes = Routes()
    routes.mount("/m", app, access=access.signed_in)
    shop = await make_shop(routes)
    assert rows(shop.app) == [
        ("/m/a", "OPTIONS", "public"),
        ("/m/c", "OPTIONS", "public"),
        ("/m/a", "POST", "signed_in"),
        ("/m/c", "DELETE", "signed_in & role(editors)"),
        ("/m/c", "GET HEAD", "signed_in"),
    ]


async def test_an_explicit_head_and_options_keep_their_routes(make_shop):
    api = bare_api()
    api.get("/a")(endpoint_like())
    api.head("/a")(endpoint_like())
    api.options("/a")(endpoint_like())
    routes = Routes()
    routes.mount("/m", api, access=access.public)
    shop = await make_shop(routes)
    assert [row[1] for row in rows(shop.app)] == ["GET", "HEAD", "OPTIONS"]


async def test_an_app_at_the_root_comes_after_the_frameworks_own_routes(tmp_path, clock):
    shop = Shop(tmp_path, [], clock=clock)
    shop.app.mount("/", PlainTextResponse("foreign"), access=access.public)
    late = Routes()
    late.get("/late", access=access.public)(marked_public)
    shop.app.include(late)
    assert [route.path for route in shop.app.routes][-1] == "/{path:path}"
    assert "/account/sign-in" in [route.path for route in shop.app.routes][:-1]


async def marked_public(request):
    return PlainTextResponse("late")


async def test_a_form_endpoint_is_a_route_that_asks_for_the_token(make_shop):
    async def take(name: Annotated[str, Form()]):
        return name

    routes = Routes()
    routes.mount("/m", api_with("post", "/form", take), access=access.public)
    shop = await make_shop(routes)
    assert shop.app.routes[0].csrf == "forms"
