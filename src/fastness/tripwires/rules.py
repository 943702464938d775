"""What happens when code does what a web application rarely does, and what this app does on purpose.

ASVS 5.0: V13.2.4, V13.2.5 (allow-list of servers and files), V15.2.5 (protection around dangerous functionality).
"""

import os
from enum import StrEnum
from pathlib import Path

from fastness.kernel.because import Because
from fastness.kernel.errors import ConfigError
from fastness.kernel.hosts import MalformedHostError, parse_host
from fastness.kernel.tuples import refuse_bare_text
from fastness.kernel.values import dataclass


class TripwireMode(StrEnum):
    """What happens."""

    REPORT = "report"
    """It is done, and told."""
    BLOCK = "block"
    """It is told, and not done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TripwireRules:
    """What tripwires do, and what they let pass."""

    mode: TripwireMode = TripwireMode.REPORT
    """Whether what is found is told only ("report") or stopped as well ("block")."""
    read_folders: tuple[str, ...] = ()
    """Folders whose files the app reads, beside its own code, templates, static files and data."""
    write_folders: tuple[str, ...] = ()
    """Folders whose files the app reads and writes, beside its data and the folder for temporary files."""
    servers: tuple[str, ...] = ()
    """Servers that the app's own code connects to, "host:port", beside the database, the mail server and what `outbound` asks."""
    insecure_off: Because | None = None
    """Why there are no tripwires."""

    def __post_init__(self) -> None:
        for name in ("read_folders", "write_folders", "servers"):
            refuse_bare_text(name, getattr(self, name))
        for folder in (*self.read_folders, *self.write_folders):
            if not Path(folder).is_absolute() or Path(folder).resolve() == Path(os.sep):
                raise ConfigError("read_folders and write_folders are absolute paths, and none is the root")
        for server in self.servers:
            parse_server(server)
        if not isinstance(self.insecure_off, Because | None):
            raise ConfigError('insecure_off takes a reason: Because("…")')


def parse_server(text: str) -> tuple[str, int]:
    """The host, without brackets, and the port of "host:port"; raises `ConfigError`."""
    try:
        host = parse_host(text)
    except MalformedHostError:
        host = None
    if host is None or host.port is None:
        raise ConfigError("servers are hosts with a port, such as search.internal:9200")
    return host.name.strip("[]"), host.port
