"""What all requests of one app share: its services, opened once and handed down, never looked up in a global."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from uuid import UUID

from fastness.auditlog.log import AuditLog
from fastness.auth.account_rules import SignInName
from fastness.auth.token_rules import TokenCheck
from fastness.authz.actors import Actor
from fastness.html.values import TrustedURL
from fastness.kernel.clock import Clock
from fastness.kernel.cookies import CookieRules
from fastness.kernel.events import EventName, EventSink
from fastness.kernel.hosts import HostRules
from fastness.kernel.languages import ENGLISH
from fastness.kernel.limits import LimitRules
from fastness.kernel.redirects import RedirectRules
from fastness.kernel.secret import Secret
from fastness.kernel.signing import Keyring
from fastness.kernel.values import dataclass
from fastness.sessions.identity import Identity
from fastness.sessions.manager import Sessions
from fastness.stores.store import Store
from fastness.web.parsing import ParsingLane

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from fastness.auth.answers import Answers
    from fastness.auth.login import LoginOutcome
    from fastness.auth.users import User
    from fastness.authz.objects import Objects
    from fastness.outbound.client import Outbound
    from fastness.web.exchange import Exchange

ServiceT = TypeVar("ServiceT")


class UnitOfWork(Protocol):
    """One transaction of one request."""

    @property
    def session(self) -> "AsyncSession": ...

    async def finish(self, status: int) -> None: ...


class UnitOpener(Protocol):
    """Makes units of work; the database library is loaded when the first is asked for."""

    def __call__(
        self,
        *,
        is_read_only: bool,
        actor: Callable[[], Actor] | None = None,
        on_event: Callable[[EventName, str], None] | None = None,
    ) -> UnitOfWork: ...


class ServiceFinder(Protocol):
    """Finds a service of the parts below by its class; made when it is first asked for."""

    def __call__(self, kind: type[ServiceT]) -> ServiceT: ...


class PasswordChecker(Protocol):
    """Name and password as typed, to who that is and what has to follow; writes the event. `is_proof` signs nobody in."""

    async def __call__(
        self, exchange: "Exchange", username: str, password: str, *, is_proof: bool = False
    ) -> "LoginOutcome": ...


class Renderer(Protocol):
    """Turns a template's name and values into a page."""

    def __call__(self, name: str, context: Mapping[str, Any]) -> str: ...


class AddressBook(Protocol):
    """Addresses of routes and static files, by name."""

    def path(self, name: str, params: Mapping[str, object]) -> str: ...

    def name_at(self, path: str) -> str: ...

    def static(self, name: str) -> TrustedURL: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """The services of one app."""

    project: str
    """Short name; in development it prefixes the session cookie."""
    is_development: bool
    """Debug pages for loopback, templates reread on change. Set by `fastness dev` alone."""
    keyring: Keyring
    clock: Clock
    events: EventSink
    limits: LimitRules
    store: Store
    sessions: Sessions
    session_cookie: CookieRules
    device_cookie: CookieRules
    """Names a device on which somebody has signed in; it signs nobody in."""
    redirects: RedirectRules
    addresses: AddressBook
    render: Renderer
    open_unit: UnitOpener
    load_identity: Callable[[Identity], Awaitable[Identity | None]]
    """A stale snapshot made anew, or `None` where its session must end."""
    load_account: "Callable[[AsyncSession, UUID], Awaitable[User | None]]"
    check_password: "PasswordChecker"
    check_token: Callable[[str], Awaitable[TokenCheck]]
    """Whom an API token acts for, or why it does not."""
    debug_token: Secret | None
    """Opens the development error page to browsers on other machines."""
    hosts: HostRules = field(default_factory=HostRules)
    """The names of the site."""
    languages: tuple[str, ...] = (ENGLISH,)
    """Of pages and mails; the first is for whoever reads none of them."""
    sign_in_path: str | None
    """Where pages send people who are not signed in; `None` answers 401."""
    answers: "Callable[[], Answers]"
    """Keeps the answers of requests that are named by a key; loaded when it is first asked for."""
    objects: "Callable[[], Objects]"
    """Finds objects of models with a policy; loaded when it is first asked for."""
    outbound: "Callable[[], Outbound]"
    """Asks other servers; loaded when it is first asked for."""
    service: ServiceFinder
    """What account pages and the like work with: `site.service(Accounts)`."""
    sign_in_name: SignInName = SignInName.USERNAME
    """What people type to say who they are."""
    has_sign_up: bool = False
    """Whether anybody may make an account."""
    audit: AuditLog | None = None
    """Keeps the security events; nothing is acknowledged before its events are kept."""
    parsing: ParsingLane = field(default_factory=ParsingLane)
    """Where large JSON documents are parsed."""
