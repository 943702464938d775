"""The hook of this process (PEP 578).

An audit hook cannot be taken away again: it is installed once, when the first app asks for it, and asks each time whether any
app is watched. That state belongs to the process, as the hook does, and is the one such object of the framework.

It is called for everything that raises an event, hundreds of times for an import, so it does nothing but look the event's name
up in a table for those that are not watched. While one is weighed, what the weighing itself does is not (a log handler opens a
file).
"""

import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Final

from fastness.tripwires.events import WATCHED, Arguments, Subject
from fastness.tripwires.frames import caller
from fastness.tripwires.watch import Watch


class Watching(threading.local):
    """What this thread is at."""

    is_weighing: bool = False


class Hook:
    """Installed once; any number of apps can be watched and left alone again."""

    __slots__ = ("_at", "_guard", "_is_installed", "watches")

    def __init__(self) -> None:
        self.watches: tuple[Watch, ...] = ()
        self._is_installed = False
        self._guard = threading.Lock()
        self._at = Watching()

    def arm(self, watch: Watch) -> None:
        """Watch the process for this app too."""
        with self._guard:
            if not self._is_installed:
                self._is_installed = True
                sys.addaudithook(self._make())
            self.watches = (*self.watches, watch)

    def disarm(self, watch: Watch) -> None:
        """Leave off."""
        with self._guard:
            self.watches = tuple(each for each in self.watches if each is not watch)

    def weigh(self, event: str, subject: Subject, frame: FrameType | None) -> None:
        """Let it pass, tell of it, or raise."""
        watches = self.watches
        at = self._at
        if not watches or at.is_weighing:
            return
        wire = WATCHED[event][0]
        at.is_weighing = True
        try:
            # With two apps in one process, what either of them declares is declared.
            if not any(watch.lets_pass(wire, subject, frame) for watch in watches):
                watches[-1].strike(wire, event, subject, frame)
        finally:
            at.is_weighing = False

    def _make(self) -> Callable[[str, Arguments], None]:
        # A function: calling a method for each event would cost more than the look-up.
        find = WATCHED.get

        def hook(event: str, arguments: Arguments) -> None:
            watched = find(event)
            if watched is None or not self.watches:
                return
            subject = watched[1](arguments)
            if subject is not None:
                self.weigh(event, subject, caller())

        return hook


HOOK: Final = Hook()
