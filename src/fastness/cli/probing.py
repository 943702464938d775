"""`probe`: the running app looked at from outside, by somebody who holds its key.

The routes and the key are read from the project in the current folder; the target has to show that it holds the same key before
anything else is sent. Passwords of accounts come from the terminal, unseen, or from standard input, never from an argument.

ASVS 5.0: V15.1.5 (accepted findings carry their reasons).
"""

import asyncio
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from getpass import getpass
from typing import Final, Literal

from fastness.accounts.pages import SIGN_IN_PATH, SIGN_OUT_PATH
from fastness.app import Fastness
from fastness.checks.matrix import Outcome, outcome_of
from fastness.cli.errors import CommandError
from fastness.cli.location import find_location, load_app
from fastness.cli.notices import accepted_for
from fastness.cli.probeview import watching
from fastness.cli.reporting import publish
from fastness.cli.terminal import printable
from fastness.kernel.secret import Secret
from fastness.probe.catalogue import KNOWN_IDS
from fastness.probe.runner import run_probe
from fastness.probe.target import Account, KnownRoute, Limits, Target, parse_address
from fastness.reports.appfacts import facts_of
from fastness.reports.forms import Form
from fastness.reports.run import Run
from fastness.settings.settings import SESSION_COOKIE
from fastness.web.route import Route

_KINDS: Final[dict[str, Literal["http", "websocket", "mount"]]] = {
    "http": "http",
    "asgi": "http",
    "websocket": "websocket",
    "websocket-asgi": "websocket",
    "mount": "mount",
}


def probe_site(
    app_name: str | None,
    url: str,
    *,
    names: Sequence[str],
    reads_stdin: bool,
    max_requests: int | None,
    form: Form,
) -> bool:
    """Scan the site, show what was found, and return whether it is clean."""
    address = parse_address(url)
    location = find_location(app_name)
    app = load_app(location)
    accounts = tuple(Account(name=name, password=_password_of(name, reads_stdin=reads_stdin)) for name in names)
    limits = Limits() if max_requests is None else Limits(max_requests=max_requests)
    target = target_of(app, url, accounts=accounts, limits=limits)
    accepted = accepted_for(KNOWN_IDS, location.accepted)
    with watching(address.origin) as watcher:
        report = asyncio.run(run_probe(target, accepted=accepted, watcher=watcher))
    run = Run(report=report, made_at=datetime.now(UTC), subject=address.origin, profile=app.settings.profile.value)
    publish(run, form, folder=location.folder, app=facts_of(app.routes, location.roles))
    return report.is_passed


def target_of(app: Fastness, url: str, *, accounts: tuple[Account, ...] = (), limits: Limits | None = None) -> Target:
    """What is known of the app that runs at an address."""
    settings = app.settings
    routes = tuple(known_route(route) for route in app.routes)
    paths = {route.path for route in routes}
    return Target(
        address=parse_address(url),
        keyring=settings.keyring,
        routes=routes,
        # Which profile the target runs in shows by its cookie; the project here may be in the other one.
        session_cookies=(SESSION_COOKIE, f"{settings.project}-session"),
        sign_in_path=SIGN_IN_PATH if SIGN_IN_PATH in paths else None,
        sign_out_path=SIGN_OUT_PATH if SIGN_OUT_PATH in paths else None,
        accounts=accounts,
        limits=limits or Limits(),
    )


def known_route(route: Route) -> KnownRoute:
    """What the probe has to know of a route."""
    return KnownRoute(
        path=route.path,
        methods=route.methods,
        kind=_KINDS[route.kind],
        is_refused=outcome_of(route.access, None) is Outcome.DENIED,
        is_hidden=route.is_hidden,
        takes_other_sites=route.insecure_cross_site is not None,
    )


def _password_of(name: str, *, reads_stdin: bool) -> Secret:
    if reads_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    elif sys.stdin.isatty():
        password = getpass(f"Password of {printable(name)}: ")
    else:
        raise CommandError("There is no terminal to ask for passwords; give them with --passwords-stdin.")
    if not password:
        raise CommandError(f"The password of {printable(name)} is empty.")
    return Secret(password)
