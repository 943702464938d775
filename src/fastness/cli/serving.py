"""The server: granian, known to this file only.

What it is told keeps slow and greedy clients off: headers have a size and a time, HTTP/2 has few streams and small header
blocks, and a worker has a number of connections; the app has its own limits for what comes through. A stop lets running
requests finish. There is no access log: the proxy in front writes a better one. In production the app is loaded and sealed
once, and the workers are forked from there where the platform can; in development each reload starts afresh.

ASVS 5.0: V12.1.1 (TLS 1.3), V15.2.2 (loss of availability), V16.4.1 (log encoding).
"""

import logging
import multiprocessing
import os
import socket
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from traceback import format_exception
from typing import Any, Final

from granian.constants import Interfaces
from granian.http import HTTP1Settings, HTTP2Settings
from granian.log import LogLevels
from granian.server import Server

from fastness.app import Fastness
from fastness.cli.errors import CommandError
from fastness.cli.location import Location, load_app
from fastness.cli.mistakes import FOREIGN_FOLDERS, app_trace
from fastness.cli.terminal import complain, remark, say
from fastness.kernel.errors import FastnessError
from fastness.kernel.values import dataclass
from fastness.web.exchange import ASGIApp, Message, Receive, Scope, Send

HEADER_READ_MILLISECONDS: Final = 10_000
MAX_HEADER_BYTES: Final = 65_536
"""Twice what the app's own limit takes, so that the app answers with its page where it can."""
MAX_STREAMS: Final = 100
PING_MILLISECONDS: Final = 30_000
MAX_CONNECTIONS: Final = 4096
"""Of a worker. Browsers keep theirs open for minutes, sockets stay for days, and whoever comes after the last one waits; an
idle one takes some 50 kB."""
STOP_SECONDS: Final = 30
SOCKET_MODE: Final = 0o660
"""A Unix socket for this account and a proxy in its group."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """Where the server listens."""

    address: str = "127.0.0.1"
    port: int = 8000
    unix_socket: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    root_path: str = ""
    """Where the app is on its host, if a proxy leads one path of it here: "/shop"."""

    def require_free(self) -> None:
        """Raise `CommandError` if somebody listens there: two servers on one port would share the visitors."""
        if self.unix_socket is not None:
            return
        family = socket.AF_INET6 if ":" in self.address else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            # As the server does: a port whose connections are closing is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((self.address, self.port))
            except OSError as error:
                raise CommandError(
                    f"Port {self.port} on {self.address} cannot be used ({error.strerror}); give another with --port."
                ) from None


def serve_development(location: Location, listening: Listening, *, reloads: bool, greeting: str = "") -> None:
    """Serve until interrupted, with a fresh process after each change if `reloads`; each says `greeting` once it serves."""
    server = _make_server(
        listening,
        workers=1,
        log_dictconfig=_log_config("fastness.kernel.logs.PlainFormatter", _WithoutExits),
        log_level=LogLevels.warning,
        workers_kill_timeout=2,
        reload=reloads,
        reload_paths=[location.folder],
        reload_filter=_SourceFilter,
        # A file saved half-way through a thought ends the worker; the next save starts it again.
        reload_ignore_worker_failure=True,
    )
    server.on_reload(partial(remark, "A file has changed; starting again."))
    _run(server, partial(_load_to_develop, location, is_awaiting_change=reloads, greeting=greeting))


def serve_production(app: Fastness, location: Location, listening: Listening, *, workers: int) -> None:
    """Serve a sealed app until stopped."""
    is_forking = multiprocessing.get_start_method() == "fork"
    server = _make_server(
        listening,
        workers=workers,
        log_dictconfig=_log_config("fastness.kernel.logs.JSONFormatter", logging.Filter),
        log_level=LogLevels.info,
        workers_kill_timeout=STOP_SECONDS,
        respawn_failed_workers=True,
    )
    _run(server, partial(_same, app) if is_forking else partial(_load_in_worker, location))


def _make_server(listening: Listening, **options: Any) -> Any:  # noqa: ANN401 - granian is typed by its arguments
    return Server(
        "fastness",  # shown in the process list only: the loader below knows the app
        address=listening.address,
        port=listening.port,
        uds=listening.unix_socket,
        uds_permissions=SOCKET_MODE if listening.unix_socket is not None else None,
        interface=Interfaces.ASGI,
        backpressure=most_connections(),
        http1_settings=HTTP1Settings(header_read_timeout=HEADER_READ_MILLISECONDS, max_buffer_size=MAX_HEADER_BYTES),
        http2_settings=HTTP2Settings(
            max_headers_size=MAX_HEADER_BYTES,
            max_concurrent_streams=MAX_STREAMS,
            keep_alive_interval=PING_MILLISECONDS,
        ),
        url_path_prefix=listening.root_path or None,
        log_access=False,
        ssl_cert=listening.certificate,
        ssl_key=listening.key,
        **options,
    )


def most_connections() -> int:
    """How many connections a worker may hold, by the number of files that the system lets it open.

    Half are left for files, the database, and handshakes, which are not counted. A server that can open no more tries again and
    again, and does nothing else.
    """
    if not hasattr(os, "sysconf"):
        return MAX_CONNECTIONS
    open_files = os.sysconf("SC_OPEN_MAX")
    return min(MAX_CONNECTIONS, open_files // 2) if open_files > 0 else MAX_CONNECTIONS


def _run(server: Any, loader: Callable[[], ASGIApp]) -> None:  # noqa: ANN401 - see above
    server.serve(target_loader=loader, wrap_loader=False)


def _same(app: Fastness) -> Fastness:
    return app


def _load_in_worker(location: Location, *, is_awaiting_change: bool = False) -> Fastness:
    try:
        app = load_app(location)
        app.seal()
    except FastnessError as error:
        complain(error.detail)
    except Exception as error:  # noqa: BLE001 - a mistake in the app's code: shown without the machinery around it
        remark(app_trace(error, location.folder) or "".join(format_exception(type(error), error, None)))
    else:
        return app
    if is_awaiting_change:
        remark("Nothing is served until this is put right; saving a file tries again.")
    sys.exit(1)


def _load_to_develop(location: Location, *, is_awaiting_change: bool, greeting: str) -> ASGIApp:
    app = _load_in_worker(location, is_awaiting_change=is_awaiting_change)
    return _greeting(app, greeting) if greeting else app


def _greeting(app: ASGIApp, text: str) -> ASGIApp:
    """The app, which says the text when it has started: one that cannot be loaded or started does not run."""

    async def greeting(scope: Scope, receive: Receive, send: Send) -> None:
        async def told(message: Message) -> None:
            await send(message)
            if message["type"] == "lifespan.startup.complete":
                say(text)

        await app(scope, receive, told if scope["type"] == "lifespan" else send)

    return greeting


class _SourceFilter:
    """Which changes start a new process: code and settings.

    Templates and static files are read again without one, and a data file changes with every request.
    """

    # granian adds its options to these.
    ignore_dirs: tuple[str, ...] = ()
    ignore_entity_patterns: tuple[str, ...] = ()
    ignore_paths: tuple[Path, ...] = ()

    def __call__(self, _change: object, path: str) -> bool:
        file = Path(path)
        return FOREIGN_FOLDERS.isdisjoint(file.parts) and (
            file.suffix == ".py" or file.name in {".env", "pyproject.toml"}
        )


class _WithoutExits(logging.Filter):
    """Leaves out that a worker has ended.

    The worker has said why, or it was Ctrl+C, which reaches the worker before the server knows of it.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        return not str(record.msg).startswith("Unexpected exit from worker")


def _log_config(formatter: str, server_filter: type[logging.Filter]) -> dict[str, Any]:
    return {
        "formatters": {"line": {"()": formatter}},
        "filters": {"server": {"()": server_filter}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line", "stream": "ext://sys.stderr"}},
        "root": {"handlers": ["stderr"], "level": "INFO"},
        "loggers": {
            "_granian": {"filters": ["server"]},
            # These tell of each change, pool and statement otherwise.
            **{name: {"level": "WARNING"} for name in ("watchfiles", "sqlalchemy", "fastness.db.pool")},
        },
    }
