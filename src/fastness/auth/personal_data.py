"""What is kept about a person, for that person: the account's own part, and what each part of the app adds.

An app tells with `Fastness(…, exporters={"cases": export_cases})` how its own rows about somebody are read. An exporter gets the
transaction of the request, which can only read and acts for that person, so that policies hold in it. What it returns goes to
the person as JSON and to nobody else. Hashes, secrets and one-time links are no part of it: they would help a thief of the
session more than their owner.

ASVS 5.0: V14.2.6 (only what is needed), V15.3.1.
"""

from collections.abc import Awaitable, Mapping
from typing import Final, Protocol
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from fastness.auth.holdings import load_holdings
from fastness.auth.users import User
from fastness.kernel.clock import Clock
from fastness.kernel.errors import ConfigError
from fastness.kernel.limits import JSONValue

OWN_PART: Final = "account"


class Exporter(Protocol):
    """Reads what a part of the app keeps about somebody."""

    def __call__(self, db: AsyncSession, user_id: UUID, /) -> Awaitable[JSONValue]:
        """The rows as JSON."""
        ...


class PersonalData:
    """Collects what is kept about somebody."""

    __slots__ = ("_clock", "_exporters")

    def __init__(self, exporters: Mapping[str, Exporter], *, clock: Clock) -> None:
        if OWN_PART in exporters:
            raise ConfigError(f"The part {OWN_PART!r} of an export is Fastness's own. Give the exporter another name.")
        self._exporters = dict(exporters)
        self._clock = clock

    async def export(self, db: AsyncSession, user: User) -> dict[str, JSONValue]:
        """Everything, by part."""
        holdings = await load_holdings(db, user.id)
        parts: dict[str, JSONValue] = {
            "exported_at": self._clock.now().isoformat(),
            OWN_PART: {
                "id": str(user.id),
                "username": user.username,
                "display_name": user.display_name,
                "email": user.email,
                "email_is_confirmed": user.has_confirmed_email,
                "is_staff": user.is_staff,
                "roles": [*sorted(holdings.roles)],
                "permissions": [*sorted(holdings.permissions)],
                "created_at": user.created_at.isoformat(),
                "last_login_at": None if user.last_login_at is None else user.last_login_at.isoformat(),
            },
        }
        for name, exporter in self._exporters.items():
            parts[name] = await exporter(db, user.id)
        return parts
