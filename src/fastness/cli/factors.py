"""`users reset-factors`: for somebody who lost every second factor and all recovery codes.

It takes away what protects an account when the password is known, so whoever runs it has to know by other means that it is the
owner who asks: a person they see, a number they call back. The owner is told by mail, every session ends, and where a factor is
needed the next sign-in sets up a new one.

ASVS 5.0: V6.4.4 (lost factors, same level of identity proofing), V6.3.7.
"""

import asyncio

from fastness.app import Fastness
from fastness.auth.users import find_user
from fastness.cli.databases import require_upgraded
from fastness.cli.errors import CommandError
from fastness.cli.location import find_location, load_app
from fastness.cli.terminal import printable, say


def reset_factors(app_name: str | None, username: str) -> None:
    """Remove all second factors of one person."""
    location = find_location(app_name)
    app = load_app(location)
    require_upgraded(app, location)
    name = asyncio.run(_reset(app, username))
    say(f"{printable(name)} has no second factor and no recovery codes any more, and is signed out everywhere.")


async def _reset(app: Fastness, username: str) -> str:
    services = app.services
    await services.open()
    try:
        async with services.open_unit(is_read_only=True) as unit:
            user = await find_user(unit.session, username)
        if user is None:
            raise CommandError(f"There is no user {printable(username)}.")
        await services.factors.reset(user.id)
        return user.username
    finally:
        await services.close()
