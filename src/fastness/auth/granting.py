"""Changing roles, groups and what people hold: while the app runs, and in force with the next request.

Protects against a privilege that outlives its end. Sessions carry a snapshot of what their user holds, so every change does this
in one order: it writes to the role or group, so that two changes of the same one wait for each other; it writes to the rows of
all people it concerns (`fastness.auth.affected`), then the change itself; it raises their epochs in the store; and only then
the caller's unit of work commits. A request of any worker process that meets the new epoch makes a new snapshot, and waits for
that commit to do so. If the store is down the call raises, and nothing has changed; if the commit fails, snapshots are made
anew for nothing.

Every change names who made it: the actor of the request, whose holdings are read again here (`fastness.auth.escalation`
decides), or the reason of code that acts for nobody. Which people may come this far, the route's access rule says. Somebody
who was given something, or lost it, hears of it; what a role or a group permits is told to nobody.

ASVS 5.0: V8.2.1, V8.3.1, V8.3.2 (changes apply at once), V15.4.2, V16.3.2, V16.3.3.
"""

import uuid
from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime

from sqlalchemy import Table, delete, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from fastness.auth import affected
from fastness.auth.aftercommit import emit_after_commit
from fastness.auth.errors import (
    GrantRefusedError,
    NameTakenError,
    UndeclaredPermissionError,
)
from fastness.auth.escalation import Change, EscalationReason, Giver, decide_change
from fastness.auth.holdings import load_holdings
from fastness.auth.notices import Notices
from fastness.auth.roles import (
    GROUP_MEMBERS,
    GROUP_ROLES,
    ROLE_PERMISSIONS,
    USER_PERMISSIONS,
    USER_ROLES,
    Group,
    Role,
    find_role,
    free_role_name,
    parse_group_name,
    permissions_of_role,
)
from fastness.auth.superusers import keeping_a_superuser
from fastness.auth.users import User
from fastness.authz.actors import Actor
from fastness.authz.permissions import PermissionCatalogue
from fastness.authz.rolenames import parse_role_label
from fastness.kernel.because import Because
from fastness.kernel.clock import Clock
from fastness.kernel.events import EventName, EventSink, SecurityEvent
from fastness.kernel.verdicts import Deny
from fastness.sessions.identity import SUPERUSER
from fastness.stores.store import Store

_DEFINED = EventName.PRIVILEGE_PERMISSIONS_CHANGED
_GRANTED = EventName.AUTHZ_CHANGE


