"""`users tokens`: the API tokens of one person, and the end of one that got into the wrong hands."""

import json
import uuid

from sqlalchemy.ext.asyncio import AsyncSession

from fastness.cli.errors import CommandError
from fastness.cli.location import find_location, load_app
from fastness.cli.roleunits import run_in_unit, user_named
from fastness.cli.terminal import minute_of, printable, say, table


def show_tokens(app_name: str | None, username: str, *, as_json: bool) -> None:
    """List the tokens that work. Nothing here can be used as one."""
    tokens = load_app(find_location(app_name)).services.tokens

    async def read(_: object, db: AsyncSession) -> list[dict[str, str]]:
        user = await user_named(db, username)
        return [
            {
                "id": str(one.id),
                "name": one.name,
                "permissions": one.permissions,
                "expires": minute_of(one.expires_at),
                "last_used": minute_of(one.last_used_at),
            }
            for one in await tokens.list_live(db, user.id)
        ]

    found = run_in_unit(app_name, read, is_read_only=True)
    if as_json:
        say(json.dumps(found, indent=2))
        return
    rows = [[printable(value) or "-" for value in one.values()] for one in found]
    say(table(["id", "name", "may", "until", "last used"], rows))


def revoke_token(app_name: str | None, username: str, token_id: str) -> None:
    """End one token from its next request on."""
    try:
        wanted = uuid.UUID(token_id)
    except ValueError:
        raise CommandError("The id of a token is a UUID. `fastness users tokens NAME` lists them.") from None
    tokens = load_app(find_location(app_name)).services.tokens

    async def revoke(_: object, db: AsyncSession) -> bool:
        user = await user_named(db, username)
        return await tokens.revoke(db, user.id, wanted)

    if not run_in_unit(app_name, revoke):
        raise CommandError(f"{printable(username)} has no such token that still works.")
    say(f"Revoked the token {wanted}.")
