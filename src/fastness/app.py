"""`Fastness`: the one file that wires the parts together.

Making an app only notes what it consists of. It is sealed before the first request (by the server's lifespan event, by
`fastness serve` and `fastness check`, or at the latest by the request itself): routes get their rules or the start ends with a
message, the table is compiled, the gates are built. After that nothing can be added.

What is expensive to import is made in `services/`, when it is first needed.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, Unpack

from starlette.routing import BaseRoute

from fastness.auth.permissions import AccountPermissions
from fastness.authz.permissions import PermissionCatalogue, Permissions
from fastness.declaration import watch_of
from fastness.kernel.clock import Clock, SystemClock
from fastness.kernel.errors import ConfigError
from fastness.kernel.events import EventName, EventSink, LogSink
from fastness.kernel.jobs import run_jobs
from fastness.services.late import late
from fastness.services.services import Services
from fastness.services.upkeep import keep_tidy
from fastness.settings.settings import Settings
from fastness.tripwires.arming import arm, disarm
from fastness.tripwires.watch import Watch
from fastness.web.access import Access, public
from fastness.web.accessrules import permissions_in
from fastness.web.addresses import Addresses
from fastness.web.debugtoken import debug_routes
from fastness.web.exchange import ASGIApp, Receive, Scope, Send
from fastness.web.lifespans import Lifespan, mounted_apps, start_all, stop_all
from fastness.web.pipeline import PerimeterRules, build_pipeline
from fastness.web.reports import report_routes
from fastness.web.route import Route, RouteError, RouteOptions
from fastness.web.routing import Declared, Routes, seal_route
from fastness.web.site import Site
from fastness.web.static import STATIC_PREFIX, StaticFiles
from fastness.web.table import Table

if TYPE_CHECKING:
    from fastness.auth.personal_data import Exporter
    from fastness.auth.sign_ups import SignUpHook
    from fastness.html.environment import TemplateRules
    from fastness.html.inventory import TemplateFinding
    from fastness.web.templates import Templates

_HERE: Final = Path(__file__).parent
_OWN_TEMPLATES: Final = tuple(_HERE / part / "templates" for part in ("web", "accounts", "mail"))
_OWN_STATIC: Final = _HERE / "web" / "assets"
_LOG: Final = logging.getLogger("fastness.app")


class SealedError(ConfigError):
    """Something was to be added to an app that already serves."""

    code = "sealed"


class MissingFolderError(ConfigError):
    """The folder of the templates or of the static files is not there: each page would fail, one after the other."""

    code = "missing_folder"


class Fastness:
    """An application: settings, routes, and the perimeter round them. An ASGI app."""

    def __init__(
        self,
        settings: Settings,
        *,
        routes: Iterable[Routes] = (),
        permissions: Iterable[type[Permissions]] = (),
        templates: Path | None = None,
        static: Path | None = None,
        template_rules: "TemplateRules | None" = None,
        accounts: bool = True,
        exporters: "Mapping[str, Exporter] | None" = None,
        on_sign_up: "SignUpHook | None" = None,
        clock: Clock | None = None,
        events: EventSink | None = None,
    ) -> None:
        """Note what the app consists of.

        Args:
            settings: from `Settings.load()`.
            routes: the route groups, in order: the route declared first wins.
            permissions: the enums that declare what the rules of the routes may demand.
            templates: the folder of the app's templates; one of the framework's pages is replaced by a file of its name.
            static: the folder of the files served below `/static/`.
            template_rules: what the templates may do beside escaping, each with its reason.
            accounts: whether the sign-in pages are part of the app.
            exporters: what the app keeps about a person, by part, for the file that people download about themselves.
            on_sign_up: makes the app's own rows about a person who signs up, in the transaction that makes the account.
            clock: for tests.
            events: takes the security events; by default they are log lines.
        """
        self.settings = settings
        own = tuple(permissions)
        self.own_permissions = PermissionCatalogue(own).names
        """What the app itself declares."""
        self.permissions = PermissionCatalogue([AccountPermissions, *own])
        """Everything that roles and people can be permitted."""
        self.services = Services(
            settings, clock=clock or SystemClock(), events=events or LogSink(), permissions=self.permissions
        )
        self.services.exporters = exporters or {}
        self.services.on_sign_up = on_sign_up
        if isinstance(routes, Routes):
            raise RouteError("The app takes several groups of routes: write routes=[routes].")
        self._groups = list(routes)
        self._root_groups: list[Routes] = []
        self._templates = templates
        self._static = static
        self._template_rules = template_rules
        self._has_accounts = accounts
        self._pipeline: ASGIApp | None = None
        self._table: Table | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._lifespans: list[Lifespan] = []
        self._watch: Watch | None = None
        self._is_open = False
        self._opening = asyncio.Lock()

    @property
    def routes(self) -> tuple[Route, ...]:
        """The sealed routes, in order."""
        self.seal()
        return self._table.routes if self._table is not None else ()

    @property
    def static_folder(self) -> Path | None:
        """The folder of the app's own static files."""
        return self._static

    @property
    def template_folder(self) -> Path | None:
        """The folder of the app's own templates."""
        return self._templates

    def include(self, routes: Routes) -> None:
        """Add a route group."""
        self._refuse_if_sealed()
        self._groups.append(routes)

    def mount(self, path: str, app: ASGIApp, *, access: Access | None = None, **options: Unpack[RouteOptions]) -> None:
        """Put an ASGI app under `path`.

        The routes of a Starlette or FastAPI app are sealed one by one, each with the rule that its endpoint declares with
        `@access.requires(…)` or, where it declares none, with `access`. For any other app `access` holds for all of it.
        An app at `/` comes after all other routes, the framework's own among them.
        """
        self._refuse_if_sealed()
        group = Routes()
        group.mount(path, app, access=access, **options)
        (self._groups if path.strip("/") else self._root_groups).append(group)

    def seal(self) -> None:
        """Check and compile everything. Raises `ConfigError` with the route, the file and the fix."""
        if self._pipeline is not None:
            return
        for name, folder in (("templates", self._templates), ("static", self._static)):
            if folder is not None and not Path(folder).is_dir():
                raise MissingFolderError(
                    f"There is no folder {Path(folder).absolute()}, which the app gives as {name}=. Make it, or build the path "
                    'from the module: Path(__file__).parent / "' + name + '".'
                )
        settings = self.settings
        development = settings.is_development
        static = StaticFiles(
            [folder for folder in (self._static, _OWN_STATIC) if folder is not None], reloads=development
        )
        own = Routes()
        own.get(STATIC_PREFIX + "{path:path}", access=public, name="static", read_session=False)(static.serve)
        groups = [*self._groups, own, report_routes, *(late("ACCOUNT_ROUTES") if self._has_accounts else ())]
        if development and settings.debug_token is not None:
            groups.append(debug_routes)
        groups += self._root_groups
        table = Table(route for group in groups for declared in group.declared() for route in sealed_routes(declared))
        check_permissions(table.routes, self.permissions)
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
            try:
                self._lifespans = await start_all(mounted_apps(self.routes))
            except BaseException:
                await self.services.close()
                raise
            self._is_open = True
            self._tasks = [asyncio.create_task(keep_tidy(self.services.store, self.services.audit))]
            if self.settings.is_development:
                # In production `fastness worker` does this, and more.
                self._tasks.append(asyncio.create_task(run_jobs(self.services.development_jobs())))
            else:
                self._tasks.append(asyncio.create_task(self.services.warm_up()))
            self.services.report(EventName.SYS_STARTUP, self.settings.profile.value)

    def arm(self) -> None:
        """Watch this process for what a web application rarely does; a server's start ends with this."""
        if self._watch is None:
            folders = [
                each for each in (self._templates, self._static, *_OWN_TEMPLATES, _OWN_STATIC) if each is not None
            ]
            watch = watch_of(self.services, tuple(folders))
            if watch is not None:
                arm(watch)
                self._watch = watch

    async def close(self) -> None:
        """Close the services."""
        if not self._is_open:
            return
        self._is_open = False
        if self._watch is not None:
            disarm(self._watch)
            self._watch = None
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await stop_all(self._lifespans)
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
            self.arm()
        if self._pipeline is None:
            raise SealedError("The app was not sealed.")
        await self._pipeline(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            await self.open()
            self.arm()
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
        services.mail_folders = () if self._templates is None else (self._templates,)

        @cache
        def templates() -> "Templates":
            made: Templates = late("Templates")(
                folders,
                reloads=development,
                rules=self._template_rules,
                report=services.report,
                languages=self.settings.languages,
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
            device_cookie=self.settings.device_cookie,
            redirects=self.settings.redirects,
            hosts=self.settings.hosts,
            addresses=addresses,
            languages=self.settings.languages,
            render=lambda name, context: templates().render(name, context),
            open_unit=services.open_unit,
            answers=lambda: services.answers,
            objects=lambda: services.objects,
            load_identity=services.load_identity,
            load_account=services.load_account,
            check_password=services.check_password,
            sign_in_name=self.settings.accounts.sign_in_name,
            has_sign_up=self.settings.accounts.sign_up,
            check_token=services.check_token,
            debug_token=self.settings.debug_token if development else None,
            sign_in_path=late("SIGN_IN_PATH") if self._has_accounts else None,
            outbound=lambda: services.outbound,
            service=services.service,
            audit=services.audit,
        )

    def _refuse_if_sealed(self) -> None:
        if self._pipeline is not None:
            raise SealedError("The app serves already. Give all routes before the first request.")


def sealed_routes(declared: Declared) -> list[Route]:
    """The finished routes of a declaration. What knows apps and routes of Starlette's is loaded where there are some."""
    if declared.kind == "mount" or isinstance(declared.endpoint, BaseRoute):
        routes: list[Route] = late("seal_declared")(declared)
        return routes
    return [seal_route(declared)]


def check_permissions(routes: Iterable[Route], catalogue: PermissionCatalogue) -> None:
    """Refuse a permission that no enum declares: it could be given to nobody, and a misspelt one opens for nobody."""
    for route in routes:
        for name in permissions_in(route.access):
            catalogue.check(name, where=f"The route {route.path!r} ({route.name}, {route.where})")


def protect(
    app: ASGIApp,
    settings: Settings,
    *,
    access: Access | None = None,
    permissions: Iterable[type[Permissions]] = (),
    accounts: bool = True,
    clock: Clock | None = None,
    events: EventSink | None = None,
    **options: Unpack[RouteOptions],
) -> Fastness:
    """Put an ASGI app behind the perimeter, all of it: what comes back is served in its place.

    Args:
        app: the app. A Starlette or FastAPI app is sealed route by route, as by `Fastness.mount`.
        settings: from `Settings.load()`.
        access: the rule for what states none; for an app that is neither Starlette's nor FastAPI's, the rule for all of it.
        permissions: the enums that declare what the rules may demand.
        accounts: whether the sign-in pages are served beside the app, below `/account/`.
        clock: for tests.
        events: takes the security events; by default they are log lines.
        options: of every route of the app, such as `max_body_bytes`.
    """
    site = Fastness(settings, permissions=permissions, accounts=accounts, clock=clock, events=events)
    site.mount("/", app, access=access, **options)
    return site


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