class Roles:
    """Changes who may do what, inside the caller's unit of work; the caller commits."""

    __slots__ = ("_catalogue", "_clock", "_events", "_notices", "_store")

    def __init__(
        self, *, store: Store, catalogue: PermissionCatalogue, notices: Notices, events: EventSink, clock: Clock
    ) -> None:
        self._store = store
        self._catalogue = catalogue
        self._notices = notices
        self._events = events
        self._clock = clock

    def reporting_to(self, events: EventSink) -> "Roles":
        """The same service with another sink, such as a request's, which adds address and route."""
        return Roles(
            store=self._store, catalogue=self._catalogue, notices=self._notices, events=events, clock=self._clock
        )

    # What roles there are, and what they permit.

    async def create_role(
        self, db: AsyncSession, name: str, *, by: Actor | Because, label: str = "", permissions: Iterable[str] = ()
    ) -> Role:
        """Make a role that nobody has yet.

        Raises:
            RoleNameError: the name or the label cannot be one.
            NameTakenError: there is a role of this name.
            UndeclaredPermissionError: no enum declares one of the permissions.
            GrantRefusedError: the role would permit what its maker may not.
        """
        name = free_role_name(name)
        given = self._declared(permissions)
        await self._decide(db, by, Change(gives=True, roles=frozenset({name}), permissions=given))
        role = Role(name=name, label=parse_role_label(label), changed_at=self._clock.now())
        async with _free(db):
            db.add(role)
        await _insert(db, ROLE_PERMISSIONS, [{"role_id": role.id, "permission": one} for one in sorted(given)])
        self._tell(db, _DEFINED, "role_created", by, role=name, given=_names(given))
        return role

    async def rename_role(self, db: AsyncSession, role: Role, name: str, *, by: Actor | Because) -> Role:
        """Give a role another name: what the rules that ask for either name admit changes with it."""
        name = free_role_name(name)
        role = await affected.lock_role(db, role, self._now)
        former = free_role_name(role.name)
        if name == former:
            return role
        holders = await affected.holders_of_role(db, role, self._now)
        await self._decide(db, by, Change(gives=True, roles=frozenset({name}), receivers=holders))
        await affected.lock_users(db, holders)
        async with _free(db):
            role.name = name
        await self._renew(holders)
        self._tell(db, _DEFINED, "role_renamed", by, role=name, former=former)
        return role

    async def delete_role(self, db: AsyncSession, role: Role, *, by: Actor | Because) -> None:
        """Delete a role; whoever has it loses it. A role made later under the same name is nobody's."""
        role = await affected.lock_role(db, role, self._now)
        name = free_role_name(role.name)
        holders = await affected.holders_of_role(db, role, self._now)
        await self._decide(db, by, Change(gives=False, roles=frozenset({name})))
        await affected.lock_users(db, holders)
        # By the foreign keys what points to it goes with it.
        await db.delete(role)
        await db.flush()
        await self._renew(holders)
        self._tell(db, _DEFINED, "role_deleted", by, role=name, holders=str(len(holders)))

    async def set_permissions(
        self, db: AsyncSession, role: Role, permissions: Iterable[str], *, by: Actor | Because
    ) -> bool:
        """Make these the role's permissions; whether that was a change. Raises as `create_role` does."""
        wanted = self._declared(permissions)
        role = await affected.lock_role(db, role, self._now)
        free_role_name(role.name)
        present = await permissions_of_role(db, role)
        given, taken = wanted - present, present - wanted
        if not given and not taken:
            return False
        holders = await affected.holders_of_role(db, role, self._now)
        await self._decide(db, by, Change(gives=bool(given), permissions=given, receivers=holders))
        await affected.lock_users(db, holders)
        table = ROLE_PERMISSIONS.c
        await db.execute(delete(ROLE_PERMISSIONS).where(table.role_id == role.id, table.permission.in_(sorted(taken))))
        await _insert(db, ROLE_PERMISSIONS, [{"role_id": role.id, "permission": one} for one in sorted(given)])
        await self._renew(holders)
        names = {"given": _names(given), "taken": _names(taken)}
        self._tell(db, _DEFINED, "role_permissions", by, role=role.name, **names)
        return True

    async def superuser_role(self, db: AsyncSession) -> Role:
        """The role that holds every permission; made when it is first asked for. Only a superuser may grant it."""
        role = await find_role(db, SUPERUSER)
        if role is None:
            role = Role(name=SUPERUSER, label="May do everything", changed_at=self._now)
            async with _free(db):
                db.add(role)
        return role

    # Who has them.

    async def grant_role(self, db: AsyncSession, role: Role, *, to: User | Group, by: Actor | Because) -> bool:
        """Give a role to a person or to everybody in a group; whether they did not have it.

        Raises:
            GrantRefusedError: the giver would receive it too, or does not hold what it permits.
            VanishedError: role, person or group were deleted meanwhile.
        """
        return await self._change_role(db, role, to, by, gives=True)

    async def revoke_role(
        self,
        db: AsyncSession,
        role: Role,
        *,
        of: User | Group,
        by: Actor | Because,
        insecure_without_superuser: Because | None = None,
    ) -> bool:
        """Take a role back; whether they had it. A person may still have it through a group.

        Raises:
            LastSuperuserError: nobody would be left who may do everything.
        """
        async with keeping_a_superuser(db, self._now, unless=insecure_without_superuser):
            return await self._change_role(db, role, of, by, gives=False)

    async def grant_permission(self, db: AsyncSession, permission: str, *, to: User, by: Actor | Because) -> bool:
        """Give one permission to one person; whether they did not have it so. Raises as `grant_role` does."""
        (name,) = self._declared([permission])
        return await self._change_permission(db, name, to, by, gives=True)

    async def revoke_permission(self, db: AsyncSession, permission: str, *, of: User, by: Actor | Because) -> bool:
        """Take back a permission that was given to the person directly, also one that is declared no more."""
        return await self._change_permission(db, permission, of, by, gives=False)

    # Groups.

    async def create_group(self, db: AsyncSession, name: str, *, by: Actor | Because) -> Group:
        """Make an empty group. Raises `GroupNameError` and `NameTakenError`."""
        shown, key = parse_group_name(name)
        await self._decide(db, by, Change(gives=False))
        group = Group(name=shown, name_key=key, changed_at=self._now)
        async with _free(db):
            db.add(group)
        self._tell(db, _DEFINED, "group_created", by, group=shown)
        return group

    async def rename_group(self, db: AsyncSession, group: Group, name: str, *, by: Actor | Because) -> Group:
        """Give a group another name; nothing else depends on it."""
        shown, key = parse_group_name(name)
        await self._decide(db, by, Change(gives=False))
        group = await affected.lock_group(db, group, self._now)
        former = group.name
        async with _free(db):
            group.name, group.name_key = shown, key
        self._tell(db, _DEFINED, "group_renamed", by, group=shown, former=former)
        return group

    async def delete_group(
        self, db: AsyncSession, group: Group, *, by: Actor | Because, insecure_without_superuser: Because | None = None
    ) -> None:
        """Delete a group; its people lose what they had through it. Raises as `revoke_role` does."""
        async with keeping_a_superuser(db, self._now, unless=insecure_without_superuser):
            group = await affected.lock_group(db, group, self._now)
            members = await affected.members_of_group(db, group)
            await self._decide(db, by, Change(gives=False, roles=await affected.roles_of_group(db, group)))
            await affected.lock_users(db, members)
            await db.delete(group)
        await self._renew(members)
        self._tell(db, _DEFINED, "group_deleted", by, group=group.name, members=str(len(members)))

    async def add_member(self, db: AsyncSession, group: Group, user: User, *, by: Actor | Because) -> bool:
        """Put a person into a group; whether they were not in it. Raises as `grant_role` does."""
        return await self._change_member(db, group, user, by, gives=True)

    async def remove_member(
        self,
        db: AsyncSession,
        group: Group,
        user: User,
        *,
        by: Actor | Because,
        insecure_without_superuser: Because | None = None,
    ) -> bool:
        """Take a person out of a group; whether they were in it. Raises as `revoke_role` does."""
        async with keeping_a_superuser(db, self._now, unless=insecure_without_superuser):
            return await self._change_member(db, group, user, by, gives=False)

    # The three kinds of a pair that is made or unmade.

    async def _change_role(
        self, db: AsyncSession, role: Role, holder: User | Group, by: Actor | Because, *, gives: bool
    ) -> bool:
        role = await affected.lock_role(db, role, self._now)
        if isinstance(holder, Group):
            holder = await affected.lock_group(db, holder, self._now)
            receivers = await affected.members_of_group(db, holder)
            pair = {"group_id": holder.id, "role_id": role.id}
            table, whom = GROUP_ROLES, {"group": holder.name}
        else:
            receivers = frozenset({holder.id})
            pair = {"user_id": holder.id, "role_id": role.id}
            table, whom = USER_ROLES, {"user": str(holder.id)}
        permits = await permissions_of_role(db, role)
        change = Change(gives=gives, roles=frozenset({role.name}), permissions=permits, receivers=receivers)
        if not await self._change_pair(db, table, pair, change, by):
            return False
        if isinstance(holder, User):
            await self._notices.roles_changed(db, holder.id)
        self._tell(db, _GRANTED, "role_granted" if gives else "role_revoked", by, role=role.name, **whom)
        return True

    async def _change_permission(
        self, db: AsyncSession, permission: str, user: User, by: Actor | Because, *, gives: bool
    ) -> bool:
        await db.flush()
        pair = {"user_id": user.id, "permission": permission}
        change = Change(gives=gives, permissions=frozenset({permission}), receivers=frozenset({user.id}))
        if not await self._change_pair(db, USER_PERMISSIONS, pair, change, by):
            return False
        await self._notices.roles_changed(db, user.id)
        reason = "permission_granted" if gives else "permission_revoked"
        self._tell(db, _GRANTED, reason, by, permission=permission, user=str(user.id))
        return True

    async def _change_member(
        self, db: AsyncSession, group: Group, user: User, by: Actor | Because, *, gives: bool
    ) -> bool:
        group = await affected.lock_group(db, group, self._now)
        change = Change(
            gives=gives,
            roles=await affected.roles_of_group(db, group),
            permissions=await affected.permissions_of_group(db, group),
            receivers=frozenset({user.id}),
        )
        if not await self._change_pair(db, GROUP_MEMBERS, {"group_id": group.id, "user_id": user.id}, change, by):
            return False
        await self._notices.roles_changed(db, user.id)
        reason = "member_added" if gives else "member_removed"
        self._tell(db, _GRANTED, reason, by, group=group.name, user=str(user.id))
        return True

    async def _change_pair(
        self, db: AsyncSession, table: Table, pair: Mapping[str, object], change: Change, by: Actor | Because
    ) -> bool:
        """Make or unmake a pair, unless it is so already; with the people concerned locked, and told by their epoch."""
        await affected.lock_users(db, change.receivers)
        is_pair = [table.c[name] == value for name, value in pair.items()]
        exists = (await db.execute(select(table).where(*is_pair))).first() is not None
        # Also where nothing would change: the answer must not depend on what the giver may not know.
        await self._decide(db, by, change)
        if exists is change.gives:
            return False
        await db.execute(insert(table).values(dict(pair)) if change.gives else delete(table).where(*is_pair))
        await self._renew(change.receivers)
        return True

    # What all of them do.

    @property
    def _now(self) -> datetime:
        return self._clock.now()

    def _declared(self, permissions: Iterable[str]) -> frozenset[str]:
        names = frozenset(str.__str__(name) for name in permissions)
        if not names <= frozenset(self._catalogue):
            raise UndeclaredPermissionError(min(names - frozenset(self._catalogue)))
        return names

    async def _decide(self, db: AsyncSession, by: Actor | Because, change: Change) -> None:
        if isinstance(by, Because):
            return
        if by.is_anonymous:
            raise GrantRefusedError(EscalationReason.NOBODY)
        # Both: the actor may be bounded (a token that carries fewer permissions), and may have lost some since it was made.
        held = await load_holdings(db, by.id)
        giver = Giver(
            id=by.id,
            is_superuser=by.is_superuser and held.is_superuser,
            permissions=by.permissions & held.permissions,
        )
        verdict = decide_change(giver, change)
        if isinstance(verdict, Deny):
            raise GrantRefusedError(verdict.reason)

    async def _renew(self, user_ids: Collection[uuid.UUID]) -> None:
        if user_ids:
            await self._store.bump_epochs([str(user_id) for user_id in user_ids])

    def _tell(self, db: AsyncSession, name: EventName, reason: str, by: Actor | Because, **detail: str) -> None:
        if isinstance(by, Because):
            detail["because"] = by.text
        elif by.is_superuser:
            detail["giver"] = SUPERUSER
        record = SecurityEvent(
            name=name,
            at=self._clock.now(),
            reason=reason,
            user_id=str(by.id) if isinstance(by, Actor) else "",
            detail={key: value for key, value in detail.items() if value},
        )
        emit_after_commit(db, self._events, record)


def _names(items: Iterable[str]) -> str:
    return ", ".join(sorted(items))


@asynccontextmanager
async def _free(db: AsyncSession) -> AsyncIterator[None]:
    """Write what is done inside, unless its name is taken; the caller can go on if it is."""
    await db.flush()
    try:
        async with db.begin_nested():
            yield
    except IntegrityError:
        raise NameTakenError from None


async def _insert(db: AsyncSession, table: Table, rows: list[dict[str, object]]) -> None:
    if rows:
        await db.execute(insert(table), rows)
