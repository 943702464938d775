"""Whether the other side of a WebSocket is still there, for a handler that only sends.

A server tells that the other side has gone in its place among the messages, and takes what is sent afterwards without a word.
A handler that never asks for messages would then send to nobody until the session ends, one for each page that was open. So
while a handler sends, the next messages are asked for; they are kept, in their order, for when it wants them. Once the other
side is gone, sending raises, as ASGI demands it. Only so many messages are kept: the rest waits with the server, which slows
the other side down, and whoever sends that many unread ones is looked after by the end of the session. ASVS 5.0: V15.2.2.
"""

import asyncio
from collections import deque
from typing import Final

from starlette.websockets import WebSocketDisconnect

from fastness.web.exchange import Message, Receive, Send

MAX_KEPT: Final = 16
_GONE: Final = 1006


class LookAhead:
    """`receive` and `send` of one socket."""

    __slots__ = ("_asked", "_gone", "_is_asking", "_kept", "_receive", "_send")

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._kept: deque[Message] = deque()
        self._asked: asyncio.Future[Message] | None = None
        self._is_asking = False
        self._gone: int | None = None

    async def receive(self) -> Message:
        """The next message, one that was kept first."""
        while not self._kept:
            asked = self._asked
            if asked is None:
                self._is_asking = True
                try:
                    return self._noted(await self._receive())
                finally:
                    self._is_asking = False
            # Whoever gives up waiting takes nothing away from whoever asks next.
            await asyncio.wait((asked,))
            self._keep()
        return self._kept.popleft()

    async def send(self, message: Message) -> None:
        """Send, while somebody is there."""
        if message["type"] == "websocket.send":
            self._keep()
            if self._gone is not None:
                raise WebSocketDisconnect(self._gone)
            if self._asked is None and not self._is_asking and len(self._kept) < MAX_KEPT:
                self._asked = asyncio.ensure_future(self._receive())
        elif message["type"] == "websocket.close" and self._asked is not None:
            # A server may hold back the end while somebody waits for the next message.
            asked, self._asked = self._asked, None
            asked.cancel()
            await asyncio.wait((asked,))
        await self._send(message)

    def close(self) -> None:
        """Ask no more."""
        if self._asked is not None:
            self._asked.cancel()

    def _keep(self) -> None:
        """Keep the message that was asked for, if it is there."""
        if self._asked is not None and self._asked.done():
            asked, self._asked = self._asked, None
            self._kept.append(self._noted(asked.result()))

    def _noted(self, message: Message) -> Message:
        if message["type"] == "websocket.disconnect":
            self._gone = message.get("code", _GONE)
        return message
