"""What an app declares to the tripwires of its process: taken from its settings, told with its requests.

The database, the store, the audit log and the mail server of the settings are declared by being in them. A request is known by
its route, from the moment that it was matched.

ASVS 5.0: V13.2.4, V13.2.5 (allow-list), V16.3.3, V16.2.1.
"""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Final

from fastness.auditlog.opening import audit_url, spool_path
from fastness.db.address import is_postgres_url, parse_postgres_address
from fastness.kernel.events import EventName
from fastness.kernel.wires import Wire
from fastness.mail.rules import MailBackend
from fastness.services.services import Services
from fastness.settings.settings import Settings
from fastness.tripwires.arming import Declaration, make_watch
from fastness.tripwires.watch import Served, Watch
from fastness.web.exchange import Exchange
from fastness.web.match import MatchStage
from fastness.web.recording import record

_SQLITE: Final = "sqlite:///"


def watch_of(services: Services, folders: tuple[Path, ...]) -> Watch | None:
    """What the app declares; `None` where the settings say that nothing is watched."""
    rules = services.settings.tripwires
    if rules.insecure_off is not None:
        return None
    return make_watch(
        rules,
        declaration_of(services.settings, folders),
        tell=partial(tell, services),
        describe=describe,
        ends=(MatchStage.__call__.__code__,),
    )


def declaration_of(settings: Settings, folders: tuple[Path, ...]) -> Declaration:
    """The files and servers that the settings name."""
    audit = audit_url(settings.audit, database_url=settings.database_url, store_url=settings.store_url)
    urls = [settings.database_url, settings.store_url, *([] if audit is None else [audit])]
    reason = settings.database.insecure_unverified_tls
    databases = [parse_postgres_address(url, insecure_unverified_tls=reason) for url in urls if is_postgres_url(url)]
    files = [Path(url.removeprefix(_SQLITE)) for url in urls if url.startswith(_SQLITE)]
    if audit is not None:
        files.append(spool_path(settings.audit, url=audit, store_url=settings.store_url))
    mail = settings.mail
    return Declaration(
        folders=folders,
        data_files=tuple(files),
        servers=(
            *((one.host, one.port) for one in databases if not one.host.startswith("/")),
            *([(mail.host, mail.effective_port)] if mail.backend is MailBackend.SMTP else []),
        ),
        unix_sockets=tuple(f"{one.host}/.s.PGSQL.{one.port}" for one in databases if one.host.startswith("/")),
    )


def describe(activity: object) -> Served:
    """The route, and what it may do."""
    route = activity.route if isinstance(activity, Exchange) else None
    return Served() if route is None else Served(route.name, route.where, route.permits)


def tell(services: Services, activity: object, wire: Wire, detail: Mapping[str, str]) -> None:
    """Write the event, with the request if there is one."""
    if isinstance(activity, Exchange):
        record(activity, EventName.TRIPWIRE, wire.value, **detail)
    else:
        services.report(EventName.TRIPWIRE, wire.value, detail)
