"""`users list`: everybody who has an account, and its state. Nothing here signs anybody in.

ASVS 5.0: V8.1.1 (who may do what can be reviewed, and for that one has to know who there is).
"""

import json

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from fastness.auth.users import User
from fastness.cli.roleunits import run_in_unit
from fastness.cli.terminal import minute_of, printable, say, table


def show_users(app_name: str | None, *, as_json: bool) -> None:
    """List the accounts by name."""
    found = run_in_unit(app_name, _read_users, is_read_only=True)
    if as_json:
        say(json.dumps(found, indent=2))
        return
    rows = [
        [
            *(printable(str(one[name])) or "-" for name in ("username", "display_name", "email")),
            "open" if one["is_active"] else "closed",
            "yes" if one["is_staff"] else "",
            str(one["last_sign_in"] or "never"),
        ]
        for one in found
    ]
    say(table(["user", "name", "mail", "account", "staff", "last sign-in"], rows))


async def _read_users(_: object, db: AsyncSession) -> list[dict[str, object]]:
    # Not the whole rows: a hash that is not read can be in no list.
    columns = select(
        User.username, User.display_name, User.email, User.is_active, User.is_staff, User.last_login_at
    ).order_by(User.username_key)
    return [
        {
            "username": username,
            "display_name": display_name,
            "email": email,
            "is_active": is_active,
            "is_staff": is_staff,
            "last_sign_in": minute_of(last_login_at),
        }
        for username, display_name, email, is_active, is_staff, last_login_at in await db.execute(columns)
    ]
