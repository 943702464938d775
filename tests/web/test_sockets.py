"""WebSockets pass every gate before `accept()`."""

import asyncio
from dataclasses import replace
from uuid import UUID

import pytest

from fastness import Because, JSONResponse, Routes, access
from fastness.services.services import Services
from fastness.sessions.identity import Identity
from fastness.sessions.rules import SessionRules
from fastness.sessions.session import ReadOnlySessionError


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


async def connect(app, path, headers, text="you", *, is_leaving=False):
    """The messages that the server would see for one connection."""
    sent = []
    queue: list[dict[str, object]] = [{"type": "websocket.connect"}]
    queue += [{"type": "websocket.receive", "text": text}] if text else []
    queue += [{"type": "websocket.disconnect", "code": 1001}] if is_leaving else []

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


@pytest.mark.asvs("V4.4.2")
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


@pytest.mark.asvs("V16.5.4")
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


# What is open ends with what let it in.

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
OFTEN = {"session": SessionRules(socket_check_seconds=0.001)}


class OpenSocket:
    """A connection that stays open while the test goes on."""

    def __init__(self, app, path, cookie):
        self.sent = asyncio.Queue()
        self.received = asyncio.Queue()
        self.received.put_nowait({"type": "websocket.connect"})
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
            "headers": [(b"host", b"shop.example"), (b"origin", OWN.encode()), (b"cookie", cookie.encode())],
        }
        self.task = asyncio.create_task(app(scope, self.received.get, self.sent.put))

    async def end(self):
        """The code the socket is closed with, once its handler has ended."""
        while True:
            message = await self.sent.get()
            if message["type"] == "websocket.close":
                await self.task
                return message["code"]


@pytest.fixture
def lasting():
    """Routes whose sockets stay open, and what their handlers have noticed."""
    routes = Routes()
    noticed = []

    async def stay(socket):
        await socket.accept()
        try:
            await asyncio.Event().wait()
        finally:
            noticed.append(socket.user.username)

    @routes.websocket("/listening", access=access.signed_in)
    async def listening(socket):
        await socket.accept()
        async for _ in socket:
            pass
        noticed.append("disconnected")

    @routes.websocket("/stubborn", access=access.signed_in)
    async def stubborn(socket):
        await socket.accept()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await socket.send_text("a secret")

    @routes.websocket("/keeps", access=access.signed_in)
    async def keeps(socket):
        await socket.accept()
        for change in (
            lambda: socket.session.set("seen", 1),
            lambda: socket.session.delete("seen"),
            lambda: socket.site.sessions.sign_out(socket.session),
            lambda: socket.site.sessions.rotate(socket.session),
            lambda: socket.site.sessions.sign_in(socket.session, ADA),
        ):
            with pytest.raises(ReadOnlySessionError):
                change()
        noticed.append("refused")
        await socket.close()

    @routes.post("/sign-in", access=access.public, insecure_skip_csrf=Because("a test signs somebody in"))
    async def sign_in(request):
        request.site.sessions.sign_in(request.session, replace(ADA, authenticated_at=request.site.clock.epoch()))
        return JSONResponse("in")

    @routes.post("/sign-out", access=access.signed_in, insecure_skip_csrf=Because("a test signs somebody out"))
    async def sign_out(request):
        request.site.sessions.sign_out(request.session)
        return JSONResponse("out")

    routes.websocket("/mine", access=access.signed_in)(stay)
    routes.websocket("/editing", access=access.role("editors"))(stay)
    routes.websocket("/open", access=access.public)(stay)
    return routes, noticed


async def cookie_of(browser):
    await browser.fetch("/sign-in", "POST")
    return f"__Host-session={browser.cookies['__Host-session'].value}"


@pytest.mark.asvs("V7.4.1", "V7.4.2", "V8.3.2")
@pytest.mark.parametrize(
    ("path", "end", "code"),
    [
        pytest.param("/mine", "sign-out", 1008, id="sign-out"),
        pytest.param("/open", "sign-out", 1008, id="sign-out-where-anybody-may-listen"),
        pytest.param("/mine", "end-all", 1008, id="ended-elsewhere"),
        pytest.param("/mine", "expiry", 1008, id="expiry"),
        pytest.param("/mine", "user-gone", 1008, id="user-gone"),
        pytest.param("/editing", "role-taken", 1008, id="role-taken"),
        pytest.param("/mine", "store-away", 1013, id="store-away"),
        pytest.param("/stubborn", "sign-out", 1008, id="a-handler-that-goes-on"),
        pytest.param("/listening", "sign-out", 1008, id="a-handler-that-listens"),
    ],
)
async def test_an_open_socket_ends_with_its_session(make_shop, browse, lasting, monkeypatch, caplog, path, end, code):
    routes, _ = lasting
    current = replace(ADA, roles=frozenset()) if end == "role-taken" else None

    async def load_identity(services, former):
        return current

    # What the database would say of the user by now.
    monkeypatch.setattr(Services, "load_identity", load_identity)
    shop = await make_shop(routes, settings=OFTEN)
    services = shop.app.services
    async with browse(shop) as browser:
        cookie = await cookie_of(browser)
        socket = OpenSocket(shop.app, path, cookie)
        assert (await socket.sent.get())["type"] == "websocket.accept"
        if end == "sign-out":
            await browser.fetch("/sign-out", "POST")
        elif end == "end-all":
            await services.sessions.end_all(ADA.id)
        elif end == "expiry":
            shop.clock.advance(100_000)
        elif end == "store-away":
            await services.store.close()
        else:
            await services.store.bump_epoch(str(ADA.id))
        assert await socket.end() == code
    assert socket.sent.empty()
    if end == "role-taken":
        assert "no_role" in shop.reasons()
    assert "session_use_after_expire" not in shop.names()
    assert "could not be watched" not in caplog.text


async def test_a_socket_whose_session_holds_stays_open(make_shop, browse, lasting):
    routes, noticed = lasting
    shop = await make_shop(routes, settings=OFTEN)
    asked = asyncio.Event()
    loads = 0
    sessions = shop.app.services.sessions
    load = sessions.load

    async def counted(*args, **options):
        nonlocal loads
        loads += 1
        if loads > 3:
            asked.set()
        return await load(*args, **options)

    async with browse(shop) as browser:
        cookie = await cookie_of(browser)
        sessions.load = counted
        socket = OpenSocket(shop.app, "/mine", cookie)
        await asked.wait()
        assert (await socket.sent.get())["type"] == "websocket.accept"
        assert socket.sent.empty()
        socket.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await socket.task
        await asyncio.sleep(0)
        assert not [task for task in asyncio.all_tasks() if task.get_coro().__qualname__ == "Watch.run"]
    assert noticed == ["ada"]


async def test_a_session_cannot_be_changed_over_a_socket(make_shop, browse, lasting):
    routes, noticed = lasting
    shop = await make_shop(routes)
    async with browse(shop) as browser:
        socket = OpenSocket(shop.app, "/keeps", await cookie_of(browser))
        assert await socket.end() == 1000
    assert noticed == ["refused"]
