"""What one app declares, and what happens where its process does something else.

The wires are one more line behind the app's own checks: where an injection, a deserialiser or a path got through, the next
thing it does is to evaluate text, start a program, read a file it has no business with, or call home. A web application does
none of these while it serves, but for what it declares: folders and servers in the settings, exits on routes
(`insecure_process=Because("…")`), parts of the framework at the line where they do it (`kernel/wires.py`).

Who runs code of their choice in the process can get past all of it: a hook is a tripwire, not a sandbox. What native code does
by itself raises no event at all.

ASVS 5.0: V1.3.2 (no dynamic code), V1.2.5 (no commands), V1.5.2 (no deserialisation), V5.3.2 (paths), V13.2.4, V13.2.5 (allow-
list), V15.2.5 (protection around dangerous functionality), V16.3.3.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import field
from types import CodeType, FrameType
from typing import Protocol

from fastness.kernel.values import dataclass
from fastness.kernel.verdicts import ALLOW
from fastness.kernel.wires import ACTIVE, NOTHING, PERMITTED, Wire
from fastness.tripwires.declared import Folders, decide_file, decide_server
from fastness.tripwires.errors import TripwireError
from fastness.tripwires.events import File, Server, Subject
from fastness.tripwires.frames import is_at_work, nearest_to, place_of
from fastness.tripwires.repeats import Repeats
from fastness.tripwires.rules import TripwireMode


class Teller(Protocol):
    """Writes the security event."""

    def __call__(self, activity: object, wire: Wire, detail: Mapping[str, str], /) -> None:
        """Tell of it; `activity` is the request that is served, or `None`."""
        ...


@dataclass(frozen=True, slots=True)
class Served:
    """What is known of the request that is served."""

    route: str = ""
    """Its name."""
    where: str = ""
    """File and line of its endpoint."""
    permits: frozenset[Wire] = NOTHING
    """The wires that are open there."""


class Describer(Protocol):
    """Knows the route of a request."""

    def __call__(self, activity: object, /) -> Served:
        """What is known of it; nothing outside of a request."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Watch:
    """What one app lets pass, and whom it tells of the rest."""

    mode: TripwireMode
    folders: Folders
    servers: frozenset[tuple[str, int]]
    """Hosts as `declared.canonical` writes them, with ports."""
    unix_sockets: frozenset[str]
    tell: Teller
    describe: Describer
    ends: frozenset[CodeType] = frozenset()
    """The code that serves a request: what called it did not do what the request did."""
    now: Callable[[], float] = time.monotonic
    repeats: Repeats = field(default_factory=Repeats)

    def lets_pass(self, wire: Wire, subject: Subject, frame: FrameType | None) -> bool:
        """Whether this is declared, for the whole process, for this route, or for what runs at the moment."""
        if wire in PERMITTED.get():
            return True
        if isinstance(subject, File) and decide_file(self.folders, subject.path, is_write=subject.is_write) is ALLOW:
            return True
        if isinstance(subject, Server) and self.is_declared(subject):
            return True
        return wire in self.describe(ACTIVE.get()).permits or is_at_work(wire, frame, self.ends)

    def is_declared(self, server: Server) -> bool:
        """Whether the settings name this server."""
        if server.is_unix:
            return server.host in self.unix_sockets
        return decide_server(self.servers, server.host, server.port) is ALLOW

    def strike(self, wire: Wire, event: str, subject: Subject, frame: FrameType | None) -> None:
        """Tell of it, and raise `TripwireError` where it is to be stopped."""
        activity = ACTIVE.get()
        served = self.describe(activity)
        place = place_of(frame) or served.where or nearest_to(frame)
        what = told(subject)
        untold = self.repeats.told((wire.value, event, served.route, place, what), self.now())
        if untold is not None:
            detail = {"event": event, "where": place, "mode": self.mode.value, "subject": what}
            self.tell(activity, wire, {**detail, "untold": str(untold)} if untold else detail)
        if self.mode is TripwireMode.BLOCK:
            raise TripwireError(f"{event} at {place} was stopped: the tripwire {wire.value} is not open here.")


def told(subject: Subject) -> str:
    """The subject for the event."""
    if isinstance(subject, File):
        return f"{subject.path} ({'write' if subject.is_write else 'read'})"
    if isinstance(subject, Server):
        return subject.host if subject.port is None else f"{subject.host} port {subject.port}"
    return subject.text
