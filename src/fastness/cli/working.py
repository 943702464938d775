"""`worker`: what is done beside the requests, in a process of its own: mail is sent, expired entries are removed.

Any number of workers may run, on one machine or several. `serve` starts one and starts it again when it ends
(`fastness.cli.supervising`). A stop lets a mail that is being handed over be handed over; a process that is killed loses
nothing, its mails are taken up by the next one.

ASVS 5.0: V13.1.3 (what runs, and what happens when it fails).
"""

import asyncio
import contextlib
import logging
import logging.config
import os
import signal
from collections.abc import Callable
from typing import Final

from fastness.app import Fastness
from fastness.cli.location import find_location, load_app
from fastness.cli.terminal import say
from fastness.kernel.jobs import Job, run_jobs

_PARENT_SECONDS: Final = 2


def run_worker(app_name: str | None, *, once: bool, is_supervised: bool) -> None:
    """Do the jobs until stopped, or each of them once."""
    app = load_app(find_location(app_name))
    app.seal()
    _log(app)
    if once:
        sent = asyncio.run(_run_once(app))
        say(f"Sent {sent} {'mail' if sent == 1 else 'mails'}.")
    else:
        asyncio.run(_run(app, is_supervised=is_supervised))


async def _run_once(app: Fastness) -> int:
    services = app.services
    await services.open()
    try:
        sent = await services.deliver_mail()
        for job in services.jobs():
            await job.run()
    finally:
        await services.close()
    return sent


async def _run(app: Fastness, *, is_supervised: bool) -> None:
    services = app.services
    stop = asyncio.Event()

    def end() -> None:
        stop.set()
        services.postman.stop()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError):  # Windows
            loop.add_signal_handler(number, end)
    await services.open()
    try:
        jobs = [*services.jobs(), *([_watch_parent(end)] if is_supervised else [])]
        await run_jobs(jobs, stop=stop)
    finally:
        await services.close()


def _watch_parent(end: Callable[[], None]) -> Job:
    parent = os.getppid()

    async def watch() -> None:
        # Whoever started this was killed, and could not say so.
        if os.getppid() != parent:
            end()

    return Job(name="parent", seconds=_PARENT_SECONDS, run=watch)


def _log(app: Fastness) -> None:
    name = "PlainFormatter" if app.settings.is_development else "JSONFormatter"
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"line": {"()": f"fastness.kernel.logs.{name}"}},
            "handlers": {
                "stderr": {"class": "logging.StreamHandler", "formatter": "line", "stream": "ext://sys.stderr"}
            },
            "root": {"handlers": ["stderr"], "level": "INFO"},
            "loggers": {each: {"level": "WARNING"} for each in ("aiosmtplib", "sqlalchemy", "fastness.db.pool")},
        }
    )
