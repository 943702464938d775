"""What is declared: folders that files may be opened in, servers that may be connected to. Pure decisions on plain values.

A file is decided on by where it is once all symbolic links are followed, so that a link in a folder of uploads leads nowhere.
`.env` holds the app's keys and is read before anything is served: afterwards it is outside wherever it lies.

ASVS 5.0: V5.3.2 (paths), V13.2.4, V13.2.5 (allow-list).
"""

import os
from collections.abc import Iterable
from enum import StrEnum
from ipaddress import ip_address
from typing import Final, Self

from fastness.kernel.values import dataclass
from fastness.kernel.verdicts import ALLOW, Deny, Verdict

_SETTINGS_NAME: Final = ".env"


class DeclaredReason(StrEnum):
    """Why something is not declared."""

    OUTSIDE = "file_outside"
    """Not in a folder that is read, or not in one that is written."""
    SETTINGS = "file_of_settings"
    """Settings with keys in them."""
    SERVER = "server_not_declared"


@dataclass(frozen=True, slots=True, kw_only=True)
class Folders:
    """Folders with a separator at their end, all links followed, and single files."""

    readable: tuple[str, ...]
    writable: tuple[str, ...]
    files: frozenset[str] = frozenset()

    @classmethod
    def of(cls, *, readable: Iterable[str], writable: Iterable[str], files: Iterable[str] = ()) -> Self:
        """Follow the links of what exists; the root of the file system is never meant."""
        return cls(readable=_ended(readable), writable=_ended(writable), files=frozenset(map(os.path.realpath, files)))


def decide_file(folders: Folders, path: str, *, is_write: bool) -> Verdict:
    """Decide on a path whose links were followed."""
    if path in folders.files:
        return ALLOW
    if path.rpartition(os.sep)[2].startswith(_SETTINGS_NAME):
        return Deny(DeclaredReason.SETTINGS)
    within = path + os.sep  # a folder is in itself
    if within.startswith(folders.writable) or (not is_write and within.startswith(folders.readable)):
        return ALLOW
    return Deny(DeclaredReason.OUTSIDE)


def decide_server(servers: frozenset[tuple[str, int]], host: str, port: int | None) -> Verdict:
    """Decide on a host and port as code names them; without a port it is only looked up."""
    name = canonical(host)
    if port is None:
        return ALLOW if any(name == declared for declared, _ in servers) else Deny(DeclaredReason.SERVER)
    return ALLOW if (name, port) in servers else Deny(DeclaredReason.SERVER)


def canonical(host: str) -> str:
    """One spelling for a name or an address."""
    try:
        return str(ip_address(host))
    except ValueError:
        return host.lower().removesuffix(".")


def _ended(folders: Iterable[str]) -> tuple[str, ...]:
    real = dict.fromkeys(os.path.realpath(folder) for folder in folders)
    return tuple(folder + os.sep for folder in real if folder != os.sep)
