"""The start and the end of mounted apps, within the site's own.

A mounted app opens its connections in its lifespan, in the same task that closes them (ASGI lifespan 2.0). One that fails
to start stops the start of the site; an ASGI app that knows no lifespan is served without. What it leaves in its state is there
for its requests.
"""

import asyncio
import logging
from collections.abc import Iterable
from typing import ClassVar, Final

from fastness.kernel.errors import FastnessError
from fastness.web.exchange import Message
from fastness.web.mounted import Entry, MountedApp
from fastness.web.route import Route

_LOG: Final = logging.getLogger("fastness.mounted")


class LifespanError(FastnessError):
    """A mounted app did not start."""

    code: ClassVar[str] = "mounted_lifespan"
    status: ClassVar[int] = 500


class Lifespan:
    """One mounted app's lifespan, in a task of its own."""

    __slots__ = ("_ended", "_failure", "_mounted", "_started", "_stopping", "_task", "_told")

    def __init__(self, mounted: MountedApp) -> None:
        self._mounted = mounted
        self._started = asyncio.Event()
        self._stopping = asyncio.Event()
        self._ended = asyncio.Event()
        self._failure = ""
        self._told = False
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Wait until the app is ready; raises `LifespanError` if it says that it is not."""
        self._task = asyncio.create_task(self._run())
        await self._started.wait()
        if self._failure:
            raise LifespanError(f"The app mounted at {self._mounted.path or '/'} could not start: {self._failure}")

    async def stop(self) -> None:
        """Tell the app to end and wait for it."""
        if self._task is None:
            return
        self._stopping.set()
        await self._ended.wait()

    async def _run(self) -> None:
        mounted = self._mounted
        scope = {
            "type": "lifespan",
            "asgi": {"version": "3.0", "spec_version": "2.0"},
            "state": mounted.state,
        }
        try:
            await mounted.app(scope, self._receive, self._send)
        except Exception as error:  # noqa: BLE001 - what it is, the branches tell
            if self._started.is_set():
                _LOG.exception("the app mounted at %s did not end well", mounted.path or "/")
            elif mounted.is_sealed and not self._failure:
                self._failure = type(error).__name__
            # Anything else is how an ASGI app says that it knows no lifespan.
        finally:
            self._started.set()
            self._ended.set()

    async def _receive(self) -> Message:
        if not self._told:
            self._told = True
            return {"type": "lifespan.startup"}
        await self._stopping.wait()
        return {"type": "lifespan.shutdown"}

    async def _send(self, message: Message) -> None:
        kind = message["type"]
        if kind == "lifespan.startup.complete":
            self._started.set()
        elif kind == "lifespan.startup.failed":
            self._failure = message.get("message") or "it gave no reason"
        elif kind == "lifespan.shutdown.failed":
            _LOG.error("the app mounted at %s did not end well", self._mounted.path or "/")
        elif kind != "lifespan.shutdown.complete":
            raise LifespanError(f"The app mounted at {self._mounted.path or '/'} knows no lifespan.")


def mounted_apps(routes: Iterable[Route]) -> list[MountedApp]:
    """The mounted apps that routes lead to, each app once."""
    found: dict[int, MountedApp] = {}
    for route in routes:
        if isinstance(route.endpoint, Entry):
            mounted = route.endpoint.mounted
            first = found.setdefault(id(mounted.app), mounted)
            # One lifespan, one state, however often the app is mounted.
            mounted.state = first.state
    return list(found.values())


async def start_all(mounted: Iterable[MountedApp]) -> list[Lifespan]:
    """Start one app after the other; if one fails, end those that have started."""
    started: list[Lifespan] = []
    try:
        for one in mounted:
            lifespan = Lifespan(one)
            await lifespan.start()
            started.append(lifespan)
    except BaseException:
        await stop_all(started)
        raise
    return started


async def stop_all(started: list[Lifespan]) -> None:
    """End the apps, the one started last first."""
    while started:
        await started.pop().stop()
