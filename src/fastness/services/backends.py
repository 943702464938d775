"""The store, the audit log and the mailer that the settings name: one of several, whose library alone is loaded."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from fastness.auditlog.log import AuditLog
from fastness.auditlog.opening import audit_url, make_audit_log
from fastness.db.address import EXAMPLE, is_postgres_url, parse_postgres_address
from fastness.kernel.clock import Clock
from fastness.kernel.errors import ConfigError
from fastness.mail.rules import MailBackend, MailRules
from fastness.services.late import late
from fastness.settings.settings import Settings
from fastness.stores.store import Store

if TYPE_CHECKING:
    from fastness.mail.mailers import Mailer

_MAILERS: Final[Mapping[MailBackend, str]] = {
    MailBackend.NONE: "NoMailer",
    MailBackend.CONSOLE: "ConsoleMailer",
    MailBackend.MEMORY: "MemoryMailer",
    MailBackend.SMTP: "SMTPMailer",
}


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
    kind = late(_MAILERS[rules.backend])
    mailer: Mailer = kind(rules) if rules.backend is MailBackend.SMTP else kind()
    return mailer
