"""Confirming the address of an account, and changing it.

Protects the account from a new address that is not its owner's, and its owner from a change they did not make: the change is
asked for with a fresh proof of who somebody is (the route's rule), confirmed by a link that goes to the new address, and told
to the former one. Nothing changes before the link is used. Whether another account has the new address is said only to
whoever has followed a link that went there.

A change ends all sessions: whoever is signed in was so before the account was reachable there.

ASVS 5.0: V6.3.7 (notice at the former address), V7.4.3, V7.5.1 (asked for with a fresh proof), V6.3.8.
"""

from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from fastness.auth.account_rules import AccountRules
from fastness.auth.accounts import Accounts
from fastness.auth.addresses import confirm_address
from fastness.auth.aftercommit import emit_after_commit
from fastness.auth.errors import DeadLinkError
from fastness.auth.links import FoundLink, Links
from fastness.auth.password_links import span
from fastness.auth.purposes import Place, Purpose
from fastness.auth.users import User
from fastness.kernel.clock import Clock
from fastness.kernel.events import EventName, EventSink, SecurityEvent
from fastness.mail.addresses import check_address
from fastness.mail.mail import Mail
from fastness.mail.notices import Notice, notice, plain
from fastness.mail.outbox import Outbox


class AddressLinks:
    """Sends and uses links that show that an address is somebody's."""

    __slots__ = ("_accounts", "_clock", "_events", "_links", "_outbox", "_rules")

    def __init__(
        self,
        *,
        accounts: Accounts,
        links: Links,
        outbox: Outbox,
        rules: AccountRules,
        events: EventSink,
        clock: Clock,
    ) -> None:
        self._accounts = accounts
        self._links = links
        self._outbox = outbox
        self._rules = rules
        self._events = events
        self._clock = clock

    async def request_confirmation(self, db: AsyncSession, user: User, place: Place) -> None:
        """Send a link to the address of the account."""
        await self._send(db, Purpose.CONFIRM, user, to=user.email, place=place)

    async def request_change(self, db: AsyncSession, user: User, address: str, place: Place) -> None:
        """Send a link to the new address; the links from before no longer work.

        Raises:
            MailAddressError: no mail can be sent there.
        """
        check_address(address)
        await self._links.revoke(db, Purpose.CHANGE, user)
        await self._send(db, Purpose.CHANGE, user, to=address, place=place, data=address)

    async def find(self, db: AsyncSession, purpose: Purpose, key: bytes) -> FoundLink | None:
        """Whose link it is, and the address it carries; None for a dead link."""
        return await self._links.find(db, purpose, key)

    async def confirm(self, db: AsyncSession, key: bytes) -> None:
        """Use the link that went to the address of the account.

        Raises:
            DeadLinkError: the link was used, is too old, or the account has changed.
            AddressTakenError: another account has confirmed the address.
        """
        user = (await self._links.use(db, Purpose.CONFIRM, key)).user
        if user is None:
            raise DeadLinkError
        await confirm_address(db, user)
        record = SecurityEvent(
            name=EventName.USER_UPDATED, at=self._clock.now(), reason="email_confirmed", user_id=str(user.id)
        )
        emit_after_commit(db, self._events, record)

    async def change(self, db: AsyncSession, key: bytes, *, site: str) -> None:
        """Use the link that went to the new address: change it, end all sessions, tell the former address.

        Raises:
            DeadLinkError: the link was used, is too old, or the account has changed.
            AddressTakenError: another account has confirmed the address.
        """
        found = await self._links.use(db, Purpose.CHANGE, key)
        user = found.user
        if user is None:
            raise DeadLinkError
        former = user.email
        await self._accounts.set_email(db, user, found.data)
        if former:
            await self._outbox.add(
                db,
                notice(Notice.MAIL_CHANGED, to=former, site=site, at=self._clock.now(), username=user.username),
            )

    async def _send(
        self, db: AsyncSession, purpose: Purpose, user: User, *, to: str, place: Place, data: str = ""
    ) -> None:
        lives_for: timedelta = self._rules.confirm_life
        token = await self._links.create(db, purpose, user=user, lives_for=lives_for, data=data)
        if token is None:
            return
        context = {
            "site": plain(place.site),
            "username": plain(user.username),
            "link": place.page + token,
            "life": span(lives_for),
        }
        mail = Mail(to=to, template="mail/confirm_address", kind=purpose.value, context=context, lives_for=lives_for)
        await self._outbox.add(db, mail)
