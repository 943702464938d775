"""Another origin: pages of an attacker, served by the test itself."""

import contextlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Elsewhere:
    """Serves whatever page the test puts into `page`, and notes what else is asked for."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.page = ""
        self.asked: list[str] = []

    def at(self, host: str) -> str:
        """127.0.0.1 is another site than localhost; localhost with another port is another origin of the same site."""
        return f"http://{host}:{self.port}"


@contextlib.contextmanager
def elsewhere() -> Iterator[Elsewhere]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/page":
                body = b"<!doctype html><title>elsewhere</title>" + place.page.encode()
            else:
                body = b""
                place.asked.append(self.path)
            self.send_response(200)
            self.send_header("content-type", "text/html; charset=utf-8")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the name in the standard library
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        place = Elsewhere(server.server_port)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield place
        finally:
            server.shutdown()
            thread.join()
