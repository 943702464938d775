"""From the row of a user to the snapshot that a session carries, and back to the row when the snapshot is stale.

Protects a change of privilege from being overtaken. Whoever changes a user, or what the user holds, writes the user's
row, raises the owner's epoch in the store, then commits (`fastness.auth.accounts`, `fastness.auth.granting`). A request
that meets the new epoch loads the user again, and does so through the writing engine: it waits for that commit. A plain
read could see the old row under the new epoch, and the session would then keep the old privileges for as long as it
lives. The epoch is read before the row for the same reason: a change in between makes the snapshot stale once more,
never fresh by mistake. On PostgreSQL, where a transaction sees one moment, waiting for a row that was written means
beginning again; `load_identity` does that itself.

ASVS 5.0: V8.3.2 (changes of authorization apply at once), V7.4.2 (sessions end with the account), V15.4.2.
"""

from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from fastness.auth.holdings import Holdings, load_holdings
from fastness.auth.users import User
from fastness.db.engine import Database
from fastness.db.errors import TransactionConflictError
from fastness.db.unit import Unit
from fastness.sessions.identity import Identity
from fastness.stores.store import Store

_ATTEMPTS: Final = 3


def identity_of(
    user: User, holdings: Holdings, *, epoch: int, authenticated_at: float, second_factor_at: float | None = None
) -> Identity:
    """The snapshot of a user.

    Args:
        user: the row.
        holdings: roles and permissions, read after the row and in its transaction.
        epoch: the owner's epoch in the store, read before the row.
        authenticated_at: epoch seconds at which the sign-in began, before the password was looked up.
        second_factor_at: epoch seconds of the second factor, if there was one.
    """
    return Identity(
        id=user.id,
        username=user.username,
        display_name=user.display_name or user.username,
        is_staff=user.is_staff,
        roles=holdings.roles,
        permissions=holdings.permissions,
        authenticated_at=authenticated_at,
        second_factor_at=second_factor_at,
        epoch=epoch,
    )


async def load_identity(database: Database, store: Store, former: Identity) -> Identity | None:
    """A fresh snapshot for a session whose snapshot is stale; None if the session must end.

    It must end when the user is gone or inactive, and when the session was signed in before the password was last set.
    """
    for _ in range(_ATTEMPTS - 1):
        try:
            return await _load(database, store, former)
        except TransactionConflictError:
            continue
    return await _load(database, store, former)


async def _load(database: Database, store: Store, former: Identity) -> Identity | None:
    epoch = await store.epoch(former.owner)
    async with Unit(database, is_read_only=False) as unit:
        user = await unit.session.get(User, former.id, with_for_update={"read": True})
        return await renewed_identity(unit.session, user, former, epoch=epoch)


async def renewed_identity(db: AsyncSession, user: User | None, former: Identity, *, epoch: int) -> Identity | None:
    """The snapshot of a row that is locked, for somebody who was authenticated before; None if their session must end.

    Args:
        db: the transaction that holds the lock.
        user: the row, if there is one.
        former: when they were authenticated, and with a second factor.
        epoch: the owner's epoch in the store, read before the row.
    """
    if user is None or not user.is_active or former.authenticated_at < user.valid_since.timestamp():
        return None
    return identity_of(
        user,
        await load_holdings(db, user.id),
        epoch=epoch,
        authenticated_at=former.authenticated_at,
        second_factor_at=former.second_factor_at,
    )
