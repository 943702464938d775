"""`dev`: the app for its developer.

It listens on this machine alone. Beyond it, for a container whose ports are published, it has to be told so in a word that
a reviewer sees, and the debug pages ask for a token. The app is loaded by the process that serves and by no other, so
that each start is a fresh one.

ASVS 5.0: V13.4.2 (debug pages stay here).
"""

import os
from ipaddress import ip_address

from fastness.cli.errors import CommandError
from fastness.cli.location import find_location, load_app
from fastness.cli.serving import Listening, serve_development
from fastness.cli.terminal import paint, remark
from fastness.kernel.tokens import random_token
from fastness.settings.profiles import Profile
from fastness.web.debugtoken import DEBUG_PATH

LOOPBACK = "127.0.0.1"
PROFILE_VARIABLE = "FASTNESS_PROFILE"
TOKEN_VARIABLE = "FASTNESS_DEBUG_TOKEN"  # noqa: S105 - the name of a variable


def run_development(app_name: str | None, *, port: int, reloads: bool, insecure_bind: str | None) -> None:
    """Serve to this machine until interrupted."""
    location = find_location(app_name)
    if location.app is None:
        load_app(location)  # raises, and says how to name one
    listening = Listening(address=_address(insecure_bind), port=port)
    listening.require_free()
    # For the process that serves: it reads its settings itself, afresh after each change.
    os.environ[PROFILE_VARIABLE] = Profile.DEVELOPMENT.value
    if insecure_bind is not None:
        token = random_token()
        os.environ[TOKEN_VARIABLE] = token
        remark(f"{paint('It listens beyond this machine', 'yellow', bold=True)}, on {listening.address}.")
        remark(f"Debug pages on another machine: open {DEBUG_PATH} there and enter {token}")
    greeting = (
        f"{paint(location.app or '', bold=True)} runs at {paint(f'http://localhost:{port}', 'cyan')} (Ctrl+C stops it)"
    )
    serve_development(location, listening, reloads=reloads, greeting=greeting)


def _address(insecure_bind: str | None) -> str:
    if insecure_bind is None:
        return LOOPBACK
    try:
        return str(ip_address(insecure_bind))
    except ValueError:
        raise CommandError("--insecure-bind takes an address, such as 0.0.0.0.") from None
