"""From the settings' address to the audit log, with the driver that it needs.

ASVS 5.0: V16.2.3.
"""

from importlib import import_module
from pathlib import Path
from typing import Any, Final

from fastness.auditlog.ledger import Ledger
from fastness.auditlog.log import AuditLog, fault_teller
from fastness.auditlog.rules import AUTOMATIC, OFF, AuditRules
from fastness.auditlog.spool import Spool
from fastness.db.address import EXAMPLE, is_postgres_url, parse_postgres_address
from fastness.kernel.because import Because
from fastness.kernel.clock import Clock
from fastness.kernel.errors import ConfigError
from fastness.kernel.signing import Keyring

SQLITE: Final = "sqlite:///"
MEMORY: Final = "memory:"
FILE_NAME: Final = "audit.sqlite3"
SPOOL_NAME: Final = "audit.spool"
_DATA_FOLDER: Final = Path("var")


def audit_url(rules: AuditRules, *, database_url: str, store_url: str) -> str | None:
    """Where the audit log lies; `None` where there is none."""
    if rules.url == OFF or (rules.url == AUTOMATIC and store_url == MEMORY):
        return None
    if rules.url != AUTOMATIC:
        return rules.url
    if is_postgres_url(database_url):
        return database_url
    beside = store_url if store_url.startswith(SQLITE) else database_url
    return SQLITE + str(Path(beside.removeprefix(SQLITE)).parent / FILE_NAME)


def spool_path(rules: AuditRules, *, url: str, store_url: str) -> Path:
    """The file in which events wait while the table at the address is away."""
    if rules.spool != AUTOMATIC:
        return Path(rules.spool)
    if url.startswith(SQLITE):
        return Path(f"{url.removeprefix(SQLITE)}.spool")
    # Where the app keeps its other files; with none, in the folder where they are by default.
    folder = Path(store_url.removeprefix(SQLITE)).parent if store_url.startswith(SQLITE) else _DATA_FOLDER
    return folder / SPOOL_NAME


def make_ledger(url: str, keyring: Keyring, clock: Clock, *, insecure_unverified_tls: Because | None = None) -> Ledger:
    """The table at the address."""
    ledger: Ledger
    if url.startswith(SQLITE):
        ledger = _late("sqlite", "SQLiteLedger")(
            Path(url.removeprefix(SQLITE)), keyring, tell_fault=fault_teller(clock)
        )
        return ledger
    if not is_postgres_url(url):
        raise ConfigError(
            f"FASTNESS_AUDIT_URL must be 'auto', 'off', 'sqlite:///path/to/audit.sqlite3' or {EXAMPLE!r}."
        )
    address = parse_postgres_address(url, insecure_unverified_tls=insecure_unverified_tls)
    try:
        ledger = _late("postgres", "PostgresLedger")(address, keyring, tell_fault=fault_teller(clock))
    except ModuleNotFoundError:
        raise ConfigError('PostgreSQL needs its driver: pip install "fastness[postgres]".') from None
    return ledger


def make_audit_log(
    url: str,
    rules: AuditRules,
    keyring: Keyring,
    clock: Clock,
    *,
    store_url: str = MEMORY,
    insecure_unverified_tls: Because | None = None,
) -> AuditLog:
    """The log of this process; its spool may be beside the store's file."""
    ledger = make_ledger(url, keyring, clock, insecure_unverified_tls=insecure_unverified_tls)
    spool = Spool(spool_path(rules, url=url, store_url=store_url), keyring)
    return AuditLog(ledger, spool, rules=rules, clock=clock)


def _late(module: str, name: str) -> Any:  # noqa: ANN401 - the caller names the type
    """One of the two is loaded; the driver of the other may not be installed."""
    return getattr(import_module(f"fastness.auditlog.{module}"), name)
