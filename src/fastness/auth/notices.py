"""Notices about an account: written in the transaction of what they tell, to the address that its owner has now.

Protects whoever is being stolen from: they hear of a sign-in on a device that is not known, of many that failed, and of what they
may do having changed. Nobody else hears anything: for failed sign-ins the same row is written whatever name was typed, in a
request that looks nobody up, and the worker finds out whether somebody has that name. Somebody without an address is told
nothing, and whoever reads the mailbox is not protected against.

Not told: the first sign-in of an account, and what it may do before that; its owner has just come to it.

ASVS 5.0: V6.3.5 (suspicious attempts), V6.3.8 (same work for every name).
"""

import uuid
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from fastness.auth.devices import DeviceCookies
from fastness.auth.holdings import load_holdings
from fastness.auth.purposes import SLOWED_REQUEST
from fastness.auth.roles import USER_PERMISSIONS
from fastness.auth.usernames import try_username_key
from fastness.auth.users import User
from fastness.kernel.clock import Clock
from fastness.mail.mail import Mail
from fastness.mail.notices import Notice, notice
from fastness.mail.outbox import Outbox

_NOBODY: Final = "nobody@mail.invalid"
"""No mail ever goes there (RFC 6761 §6.4): the worker puts the owner's address in its place, or drops the mail."""


class Notices:
    """Writes notices inside the caller's unit of work."""

    __slots__ = ("_clock", "_devices", "_outbox", "_site")

    def __init__(self, *, outbox: Outbox, devices: DeviceCookies, site: str, clock: Clock) -> None:
        """Args: `site` is what the site is called to its users."""
        self._outbox = outbox
        self._devices = devices
        self._site = site
        self._clock = clock

    async def tell(self, db: AsyncSession, user: User, kind: Notice, detail: str = "") -> None:
        """Tell the owner of an account what happened to it."""
        if user.email:
            await self._outbox.add(db, self._notice(user, kind, self._clock.now(), detail))

    async def signed_in(self, db: AsyncSession, user: User, *, epoch: int, device: str, browser: str) -> None:
        """Tell of a sign-in on a device that is not known. Call it before the time of the sign-in is written.

        Args:
            db: the unit of work.
            user: who signed in.
            epoch: theirs, from before the sign-in changed anything.
            device: the value of the device cookie.
            browser: as people call it, for the mail.
        """
        if user.last_login_at is not None and not self._devices.is_known(device, user_id=user.id, epoch=epoch):
            await self.tell(db, user, Notice.NEW_DEVICE, browser)

    async def roles_changed(self, db: AsyncSession, user_id: uuid.UUID) -> None:
        """Tell somebody what they hold now: their roles, and the permissions that were given to them and no others."""
        user = await db.get_one(User, user_id)
        if user.last_login_at is not None:
            mine = select(USER_PERMISSIONS.c.permission).where(USER_PERMISSIONS.c.user_id == user_id)
            held = [*sorted((await load_holdings(db, user_id)).roles), *sorted(await db.scalars(mine))]
            await self.tell(db, user, Notice.ROLES_CHANGED, ", ".join(held))

    async def slowed(self, db: AsyncSession, typed_name: str) -> None:
        """Have the owner of an account told, if there is one, that sign-ins with its name are slowed."""
        request = Mail(
            to=_NOBODY,
            template="mail/sign_in_slowed",
            context={"name": try_username_key(typed_name) or "", "at": int(self._clock.epoch())},
            kind=SLOWED_REQUEST,
        )
        await self._outbox.add(db, request)

    async def resolve_slowed(self, db: AsyncSession, request: Mail) -> Mail | None:
        """In the worker: the notice to the account's owner, if there is one."""
        name, at = str(request.context["name"]), datetime.fromtimestamp(int(request.context["at"]), UTC)
        user = await db.scalar(select(User).where(User.username_key == name, User.is_active.is_(True)))
        if user is None or not user.email:
            return None
        return self._notice(user, Notice.SIGN_IN_SLOWED, at, "")

    def _notice(self, user: User, kind: Notice, at: datetime, detail: str) -> Mail:
        return notice(kind, to=user.email, site=self._site, at=at, username=user.username, detail=detail)
