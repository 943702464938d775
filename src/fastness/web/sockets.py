"""WebSockets, after every gate: the upgrade was checked like an unsafe request before `accept()`.

The session is read, never written: a socket has no response that could carry a cookie. Messages are bounded by the server.
"""

from collections.abc import AsyncIterator

from starlette.websockets import WebSocket as StarletteWebSocket
from starlette.websockets import WebSocketDisconnect

from fastness.web.exchange import Receive, Scope, Send
from fastness.web.requests import Connection


class WebSocket(Connection):
    """One WebSocket connection; `async for text in socket` reads until the other side closes."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        super().__init__(scope)
        self._socket = StarletteWebSocket(scope, receive, send)

    async def __aiter__(self) -> AsyncIterator[str]:
        try:
            while True:
                yield await self.receive_text()
        except WebSocketDisconnect:
            return

    async def accept(self, *, subprotocol: str | None = None) -> None:
        """Open the connection."""
        await self._socket.accept(subprotocol=subprotocol)

    async def receive_text(self) -> str:
        """The next text message. Raises Starlette's `WebSocketDisconnect` when the other side is gone."""
        return await self._socket.receive_text()

    async def receive_bytes(self) -> bytes:
        """The next binary message."""
        return await self._socket.receive_bytes()

    async def send_text(self, text: str) -> None:
        """Send a text message."""
        await self._socket.send_text(text)

    async def send_bytes(self, data: bytes) -> None:
        """Send a binary message."""
        await self._socket.send_bytes(data)

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close the connection."""
        await self._socket.close(code=code, reason=reason)
