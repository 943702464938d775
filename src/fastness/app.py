"""`Fastness`: the one file that wires the parts together.

Making an app only notes what it consists of. It is sealed before the first request (by the server's lifespan event, by
`fastness serve` and `fastness check`, or at the latest by the request itself): routes get their rules or the start ends with a
message, the table is compiled, the gates are built. After that nothing can be added.

What is expensive to import (the database library, the template engine, the password hasher) is loaded from one table when it
is first needed: in production in the background when the app has opened, in development when a request asks for it.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from fastness.accounts.pages import SIGN_IN_PATH, account_routes
from fastness.kernel.clock import Clock, SystemClock
from fastness.kernel.errors import ConfigError, UnavailableError
from fastness.kernel.events import EventName, EventSink, LogSink, SecurityEvent
from fastness.sessions.identity import Identity
from fastness.sessions.manager import Sessions
from fastness.settings.settings import Settings
from fastness.stores.store import Store
from fastness.web.access import Access, public
from fastness.web.addresses import Addresses
from fastness.web.debugtoken import debug_routes
from fastness.web.exchange import ASGIApp, Exchange, Receive, Scope, Send
from fastness.web.pipeline import PerimeterRules, build_pipeline
from fastness.web.recording import request_id
from fastness.web.reports import report_routes
from fastness.web.routing import Route, Routes, seal_route
from fastness.web.site import Site
from fastness.web.static import STATIC_PREFIX, StaticFiles
from fastness.web.table import Table

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from fastness.auth.accounts import Accounts
    from fastness.auth.login import Login
    from fastness.auth.passwords import PasswordHasher
    from fastness.auth.users import User
    from fastness.auth.workers import HashingPool
    from fastness.db.engine import Database
    from fastness.db.unit import Unit
    from fastness.html.environment import TemplateRules
    from fastness.html.inventory import TemplateFinding
    from fastness.web.templates import Templates

_LATE: Final[Mapping[str, str]] = {
    "Accounts": "fastness.auth.accounts",
    "Caller": "fastness.auth.login",
    "Database": "fastness.db.engine",
    "HashingPool": "fastness.auth.workers",
    "Login": "fastness.auth.login",
    "MemoryStore": "fastness.stores.memory",
    "PasswordHasher": "fastness.auth.passwords",
    "SQLiteStore": "fastness.stores.sqlite",
    "Templates": "fastness.web.templates",
    "Unit": "fastness.db.unit",
    "User": "fastness.auth.users",
    "load_identity": "fastness.auth.identities",
}
"""What is loaded when it is first needed, and from where."""

_HERE: Final = Path(__file__).parent
_OWN_TEMPLATES: Final = (_HERE / "web" / "templates", _HERE / "accounts" / "templates")
_OWN_STATIC: Final = _HERE / "web" / "assets"
_PURGE_SECONDS: Final = 600
_WARM_UP_SECONDS: Final = 1
_PURGE_AT_ONCE: Final = 1000
_LOG: Final = logging.getLogger("fastness.app")


class SealedError(ConfigError):
    """Something was to be added to an app that already serves."""

    code = "sealed"


def late(name: str) -> Any:  # noqa: ANN401 - the caller names the type
    """A name of the table above."""
    return getattr(import_module(_LATE[name]), name)


class Services:
    """What one app's requests and commands share. The heavy ones are made at first use."""

    def __init__(self, settings: Settings, *, clock: Clock, events: EventSink) -> None:
        self.settings = settings
        self.clock = clock
        self.events = events
        self.keyring = settings.keyring
        self.store: Store = make_store(settings, clock)
        self.sessions = Sessions(self.store, settings.session, clock, events)
        self.templates: Callable[[], Templates] | None = None
        """Set when the app is sealed; the first call loads the template engine."""
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
                events=self.events,
                clock=self.clock,
            ),
        )
        return login

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
            ),
        )
        return accounts

    def open_unit(self, *, is_read_only: bool) -> "Unit":
        """A unit of work of its own; an async context manager that commits at its end."""
        unit: Unit = late("Unit")(self.database, is_read_only=is_read_only)
        return unit

    async def load_identity(self, former: Identity) -> Identity | None:
        """A stale snapshot made anew, or `None` where its session must end."""
        identity: Identity | None = await late("load_identity")(self.database, self.store, former)
        return identity

    async def load_account(self, db: "AsyncSession", user_id: UUID) -> "User | None":
        """The user's row."""
        user: User | None = await db.get(late("User"), user_id)
        return user

    async def check_password(self, exchange: Exchange, username: str, password: str) -> Identity | None:
        """The identity for a name and a password as typed, or nobody."""
        route = exchange.route
        caller = late("Caller")(
            request_id=request_id(exchange),
            client_ip=exchange.client_ip,
            method=exchange.method,
            route="" if route is None else route.name,
        )
        outcome = await self.login.attempt(username=username, password=password, caller=caller)
        return outcome.identity

    def report(self, name: EventName, reason: str, detail: Mapping[str, str] | None = None) -> None:
        """Write an event that belongs to no request."""
        self.events.emit(SecurityEvent(name=name, at=self.clock.now(), reason=reason, detail=detail or {}))

    async def open(self) -> None:
        """Open the store, without which nobody is signed in."""
        await self.store.open()

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
        if "database" in self._made:
            await self.database.close()
        await self.store.close()


