"""The part of `demo` that fills the database: in a process of its own, which ends before the server begins.

ASVS 5.0: V15.2.3 (sample data is no part of a deployment), V13.2.3 (nor are its accounts).
"""

import asyncio
import inspect
import os

from fastness.app import Fastness
from fastness.cli.databases import upgrade_quietly
from fastness.cli.demonstrating import require_demo
from fastness.cli.developing import PROFILE_VARIABLE
from fastness.cli.errors import CommandError
from fastness.cli.keys import ensure_key
from fastness.cli.location import find_location, load_app, load_object
from fastness.cli.terminal import printable, remark, say
from fastness.settings.profiles import Profile


def seed_demo(app_name: str | None) -> None:
    """Bring the database up to date, run the seed, and show what it returns."""
    location = find_location(app_name)
    target = require_demo(location)
    if ensure_key(location.folder):
        remark("Made .env with a secret key of its own.")
    os.environ.setdefault(PROFILE_VARIABLE, Profile.DEVELOPMENT.value)
    app = load_app(location)
    if not app.settings.is_development:
        raise CommandError("A demo's accounts have known passwords: it runs with FASTNESS_PROFILE=development only.")
    upgrade_quietly(app, location)
    seed = load_object(target, location.folder)
    if not inspect.iscoroutinefunction(seed):
        raise CommandError(f"{target} must be written with `async def`, take the app and return a text.")
    say(_printable_lines(str(asyncio.run(_seed(app, seed)))))


async def _seed(app: Fastness, seed: object) -> object:
    if not callable(seed):
        raise CommandError("The demo's seed is no function.")
    await app.services.open()
    try:
        return await seed(app)
    finally:
        await app.services.close()


def _printable_lines(text: str) -> str:
    return "\n".join(printable(line) for line in text.splitlines())
