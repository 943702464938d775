"""`demo`: the app with something in it, for whoever wants to see it before reading about it.

The seed is a function of the app's own, `async def seed(app) -> str`; it fills an empty database, leaves a filled one as it
is, and returns what to tell the person, such as who can sign in. It runs in a process of its own, so that the server
begins with nothing open. The secret key is made on the first run: two people's demos do not share one.

ASVS 5.0: V15.2.3 (sample data is no part of a deployment): a demo runs in the development profile only.
"""

import os
import subprocess
import sys

from fastness.cli.developing import LOOPBACK, PROFILE_VARIABLE
from fastness.cli.errors import CommandError
from fastness.cli.keys import ensure_key
from fastness.cli.location import Location, find_location
from fastness.cli.serving import Listening, serve_development
from fastness.cli.terminal import paint, remark, say
from fastness.settings.profiles import Profile


def run_demo(app_name: str | None, *, port: int) -> None:
    """Prepare the data in a process of its own, and serve to this machine until interrupted."""
    location = find_location(app_name)
    require_demo(location)
    listening = Listening(address=LOOPBACK, port=port)
    listening.require_free()
    os.environ[PROFILE_VARIABLE] = Profile.DEVELOPMENT.value
    if ensure_key(location.folder):
        remark("Made .env with a secret key of its own.")
    arguments = ["--app", app_name] if app_name else []
    command = [sys.executable, "-m", "fastness.cli", "demo", "--seed-only", *arguments]
    # The interpreter that runs this, and arguments that are not read by a shell.
    if subprocess.run(command, check=False).returncode:  # noqa: S603
        raise CommandError("The demo's data could not be prepared; the message is above.")
    say(f"\nOpen {paint(f'http://localhost:{port}', 'cyan', bold=True)} (Ctrl+C stops it)")
    serve_development(location, listening, reloads=False)


def require_demo(location: Location) -> str:
    """The demo's seed, as pyproject.toml names it."""
    if location.demo is None:
        raise CommandError('This app has no demo. Write demo = "yourmodule.seed:seed" under [tool.fastness].')
    return location.demo
