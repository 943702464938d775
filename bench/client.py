"""A small HTTP/1.1 client on plain sockets: one that remembers cookies, and the load that drives a server.

The load keeps a few connections busy, each with one request at a time (no pipelining), until a count or a time is
reached. It connects to 127.0.0.1 and nowhere else; the host name it sends is the one the applications expect.
"""

import re
import selectors
import socket
import time
from dataclasses import dataclass, field
from http.client import HTTPResponse
from urllib.parse import urlencode

from bench import data

ADDRESS = "127.0.0.1"
REQUEST_SECONDS = 60.0

_PAGE_HEADERS = (
    ("Host", data.HOST_NAME),
    ("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
    ("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
    ("Accept-Language", "en-GB,en;q=0.5"),
    ("Accept-Encoding", "gzip, deflate, br"),
    ("Sec-Fetch-Dest", "document"),
    ("Sec-Fetch-Mode", "navigate"),
    ("Sec-Fetch-Site", "same-origin"),
    ("Sec-Fetch-User", "?1"),
)
_JSON_HEADERS = (
    ("Host", data.HOST_NAME),
    ("User-Agent", "bench/1"),
    ("Accept", "application/json"),
)
_FORM_HEADERS = (
    ("Origin", f"http://{data.HOST_NAME}"),
    ("Referer", f"http://{data.HOST_NAME}/page"),
    ("Content-Type", "application/x-www-form-urlencoded"),
)
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)
_CLOSE = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Answer:
    """A response, read whole."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: str

    def header(self, name: str) -> str:
        """The value of this header, or nothing."""
        return next((value for key, value in self.headers if key.lower() == name), "")


@dataclass(slots=True)
class Browser:
    """Sends what a browser sends to one port, and remembers the cookies of one visitor."""

    port: int
    cookies: dict[str, str] = field(default_factory=dict)
    host: str = data.HOST_NAME
    login_path: str = "/login"

    def get(self, path: str, *, is_json: bool = False) -> Answer:
        """Fetch this path on a connection of its own."""
        return self._send(self.encode("GET", path, is_json=is_json))

    def post(self, path: str, fields: dict[str, str]) -> Answer:
        """Submit this form on a connection of its own."""
        return self._send(self.encode("POST", path, fields=fields))

    def encode(self, method: str, path: str, *, fields: dict[str, str] | None = None, is_json: bool = False) -> bytes:
        """The bytes of a request as this visitor's browser sends it."""
        headers = list(_JSON_HEADERS if is_json else _PAGE_HEADERS)
        headers[0] = ("Host", self.host)
        body = b""
        if fields is not None:
            body = urlencode(fields).encode()
            headers += [*_FORM_HEADERS, ("Content-Length", str(len(body)))]
        if self.cookies:
            headers.append(("Cookie", "; ".join(f"{name}={value}" for name, value in self.cookies.items())))
        head = f"{method} {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers) + "\r\n"
        return head.encode() + body

    def _send(self, request: bytes) -> Answer:
        with socket.create_connection((ADDRESS, self.port), timeout=REQUEST_SECONDS) as connection:
            connection.sendall(request)
            response = HTTPResponse(connection, method=request.partition(b" ")[0].decode())
            response.begin()
            body = response.read().decode()
            headers = tuple(response.getheaders())
        answer = Answer(response.status, headers, body)
        self.remember(answer)
        return answer

    def remember(self, answer: Answer) -> None:
        """Keep the cookies that the answer sets."""
        for name, value in answer.headers:
            if name.lower() == "set-cookie":
                key, _, rest = value.partition("=")
                self.cookies[key.strip()] = rest.partition(";")[0]


@dataclass(frozen=True, slots=True)
class Load:
    """What a load came to."""

    count: int
    seconds: float


class LoadError(Exception):
    """A response under load was not the one expected."""


def drive(port: int, request: bytes, *, status: int, connections: int, count: int, seconds: float) -> Load:
    """Send this request over and over, at most so often and so long, and check the status of each response."""
    expected = str(status).encode()
    selector = selectors.DefaultSelector()
    started = time.perf_counter()
    deadline = started + seconds
    sent = done = 0
    try:
        for _ in range(min(connections, count)):
            _open(selector, port, request)
            sent += 1
        while done < sent:
            ready = selector.select(REQUEST_SECONDS)
            if not ready:
                raise LoadError(f"no answer within {REQUEST_SECONDS:.0f} s")
            for key, _ in ready:
                connection: socket.socket = key.fileobj  # type: ignore[assignment]
                answer: bytearray = key.data
                received = connection.recv(262_144)
                answer += received
                is_over = _is_whole(answer)
                if not is_over and received:
                    continue
                if answer[9:12] != expected:
                    raise LoadError(f"expected {status}, got {bytes(answer[:200])!r}")
                done += 1
                is_closing = not received or not is_over or _CLOSE.search(answer, 0, 2000) is not None
                is_last = sent >= count or time.perf_counter() >= deadline
                answer.clear()
                if is_closing or is_last:
                    selector.unregister(connection)
                    connection.close()
                    if not is_last:
                        _open(selector, port, request)
                elif not is_last:
                    connection.sendall(request)
                if not is_last:
                    sent += 1
    finally:
        for key in list(selector.get_map().values()):
            key.fileobj.close()  # type: ignore[union-attr]
        selector.close()
    return Load(count=done, seconds=time.perf_counter() - started)


def fetch(port: int, request: bytes) -> bytes:
    """The whole answer to one request, on a connection of its own."""
    answer = bytearray()
    with socket.create_connection((ADDRESS, port), timeout=REQUEST_SECONDS) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(request)
        while not _is_whole(answer) and (received := connection.recv(262_144)):
            answer += received
    return bytes(answer)


def _open(selector: selectors.BaseSelector, port: int, request: bytes) -> None:
    connection = socket.create_connection((ADDRESS, port), timeout=REQUEST_SECONDS)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.sendall(request)
    selector.register(connection, selectors.EVENT_READ, bytearray())


def _is_whole(answer: bytearray) -> bool:
    end = answer.find(b"\r\n\r\n")
    if end < 0:
        return False
    length = _LENGTH.search(answer, 0, end)
    if length is not None:
        return len(answer) >= end + 4 + int(length.group(1))
    if _CHUNKED.search(answer, 0, end) is not None:
        return answer.endswith(b"0\r\n\r\n")
    return False
