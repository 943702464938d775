"""WebSockets pass every gate before `accept()`."""

import asyncio
from uuid import UUID

import pytest

from fastness import Because, JSONResponse, Routes, access
from fastness.sessions.identity import Identity


@pytest.fixture
def routes():
    routes = Routes()

    @routes.websocket("/open", access=access.public)
    async def open_socket(socket):
        await socket.accept()
        await socket.send_text("hello " + await socket.receive_text())
        await socket.close()

    @routes.websocket("/mine", access=access.signed_in)
    async def mine(socket):
        await socket.accept()
        await socket.send_text(socket.user.username)
        await socket.close()

    @routes.websocket("/broken", access=access.public)
    async def broken(socket):
        await socket.accept()
        raise RuntimeError

    @routes.websocket("/broken-in-the-end", access=access.public)
    async def broken_in_the_end(socket):
        await socket.accept()
        await socket.close()
        raise RuntimeError

    async def split(scope, receive, send):
        await send({"type": "websocket.accept", "headers": [(b"x-name", b"a\r\nset-cookie: b=c")]})

    routes.mount("/split", split, access=access.public)

    @routes.get("/page", access=access.public)
    async def page(request):
        return JSONResponse("page")

    @routes.post("/sign-in", access=access.public, insecure_skip_csrf=Because("a test signs somebody in"))
    async def sign_in(request):
        identity = Identity(
            id=UUID(int=7),
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

    return routes


async def connect(app, path, headers, text="you"):
    """The messages that the server would see for one connection."""
    sent = []
    queue = [{"type": "websocket.connect"}, {"type": "websocket.receive", "text": text}]

    async def receive():
        if queue:
            return queue.pop(0)
        return await asyncio.Event().wait()

    async def send(message):
        sent.append(message)

    scope = {
        "type": "websocket",
        "http_version": "1.1",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "scheme": "wss",
        "client": ("1.2.3.4", 5),
        "server": ("x", 1),
        "subprotocols": [],
        "headers": [(b"host", b"shop.example"), *((name.encode(), value.encode()) for name, value in headers.items())],
    }
    await app(scope, receive, send)
    return [(message["type"], message.get("text", message.get("code"))) for message in sent]


ACCEPTED = [("websocket.accept", None), ("websocket.send", "hello you"), ("websocket.close", 1000)]
REFUSED = [("websocket.close", 1008)]
OWN = "https://shop.example"


@pytest.mark.parametrize(
    ("path", "headers", "messages", "reason"),
    [
        pytest.param("/open", {"origin": OWN}, ACCEPTED, None, id="own-origin"),
        pytest.param("/open", {"origin": "https://evil.example"}, REFUSED, "websocket_origin", id="foreign-origin"),
        pytest.param("/open", {"origin": "http://shop.example"}, REFUSED, "websocket_origin", id="without-tls"),
        pytest.param("/open", {"origin": "null"}, REFUSED, "origin_null", id="origin-null"),
        pytest.param("/open", {}, ACCEPTED, None, id="no-browser-no-cookie"),
        pytest.param("/open", {"cookie": "__Host-session=x"}, REFUSED, "websocket_origin", id="cookie-without-origin"),
        pytest.param("/mine", {"origin": OWN}, REFUSED, "not_signed_in", id="nobody"),
        pytest.param("/none", {"origin": OWN}, REFUSED, None, id="no-such-socket"),
        pytest.param("/page", {"origin": OWN}, REFUSED, None, id="page-is-no-socket"),
        pytest.param("/open", {"origin": OWN, "x_forwarded_for": "1"}, REFUSED, "underscore_twin", id="malformed"),
    ],
)
async def test_the_upgrade_is_checked(make_shop, routes, path, headers, messages, reason):
    shop = await make_shop(routes)
    assert await connect(shop.app, path, headers) == messages
    assert shop.reasons() == ([reason] if reason else [])


async def test_a_signed_in_person_is_known_to_the_socket(make_shop, browse, routes):
    shop = await make_shop(routes)
    async with browse(shop) as browser:
        await browser.fetch("/sign-in", "POST")
        cookie = f"__Host-session={browser.cookies['__Host-session'].value}"
    messages = await connect(shop.app, "/mine", {"origin": OWN, "cookie": cookie})
    assert messages[1] == ("websocket.send", "ada")


async def test_an_error_after_accept_closes_the_socket(make_shop, routes):
    shop = await make_shop(routes)
    assert await connect(shop.app, "/broken", {"origin": OWN}) == [
        ("websocket.accept", None),
        ("websocket.close", 1011),
    ]


async def test_a_socket_route_does_not_answer_a_page_load(make_shop, browse, routes):
    shop = await make_shop(routes)
    async with browse(shop) as browser:
        assert (await browser.fetch("/open")).status == 404


async def test_a_socket_is_closed_once(make_shop, routes):
    shop = await make_shop(routes)
    sent = await connect(shop.app, "/broken-in-the-end", {})
    assert sent == [("websocket.accept", None), ("websocket.close", 1000)]
    assert shop.names() == ["sys_crash"]


async def test_a_line_break_in_a_header_refuses_the_upgrade(make_shop, routes):
    shop = await make_shop(routes)
    sent = await connect(shop.app, "/split/", {})
    assert sent == REFUSED
