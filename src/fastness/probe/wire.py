"""HTTP/1.1 by hand: requests that no client library would send, and answers exactly as they came.

A library repairs what it sends and merges what it receives; the probe is about both. The target is the user's own but may be
broken, so whatever comes back is bounded in size and time and never trusted. One request for each connection, so that no
answer can be taken for another's, except where a check is about just that.
"""

import asyncio
import ssl
from collections.abc import Iterable, Mapping
from typing import Final

from fastness.kernel.values import dataclass
from fastness.probe.target import Address

_MAX_HEAD_BYTES: Final = 262_144
_MAX_BODY_BYTES: Final = 1_000_000
_PIECE_BYTES: Final = 65_536
_WITHOUT_BODY: Final = frozenset({101, 204, 304})

HeaderPairs = Iterable[tuple[str, str]]


class NoAnswerError(Exception):
    """The target hung up, was silent, or sent what is no HTTP."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    """Names in small letters, in the order they came."""
    body: bytes = b""

    def header(self, name: str) -> str:
        """The header's value; several are joined, none is empty."""
        return ", ".join(self.all(name))

    def all(self, name: str) -> list[str]:
        """Each value of the header."""
        return [value for key, value in self.headers if key == name]

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    @property
    def media_type(self) -> str:
        """The content type without its parameters: text/html."""
        return self.header("content-type").partition(";")[0].strip().lower()

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300

    @property
    def is_document(self) -> bool:
        """Whether a browser would render it as a page."""
        return self.media_type in {"text/html", "application/xhtml+xml", "image/svg+xml"}


def request_bytes(line: str, headers: HeaderPairs, body: bytes = b"") -> bytes:
    """A request; what is not ASCII goes as the bytes that Latin-1 gives."""
    lines = [f"{line} HTTP/1.1", *(f"{name}: {value}" for name, value in headers), "", ""]
    return "\r\n".join(lines).encode("latin-1", "replace") + body


def tls_context() -> ssl.SSLContext:
    """What this machine trusts; SSL_CERT_FILE names an authority of one's own."""
    return ssl.create_default_context()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """Connections to the target."""

    address: Address
    timeout_seconds: float
    tls: ssl.SSLContext | None = None

    async def exchange(self, data: bytes, *, method: str = "GET", answers: int = 1) -> list[Answer]:
        """Send bytes and read up to `answers` answers; raises `NoAnswerError` if not even one came."""
        found: list[Answer] = []
        try:
            async with asyncio.timeout(self.timeout_seconds):
                reader, writer = await self.connect()
                try:
                    await send(writer, data)
                    while len(found) < answers:
                        found.append(await read_answer(reader, method=method))
                finally:
                    writer.transport.abort()
        except (OSError, EOFError, ValueError, asyncio.LimitOverrunError) as error:  # TimeoutError among them
            if not found:
                raise NoAnswerError(str(error) or type(error).__name__) from None
        return found

    async def certificate(self) -> Mapping[str, object]:
        """The certificate of the other end, where it was verified. Nothing is sent; raises `OSError`."""
        async with asyncio.timeout(self.timeout_seconds):
            _, writer = await self.connect()
        certificate: Mapping[str, object] | None = writer.get_extra_info("peercert")
        writer.transport.abort()
        return certificate or {}

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection, with TLS where the address says so."""
        address = self.address
        return await asyncio.open_connection(
            address.host,
            address.port,
            ssl=self.tls,
            server_hostname=address.host if self.tls is not None else None,
            limit=_MAX_HEAD_BYTES,
        )


async def send(writer: asyncio.StreamWriter, data: bytes) -> None:
    """Write everything; that the other end stops reading early is its right, and its answer still comes."""
    try:
        for start in range(0, len(data), _PIECE_BYTES):
            writer.write(data[start : start + _PIECE_BYTES])
            await writer.drain()
    except (BrokenPipeError, ConnectionResetError):
        return


async def read_answer(reader: asyncio.StreamReader, *, method: str) -> Answer:
    """The next answer that is not an interim one."""
    status, headers = parse_head(await reader.readuntil(b"\r\n\r\n"))
    while 100 <= status < 200 and status != 101:
        status, headers = parse_head(await reader.readuntil(b"\r\n\r\n"))
    answer = Answer(status=status, headers=headers)
    if status in _WITHOUT_BODY:
        return answer
    # After HEAD nothing may follow; what does is kept, for the check that asks.
    body = await reader.read(_PIECE_BYTES) if method == "HEAD" else await read_body(reader, answer)
    return Answer(status=status, headers=headers, body=body)


def parse_head(head: bytes) -> tuple[int, tuple[tuple[str, str], ...]]:
    """Status and headers; raises `ValueError` for what is none."""
    lines = head.decode("latin-1").split("\r\n")
    version, _, rest = lines[0].partition(" ")
    if not version.startswith("HTTP/1."):
        raise ValueError("what came back is no HTTP/1.1")
    pairs = (line.partition(":") for line in lines[1:] if line)
    return int(rest[:3]), tuple((name.strip().lower(), value.strip()) for name, _, value in pairs)


async def read_body(reader: asyncio.StreamReader, answer: Answer) -> bytes:
    """The body by its framing, up to a limit."""
    if "chunked" in answer.header("transfer-encoding").lower():
        return await read_chunks(reader)
    length = answer.header("content-length")
    if length:
        return await reader.readexactly(min(int(length), _MAX_BODY_BYTES))
    try:
        return await reader.readexactly(_MAX_BODY_BYTES)
    except asyncio.IncompleteReadError as error:
        return error.partial  # it ends where the connection does


async def read_chunks(reader: asyncio.StreamReader) -> bytes:
    """A body in chunks."""
    parts: list[bytes] = []
    total = 0
    while total < _MAX_BODY_BYTES:
        size = int((await reader.readline()).partition(b";")[0], 16)
        chunk = await reader.readexactly(min(size, _MAX_BODY_BYTES) + 2)
        if not size:
            break
        parts.append(chunk[:-2])
        total += size
    return b"".join(parts)
