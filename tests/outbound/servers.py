"""Small real servers, whose answers a test writes byte by byte, and a resolver that a test fills."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import trustme

from fastness.kernel.clock import SystemClock
from fastness.kernel.events import MemorySink
from fastness.outbound.client import Outbound, pool_for
from fastness.outbound.rules import OutboundRules

Responder = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]


def answer(body: bytes = b"", *, status: str = "200 OK", headers: tuple[str, ...] = ()) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"content-length: {len(body)}", "connection: close", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


@dataclass
class RealServer:
    port: int = 0
    seen: list[bytes] = field(default_factory=list)
    """The requests, head and body."""
    names: list[str | None] = field(default_factory=list)
    """What TLS clients asked for."""


@asynccontextmanager
async def server(respond: bytes | Responder, *, tls: trustme.LeafCert | None = None) -> AsyncIterator[RealServer]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(
                (int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0
            )
            request = head + await reader.readexactly(length)
            real.seen.append(request)
            if isinstance(respond, bytes):
                writer.write(respond)
            else:
                await respond(request, writer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            pass
        finally:
            writer.close()

    real = RealServer()
    context = None
    if tls is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.configure_cert(context)
        context.sni_callback = lambda _, name, __: real.names.append(name)
    listening = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    real.port = listening.sockets[0].getsockname()[1]
    try:
        yield real
    finally:
        listening.close()


@dataclass
class Names:
    """Answers to lookups, in order; the last one stays."""

    answers: dict[str, list[list[str]]]
    asked: list[str] = field(default_factory=list)

    async def __call__(self, host: str, port: int, /) -> list[str]:
        self.asked.append(host)
        found = self.answers.get(host)
        if not found:
            raise OSError("no such name")
        return found.pop(0) if len(found) > 1 else found[0]


@asynccontextmanager
async def client(rules: OutboundRules, names: Names) -> AsyncIterator[tuple[Outbound, MemorySink]]:
    events = MemorySink()
    outbound = Outbound(rules, events=events, clock=SystemClock(), pool=pool_for(rules, names))
    try:
        yield outbound, events
    finally:
        await outbound.close()
