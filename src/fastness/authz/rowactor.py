"""Telling PostgreSQL who acts, for row-level security.

The rules of `rls.py` ask the setting `fastness.actor` of the transaction. Before a statement goes to the driver its value is
compared with what was told before in the same transaction, and told anew where it differs: at the start of a transaction, after
a rollback (also to a savepoint, which takes settings back), when somebody signs in meanwhile, and around a statement that is
exempt. It holds until the transaction ends, so a connection goes back to the pool without it.

Apps without a policy that asks for row-level security pay nothing: nothing is told.

ASVS 5.0: V8.2.2, V8.3.1.
"""

import json
from functools import lru_cache
from typing import Final

from sqlalchemy import Connection, func, select, true

from fastness.authz.acting import Acting
from fastness.authz.actors import Actor

SETTING: Final = "fastness.actor"
NOBODY: Final = ""
PASSES: Final = '{"passes": true}'
"""What code that is exempt says; migrations, too."""


@lru_cache(maxsize=1024)
def value_of(actor: Actor) -> str:
    """What the database is told about an actor."""
    if actor.is_superuser:
        return PASSES
    return json.dumps(
        {
            "id": str(actor.id),
            "is_anonymous": actor.is_anonymous,
            "permissions": sorted(map(str, actor.permissions)),
            "roles": sorted(map(str, actor.roles)),
        }
    )


def tell_actor(connection: Connection, acting: Acting, *, is_exempt: bool) -> None:
    """Tell the database for whom the next statement of this connection is, where it does not know yet."""
    if acting.is_telling:
        return
    if is_exempt or acting.because is not None:
        value = PASSES
    else:
        actor = acting.actor_or_none
        value = NOBODY if actor is None else value_of(actor)
    if acting.told == value:
        return
    # The statement that tells comes by here, too. Until it went well, nothing is known.
    acting.told, acting.is_telling = None, True
    try:
        connection.execute(select(func.set_config(SETTING, value, true())))
    finally:
        acting.is_telling = False
    acting.told = value
