"""HTTP by hand, for what no client library would send."""

import contextlib
import select
import socket
import ssl
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPResponse
from itertools import chain

TIMEOUT_SECONDS = 20
PIECE_BYTES = 16_384


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server sent back; status 0 if it closed the connection without a word."""

    status: int = 0
    body: bytes = b""
    headers: list[tuple[str, str]] = field(default_factory=list)

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name), None)

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name]


def request(
    line: str | bytes, *headers: str | bytes, host: str | None = "localhost", body: bytes = b"", length: bool = True
) -> bytes:
    """The bytes of a request; a body gets its length unless told otherwise."""
    lines = [
        encoded(line) + b" HTTP/1.1",
        *([f"Host: {host}".encode()] if host is not None else []),
        *map(encoded, headers),
    ]
    if body and length:
        lines.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join([*lines, b"Connection: close", b"", b""]) + body


def encoded(text: str | bytes) -> bytes:
    return text.encode("utf-8") if isinstance(text, str) else text


def chunked(parts: Iterable[bytes]) -> Iterator[bytes]:
    """The parts of a body whose length nobody announced (RFC 9112 §7.1)."""
    for part in parts:
        yield b"%x\r\n" % len(part) + part + b"\r\n"
    yield b"0\r\n\r\n"


def exchange(
    port: int, *pieces: bytes, more: Iterable[bytes] = (), method: str = "GET", trust: ssl.SSLContext | None = None
) -> Answer:
    """Send the bytes, stop when the server answers or hangs up, and read the answer."""
    with contextlib.ExitStack() as stack:
        connection = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_SECONDS))
        if trust is not None:
            connection = stack.enter_context(trust.wrap_socket(connection, server_hostname="localhost"))
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            for piece in chain(sliced(b"".join(pieces)), more):
                # Whoever sends on after the answer has come is reset and loses it (RFC 9112 §9.6). Under TLS something to
                # read is no answer yet: the server sends session tickets first.
                if trust is None and select.select([connection], [], [], 0)[0]:
                    break
                connection.sendall(piece)
        return read_answer(connection, method)


def sliced(data: bytes) -> Iterator[bytes]:
    for start in range(0, len(data), PIECE_BYTES):
        yield data[start : start + PIECE_BYTES]


def read_answer(connection: socket.socket, method: str = "GET") -> Answer:
    with contextlib.closing(HTTPResponse(connection, method=method)) as response:
        try:
            response.begin()
            body = response.read()
        except (HTTPException, ConnectionResetError):
            return Answer()
    return Answer(response.status, body, response.getheaders())


FIELDS, DATA, RESET, PING = 1, 0, 3, 6
"""Types of frames (RFC 9113 §6): HEADERS, DATA, RST_STREAM and PING."""
END_STREAM, END_HEADERS = 1, 4
OPENING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
ANSWERED_PING = bytes((0, 0, 8, PING, 0, 0, 0, 0, 0)) + bytes(8)
"""The server answers it behind what it has to say by then."""


def frame(kind: int, flags: int, content: bytes = b"") -> bytes:
    """A frame of an HTTP/2 connection's first stream."""
    return len(content).to_bytes(3, "big") + bytes((kind, flags, 0, 0, 0, 1)) + content


def fields(pairs: Iterable[tuple[str, str]]) -> bytes:
    """Short header fields, written out (RFC 7541 §6.2.2)."""
    return b"".join(b"\0" + b"".join(bytes((len(text),)) + text.encode() for text in pair) for pair in pairs)


def frame_types(connection: socket.socket) -> Iterator[int]:
    """The types of the frames of the first stream: of its answer, and of what the server says besides when that has ended."""
    with connection.makefile("rb") as file:
        while head := file.read(9):
            file.read(int.from_bytes(head[:3], "big"))
            kind, flags, stream = head[3], head[4], head[8]
            if stream == 1:
                yield kind
                if kind in {FIELDS, DATA} and flags & END_STREAM:
                    connection.sendall(ANSWERED_PING)
            elif kind == PING:
                return


def ended(connection: socket.socket) -> bool:
    """Whether the other side has closed the connection; it has `TIMEOUT_SECONDS` for it."""
    with contextlib.suppress(ConnectionResetError):
        return connection.recv(1) == b""
    return True
