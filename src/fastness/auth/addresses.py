"""Whose a mail address is: confirmed by following a link that went there, and then nobody else's.

Protects the owner of a mailbox: an address that somebody merely typed counts for nothing, and cannot keep its owner from
confirming it. An address that is confirmed belongs to one account; the database holds that, so that two who confirm it at the
same time cannot both. Nobody is told about another account before they have shown that they read the mailbox.

ASVS 5.0: V6.4.3, V15.4.2, V2.3.4 (no resource claimed twice).
"""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from fastness.auth.errors import AddressTakenError
from fastness.auth.users import User, email_key

_MAX_FOUND = 3
"""A mail for each account that names the address; more share a mailbox only to flood it."""


async def confirm_address(db: AsyncSession, user: User) -> None:
    """Note that the account's address is its owner's.

    Raises:
        AddressTakenError: another account has confirmed it.
    """
    if not user.email_key or user.has_confirmed_email:
        return
    await db.flush()
    try:
        async with db.begin_nested():
            user.confirmed_email_key = user.email_key
    except IntegrityError:
        raise AddressTakenError from None


async def has_confirmed(db: AsyncSession, address: str) -> User | None:
    """The account that has confirmed this address."""
    return await db.scalar(select(User).where(User.confirmed_email_key == email_key(address)))


async def users_of(db: AsyncSession, address: str) -> Sequence[User]:
    """The open accounts that a mail to this address may be about: that which has confirmed it, or those that name it."""
    key = email_key(address)
    if not key:
        return ()
    # The one that has confirmed it first: accounts of others that name it must not stand before it.
    ranked = (User.confirmed_email_key.is_(None), User.created_at)
    query = select(User).where(User.email_key == key, User.is_active.is_(True)).order_by(*ranked).limit(_MAX_FOUND)
    found = (await db.scalars(query)).all()
    confirmed = [user for user in found if user.has_confirmed_email]
    return confirmed or found
