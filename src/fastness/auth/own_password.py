"""Somebody changes their own password: the one way to a new one for a person who has an account and is signed in.

The page asks for the old password first, through the same check as a sign-in, throttle and event included: an open screen or a
stolen session is no way to keep an account. All other sessions end with the change, the session of the page goes on under a new
id, and the owner is told by mail, in the transaction of the change. Nobody chooses a password for somebody else: who cannot sign
in gets a link (`fastness.auth.password_links`).

ASVS 5.0: V6.2.2, V6.2.3 (old and new password), V7.4.3 (other sessions end), V6.3.7 (notice).
"""

import uuid

from sqlalchemy.ext.asyncio import AsyncSession

from fastness.auth.accounts import Accounts, owner_of
from fastness.auth.errors import VanishedError
from fastness.auth.passwordpolicy import PasswordOwner, PasswordPolicy
from fastness.auth.users import User
from fastness.db.engine import Database
from fastness.db.unit import Unit, run_in_unit
from fastness.kernel.clock import Clock
from fastness.mail.notices import Notice, notice
from fastness.mail.outbox import Outbox
from fastness.sessions.session import Session


class OwnPassword:
    """Changes the password of somebody who has just typed the old one; opens units of its own."""

    __slots__ = ("_accounts", "_clock", "_database", "_outbox", "policy")

    def __init__(
        self, *, database: Database, accounts: Accounts, outbox: Outbox, policy: PasswordPolicy, clock: Clock
    ) -> None:
        self._database = database
        self._accounts = accounts
        self._outbox = outbox
        self.policy = policy
        self._clock = clock

    async def change(
        self, user_id: uuid.UUID, password: str, *, site: str, has_second_factor: bool, spared: Session
    ) -> float:
        """Set the new password. Call it before the request's own transaction, and only after the old password was checked.

        Returns the moment from which sign-ins count: that of the proof of the session that goes on.

        Args:
            user_id: who is signed in.
            password: as typed.
            site: what the site is called in the mail.
            has_second_factor: whether a second factor is enforced for the user.
            spared: the session that goes on; the caller signs it in again, as of what is returned.

        Raises:
            PasswordRefusedError: the password breaks a rule.
            VanishedError: the account was deleted or closed meanwhile.
        """
        # Outside the transaction: hashing takes long, and on SQLite the transaction holds the writer's lock.
        owner = await self._owner(user_id)
        new = await self._accounts.accept_password(password, owner, has_second_factor=has_second_factor)

        async def change(db: AsyncSession) -> float:
            user = await db.get(User, user_id, with_for_update=True)
            if user is None or not user.is_active:
                raise VanishedError("user")
            await self._accounts.set_password(db, user, new, except_session=spared)
            if user.email:
                told = notice(
                    Notice.PASSWORD_CHANGED, to=user.email, site=site, at=self._clock.now(), username=user.username
                )
                await self._outbox.add(db, told)
            return user.valid_since.timestamp()

        return await run_in_unit(self._database, change, is_read_only=False)

    async def _owner(self, user_id: uuid.UUID) -> PasswordOwner:
        async with Unit(self._database, is_read_only=True) as unit:
            user = await unit.session.get(User, user_id)
            if user is None:
                raise VanishedError("user")
            return owner_of(user)
