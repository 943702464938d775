"""`users unlock`: let somebody try again at once who is held up by failed attempts, their own or an attacker's.

It forgets what was counted against the account, from every address and on every device; passwords, factors and sessions stay.
Under an attack that goes on the account is slowed again soon: sign in on a device that is known then.

ASVS 5.0: V6.1.1, V6.3.1, V16.3.3.
"""

import asyncio
from typing import Final

from fastness.app import Fastness
from fastness.auth.users import find_user
from fastness.cli.databases import require_upgraded
from fastness.cli.errors import CommandError
from fastness.cli.location import find_location, load_app
from fastness.cli.terminal import printable, say

_BY: Final = "an operator, on the command line"


def unlock(app_name: str | None, username: str) -> None:
    """Forget the failed attempts of one account."""
    location = find_location(app_name)
    app = load_app(location)
    require_upgraded(app, location)
    asyncio.run(_unlock(app, username))
    say(f"{printable(username)} can try again at once.")


async def _unlock(app: Fastness, username: str) -> None:
    services = app.services
    await services.open()
    try:
        async with services.open_unit(is_read_only=True) as unit:
            user = await find_user(unit.session, username)
            if user is None:
                raise CommandError(f"There is no user {printable(username)}.")
            await services.throttle.unlock(user.username, user.email, user_id=user.id, by=_BY)
    finally:
        await services.close()
