"""What is expensive to import (the database library, the template engine, the password hasher), loaded when it is asked for.

In production that is in the background when the app has opened, in development when a request needs it.
"""

from collections.abc import Mapping
from typing import Any, Final, Generic, TypeVar

from fastness.kernel.loading import load

LATE: Final[Mapping[str, str]] = {
    "Templates": "fastness.web.templates",
    "Unit": "fastness.db.unit",
    "User": "fastness.auth.users",
    "bind_actor": "fastness.authz.acting",
    "bind_unscoped": "fastness.authz.acting",
    "has_factor": "fastness.auth.factorrows",
    "load_identity": "fastness.auth.identities",
}
"""What every app needs sooner or later, and from where."""

OPTIONAL: Final[Mapping[str, str]] = {
    "ACCOUNT_ROUTES": "fastness.accounts.routes",
    "ConsoleMailer": "fastness.mail.mailers",
    "MemoryMailer": "fastness.mail.mailers",
    "MemoryStore": "fastness.stores.memory",
    "NoMailer": "fastness.mail.mailers",
    "Outbound": "fastness.outbound.client",
    "PostgresStore": "fastness.stores.postgres",
    "SIGN_IN_PATH": "fastness.accounts.pages",
    "SMTPMailer": "fastness.mail.smtp",
    "SQLiteStore": "fastness.stores.sqlite",
    "seal_declared": "fastness.web.sealing",
}
"""What some apps never need; its library may not be installed."""

MadeT = TypeVar("MadeT")


def late(name: str) -> Any:  # noqa: ANN401 - the caller names the type
    """A name of the tables above."""
    return getattr(load(LATE.get(name) or OPTIONAL[name]), name)


class Late(Generic[MadeT]):
    """A service that is made when it is first asked for: by the function `make_…` of its name in the module `home`."""

    def __init__(self, home: str) -> None:
        self.home = home
        self.name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        """Note the name."""
        self.name = name

    def __get__(self, services: object, owner: type | None = None) -> MadeT:
        """Make it, and put it in place of this."""
        made: MadeT = getattr(load(self.home), f"make_{self.name}")(services)
        vars(services)[self.name] = made
        return made
