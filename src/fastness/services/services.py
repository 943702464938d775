"""`Services`: what one app has, and what its requests and commands do with it.

The heavy ones are made when they are first asked for, by the modules beside this one, which are loaded then.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar
from uuid import UUID

from fastness.auditlog.log import AuditSink
from fastness.auth.factor_types import is_enforced
from fastness.auth.purposes import RESET_REQUEST, SIGN_UP_REQUEST, SLOWED_REQUEST
from fastness.auth.token_rules import TokenCheck
from fastness.authz.actors import Actor
from fastness.authz.permissions import PermissionCatalogue
from fastness.kernel.because import Because
from fastness.kernel.clock import Clock
from fastness.kernel.errors import ConfigError
from fastness.kernel.events import EventName, EventSink, SecurityEvent
from fastness.kernel.jobs import Job
from fastness.kernel.loading import load
from fastness.services.backends import make_audit, make_mailer, make_store
from fastness.services.late import LATE, Late, late
from fastness.services.upkeep import PURGE_SECONDS, purge
from fastness.sessions.identity import Identity
from fastness.sessions.manager import Sessions
from fastness.settings.settings import Settings
from fastness.stores.store import Store
from fastness.web.callers import caller_of
from fastness.web.exchange import Exchange

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from fastness.auth.accounts import Accounts
    from fastness.auth.address_links import AddressLinks
    from fastness.auth.answers import Answers
    from fastness.auth.factors import Factors
    from fastness.auth.granting import Roles
    from fastness.auth.links import Links
    from fastness.auth.login import Login, LoginOutcome
    from fastness.auth.notices import Notices
    from fastness.auth.own_password import OwnPassword
    from fastness.auth.password_links import PasswordLinks
    from fastness.auth.passwordpolicy import PasswordPolicy
    from fastness.auth.passwords import PasswordHasher
    from fastness.auth.personal_data import Exporter, PersonalData
    from fastness.auth.sealing import Sealer
    from fastness.auth.sign_ups import SignUpHook, SignUps
    from fastness.auth.signing_in import SigningIn
    from fastness.auth.throttle import Throttle
    from fastness.auth.tokens import APITokens
    from fastness.auth.users import User
    from fastness.auth.workers import HashingPool
    from fastness.authz.objects import Objects
    from fastness.db.engine import Database
    from fastness.db.unit import Unit
    from fastness.mail.delivery import Postman, Resolver
    from fastness.mail.mailers import Mailer
    from fastness.mail.outbox import Outbox
    from fastness.outbound.client import Outbound
    from fastness.web.templates import Templates

ServiceT = TypeVar("ServiceT")

_CREDENTIALS: Final = "fastness.services.credentials"
_DATA: Final = "fastness.services.data"
_PEOPLE: Final = "fastness.services.people"
_POST: Final = "fastness.services.post"
_SEALED: Final = "fastness.services.sealed"
_SECOND_FACTORS: Final = "fastness.services.secondfactors"

BY_KIND: Final[Mapping[str, str]] = {
    "APITokens": "tokens",
    "Accounts": "accounts",
    "AddressLinks": "address_links",
    "Database": "database",
    "Factors": "factors",
    "HashingPool": "hashing",
    "Login": "login",
    "Outbound": "outbound",
    "Outbox": "outbox",
    "OwnPassword": "own_password",
    "PasswordHasher": "hasher",
    "PasswordLinks": "password_links",
    "PasswordPolicy": "password_policy",
    "PersonalData": "personal_data",
    "Roles": "roles",
    "SignUps": "sign_ups",
    "SigningIn": "signing_in",
    "Throttle": "throttle",
}
"""Which attribute of `Services` gives what pages ask for by its class."""

_MAIL_SECONDS: Final = 2
_FORGET_SECONDS: Final = 3_600
_WARM_UP_SECONDS: Final = 1
_LOG: Final = logging.getLogger("fastness.services")


class Services:
    """What one app's requests and commands share. The heavy ones are made at first use."""

    database: "Late[Database]" = Late(_DATA)
    objects: "Late[Objects]" = Late(_DATA)

    sealer: "Late[Sealer]" = Late(_SEALED)
    answers: "Late[Answers]" = Late(_SEALED)

    outbox: "Late[Outbox]" = Late(_POST)
    postman: "Late[Postman]" = Late(_POST)
    """Empties the outbox; tests call `await postman.deliver_due()`."""

    hasher: "Late[PasswordHasher]" = Late(_CREDENTIALS)
    hashing: "Late[HashingPool]" = Late(_CREDENTIALS)
    password_policy: "Late[PasswordPolicy]" = Late(_CREDENTIALS)
    throttle: "Late[Throttle]" = Late(_CREDENTIALS)
    login: "Late[Login]" = Late(_CREDENTIALS)
    tokens: "Late[APITokens]" = Late(_CREDENTIALS)

    accounts: "Late[Accounts]" = Late(_PEOPLE)
    links: "Late[Links]" = Late(_PEOPLE)
    address_links: "Late[AddressLinks]" = Late(_PEOPLE)
    personal_data: "Late[PersonalData]" = Late(_PEOPLE)
    sign_ups: "Late[SignUps]" = Late(_PEOPLE)
    password_links: "Late[PasswordLinks]" = Late(_PEOPLE)
    own_password: "Late[OwnPassword]" = Late(_PEOPLE)
    notices: "Late[Notices]" = Late(_PEOPLE)
    roles: "Late[Roles]" = Late(_PEOPLE)

    factors: "Late[Factors]" = Late(_SECOND_FACTORS)
    signing_in: "Late[SigningIn]" = Late(_SECOND_FACTORS)

    def __init__(
        self, settings: Settings, *, clock: Clock, events: EventSink, permissions: PermissionCatalogue
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.audit = make_audit(settings, clock)
        """Keeps the security events beside the log; `None` where the settings say so."""
        events = events if self.audit is None else AuditSink(events, self.audit)
        self.events = events
        self.permissions = permissions
        self.keyring = settings.keyring
        self.store: Store = make_store(settings, clock)
        self.sessions = Sessions(self.store, settings.session, clock, events)
        self.templates: Callable[[], Templates] | None = None
        """Set when the app is sealed; the first call loads the template engine."""
        self.on_sign_up: SignUpHook | None = None
        """Makes the app's own rows about a new person."""
        self.exporters: Mapping[str, Exporter] = {}
        """What the app adds to the data that people download about themselves."""
        self.mail_folders: tuple[Path, ...] = ()
        """Where the app's own mail templates are; set when the app is sealed."""
        self.mail_resolvers: dict[str, Resolver] = {
            # The service is made when the first such mail is there.
            RESET_REQUEST: lambda db, mail: self.password_links.resolve_reset(db, mail),  # noqa: PLW0108
            SIGN_UP_REQUEST: lambda db, mail: self.sign_ups.resolve(db, mail),  # noqa: PLW0108
            SLOWED_REQUEST: lambda db, mail: self.notices.resolve_slowed(db, mail),  # noqa: PLW0108
        }
        """What decides in the worker on mails of a kind."""
        self._wake_mail = asyncio.Event()

    @cached_property
    def mailer(self) -> "Mailer":
        """Where mail goes; in tests a `MemoryMailer`, whose `sent` holds the messages."""
        return make_mailer(self.settings.mail)

    @cached_property
    def outbound(self) -> "Outbound":
        """Asks other servers."""
        try:
            outbound: Outbound = late("Outbound")(self.settings.outbound, events=self.events, clock=self.clock)
        except ModuleNotFoundError:
            raise ConfigError('Asking other servers needs a library: pip install "fastness[outbound]".') from None
        return outbound

    def service(self, kind: type[ServiceT]) -> ServiceT:
        """The service of this class, for the pages of parts that know the class and not this file."""
        name = BY_KIND.get(kind.__name__)
        found = None if name is None else getattr(self, name)
        if not isinstance(found, kind):
            raise ConfigError(f"There is no service {kind.__name__} in this app.")
        return found

    def open_unit(
        self,
        *,
        is_read_only: bool,
        actor: Callable[[], Actor] | None = None,
        on_event: Callable[[EventName, str], None] | None = None,
        unscoped: Because | None = None,
    ) -> "Unit":
        """A unit of work of its own; an async context manager that commits at its end.

        It acts for `actor`, or for nobody and for the reason given; with neither, it meets models with a policy only by
        statements that say `unscoped`.
        """
        unit: Unit = late("Unit")(self.database, is_read_only=is_read_only)
        if actor is not None:
            late("bind_actor")(unit.session, actor, on_event)
        elif unscoped is not None:
            late("bind_unscoped")(unit.session, unscoped)
        return unit

    async def load_identity(self, former: Identity) -> Identity | None:
        """A stale snapshot made anew, or `None` where its session must end."""
        identity: Identity | None = await late("load_identity")(self.database, self.store, former)
        if identity is None or identity.second_factor_at is not None:
            return identity
        # Somebody was given more than others may do while they were signed in with a password alone, or has a factor by now
        # that this session has not shown.
        if is_enforced(self.settings.second_factors, identity):
            return None
        async with late("Unit")(self.database, is_read_only=True) as unit:
            return None if await late("has_factor")(unit.session, identity.id) else identity

    async def load_account(self, db: "AsyncSession", user_id: UUID) -> "User | None":
        """The user's row."""
        user: User | None = await db.get(late("User"), user_id)
        return user

    async def check_token(self, text: str) -> TokenCheck:
        """Whom an API token acts for."""
        return await self.tokens.check(text)

    async def check_password(
        self, exchange: Exchange, username: str, password: str, *, is_proof: bool = False
    ) -> "LoginOutcome":
        """What comes of a name and a password as typed."""
        return await self.login.attempt(
            username=username, password=password, caller=caller_of(exchange), is_proof=is_proof
        )

    def report(self, name: EventName, reason: str, detail: Mapping[str, str] | None = None) -> None:
        """Write an event that belongs to no request."""
        self.events.emit(SecurityEvent(name=name, at=self.clock.now(), reason=reason, detail=detail or {}))

    def jobs(self) -> tuple[Job, ...]:
        """What `fastness worker` does again and again."""
        return (
            Job(name="mail", seconds=_MAIL_SECONDS, run=self.deliver_mail),
            Job(name="given-up mail", seconds=_FORGET_SECONDS, run=self.forget_mail),
            Job(name="old answers", seconds=_FORGET_SECONDS, run=self.forget_answers),
            Job(name="expired entries of the store", seconds=PURGE_SECONDS, run=lambda: purge(self.store)),
        )

    def development_jobs(self) -> tuple[Job, ...]:
        """What `fastness dev` and `demo` do beside the requests: mail, as soon as there is one."""
        self._wake_mail = asyncio.Event()
        mail = Job(name="mail", seconds=_MAIL_SECONDS, run=self.deliver_mail, wake=self._wake_mail, is_on_demand=True)
        return (mail,)

    async def deliver_mail(self) -> int:
        """Send the mails that are due."""
        # Not the postman's own method: asking for it would load the database before there is a mail.
        return await self.postman.deliver_due()

    async def forget_mail(self) -> None:
        """Remove what is left of mails that were given up."""
        await self.postman.forget()

    async def forget_answers(self) -> int:
        """Remove the answers that nobody asks for any more."""
        return await self.answers.forget_old()

    def wake_mail(self) -> None:
        """Have the mails that are due sent at once, where this process sends them."""
        self._wake_mail.set()

    async def open(self) -> None:
        """Open the store, without which nobody is signed in, and the audit log, without which nothing is done."""
        await self.store.open()
        if self.audit is not None:
            try:
                await self.audit.open()
            except BaseException:
                await self.store.close()
                raise

    async def warm_up(self) -> None:
        """Load what is expensive while the first requests are served already; one that needs it sooner loads it itself."""
        # Not at once: whoever waits for a new process, a load balancer or a person, gets the first answer first.
        await asyncio.sleep(_WARM_UP_SECONDS)
        try:
            # On a thread: importing the database library takes a few hundred milliseconds.
            await asyncio.to_thread(import_late)
            await self.database.open()
            if self.templates is not None:
                templates = self.templates
                await asyncio.to_thread(lambda: templates().compile_all())
        except Exception:  # noqa: BLE001 - a background task that dies in silence would be worse than any of its errors
            # Whoever needs what is broken here gets the error as an answer, and the log has it with the request.
            _LOG.exception("the app could not be warmed up")

    async def close(self) -> None:
        """Close what was opened. What cannot be closed is logged, and leaves nothing else open."""
        made = [vars(self)[name] for name in ("hashing", "outbound", "database") if name in vars(self)]
        # The audit log last: what is closed before may have something to tell.
        for part in (*made, self.store, *(() if self.audit is None else (self.audit,))):
            try:
                await part.close()
            except Exception:  # noqa: BLE001 - of any kind: events wait to be written, connections to be given back
                _LOG.exception("%s could not be closed", type(part).__name__)


def import_late() -> None:
    """Import what is loaded when it is first needed."""
    for home in (*LATE.values(), *(each.home for each in vars(Services).values() if isinstance(each, Late))):
        load(home)
