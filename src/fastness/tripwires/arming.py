"""From what an app is made of to what it declares, and the moment from which it is watched.

Watching begins when everything is loaded and open. What is read then is the app's own code and libraries (all that an import may
read), its templates and static files, time zones and types of files; what is written are its databases and temporary files.

ASVS 5.0: V13.2.4, V13.2.5 (allow-list of files and servers).
"""

import asyncio
import mimetypes
import sys
import tempfile
import zoneinfo
from collections.abc import Iterable
from pathlib import Path
from types import CodeType
from typing import Final

from fastness.kernel.values import dataclass
from fastness.tripwires.declared import Folders, canonical
from fastness.tripwires.hook import HOOK
from fastness.tripwires.loops import watch_loop
from fastness.tripwires.rules import TripwireRules, parse_server
from fastness.tripwires.watch import Describer, Teller, Watch

_DEVICES: Final = ("/dev/null", "/dev/urandom", "/dev/random")
_BESIDE: Final = ("", "-journal", "-wal", "-shm")
"""What SQLite has beside a database."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """What the settings and the code of an app name."""

    folders: tuple[Path, ...] = ()
    """Of templates and static files."""
    data_files: tuple[Path, ...] = ()
    """Databases and the like."""
    servers: tuple[tuple[str, int], ...] = ()
    unix_sockets: tuple[str, ...] = ()


def make_watch(
    rules: TripwireRules, declaration: Declaration, *, tell: Teller, describe: Describer, ends: Iterable[CodeType] = ()
) -> Watch:
    """What is declared, put together."""
    servers = (*declaration.servers, *map(parse_server, rules.servers))
    return Watch(
        mode=rules.mode,
        folders=Folders.of(
            readable=(*code_folders(), *map(str, declaration.folders), *zoneinfo.TZPATH, *rules.read_folders),
            writable=(tempfile.gettempdir(), *rules.write_folders),
            files=(
                *_DEVICES,
                *map(str, mimetypes.knownfiles),
                *(f"{file}{suffix}" for file in declaration.data_files for suffix in _BESIDE),
            ),
        ),
        servers=frozenset((canonical(host), port) for host, port in servers),
        unix_sockets=frozenset(declaration.unix_sockets),
        tell=tell,
        describe=describe,
        ends=frozenset(ends),
    )


def code_folders() -> tuple[str, ...]:
    """Where modules are imported from."""
    return (sys.prefix, sys.base_prefix, *(entry or str(Path.cwd()) for entry in sys.path))


def arm(watch: Watch) -> None:
    """Watch this process and the running loop. Raises `UnwatchableLoopError`."""
    watch_loop(asyncio.get_running_loop(), HOOK)
    HOOK.arm(watch)


def disarm(watch: Watch) -> None:
    """Leave off."""
    HOOK.disarm(watch)
