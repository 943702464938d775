"""Everything an app can be told, in one frozen object made of the parts' own rules.

Read once, at the start, from a secrets folder, `.env`, the environment and the code (the later wins), and handed down:
no part reads the environment, there is no global settings object. The defaults are the strict ones of the production
profile; `profiles` lists what development loosens. Trusted is whoever sets the environment and writes the code.
A mistake there is the danger: an unknown name, a weak or published key, a value of the wrong kind stop the start,
all reported together, by name and never by value.

Not covered: who may read the files the settings come from (`fastness check` looks at that), and secrets in the memory
of the process. ASVS 5.0: V13.3.1, V13.2.3 (no default credentials), V13.4.2 (no debug mode in production), V13.3.4
(keys rotate).
"""

import os
from collections.abc import Mapping
from dataclasses import field, fields
from pathlib import Path
from typing import Self

from fastness.auditlog.rules import AuditRules
from fastness.auth.account_rules import AccountRules
from fastness.auth.factor_rules import SecondFactorRules
from fastness.auth.password_rules import PasswordRules
from fastness.auth.throttle_rules import ThrottleRules
from fastness.auth.token_rules import TokenRules
from fastness.db.rules import DatabaseRules
from fastness.kernel.cookies import CookieRules
from fastness.kernel.crosssite import CrossSiteRules
from fastness.kernel.csp import CSPRules
from fastness.kernel.headers import HeaderRules
from fastness.kernel.hosts import HostRules
from fastness.kernel.languages import ENGLISH
from fastness.kernel.limits import LimitRules
from fastness.kernel.proxies import ProxyRules
from fastness.kernel.redirects import RedirectRules
from fastness.kernel.secret import Secret
from fastness.kernel.signing import Keyring
from fastness.kernel.values import dataclass
from fastness.mail.rules import MailRules
from fastness.outbound.rules import OutboundRules
from fastness.sessions.rules import SessionRules
from fastness.settings.errors import SettingsError
from fastness.settings.loading import load_values
from fastness.settings.problems import problems_of
from fastness.settings.profiles import Profile
from fastness.tripwires.rules import TripwireRules

SESSION_COOKIE = "__Host-session"
DEVICE_COOKIE = "__Host-device"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the app runs with; made by `Settings.load`, or field by field in tests."""

    profile: Profile = Profile.PRODUCTION
    """Where it runs: production, or development on one machine."""
    project: str = "app"
    """Short name in lower case; cookies in development carry it, so that two projects on localhost keep apart."""
    app: str | None = None
    """Where the commands find the app, "casebook.app:app"."""
    secret_key: Secret
    """Signs form tokens and links. `fastness keys new` makes one."""
    previous_secret_keys: tuple[Secret, ...] = ()
    """Keys that are still believed, newest first. `fastness keys rotate` moves the current one here."""
    hosts: HostRules = field(default_factory=HostRules)
    """The names the app answers to; none until you say so."""
    languages: tuple[str, ...] = (ENGLISH,)
    """The languages of pages and mails; the first is for whoever reads none of them. There are English and German ("de")."""
    is_https_required: bool = True
    """Pages asked for over http are redirected to https, other requests refused."""
    database_url: str = field(default="sqlite:///var/data.sqlite3", repr=False)
    """The app's own data: "sqlite:///path" or "postgresql://user:password@host/database"."""
    migrations_url: str | None = field(default=None, repr=False)
    """The same database as the account that owns its tables, for `fastness db`; none where the app's account is that owner."""
    store_url: str = field(default="sqlite:///var/store.sqlite3", repr=False)
    """Sessions and counters, in a file of their own or in the PostgreSQL database. "memory:" forgets everything at the end,
    and is for development."""
    debug_token: Secret | None = None
    """Opens the development error page to a browser on another machine; `fastness dev --insecure-bind` makes one."""
    proxy: ProxyRules = field(default_factory=ProxyRules)
    """The proxies whose forwarding headers are believed."""
    limits: LimitRules = field(default_factory=LimitRules)
    """How much one request may ask."""
    cross_site: CrossSiteRules = field(default_factory=CrossSiteRules)
    """The sites whose pages may post here."""
    redirects: RedirectRules = field(default_factory=RedirectRules)
    """The hosts visitors may be sent to."""
    headers: HeaderRules = field(default_factory=HeaderRules)
    """What every response carries."""
    csp: CSPRules = field(default_factory=CSPRules)
    """Which scripts, styles and hosts a page may use."""
    session: SessionRules = field(default_factory=SessionRules)
    """How long sessions live."""
    database: DatabaseRules = field(default_factory=DatabaseRules)
    """How many connections there are, and how long a request waits for one."""
    audit: AuditRules = field(default_factory=AuditRules)
    """Where security events are kept beside the log, and for how long."""
    passwords: PasswordRules = field(default_factory=PasswordRules)
    """How passwords are hashed and how long they are."""
    second_factors: SecondFactorRules = field(default_factory=SecondFactorRules)
    """Who needs a second factor, and how it is checked."""
    tokens: TokenRules = field(default_factory=TokenRules)
    """How long API tokens may live."""
    accounts: AccountRules = field(default_factory=AccountRules)
    """What people may do with their accounts by themselves."""
    throttle: ThrottleRules = field(default_factory=ThrottleRules)
    """How often a sign-in may fail before the next one has to wait."""
    mail: MailRules = field(default_factory=MailRules)
    """Where mail goes, and who it is from."""
    outbound: OutboundRules = field(default_factory=OutboundRules)
    """Which other servers the app may ask."""
    tripwires: TripwireRules = field(default_factory=TripwireRules)
    """What happens when code does what a web application rarely does while it serves."""

    _keyring: Keyring = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        values = {each.name: getattr(self, each.name) for each in fields(self) if each.init}
        if problems := problems_of(type(self), values):
            raise SettingsError(problems)
        object.__setattr__(self, "_keyring", Keyring(self.secret_key, self.previous_secret_keys))

    @classmethod
    def load(cls, *, environ: Mapping[str, str] | None = None, folder: Path | None = None, **overrides: object) -> Self:
        """Read the settings; raises `SettingsError` with everything that is wrong.

        Args:
            environ: in place of the process's environment.
            folder: where `.env` lies, if not in the current folder.
            overrides: fields by name, `hosts=HostRules(…)`; they win over every other source.
        """
        values, problems = load_values(
            cls, os.environ if environ is None else environ, Path.cwd() if folder is None else folder, overrides
        )
        if problems := (*problems, *problems_of(cls, values)):
            raise SettingsError(problems)
        return cls(**values)

    @property
    def keyring(self) -> Keyring:
        """The keys, ready to sign; one object, since it remembers what it derived."""
        return self._keyring

    @property
    def is_development(self) -> bool:
        """Whether this is one person on one machine."""
        return self.profile is Profile.DEVELOPMENT

    @property
    def session_cookie(self) -> CookieRules:
        """The session cookie; Safari drops Secure cookies on http://localhost, so development has one without."""
        if self.is_development:
            return CookieRules(name=f"{self.project}-session", secure=False)
        return CookieRules(name=SESSION_COOKIE)

    @property
    def device_cookie(self) -> CookieRules:
        """The cookie of devices that are known; strict, since no other site's page has to bring it along."""
        if self.is_development:
            return CookieRules(name=f"{self.project}-device", secure=False, same_site="strict")
        return CookieRules(name=DEVICE_COOKIE, same_site="strict")
