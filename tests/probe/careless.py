"""A server that believes everything: it hands on to the app whatever is sent, so that what refuses is the app, or nothing.

Real servers refuse part of what the probe sends before an app sees it. Here each fault can be planted by what stands round the
app, and the app without a fault has to hold by itself.
"""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from urllib.parse import unquote


async def read_request(reader):
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    line, *rest = head.split("\r\n")
    method, target, _ = line.split(" ", 2)
    pairs = [tuple(one.split(":", 1)) for one in rest if ":" in one]
    headers = [(name.strip().lower().encode("latin-1"), value.strip().encode("latin-1")) for name, value in pairs]
    lengths = [int(value) for name, value in headers if name == b"content-length" and value.isdigit()]
    if len(lengths) < sum(name == b"content-length" for name, _ in headers):
        raise ValueError("where the body ends is what only the server can know")
    return method, target, headers, (lengths or [0])[0]


def scope_of(method, target, headers, scheme):
    if target.startswith("http"):
        target = "/" + target.partition("//")[2].partition("/")[2]
    path, _, query = target.partition("?")
    is_socket = any(name == b"upgrade" and value == b"websocket" for name, value in headers)
    scope = {
        "type": "websocket" if is_socket else "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "scheme": scheme.replace("http", "ws") if is_socket else scheme,
        "path": unquote(path, errors="replace"),
        "raw_path": path.encode("latin-1"),
        "query_string": query.encode("latin-1"),
        "root_path": "",
        "headers": headers,
        "client": ("127.0.0.1", 50_000),
        "server": ("127.0.0.1", 80),
    }
    return {**scope, "subprotocols": []} if is_socket else {**scope, "method": method}


class Conversation:
    """One request and what the app answers to it."""

    def __init__(self, reader, writer, scope, length):
        self.reader, self.writer, self.scope, self.length = reader, writer, scope, length
        self.is_read = False

    async def receive(self):
        if self.scope["type"] == "websocket":
            if self.is_read:
                await self.reader.read()
                return {"type": "websocket.disconnect", "code": 1006}
            self.is_read = True
            return {"type": "websocket.connect"}
        if self.is_read:
            await asyncio.sleep(3600)
        self.is_read = True
        return {"type": "http.request", "body": await self.reader.readexactly(self.length), "more_body": False}

    async def send(self, message):
        kind = message["type"]
        if kind == "websocket.accept":
            self.writer.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
        elif kind == "websocket.close":
            self.writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
        elif kind == "http.response.start":
            lines = b"".join(name + b": " + value + b"\r\n" for name, value in message.get("headers", ()))
            self.writer.write(b"HTTP/1.1 %d x\r\n%sConnection: close\r\n\r\n" % (message["status"], lines))
        elif self.scope.get("method") != "HEAD" or message.get("sends_anyway"):
            self.writer.write(message.get("body", b""))


@contextlib.asynccontextmanager
async def serving(app, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Serve until the block ends; gives the port."""
    scheme = "https" if tls else "http"

    async def converse(reader, writer):
        with contextlib.suppress(OSError, EOFError, ValueError, asyncio.LimitOverrunError, RuntimeError):
            method, target, headers, length = await read_request(reader)
            scope = scope_of(method, target, headers, scheme)
            conversation = Conversation(reader, writer, scope, length)
            await app(scope, conversation.receive, conversation.send)
            await writer.drain()
        with contextlib.suppress(OSError):
            writer.close()

    server = await asyncio.start_server(converse, "127.0.0.1", 0, ssl=tls, limit=2**20)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
