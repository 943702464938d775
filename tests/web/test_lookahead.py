"""What a handler receives and when its sending ends, whatever it does first."""

import asyncio
from collections import deque

import pytest
from starlette.websockets import WebSocketDisconnect

from fastness.web.lookahead import MAX_KEPT, LookAhead

TEXT = {"type": "websocket.send", "text": "news"}
GONE = {"type": "websocket.disconnect", "code": 1001}


def said(text):
    return {"type": "websocket.receive", "text": text}


class Server:
    """Gives messages in order, one to one who asks; two at once is a mistake of the caller."""

    def __init__(self, *messages):
        self.messages = deque(messages)
        self.sent = []
        self.is_asked = False
        self.more = asyncio.Event()

    async def receive(self):
        assert not self.is_asked
        self.is_asked = True
        try:
            while not self.messages:
                self.more.clear()
                await self.more.wait()
            return self.messages.popleft()
        finally:
            self.is_asked = False

    def say(self, message):
        self.messages.append(message)
        self.more.set()

    async def send(self, message):
        self.sent.append(message)


@pytest.fixture
def meet():
    opened = []

    def meet(*messages):
        server = Server(*messages)
        opened.append(LookAhead(server.receive, server.send))
        return server, opened[-1]

    yield meet
    for each in opened:
        each.close()


async def send_some(socket, times=3):
    for _ in range(times):
        await socket.send(TEXT)
        await asyncio.sleep(0)
        await asyncio.sleep(0)


async def test_who_only_sends_is_told_that_nobody_is_there(meet):
    server, socket = meet()
    await send_some(socket)
    server.say(GONE)
    with pytest.raises(WebSocketDisconnect) as told:
        await send_some(socket)
    assert (told.value.code, len(server.sent)) == (1001, 4)


async def test_also_behind_messages_that_nobody_reads(meet):
    _, socket = meet(said("a"), said("b"), GONE)
    with pytest.raises(WebSocketDisconnect):
        await send_some(socket, 9)
    # They are there for who asks for them afterwards, the end among them.
    assert [await socket.receive() for _ in range(3)] == [said("a"), said("b"), GONE]


async def test_messages_keep_their_order_between_sending_and_asking(meet):
    _, socket = meet(*(said(str(number)) for number in range(6)))
    got = [await socket.receive()]
    for _ in range(5):
        await send_some(socket, 2)
        got.append(await socket.receive())
    assert [message["text"] for message in got] == list("012345")


async def test_only_so_many_unread_messages_are_kept(meet):
    server, socket = meet(*(said(str(number)) for number in range(100)))
    await send_some(socket, 100)
    assert len(server.messages) == 100 - MAX_KEPT
    assert [(await socket.receive())["text"] for _ in range(100)] == [str(number) for number in range(100)]


async def test_one_asks_while_another_sends(meet):
    server, socket = meet()
    reader = asyncio.ensure_future(socket.receive())
    await asyncio.sleep(0)
    await send_some(socket)
    server.say(said("a"))
    assert await reader == said("a")
    await send_some(socket)
    reader = asyncio.ensure_future(socket.receive())
    await asyncio.sleep(0)
    await send_some(socket)
    server.say(said("b"))
    assert await reader == said("b")


async def test_who_gives_up_waiting_takes_nothing_away(meet):
    server, socket = meet()
    await send_some(socket)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(socket.receive(), 0)
    server.say(said("a"))
    assert await socket.receive() == said("a")


async def test_a_socket_can_be_closed_when_nobody_is_there(meet):
    server, socket = meet(GONE)
    assert await socket.receive() == GONE
    await socket.send({"type": "websocket.close", "code": 1000})
    assert server.sent == [{"type": "websocket.close", "code": 1000}]


async def test_nothing_is_waited_for_when_the_end_is_sent(meet):
    """A server may hold the end back until then."""
    server, socket = meet()
    await send_some(socket)
    assert server.is_asked
    await socket.send({"type": "websocket.close", "code": 1008})
    assert not server.is_asked
    assert server.sent[-1]["code"] == 1008
    server.say(GONE)
    assert await socket.receive() == GONE
