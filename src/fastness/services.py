"""What one app's requests, commands and checks share: its store, its database, its hasher, made when they are first needed.

What is expensive to import (the database library, the template engine, the password hasher) is loaded from one table when
something asks for it: in production in the background when the app has opened, in development when a request needs it.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar
from uuid import UUID

from fastness.auditlog.log import AuditLog, AuditSink
from fastness.auditlog.opening import audit_url, make_audit_log
from fastness.auth.factor_types import is_enforced
from fastness.auth.purposes import RESET_REQUEST, SIGN_UP_REQUEST
from fastness.auth.token_rules import TokenCheck
from fastness.authz.actors import Actor
from fastness.authz.permissions import PermissionCatalogue
from fastness.db.address import EXAMPLE, is_postgres_url, parse_postgres_address
from fastness.kernel.because import Because
from fastness.kernel.clock import Clock
from fastness.kernel.errors import ConfigError, UnavailableError
from fastness.kernel.events import EventName, EventSink, SecurityEvent
from fastness.kernel.jobs import Job
from fastness.mail.rules import MailBackend, MailRules
from fastness.sessions.identity import Identity
from fastness.sessions.manager import Sessions
from fastness.settings.settings import Settings
from fastness.stores.store import Store
from fastness.web.devices import device_cookie_of
from fastness.web.exchange import Exchange
from fastness.web.recording import request_id

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from fastness.auth.accounts import Accounts
    from fastness.auth.address_links import AddressLinks
    from fastness.auth.answers import Answers
    from fastness.auth.factors import Factors
    from fastness.auth.granting import Roles
    from fastness.auth.links import Links
    from fastness.auth.login import Login
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

_LATE: Final[Mapping[str, str]] = {
    "APITokens": "fastness.auth.tokens",
    "Accounts": "fastness.auth.accounts",
    "Answers": "fastness.auth.answers",
    "AddressLinks": "fastness.auth.address_links",
    "Caller": "fastness.auth.login",
    "Database": "fastness.db.engine",
    "Factors": "fastness.auth.factors",
    "HashingPool": "fastness.auth.workers",
    "Links": "fastness.auth.links",
    "Login": "fastness.auth.login",
    "Messages": "fastness.mail.messages",
    "Objects": "fastness.authz.objects",
    "Outbox": "fastness.mail.outbox",
    "OwnPassword": "fastness.auth.own_password",
    "PasswordHasher": "fastness.auth.passwords",
    "PasswordLinks": "fastness.auth.password_links",
    "PasswordPolicy": "fastness.auth.passwordpolicy",
    "RangeLookup": "fastness.auth.breachlookup",
    "PersonalData": "fastness.auth.personal_data",
    "Postman": "fastness.mail.delivery",
    "Roles": "fastness.auth.granting",
    "SignUps": "fastness.auth.sign_ups",
    "Sealer": "fastness.auth.sealing",
    "SigningIn": "fastness.auth.signing_in",
    "Templates": "fastness.web.templates",
    "Throttle": "fastness.auth.throttle",
    "Unit": "fastness.db.unit",
    "User": "fastness.auth.users",
    "bind_actor": "fastness.authz.acting",
    "bind_unscoped": "fastness.authz.acting",
    "load_identity": "fastness.auth.identities",
}
"""What is loaded when it is first needed, and from where."""

_MAILERS: Final[Mapping[MailBackend, tuple[str, str]]] = {
    MailBackend.NONE: ("fastness.mail.mailers", "NoMailer"),
    MailBackend.CONSOLE: ("fastness.mail.mailers", "ConsoleMailer"),
    MailBackend.MEMORY: ("fastness.mail.mailers", "MemoryMailer"),
    MailBackend.SMTP: ("fastness.mail.smtp", "SMTPMailer"),
}
"""One of these is loaded, by the process that sends."""

_STORES: Final[Mapping[str, str]] = {
    "MemoryStore": "fastness.stores.memory",
    "PostgresStore": "fastness.stores.postgres",
    "SQLiteStore": "fastness.stores.sqlite",
}
"""One of these is loaded; the driver of another one may not be installed."""

_OPTIONAL: Final[Mapping[str, str]] = {"Outbound": "fastness.outbound.client"}
"""Loaded when it is asked for; its library may not be installed."""

_BY_KIND: Final[Mapping[str, str]] = {
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
"""Which property of `Services` gives what pages ask for by its class."""

_PURGE_SECONDS: Final = 600
_MAIL_SECONDS: Final = 2
_FORGET_SECONDS: Final = 3_600
_WARM_UP_SECONDS: Final = 1
_PURGE_AT_ONCE: Final = 1000
_LOG: Final = logging.getLogger("fastness.services")


def late(name: str) -> Any:  # noqa: ANN401 - the caller names the type
    """A name of the tables above."""
    return getattr(import_module(_LATE.get(name) or _STORES.get(name) or _OPTIONAL[name]), name)


class Services:
    """What one app's requests and commands share. The heavy ones are made at first use."""

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
        }
        """What decides in the worker on mails of a kind."""
        self._wake_mail = asyncio.Event()
        self._made: dict[str, Any] = {}

    def once(self, name: str, make: Callable[[], Any]) -> Any:  # noqa: ANN401 - the properties below name the type
        """What `make` gives, made once."""
        if name not in self._made:
            self._made[name] = make()
        return self._made[name]

    @property
    def database(self) -> "Database":
        """The app's database."""
        settings = self.settings
        database: Database = self.once(
            "database", lambda: late("Database")(settings.database_url, rules=settings.database)
        )
        return database

    @property
    def hasher(self) -> "PasswordHasher":
        """Hashes and checks passwords by the settings' rules."""
        hasher: PasswordHasher = self.once("hasher", lambda: late("PasswordHasher")(self.settings.passwords))
        return hasher

    @property
    def password_policy(self) -> "PasswordPolicy":
        """What a new password must be."""
        settings = self.settings
        policy: PasswordPolicy = self.once(
            "password_policy",
            lambda: late("PasswordPolicy")(
                settings.passwords,
                site_words=(settings.project, *settings.hosts.allowed),
                lookup=late("RangeLookup")(settings.passwords) if settings.passwords.breach_lookup_url else None,
            ),
        )
        return policy

    @property
    def hashing(self) -> "HashingPool":
        """The threads on which passwords are hashed."""
        pool: HashingPool = self.once("hashing", late("HashingPool"))
        return pool

    @property
    def login(self) -> "Login":
        """The one place where a password signs somebody in."""
        login: Login = self.once(
            "login",
            lambda: late("Login")(
                database=self.database,
                store=self.store,
                hasher=self.hasher,
                pool=self.hashing,
                keyring=self.keyring,
                throttle=self.throttle,
                second_factors=self.settings.second_factors,
                events=self.events,
                clock=self.clock,
            ),
        )
        return login

    @property
    def throttle(self) -> "Throttle":
        """Counts attempts to sign in, and slows down whoever guesses."""
        throttle: Throttle = self.once(
            "throttle",
            lambda: late("Throttle")(
                self.settings.throttle, store=self.store, keyring=self.keyring, events=self.events, clock=self.clock
            ),
        )
        return throttle

    @property
    def accounts(self) -> "Accounts":
        """Creates and changes users."""
        accounts: Accounts = self.once(
            "accounts",
            lambda: late("Accounts")(
                store=self.store,
                sessions=self.sessions,
                hasher=self.hasher,
                pool=self.hashing,
                events=self.events,
                clock=self.clock,
                policy=self.password_policy,
            ),
        )
        return accounts

    @property
    def links(self) -> "Links":
        """One-time links."""
        links: Links = self.once("links", lambda: late("Links")(clock=self.clock, events=self.events))
        return links

    @property
    def address_links(self) -> "AddressLinks":
        """Confirms and changes mail addresses."""
        address_links: AddressLinks = self.once(
            "address_links",
            lambda: late("AddressLinks")(
                accounts=self.accounts,
                links=self.links,
                outbox=self.outbox,
                rules=self.settings.accounts,
                events=self.events,
                clock=self.clock,
            ),
        )
        return address_links

    @property
    def personal_data(self) -> "PersonalData":
        """Collects what is kept about somebody."""
        personal_data: PersonalData = self.once(
            "personal_data", lambda: late("PersonalData")(self.exporters, clock=self.clock)
        )
        return personal_data

    @property
    def sign_ups(self) -> "SignUps":
        """Begins and completes sign-ups."""
        sign_ups: SignUps = self.once(
            "sign_ups",
            lambda: late("SignUps")(
                database=self.database,
                accounts=self.accounts,
                links=self.links,
                outbox=self.outbox,
                rules=self.settings.accounts,
                policy=self.password_policy,
                hook=self.on_sign_up,
            ),
        )
        return sign_ups

    @property
    def password_links(self) -> "PasswordLinks":
        """Resets and invitations."""
        password_links: PasswordLinks = self.once(
            "password_links",
            lambda: late("PasswordLinks")(
                database=self.database,
                accounts=self.accounts,
                links=self.links,
                outbox=self.outbox,
                rules=self.settings.accounts,
                policy=self.password_policy,
                second_factors=self.settings.second_factors,
                clock=self.clock,
            ),
        )
        return password_links

    @property
    def own_password(self) -> "OwnPassword":
        """Changes the password of who is signed in."""
        own_password: OwnPassword = self.once(
            "own_password",
            lambda: late("OwnPassword")(
                database=self.database,
                accounts=self.accounts,
                outbox=self.outbox,
                policy=self.password_policy,
                clock=self.clock,
            ),
        )
        return own_password

    @property
    def roles(self) -> "Roles":
        """Changes roles, groups, and who holds what."""
        roles: Roles = self.once(
            "roles",
            lambda: late("Roles")(store=self.store, catalogue=self.permissions, events=self.events, clock=self.clock),
        )
        return roles

    @property
    def sealer(self) -> "Sealer":
        """Encrypts what the database holds and only the app may read."""
        sealer: Sealer = self.once("sealer", lambda: late("Sealer")(self.keyring))
        return sealer

    @property
    def outbox(self) -> "Outbox":
        """Takes mails, in the transaction of what they tell about."""
        outbox: Outbox = self.once(
            "outbox",
            lambda: late("Outbox")(
                seals=self.sealer,
                clock=self.clock,
                keep=timedelta(days=self.settings.mail.keep_days),
                wake=self.wake_mail,
            ),
        )
        return outbox

    @property
    def outbound(self) -> "Outbound":
        """Asks other servers."""
        try:
            outbound: Outbound = self.once(
                "outbound", lambda: late("Outbound")(self.settings.outbound, events=self.events, clock=self.clock)
            )
        except ModuleNotFoundError:
            raise ConfigError('Asking other servers needs a library: pip install "fastness[outbound]".') from None
        return outbound

    @property
    def mailer(self) -> "Mailer":
        """Where mail goes; in tests a `MemoryMailer`, whose `sent` holds the messages."""
        mailer: Mailer = self.once("mailer", lambda: make_mailer(self.settings.mail))
        return mailer

    @property
    def postman(self) -> "Postman":
        """Empties the outbox; tests call `await postman.deliver_due()`."""
        settings = self.settings
        postman: Postman = self.once(
            "postman",
            lambda: late("Postman")(
                database=self.database,
                mailer=lambda: self.mailer,
                messages=lambda: self.once(
                    "messages",
                    lambda: late("Messages")(
                        settings.mail,
                        self.mail_folders,
                        reloads=settings.is_development,
                        languages=settings.languages,
                    ),
                ),
                seals=self.sealer,
                rules=settings.mail,
                events=self.events,
                clock=self.clock,
                resolvers=self.mail_resolvers,
            ),
        )
        return postman

    def jobs(self) -> tuple[Job, ...]:
        """What `fastness worker` does again and again."""
        return (
            Job(name="mail", seconds=_MAIL_SECONDS, run=self.deliver_mail),
            Job(name="given-up mail", seconds=_FORGET_SECONDS, run=self.forget_mail),
            Job(name="old answers", seconds=_FORGET_SECONDS, run=self.forget_answers),
            Job(name="expired entries of the store", seconds=_PURGE_SECONDS, run=lambda: purge(self.store)),
        )

    async def forget_answers(self) -> int:
        """Remove the answers that nobody asks for any more."""
        return await self.answers.forget_old()

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

    def wake_mail(self) -> None:
        """Have the mails that are due sent at once, where this process sends them."""
        self._wake_mail.set()

    @property
    def tokens(self) -> "APITokens":
        """Makes, checks and ends API tokens."""
        tokens: APITokens = self.once(
            "tokens",
            lambda: late("APITokens")(
                database=self.database,
                store=self.store,
                rules=self.settings.tokens,
                catalogue=self.permissions,
                outbox=self.outbox,
                site=self.settings.hosts.site_name,
                events=self.events,
                clock=self.clock,
            ),
        )
        return tokens

    @property
    def factors(self) -> "Factors":
        """Changes and checks second factors."""
        settings = self.settings
        factors: Factors = self.once(
            "factors",
            lambda: late("Factors")(
                database=self.database,
                store=self.store,
                sessions=self.sessions,
                sealer=self.sealer,
                throttle=self.throttle,
                rules=settings.second_factors,
                events=self.events,
                clock=self.clock,
                outbox=self.outbox,
                hosts=settings.hosts,
                is_development=settings.is_development,
            ),
        )
        return factors

    @property
    def signing_in(self) -> "SigningIn":
        """Decides what comes after the password."""
        signing_in: SigningIn = self.once(
            "signing_in",
            lambda: late("SigningIn")(
                database=self.database,
                store=self.store,
                factors=self.factors,
                rules=self.settings.second_factors,
                events=self.events,
                clock=self.clock,
            ),
        )
        return signing_in

    def service(self, kind: type[ServiceT]) -> ServiceT:
        """The service of this class, for the pages of parts that know the class and not this file."""
        name = _BY_KIND.get(kind.__name__)
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

    @property
    def answers(self) -> "Answers":
        """Keeps the answers of requests that are named by a key."""
        answers: Answers = self.once(
            "answers", lambda: late("Answers")(database=self.database, sealer=self.sealer, clock=self.clock)
        )
        return answers

    @property
    def objects(self) -> "Objects":
        """Finds objects of models with a policy."""
        objects: Objects = self.once("objects", late("Objects"))
        return objects

    async def load_identity(self, former: Identity) -> Identity | None:
        """A stale snapshot made anew, or `None` where its session must end."""
        identity: Identity | None = await late("load_identity")(self.database, self.store, former)
        if identity is not None and identity.second_factor_at is None:
            # Somebody was given more than others may do while they were signed in with a password alone.
            return None if is_enforced(self.settings.second_factors, identity) else identity
        return identity

    async def load_account(self, db: "AsyncSession", user_id: UUID) -> "User | None":
        """The user's row."""
        user: User | None = await db.get(late("User"), user_id)
        return user

    async def check_token(self, text: str) -> TokenCheck:
        """Whom an API token acts for."""
        return await self.tokens.check(text)

    async def check_password(
        self, exchange: Exchange, username: str, password: str, *, is_proof: bool = False
    ) -> Identity | None:
        """The identity for a name and a password as typed, or nobody."""
        route = exchange.route
        caller = late("Caller")(
            request_id=request_id(exchange),
            client_ip=exchange.client_ip,
            method=exchange.method,
            route="" if route is None else route.name,
            device=device_cookie_of(exchange),
        )
        outcome = await self.login.attempt(username=username, password=password, caller=caller, is_proof=is_proof)
        return outcome.identity

    def report(self, name: EventName, reason: str, detail: Mapping[str, str] | None = None) -> None:
        """Write an event that belongs to no request."""
        self.events.emit(SecurityEvent(name=name, at=self.clock.now(), reason=reason, detail=detail or {}))

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
            await asyncio.to_thread(lambda: [import_module(home) for home in _LATE.values()])
            await self.database.open()
            if self.templates is not None:
                templates = self.templates
                await asyncio.to_thread(lambda: templates().compile_all())
        except Exception:  # noqa: BLE001 - a background task that dies in silence would be worse than any of its errors
            # Whoever needs what is broken here gets the error as an answer, and the log has it with the request.
            _LOG.exception("the app could not be warmed up")

    async def close(self) -> None:
        """Close what was opened."""
        if "hashing" in self._made:
            await self.hashing.close()
        if "outbound" in self._made:
            await self.outbound.close()
        if "database" in self._made:
            await self.database.close()
        await self.store.close()
        if self.audit is not None:
            # Last: what is closed before may have something to tell.
            await self.audit.close()


