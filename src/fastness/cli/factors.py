"""`users factors` and `users reset-factors`: what second factors somebody has, and for whoever lost all of them and the codes.

To reset takes away what protects an account when the password is known, so whoever runs it has to know by other means that it is
the owner who asks: a person they see, a number they call back. The owner is told by mail, every session ends, and where a factor
is needed the next sign-in sets up a new one.

ASVS 5.0: V6.4.4 (lost factors, same level of identity proofing), V6.3.7.
"""

import json
from datetime import datetime
from typing import NamedTuple

from fastness.auth.factor_types import Held
from fastness.cli.roleunits import run_with_services, user_named
from fastness.cli.terminal import printable, say
from fastness.services.services import Services


class Shown(NamedTuple):
    """A factor as it is listed."""

    kind: str
    name: str
    since: datetime
    last_used: datetime | None


def reset_factors(app_name: str | None, username: str) -> None:
    """Remove all second factors of one person."""

    async def reset(services: Services) -> str:
        async with services.open_unit(is_read_only=True) as unit:
            user = await user_named(unit.session, username)
        await services.factors.reset(user.id)
        return user.username

    name = run_with_services(app_name, reset)
    say(f"{printable(name)} has no second factor and no recovery codes any more, and is signed out everywhere.")


def show_factors(app_name: str | None, username: str, *, as_json: bool) -> None:
    """List the second factors of one person: what they are called and when they were used, nothing that opens anything."""

    async def find(services: Services) -> Held:
        async with services.open_unit(is_read_only=True) as unit:
            user = await user_named(unit.session, username)
        return await services.factors.held(user.id)

    held = run_with_services(app_name, find)
    rows = [Shown("passkey", one.name, one.created_at, one.last_used_at) for one in held.passkeys]
    if held.totp_since is not None:
        rows.append(Shown("app", "", held.totp_since, None))
    if as_json:
        listed = [{**row._asdict(), "since": _day(row.since), "last_used": _day(row.last_used)} for row in rows]
        say(json.dumps({"factors": listed, "recovery_codes": held.recovery_codes}, indent=2))
        return
    for row in rows:
        say(
            f"{row.kind:<8} {_day(row.since)}  last used {_day(row.last_used) or 'never':<10}  {printable(row.name)}".rstrip()
        )
    say(f"{len(rows) or 'no'} second factor{'' if len(rows) == 1 else 's'}, {held.recovery_codes} recovery codes left")


def _day(moment: datetime | None) -> str:
    return "" if moment is None else moment.date().isoformat()
