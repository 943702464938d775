"""V4, HTTP: what a message says of itself is true, and sockets are opened over TLS."""

import pytest

from fastness import HTMLResponse, JSONResponse, Response, Routes, access, redirect
from tests.web.test_sockets import connect


@pytest.fixture
def routes():
    routes = Routes(access=access.public)

    @routes.get("/page")
    async def page(request):
        return HTMLResponse("<p>ř")

    @routes.get("/text")
    async def text(request):
        return Response("ř")

    @routes.get("/json")
    async def json(request):
        return JSONResponse(["ř"])

    @routes.get("/styles")
    async def styles(request):
        return Response("a {}", media_type="text/css")

    @routes.get("/away")
    async def away(request):
        return redirect(request, "/page")

    @routes.get("/broken")
    async def broken(request):
        raise RuntimeError

    @routes.get("/length/{number:int}")
    async def length(request):
        return Response("twelve bytes", headers={"content-length": str(request.path_params["number"])})

    @routes.websocket("/socket")
    async def socket(websocket):
        await websocket.accept()
        await websocket.send_text(f"hello {await websocket.receive_text()}")
        await websocket.close()

    return routes


@pytest.mark.parametrize(
    ("path", "accept", "expected"),
    [
        pytest.param("/page", "*/*", "text/html; charset=utf-8", id="page"),
        pytest.param("/text", "*/*", "text/plain; charset=utf-8", id="text"),
        # RFC 8259 §8.1 and §11: always UTF-8, and no charset parameter is defined.
        pytest.param("/json", "*/*", "application/json", id="json"),
        pytest.param("/styles", "*/*", "text/css; charset=utf-8", id="styles"),
        pytest.param("/static/fastness.css", "*/*", "text/css; charset=utf-8", id="static-styles"),
        pytest.param("/static/fastness-fetch.js", "*/*", "text/javascript; charset=utf-8", id="static-script"),
        pytest.param("/account/sign-in", "text/html", "text/html; charset=utf-8", id="form"),
        pytest.param("/none", "text/html", "text/html; charset=utf-8", id="missing-page"),
        pytest.param("/none", "*/*", "application/problem+json", id="missing-data"),
        pytest.param("/broken", "text/html", "text/html; charset=utf-8", id="error-page"),
        pytest.param("/-/health", "*/*", "text/plain; charset=utf-8", id="health"),
    ],
)
async def test_v4_1_1_a_body_says_its_type_and_charset(make_shop, browse, routes, path, accept, expected):
    shop = await make_shop(routes)
    async with browse(shop) as browser:
        page = await browser.raw("GET", path, headers={"accept": accept})
    assert page.headers.get_list("content-type") == [expected]


async def sent_by(app, path):
    """The messages that the server would see."""
    sent = []

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "scheme": "https",
        "client": ("192.0.2.1", 5),
        "server": ("x", 1),
        "headers": [(b"host", b"shop.example"), (b"accept", b"text/html")],
    }
    await app(scope, receive, send)
    return sent


@pytest.mark.parametrize(
    "path",
    [
        "/page", "/text", "/json", "/away", "/broken", "/none", "/page/", "/account/sign-in", "/-/health",
        "/length/12", "/length/3", "/length/99",
    ],
)  # fmt: skip
async def test_v4_2_2_the_length_that_is_stated_is_that_of_the_body(make_shop, routes, path):
    shop = await make_shop(routes)
    start, *rest = await sent_by(shop.app, path)
    lengths = [value for name, value in start["headers"] if name.lower() == b"content-length"]
    assert lengths == [b"%d" % sum(len(message.get("body", b"")) for message in rest)]


@pytest.mark.parametrize(
    ("scheme", "origin", "kinds"),
    [
        pytest.param(
            "wss", "https://shop.example", ["websocket.accept", "websocket.send", "websocket.close"], id="over-tls"
        ),
        pytest.param("ws", "http://shop.example", ["websocket.close"], id="in-the-clear"),
    ],
)
async def test_v4_4_1_a_socket_is_opened_over_tls_only(make_shop, routes, scheme, origin, kinds):
    shop = await make_shop(routes)

    async def app(scope, receive, send):
        await shop.app({**scope, "scheme": scheme}, receive, send)

    assert [kind for kind, _ in await connect(app, "/socket", {"origin": origin})] == kinds


def test_v4_1_1_a_type_that_is_given_is_the_only_one():
    response = Response("a", headers={"Content-Type": "text/calendar; charset=utf-8"})
    types = [value for name, value in response.raw_headers if name.lower() == b"content-type"]
    assert types == [b"text/calendar; charset=utf-8"]