def make_audit(settings: Settings, clock: Clock) -> AuditLog | None:
    """The audit log that the settings name."""
    url = audit_url(settings.audit, database_url=settings.database_url, store_url=settings.store_url)
    if url is None:
        return None
    reason = settings.database.insecure_unverified_tls
    return make_audit_log(
        url, settings.audit, settings.keyring, clock, store_url=settings.store_url, insecure_unverified_tls=reason
    )


def make_store(settings: Settings, clock: Clock) -> Store:
    """The store that the settings name."""
    url = settings.store_url
    store: Store
    if url == "memory:":
        store = late("MemoryStore")(clock)
        return store
    if url.startswith("sqlite:///"):
        store = late("SQLiteStore")(Path(url.removeprefix("sqlite:///")), clock)
        return store
    if is_postgres_url(url):
        reason = settings.database.insecure_unverified_tls
        address = parse_postgres_address(url, insecure_unverified_tls=reason)
        try:
            store = late("PostgresStore")(address, clock)
        except ModuleNotFoundError:
            raise ConfigError('PostgreSQL needs its driver: pip install "fastness[postgres]".') from None
        return store
    raise ConfigError(
        f"FASTNESS_STORE_URL must be 'sqlite:///path/to/store.sqlite3', an address such as {EXAMPLE!r} or, for tests, "
        "'memory:'."
    )


def make_mailer(rules: MailRules) -> "Mailer":
    """The mailer that the settings name."""
    home, name = _MAILERS[rules.backend]
    made = getattr(import_module(home), name)
    mailer: Mailer = made(rules) if rules.backend is MailBackend.SMTP else made()
    return mailer


async def keep_tidy(services: Services) -> None:
    """Remove expired entries from the store, now and then."""
    while True:
        await asyncio.sleep(_PURGE_SECONDS)
        try:
            await purge(services.store)
        except UnavailableError:
            _LOG.warning("the store is away; expired entries stay until the next round")
        if services.audit is not None:
            try:
                await services.audit.purge()
            except UnavailableError:
                _LOG.warning("the audit log is away; old events stay until the next round")


async def purge(store: Store) -> None:
    """Remove all expired entries, some at a time, so that other writes get their turn between."""
    while await store.purge_expired(_PURGE_AT_ONCE) >= _PURGE_AT_ONCE:
        pass
