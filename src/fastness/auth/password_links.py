"""A new password by a link in a mail: for whoever forgot theirs, and for whoever is invited.

Protects the list of who has an account: asking for a link writes the same row for every address, in a request that looks
nobody up; whether a mail goes out is decided in the worker (CVE-2024-45231: a failed mail told known from unknown addresses).
Protects the account: the link dies with its use, its time and every change; the mail goes to the address that the account has,
not to the one that was typed; the new password takes the one way that every password takes, ends all sessions, and signs
nobody in, so that a second factor is asked for as ever. The owner gets a notice.

Whoever reads the mailbox can set the password. That is what a mailbox is trusted with, and why a second factor is not reset
this way.

ASVS 5.0: V6.4.1 (nobody but the user chooses a password), V6.4.3 (a reset does not bypass the second factor), V6.3.7 (notice),
V6.3.8 (same text, status and work), V7.4.3 (sessions end).
"""

from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from fastness.auth.account_rules import AccountRules
from fastness.auth.accounts import Accounts, owner_of
from fastness.auth.addresses import confirm_address, users_of
from fastness.auth.errors import AddressTakenError, DeadLinkError
from fastness.auth.factor_needs import needs_factor
from fastness.auth.factor_rules import SecondFactorRules
from fastness.auth.links import Links
from fastness.auth.passwordpolicy import PasswordOwner, PasswordPolicy
from fastness.auth.purposes import RESET_REQUEST, Place, Purpose
from fastness.auth.users import User
from fastness.db.engine import Database
from fastness.db.unit import run_in_unit
from fastness.kernel.clock import Clock
from fastness.kernel.texts import Text
from fastness.mail.mail import Mail
from fastness.mail.notices import Notice, notice, plain
from fastness.mail.outbox import Outbox

_HANDED_OVER: Final = "handed over"
"""What a link carries that went into no mail, and so shows nobody's mailbox."""


