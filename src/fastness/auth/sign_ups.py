"""Sign-up: an account for whoever shows that a mail address is theirs, where the settings let anybody in.

Protects the list of who has an account: asking writes the same row for every address, and the worker sends either a link or the
note that there is an account already, to the owner of the mailbox and to nobody else. No account exists before the link is
used, so that nobody can take an address or a name that they cannot confirm. Whether a user name is taken is told to people
who have followed a link, and the route limits how often.

ASVS 5.0: V6.3.8 (same text, status and work), V6.4.1, V2.3.3 (an account is made as a whole or not at all).
"""

from collections.abc import Awaitable, Mapping
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from fastness.auth.account_rules import AccountRules, SignInName
from fastness.auth.accounts import Accounts
from fastness.auth.addresses import confirm_address, has_confirmed
from fastness.auth.errors import AddressTakenError, DeadLinkError, UsernameError
from fastness.auth.links import Links
from fastness.auth.password_links import span
from fastness.auth.passwordpolicy import PasswordOwner, PasswordPolicy
from fastness.auth.purposes import SIGN_UP_REQUEST, Place, Purpose
from fastness.auth.usernames import UsernameReason, parse_username
from fastness.auth.users import User, find_user
from fastness.authz.acting import acting_of
from fastness.authz.actors import Actor
from fastness.db.engine import Database
from fastness.db.unit import run_in_unit
from fastness.mail.mail import Mail
from fastness.mail.notices import plain
from fastness.mail.outbox import Outbox


class SignUpHook(Protocol):
    """Makes the app's own rows about a new person, in the transaction that makes the account."""

    def __call__(self, db: AsyncSession, user: User, fields: Mapping[str, str], /) -> Awaitable[None]:
        """Read the form's further fields; raise `SignUpRefusedError` for one that cannot be right."""
        ...


class SignUps:
    """Begins and completes sign-ups."""

    __slots__ = ("_accounts", "_database", "_hook", "_links", "_outbox", "_rules", "policy")

    def __init__(
        self,
        *,
        database: Database,
        accounts: Accounts,
        links: Links,
        outbox: Outbox,
        rules: AccountRules,
        policy: PasswordPolicy,
        hook: SignUpHook | None = None,
    ) -> None:
        self._database = database
        self._accounts = accounts
        self._links = links
        self._outbox = outbox
        self._rules = rules
        self.policy = policy
        self._hook = hook

    @property
    def is_open(self) -> bool:
        """Whether anybody may make an account."""
        return self._rules.sign_up

    @property
    def asks_username(self) -> bool:
        """Whether people choose a user name; without, it is their address."""
        return self._rules.sign_in_name is SignInName.USERNAME

    async def request(self, db: AsyncSession, address: str, place: Place) -> None:
        """Ask for a link; the same work for every address.

        Raises:
            MailAddressError: no mail can be sent there, whoever it is.
        """
        context = {"page": place.page, "site": plain(place.site)}
        mail = Mail(
            to=address,
            template="mail/sign_up",
            kind=SIGN_UP_REQUEST,
            context=context,
            lives_for=self._rules.confirm_life,
        )
        await self._outbox.add(db, mail)

    async def resolve(self, db: AsyncSession, request: Mail) -> Mail | None:
        """In the worker: the mail that a request leads to."""
        site = request.context["site"]
        lives_for = self._rules.confirm_life
        # Also for whoever has an account, though nobody is sent it: it counts how often somebody asks for one mailbox.
        token = await self._links.create(db, Purpose.SIGN_UP, user=None, lives_for=lives_for, data=request.to)
        if token is None:
            return None
        known = await self._account_of(db, request.to)
        if known is not None:
            # To the address as it is kept, not as it was typed.
            to = known.email if known.has_confirmed_email else known.username
            context = {"site": site, "username": plain(known.username)}
            return Mail(to=to, template="mail/sign_up_known", kind=request.kind, context=context)
        context = {"site": site, "link": f"{request.context['page']}{token}", "life": span(lives_for)}
        return Mail(to=request.to, template="mail/sign_up", kind=request.kind, context=context, lives_for=lives_for)

    async def find_address(self, db: AsyncSession, key: bytes) -> str | None:
        """The address that the link confirms; None for a dead link."""
        found = await self._links.find(db, Purpose.SIGN_UP, key)
        return None if found is None else found.data

    async def complete(
        self,
        db: AsyncSession,
        key: bytes,
        *,
        username: str,
        password: str,
        display_name: str,
        fields: Mapping[str, str],
    ) -> User:
        """Use the link: make the account and what the app adds to it. Nobody is signed in.

        Call it before the first statement of the transaction. Whatever is raised, nothing is made and the link lives on.

        Raises:
            DeadLinkError: the link was used or is too old.
            UsernameError, UsernameTakenError, PasswordRefusedError: as `Accounts.create_user`.
            AddressTakenError: another account has confirmed the address meanwhile, or signs in with it.
            SignUpRefusedError: the app's hook refuses a field.
        """

        async def look(session: AsyncSession) -> str | None:
            return await self.find_address(session, key)

        address = await run_in_unit(self._database, look, is_read_only=True)
        if address is None or not self.is_open:
            raise DeadLinkError
        if self.asks_username and "@" in parse_username(username)[0]:
            # Nobody takes a name that reads as another person's address, whichever of its signs was typed.
            raise UsernameError(UsernameReason.CHARACTER)
        name = username if self.asks_username else address
        owner = PasswordOwner(username=name, display_name=display_name, email=address)
        new = await self._accounts.accept_password(password, owner)
        found = await self._links.use(db, Purpose.SIGN_UP, key)
        if await self._account_of(db, found.data) is not None:
            raise AddressTakenError
        user = await self._accounts.create_user(
            db, username=name, password=new, display_name=display_name, email=found.data
        )
        await confirm_address(db, user)
        if self._hook is not None:
            # Nobody is signed in: what the app keeps about the new person is theirs, and policies are asked as for them.
            with acting_of(db).acting_for(Actor(id=user.id)):
                await self._hook(db, user, fields)
                await db.flush()
        return user

    async def _account_of(self, db: AsyncSession, address: str) -> User | None:
        """The account that has confirmed the address, or, where addresses are the names, signs in with it."""
        known = await has_confirmed(db, address)
        # Somebody who was invited, or taken over from another system, has an account before they have confirmed anything.
        return await find_user(db, address) if known is None and not self.asks_username else known