class Fastness:
    """An application: settings, routes, and the perimeter round them. An ASGI app."""

    def __init__(
        self,
        settings: Settings,
        *,
        routes: Iterable[Routes] = (),
        templates: Path | None = None,
        static: Path | None = None,
        template_rules: "TemplateRules | None" = None,
        accounts: bool = True,
        clock: Clock | None = None,
        events: EventSink | None = None,
    ) -> None:
        """Note what the app consists of.

        Args:
            settings: from `Settings.load()`.
            routes: the route groups, in order: the route declared first wins.
            templates: the folder of the app's templates; one of the framework's pages is replaced by a file of its name.
            static: the folder of the files served below `/static/`.
            template_rules: what the templates may do beside escaping, each with its reason.
            accounts: whether the sign-in pages are part of the app.
            clock: for tests.
            events: takes the security events; by default they are log lines.
        """
        self.settings = settings
        self.services = Services(settings, clock=clock or SystemClock(), events=events or LogSink())
        self._groups = list(routes)
        self._templates = templates
        self._static = static
        self._template_rules = template_rules
        self._has_accounts = accounts
        self._pipeline: ASGIApp | None = None
        self._table: Table | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._is_open = False
        self._opening = asyncio.Lock()

    @property
    def routes(self) -> tuple[Route, ...]:
        """The sealed routes, in order."""
        self.seal()
        return self._table.routes if self._table is not None else ()

    def include(self, routes: Routes) -> None:
        """Add a route group."""
        self._refuse_if_sealed()
        self._groups.append(routes)

    def mount(self, path: str, app: ASGIApp, *, access: Access) -> None:
        """Put an ASGI app under `path`; the rule holds for all of it."""
        self._refuse_if_sealed()
        group = Routes()
        group.mount(path, app, access=access)
        self._groups.append(group)

    def seal(self) -> None:
        """Check and compile everything. Raises `ConfigError` with the route, the file and the fix."""
        if self._pipeline is not None:
            return
        settings = self.settings
        development = settings.is_development
        static = StaticFiles(
            [folder for folder in (self._static, _OWN_STATIC) if folder is not None], reloads=development
        )
        own = Routes()
        own.get(STATIC_PREFIX + "{path:path}", access=public, name="static", read_session=False)(static.serve)
        groups = [*self._groups, own, report_routes, *([account_routes] if self._has_accounts else [])]
        if development and settings.debug_token is not None:
            groups.append(debug_routes)
        table = Table(seal_route(declared) for group in groups for declared in group.declared())
        self._table = table
        self._pipeline = build_pipeline(
            perimeter_of(settings), self._make_site(Addresses(table, static), development), table
        )

    def compile_templates(self) -> None:
        """Compile the app's templates; raises `TemplateRefusedError` at the first that cannot be escaped.

        The framework's own pages are left for later, or an app without templates would wait for the template engine.
        """
        self.seal()
        if self._templates is not None and self.services.templates is not None:
            self.services.templates().compile_from(self._templates)

    def inspect_templates(self) -> "tuple[TemplateFinding, ...]":
        """What each template is refused for, or opens: for `fastness check`."""
        self.seal()
        return () if self.services.templates is None else self.services.templates().inspect()

    async def open(self) -> None:
        """Seal the app and open its services; a server does this with its lifespan event.

        In production the app's templates are compiled before anything is served.
        """
        self.seal()
        async with self._opening:
            if self._is_open:
                return
            if not self.settings.is_development:
                self.compile_templates()
            await self.services.open()
            self._is_open = True
            self._tasks = [asyncio.create_task(keep_tidy(self.services))]
            if not self.settings.is_development:
                self._tasks.append(asyncio.create_task(self.services.warm_up()))
            self.services.report(EventName.SYS_STARTUP, self.settings.profile.value)

    async def close(self) -> None:
        """Close the services."""
        if not self._is_open:
            return
        self._is_open = False
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.services.report(EventName.SYS_SHUTDOWN, self.settings.profile.value)
        await self.services.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, socket, or the server's lifespan."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        if not self._is_open:
            # A server that does not speak the lifespan protocol: nothing is answered before the app is whole.
            await self.open()
        if self._pipeline is None:
            raise SealedError("The app was not sealed.")
        await self._pipeline(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            await self.open()
        except Exception as error:  # noqa: BLE001 - all of them: one that got out would mean "no lifespan here", and a server goes on
            if not isinstance(error, ConfigError):
                _LOG.error("the app could not start", exc_info=error)
            await send({"type": "lifespan.startup.failed", "message": str(error) or type(error).__name__})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.close()
        await send({"type": "lifespan.shutdown.complete"})

    def _make_site(self, addresses: Addresses, development: bool) -> Site:  # noqa: FBT001 - one caller
        services = self.services
        folders = [*([self._templates] if self._templates is not None else []), *_OWN_TEMPLATES]

        def templates() -> "Templates":
            made: Templates = services.once(
                "templates",
                lambda: late("Templates")(
                    folders, reloads=development, rules=self._template_rules, report=services.report
                ),
            )
            return made

        services.templates = templates

        return Site(
            project=self.settings.project,
            is_development=development,
            keyring=services.keyring,
            clock=services.clock,
            events=services.events,
            limits=self.settings.limits,
            store=services.store,
            sessions=services.sessions,
            session_cookie=self.settings.session_cookie,
            redirects=self.settings.redirects,
            addresses=addresses,
            render=lambda name, context: templates().render(name, context),
            open_unit=services.open_unit,
            load_identity=services.load_identity,
            load_account=services.load_account,
            check_password=services.check_password,
            debug_token=self.settings.debug_token if development else None,
            sign_in_path=SIGN_IN_PATH if self._has_accounts else None,
        )

    def _refuse_if_sealed(self) -> None:
        if self._pipeline is not None:
            raise SealedError("The app serves already. Give all routes before the first request.")


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
    raise ConfigError("FASTNESS_STORE_URL must be 'sqlite:///path/to/store.sqlite3' or, for tests, 'memory:'.")


def perimeter_of(settings: Settings) -> PerimeterRules:
    """The rules of the gates, from the settings."""
    return PerimeterRules(
        limits=settings.limits,
        proxy=settings.proxy,
        hosts=settings.hosts,
        is_https_required=settings.is_https_required,
        cross_site=settings.cross_site,
        headers=settings.headers,
        csp=settings.csp,
        session_cookie=settings.session_cookie,
    )


async def keep_tidy(services: Services) -> None:
    """Remove expired entries from the store, now and then."""
    while True:
        await asyncio.sleep(_PURGE_SECONDS)
        try:
            await purge(services.store)
        except UnavailableError:
            _LOG.warning("the store is away; expired entries stay until the next round")


async def purge(store: Store) -> None:
    """Remove all expired entries, some at a time, so that other writes get their turn between."""
    while await store.purge_expired(_PURGE_AT_ONCE) >= _PURGE_AT_ONCE:
        pass