class PasswordLinks:
    """Asks for, sends and uses links to a new password."""

    __slots__ = ("_accounts", "_clock", "_database", "_links", "_outbox", "_rules", "_second_factors", "policy")

    def __init__(
        self,
        *,
        database: Database,
        accounts: Accounts,
        links: Links,
        outbox: Outbox,
        rules: AccountRules,
        policy: PasswordPolicy,
        second_factors: SecondFactorRules,
        clock: Clock,
    ) -> None:
        self._second_factors = second_factors
        self._database = database
        self._accounts = accounts
        self._links = links
        self._outbox = outbox
        self._rules = rules
        self.policy = policy
        self._clock = clock

    async def needs_factor(self, db: AsyncSession, user: User) -> bool:
        """Whether nobody gets in with the password alone, so that a shorter one will do."""
        return await needs_factor(db, self._second_factors, user)

    async def request_reset(self, db: AsyncSession, address: str, place: Place) -> None:
        """Ask for a link to a new password; the same work for every address.

        Raises:
            MailAddressError: no mail can be sent there, whoever it is.
        """
        await self._outbox.add(
            db,
            Mail(
                to=address,
                template="mail/password_reset",
                kind=RESET_REQUEST,
                context={"page": place.page, "site": plain(place.site)},
                lives_for=self._rules.reset_life,
            ),
        )

    async def resolve_reset(self, db: AsyncSession, request: Mail) -> None:
        """In the worker: write the mails that a request leads to, which may be none."""
        place = Place(page=str(request.context["page"]), site=str(request.context["site"]))
        for user in await users_of(db, request.to):
            await self._send(db, Purpose.RESET, user, place, lives_for=self._rules.reset_life)

    async def invite(
        self,
        db: AsyncSession,
        *,
        username: str,
        email: str,
        place: Place,
        display_name: str = "",
        is_staff: bool = False,
    ) -> User:
        """Create an account without a password, and send its owner the link to choose one.

        Raises:
            UsernameError: the name cannot be a user name.
            UsernameTakenError: somebody has it.
            MailAddressError: no mail can be sent there.
        """
        user = await self._accounts.create_user(
            db, username=username, password=None, display_name=display_name, email=email, is_staff=is_staff
        )
        await self.invite_again(db, user, place)
        return user

    async def invite_again(self, db: AsyncSession, user: User, place: Place) -> None:
        """Send another link to somebody who has not chosen a password; the links from before no longer work."""
        await self._links.revoke(db, Purpose.INVITE, user)
        await self._send(db, Purpose.INVITE, user, place, lives_for=self._rules.invite_life)

    async def hand_over(self, db: AsyncSession, user: User) -> tuple[Purpose, str]:
        """A link for somebody whom no mail reaches: for an operator, who makes sure by other means whose hands it goes to.

        It ends the links from before, confirms no address, and is an invitation where there is no password yet. Returns what it
        is for, and its token.
        """
        purpose = Purpose.INVITE if user.password_hash is None else Purpose.RESET
        lives_for = self._rules.invite_life if purpose is Purpose.INVITE else self._rules.reset_life
        await self._links.revoke(db, purpose, user)
        token = await self._links.create(db, purpose, user=user, lives_for=lives_for, data=_HANDED_OVER)
        if token is None:
            raise DeadLinkError
        return purpose, token

    async def find_user(self, db: AsyncSession, purpose: Purpose, key: bytes) -> User | None:
        """Whose password the link sets, to show the form; None for a dead link."""
        found = await self._links.find(db, purpose, key)
        return None if found is None else found.user

    async def set_password(
        self,
        db: AsyncSession,
        purpose: Purpose,
        key: bytes,
        password: str,
        *,
        site: str,
        display_name: str | None = None,
    ) -> User:
        """Use the link: set the password, end all sessions, tell the owner, whom it returns. Nobody is signed in.

        Call it before the first statement of the transaction.

        Raises:
            DeadLinkError: the link was used, is too old, or the account has changed.
            PasswordRefusedError: the password breaks a rule; the link lives on.
        """

        async def look(session: AsyncSession) -> tuple[PasswordOwner, bool]:
            user = await self.find_user(session, purpose, key)
            if user is None:
                raise DeadLinkError
            return owner_of(user), await self.needs_factor(session, user)

        owner, has_second_factor = await run_in_unit(self._database, look, is_read_only=True)
        new = await self._accounts.accept_password(password, owner, has_second_factor=has_second_factor)
        link = await self._links.use(db, purpose, key)
        user = link.user
        if user is None:
            raise DeadLinkError
        if display_name:
            user.display_name = display_name
        await self._accounts.set_password(db, user, new)
        if link.data != _HANDED_OVER:
            # Another account may have confirmed the address; the password is set all the same.
            with suppress(AddressTakenError):
                await confirm_address(db, user)
        if purpose is Purpose.RESET and user.email:
            await self._outbox.add(
                db,
                notice(Notice.PASSWORD_CHANGED, to=user.email, site=site, at=self._clock.now(), username=user.username),
            )
        return user

    async def _send(
        self, db: AsyncSession, purpose: Purpose, user: User, place: Place, *, lives_for: timedelta
    ) -> None:
        token = await self._links.create(db, purpose, user=user, lives_for=lives_for)
        if token is not None:
            await self._outbox.add(
                db,
                Mail(
                    to=user.email,
                    template=_TEMPLATES[purpose],
                    kind=purpose.value,
                    context={
                        "site": plain(place.site),
                        "username": plain(user.username),
                        "link": place.page + token,
                        "life": span(lives_for),
                    },
                    lives_for=lives_for,
                ),
            )


_TEMPLATES: Final[Mapping[Purpose, str]] = {
    Purpose.RESET: "mail/password_reset",
    Purpose.INVITE: "mail/invite",
}


def span(time: timedelta) -> Text:
    """A time as people say it."""
    minutes = int(time.total_seconds()) // 60
    if minutes % 60 == 0:
        return Text("{count} hour", "{count} hours", count=minutes // 60)
    return Text("{count} minute", "{count} minutes", count=minutes)
