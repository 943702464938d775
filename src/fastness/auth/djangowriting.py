"""Carries an import out: everything of a plan in the caller's transaction, or nothing.

New accounts have no session yet, so no snapshot has to be renewed for them; their epochs are raised all the same, before the
commit, as with every account. Roles are made by the service that makes all roles, with the reason in the events.

ASVS 5.0: V8.2.1, V16.3.3.
"""

from typing import Final

from sqlalchemy import Table, insert
from sqlalchemy.ext.asyncio import AsyncSession

from fastness.auth.aftercommit import emit_after_commit
from fastness.auth.djangoimport import ImportPlan
from fastness.auth.granting import Roles
from fastness.auth.roles import USER_PERMISSIONS, USER_ROLES, Role, find_role
from fastness.auth.users import User
from fastness.kernel.because import Because
from fastness.kernel.clock import Clock
from fastness.kernel.events import EventName, EventSink, SecurityEvent
from fastness.sessions.identity import SUPERUSER
from fastness.stores.store import Store

_AT_ONCE: Final = 500
_REASON: Final = "imported_from_django"


class DjangoImporter:
    """Writes what a plan says; the caller commits."""

    __slots__ = ("_clock", "_events", "_roles", "_store")

    def __init__(self, *, roles: Roles, store: Store, events: EventSink, clock: Clock) -> None:
        self._roles = roles
        self._store = store
        self._events = events
        self._clock = clock

    async def write(self, db: AsyncSession, plan: ImportPlan, *, by: Because) -> None:
        """Make the roles and accounts of a plan, made in the same transaction."""
        roles = {role.name: await self._role(db, role.name, role.label, role.permissions, by) for role in plan.roles}
        if any(SUPERUSER in user.roles for user in plan.users):
            roles[SUPERUSER] = await self._roles.superuser_role(db)
        now = self._clock.now()
        for user in plan.users:
            db.add(
                User(
                    id=user.id,
                    username=user.username,
                    username_key=user.username_key,
                    display_name=user.display_name,
                    email=user.email,
                    password_hash=user.password_hash,
                    is_active=user.is_active,
                    is_staff=user.is_staff,
                    created_at=user.created_at,
                    last_login_at=user.last_login_at,
                    valid_since=now,
                )
            )
        await db.flush()
        held: list[dict[str, object]] = [
            {"user_id": user.id, "role_id": roles[name].id} for user in plan.users for name in user.roles
        ]
        given: list[dict[str, object]] = [
            {"user_id": user.id, "permission": name} for user in plan.users for name in user.permissions
        ]
        await _insert(db, USER_ROLES, held)
        await _insert(db, USER_PERMISSIONS, given)
        if plan.users:
            await self._store.bump_epochs([str(user.id) for user in plan.users])
        for user in plan.users:
            detail = {"roles": ", ".join(user.roles), "permissions": ", ".join(user.permissions), "because": by.text}
            record = SecurityEvent(
                name=EventName.USER_CREATED,
                at=now,
                reason=_REASON,
                user_id=str(user.id),
                detail={key: value for key, value in detail.items() if value},
            )
            emit_after_commit(db, self._events, record)

    async def _role(self, db: AsyncSession, name: str, label: str, permissions: tuple[str, ...], by: Because) -> Role:
        found = await find_role(db, name)
        return found or await self._roles.create_role(db, name, by=by, label=label, permissions=permissions)


async def _insert(db: AsyncSession, table: Table, rows: list[dict[str, object]]) -> None:
    for start in range(0, len(rows), _AT_ONCE):
        await db.execute(insert(table), rows[start : start + _AT_ONCE])
