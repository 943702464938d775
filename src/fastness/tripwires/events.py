"""Which audit events are watched, and what each of them is about (PEP 578; the table of events is in Python's own manual).

An event has a name and arguments that differ from one to the next. A reader takes the arguments and says what the event is about,
or `None` where it is harmless by itself: a file that is a descriptor already, a datagram on a connected socket.
"""

import os
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple, TypeAlias

from fastness.kernel.wires import Wire


class File(NamedTuple):
    """A path that is opened, moved or removed."""

    path: str
    is_write: bool


class Server(NamedTuple):
    """Who is looked up or connected to; a Unix socket has its path and no port."""

    host: str
    port: int | None
    is_unix: bool = False


class Other(NamedTuple):
    """Anything else, in a few words without values."""

    text: str


Subject: TypeAlias = File | Server | Other
Arguments: TypeAlias = tuple[object, ...]
Reader: TypeAlias = Callable[[Arguments], Subject | None]

_WRITES: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def read_open(arguments: Arguments) -> Subject | None:
    """`open(path, mode, flags)`; os.open has no mode."""
    path, mode, flags = arguments[0], arguments[1], arguments[2]
    is_write = isinstance(flags, int) and bool(flags & _WRITES)
    return _file(path, is_write=is_write or (isinstance(mode, str) and not {"w", "a", "x", "+"}.isdisjoint(mode)))


def read_changed(arguments: Arguments) -> Subject | None:
    """What removes or changes the file that its first argument names; relative to an open folder it was decided on before."""
    if any(isinstance(each, int) and each >= 0 for each in arguments[1:]):
        return None
    return _file(arguments[0], is_write=True)


def read_cut(arguments: Arguments) -> Subject | None:
    """`os.truncate(path, length)`."""
    return _file(arguments[0], is_write=True)


def read_moved(arguments: Arguments) -> Subject | None:
    """What puts something at its second argument."""
    if any(isinstance(each, int) and each >= 0 for each in arguments[2:]):
        return None
    return _file(arguments[1], is_write=True)


def read_database(arguments: Arguments) -> Subject | None:
    """`sqlite3.connect(database)`: a file that is written, unless it is in memory or temporary."""
    name = arguments[0]
    text = os.fsdecode(name) if isinstance(name, str | bytes | os.PathLike) else ""
    if text in {"", ":memory:"}:
        return None
    return _file(text.removeprefix("file:").partition("?")[0], is_write=True)


def read_connection(arguments: Arguments) -> Subject | None:
    """`socket.connect(socket, address)` and its like."""
    return server_at(arguments[1])


def read_lookup(arguments: Arguments) -> Subject | None:
    """`socket.getaddrinfo(host, port, …)`; without a host it is this machine."""
    host, port = arguments[0], arguments[1] if len(arguments) > 1 else None
    if host is None:
        return None
    name = os.fsdecode(host) if isinstance(host, str | bytes) else str(host)
    return Server(name, port if isinstance(port, int) else None)


def read_program(arguments: Arguments) -> Subject | None:
    """The name of the program; its arguments may be anything."""
    first = arguments[0] if arguments else ""
    words = os.fsdecode(first).split() if isinstance(first, str | bytes | os.PathLike) else []
    return Other(words[0] if words else "a process")


def read_class(arguments: Arguments) -> Subject | None:
    """`pickle.find_class(module, name)`."""
    return Other(f"{arguments[0]}.{arguments[1]}")


def read_nothing(_: Arguments) -> Subject | None:
    """The event's name says it all."""
    return Other("")


def server_at(address: object) -> Server | None:
    """The other end of a socket, as the address of its family has it."""
    if isinstance(address, tuple) and len(address) >= 2 and isinstance(address[0], str | bytes):
        return Server(os.fsdecode(address[0]), address[1] if isinstance(address[1], int) else None)
    if isinstance(address, str | bytes | os.PathLike):
        return Server(os.fsdecode(address), None, is_unix=True)
    return None


def _file(path: object, *, is_write: bool) -> File | None:
    if not isinstance(path, str | bytes | os.PathLike):
        return None
    return File(os.path.realpath(os.fsdecode(path)), is_write)


WATCHED: Final[Mapping[str, tuple[Wire, Reader]]] = {
    "exec": (Wire.CODE, read_nothing),
    "compile": (Wire.CODE, read_nothing),
    "marshal.load": (Wire.CODE, read_nothing),
    "marshal.loads": (Wire.CODE, read_nothing),
    "subprocess.Popen": (Wire.PROCESS, read_program),
    "os.system": (Wire.PROCESS, read_program),
    "os.exec": (Wire.PROCESS, read_program),
    "os.posix_spawn": (Wire.PROCESS, read_program),
    "os.spawn": (Wire.PROCESS, read_nothing),
    "os.startfile": (Wire.PROCESS, read_program),
    "os.fork": (Wire.PROCESS, read_nothing),
    "os.forkpty": (Wire.PROCESS, read_nothing),
    "pty.spawn": (Wire.PROCESS, read_nothing),
    "sqlite3.load_extension": (Wire.NATIVE, read_nothing),
    "ctypes.dlopen": (Wire.NATIVE, read_nothing),
    "ctypes.dlsym": (Wire.NATIVE, read_nothing),
    "ctypes.dlsym/handle": (Wire.NATIVE, read_nothing),
    "ctypes.call_function": (Wire.NATIVE, read_nothing),
    "ctypes.cdata": (Wire.NATIVE, read_nothing),
    "ctypes.string_at": (Wire.NATIVE, read_nothing),
    "ctypes.wstring_at": (Wire.NATIVE, read_nothing),
    "open": (Wire.FILES, read_open),
    "sqlite3.connect": (Wire.FILES, read_database),
    "os.remove": (Wire.FILES, read_changed),
    "os.rmdir": (Wire.FILES, read_changed),
    "os.truncate": (Wire.FILES, read_cut),
    "os.rename": (Wire.FILES, read_moved),
    "os.link": (Wire.FILES, read_moved),
    "os.symlink": (Wire.FILES, read_moved),
    "socket.connect": (Wire.SOCKETS, read_connection),
    "socket.sendto": (Wire.SOCKETS, read_connection),
    "socket.sendmsg": (Wire.SOCKETS, read_connection),
    "socket.getaddrinfo": (Wire.SOCKETS, read_lookup),
    "socket.gethostbyname": (Wire.SOCKETS, read_lookup),
    "pickle.find_class": (Wire.PICKLE, read_class),
}
"""By name: a look into this table is all that any other event costs."""
