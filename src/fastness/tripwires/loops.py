"""The event loop's own ways out, watched on every loop.

asyncio's loop opens sockets and starts programs with Python's modules, which raise audit events. uvloop does it in C and raises
none, so the loop's methods themselves are wrapped, on both alike: a loop that does not let its methods be replaced is refused.
What a method does below was weighed already, and is permitted for as long as it runs.

Threads that the loop starts (`run_in_executor` with no executor of its own) begin in the context of whoever asked, as those of
`asyncio.to_thread` do: what happens there belongs to the request, and what is permitted here is permitted there.

Not covered: datagrams that uvloop sends on a socket without a peer; making such a socket is weighed instead.

ASVS 5.0: V13.2.4, V13.2.5 (allow-list), V1.2.5 (no commands).
"""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from functools import partial, wraps
from typing import Final, ParamSpec, TypeVar

from fastness.kernel.errors import ConfigError
from fastness.kernel.wires import Wire, permitting
from fastness.tripwires.events import Other, Server, Subject, server_at
from fastness.tripwires.frames import caller
from fastness.tripwires.hook import Hook

P = ParamSpec("P")
ResultT = TypeVar("ResultT")


class ContextExecutor(ThreadPoolExecutor):
    """Threads that begin in the context of whoever asked."""

    def submit(self, call: Callable[P, ResultT], /, *args: P.args, **kwargs: P.kwargs) -> Future[ResultT]:
        """Run `call` on a thread, in a copy of this context."""
        return super().submit(partial(copy_context().run, call, *args, **kwargs))


class UnwatchableLoopError(ConfigError):
    """The event loop does not let its methods be watched."""

    code = "unwatchable_loop"


def to_host(_: object, host: object = None, port: object = None, **_rest: object) -> Subject | None:
    """`create_connection(factory, host, port)`; with a socket instead, that was weighed when it was connected."""
    return _server(host, port)


def to_peer(_: object, _local: object = None, remote_addr: object = None, **_rest: object) -> Subject | None:
    """`create_datagram_endpoint`: with a peer it is a server, without it may send to anybody."""
    return Other("datagrams to anybody") if remote_addr is None else server_at(remote_addr)


def to_path(_: object, path: object = None, **_rest: object) -> Subject | None:
    """`create_unix_connection(factory, path)`."""
    return server_at(path)


def of_socket(_: object, address: object) -> Subject | None:
    """`sock_connect(socket, address)`."""
    return server_at(address)


def of_datagram(_: object, _data: object, address: object) -> Subject | None:
    """`sock_sendto(socket, data, address)`."""
    return server_at(address)


def of_name(host: object, port: object = None, **_rest: object) -> Subject | None:
    """`getaddrinfo(host, port)`."""
    return _server(host, port)


def a_program(_: object, program: object = "", *_rest: object, **_options: object) -> Subject | None:
    """`subprocess_exec(factory, program, …)`, and the first word of what `subprocess_shell` is given."""
    words = program.decode(errors="replace") if isinstance(program, bytes) else str(program)
    return Other((words.split() or [""])[0])


def _server(host: object, port: object) -> Subject | None:
    if host is None:
        return None
    name = host.decode(errors="replace") if isinstance(host, bytes) else str(host)
    return Server(name, port if isinstance(port, int) else None)


_WAYS: Final[dict[str, tuple[Wire, str, Callable[..., Subject | None]]]] = {
    "create_connection": (Wire.SOCKETS, "socket.connect", to_host),
    "create_datagram_endpoint": (Wire.SOCKETS, "socket.connect", to_peer),
    "create_unix_connection": (Wire.SOCKETS, "socket.connect", to_path),
    "sock_connect": (Wire.SOCKETS, "socket.connect", of_socket),
    "sock_sendto": (Wire.SOCKETS, "socket.sendto", of_datagram),
    "getaddrinfo": (Wire.SOCKETS, "socket.getaddrinfo", of_name),
    "subprocess_exec": (Wire.PROCESS, "subprocess.Popen", a_program),
    "subprocess_shell": (Wire.PROCESS, "os.system", a_program),
}
"""By method: the wire, the event as asyncio's loop would raise it, and what it is about."""


def watch_loop(loop: asyncio.AbstractEventLoop, hook: Hook) -> None:
    """Wrap the loop's methods; once is enough, however many apps are watched."""
    if getattr(loop, "fastness_watched", False):
        return
    try:
        for name, (wire, event, read) in _WAYS.items():
            setattr(loop, name, _weighed(getattr(loop, name), hook, wire, event, read))
        setattr(loop, "fastness_watched", True)  # noqa: B010 - no loop declares it
    except AttributeError as error:
        raise UnwatchableLoopError(
            f"The event loop {type(loop).__module__}.{type(loop).__qualname__} does not let its methods be watched. Use "
            "asyncio's or uvloop, or give FASTNESS_TRIPWIRES_INSECURE_OFF a reason."
        ) from error
    loop.set_default_executor(ContextExecutor(thread_name_prefix="fastness"))


def _weighed(
    method: Callable[P, Awaitable[ResultT]], hook: Hook, wire: Wire, event: str, read: Callable[..., Subject | None]
) -> Callable[P, Awaitable[ResultT]]:
    @wraps(method)
    async def weighed(*args: P.args, **kwargs: P.kwargs) -> ResultT:
        subject = read(*args, **kwargs)
        if subject is not None:
            hook.weigh(event, subject, caller())
        with permitting(wire):
            return await method(*args, **kwargs)

    return weighed
