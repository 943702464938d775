"""API tokens: made, listed, revoked, and looked at with every request that brings one.

Protects against a token that outlives its reason. A token is a list of permissions at most: what it may do is what is in that
list and what its owner holds at the moment of use. It brings no roles, is never a superuser, never staff, never freshly signed
in and never has a second factor, so a rule that asks for one of these refuses it. It ends with its expiry, its revocation, its
owner, and a new password of its owner: whoever sets one because somebody else was in the account must not leave them a key.

What was found is kept in the store for a minute, under the hash of the token and with the owner's epoch, so that a request costs
one read of the store. Every change raises the epoch before it commits, and the next request makes the snapshot anew, as it
does for sessions; it then waits for the commit, because it reads through the writing engine (`fastness.auth.identities`).

Not covered: a token that was stolen works until one of these ends.

ASVS 5.0: V7.2.3, V7.4.2, V8.3.2, V14.2.4, V16.3.1, V16.3.3.
"""

import hmac
import json
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from fastness.auth.affected import lock_users
from fastness.auth.aftercommit import emit_after_commit
from fastness.auth.errors import TokenNotMadeError, UndeclaredPermissionError
from fastness.auth.holdings import Holdings, load_holdings
from fastness.auth.identities import identity_of
from fastness.auth.notices import Notices
from fastness.auth.token_rules import (
    MAX_NAME_LENGTH,
    TokenCheck,
    TokenProblem,
    TokenReason,
    TokenRules,
    make_token_text,
    try_token_id,
)
from fastness.auth.tokentable import APIToken
from fastness.auth.users import User
from fastness.authz.permissions import PermissionCatalogue
from fastness.db.engine import Database
from fastness.db.unit import Unit, run_in_unit
from fastness.kernel.clock import Clock
from fastness.kernel.errors import UnavailableError
from fastness.kernel.events import EventName, EventSink, SecurityEvent
from fastness.kernel.secret import Secret
from fastness.kernel.tokens import hash_token, random_id
from fastness.mail.notices import Notice
from fastness.sessions.identity import Identity, identity_from_json, identity_to_json
from fastness.stores.store import Store

_KEY: Final = b"apitoken:"
_KEPT_DAYS: Final = 30
"""Rows of ended tokens are kept this long."""


class APITokens:
    """Makes and ends tokens inside the caller's unit of work; checks them in units of its own."""

    __slots__ = ("_catalogue", "_clock", "_database", "_events", "_notices", "_store", "rules")

    def __init__(
        self,
        *,
        database: Database,
        store: Store,
        rules: TokenRules,
        catalogue: PermissionCatalogue,
        notices: Notices,
        events: EventSink,
        clock: Clock,
    ) -> None:
        self._database = database
        self._store = store
        self.rules = rules
        self._catalogue = catalogue
        self._notices = notices
        self._events = events
        self._clock = clock

    async def create(
        self, db: AsyncSession, user: User, *, name: str, permissions: Iterable[str] = (), days: int
    ) -> tuple[APIToken, Secret]:
        """Make a token of this person, and tell them by mail; the secret is returned this once and kept nowhere.

        Raises:
            UndeclaredPermissionError: no enum declares one of the permissions.
            TokenNotMadeError: name or days are not possible, the person does not hold a permission, or has too many tokens.
        """
        name = " ".join(name.split())
        if not 1 <= len(name) <= MAX_NAME_LENGTH or not name.isprintable():
            raise TokenNotMadeError(TokenProblem.NAME)
        if not 1 <= days <= self.rules.max_days:
            raise TokenNotMadeError(TokenProblem.DAYS)
        wanted = frozenset(map(str, permissions))
        for one in sorted(wanted):
            if one not in self._catalogue:
                raise UndeclaredPermissionError(one)
        await lock_users(db, {user.id})
        held = await load_holdings(db, user.id)
        if not (held.is_superuser or wanted <= held.permissions):
            raise TokenNotMadeError(TokenProblem.PERMISSIONS)
        now = self._clock.now()
        await self._forget_ended(db, user.id, now)
        live = select(func.count()).where(
            APIToken.user_id == user.id, APIToken.revoked_at.is_(None), APIToken.expires_at > now
        )
        if (await db.scalar(live) or 0) >= self.rules.max_per_user:
            raise TokenNotMadeError(TokenProblem.COUNT)
        token_id = random_id()
        secret = make_token_text(token_id)
        token = APIToken(
            id=token_id,
            user_id=user.id,
            name=name,
            digest=hash_token(secret.reveal()).hex(),
            permissions=" ".join(sorted(wanted)),
            created_at=now,
            expires_at=now + timedelta(days=days),
        )
        db.add(token)
        await db.flush()
        self._tell(db, EventName.AUTHN_TOKEN_CREATED, "created", token)
        await self._notices.tell(db, user, Notice.TOKEN_CREATED, name)
        return token, secret

    async def list_live(self, db: AsyncSession, user_id: uuid.UUID) -> Sequence[APIToken]:
        """The person's tokens that still work, the newest first."""
        now = self._clock.now()
        mine = select(APIToken).where(
            APIToken.user_id == user_id, APIToken.revoked_at.is_(None), APIToken.expires_at > now
        )
        return (await db.scalars(mine.order_by(APIToken.created_at.desc(), APIToken.id))).all()

    async def offered(self, db: AsyncSession, user_id: uuid.UUID) -> list[tuple[str, str]]:
        """The permissions that this person can put into a token, each with what it allows."""
        held = await load_holdings(db, user_id)
        names = [name for name in self._catalogue if held.is_superuser or name in held.permissions]
        return [(name, self._catalogue.describe(name)) for name in names]

    async def revoke(self, db: AsyncSession, user_id: uuid.UUID, token_id: uuid.UUID) -> bool:
        """End one token of this person from their next request on; whether there was such a one."""
        mine = select(APIToken).where(
            APIToken.id == token_id, APIToken.user_id == user_id, APIToken.revoked_at.is_(None)
        )
        token = await db.scalar(mine)
        if token is None:
            return False
        # Before the epoch is raised: a request that meets the new epoch waits for our commit at this row.
        await lock_users(db, {user_id})
        token.revoked_at = self._clock.now()
        await db.flush()
        await self._store.bump_epoch(str(user_id))
        self._tell(db, EventName.AUTHN_TOKEN_REVOKED, "revoked", token)
        return True

    async def check(self, text: str) -> TokenCheck:
        """Look at a token as it was sent."""
        token_id = try_token_id(text)
        if token_id is None:
            return TokenCheck(reason=TokenReason.MALFORMED)
        digest = hash_token(text)
        stored = await self._store.get(_KEY + digest)
        if stored is not None:
            identity = _decoded(stored.value)
            if identity is not None and identity.epoch == stored.owner_epoch:
                return TokenCheck(identity=identity, token_id=token_id, user_id=identity.id)
        # A guess costs one plain read; only a token that was right once comes to the lock.
        async with Unit(self._database, is_read_only=True) as unit:
            found = await unit.session.get(APIToken, token_id)
        if found is None or not hmac.compare_digest(found.digest, digest.hex()):
            return TokenCheck(reason=TokenReason.UNKNOWN)
        user_id = found.user_id
        epoch = await self._store.epoch(str(user_id))

        async def look(db: AsyncSession) -> tuple[TokenCheck, float]:
            return await self._look(db, token_id, user_id, epoch)

        checked, lives_until = await run_in_unit(self._database, look, is_read_only=False)
        if checked.identity is not None:
            await self._remember(digest, checked.identity, lives_until)
        return checked

    async def _look(
        self, db: AsyncSession, token_id: uuid.UUID, user_id: uuid.UUID, epoch: int
    ) -> tuple[TokenCheck, float]:
        user = await db.get(User, user_id, with_for_update={"read": True})
        token = await db.get(APIToken, token_id)
        now = self._clock.now()
        reason = _reason(token, user, now)
        if reason is not None or token is None or user is None:
            check = TokenCheck(reason=reason or TokenReason.UNKNOWN, token_id=token_id, user_id=user_id)
            return check, 0.0
        if token.last_used_at is None or (now - token.last_used_at).total_seconds() >= self.rules.cache_seconds:
            token.last_used_at = now
        identity = _narrowed(user, await load_holdings(db, user.id), token, epoch=epoch)
        return TokenCheck(identity=identity, token_id=token_id, user_id=user_id), token.expires_at.timestamp()

    async def _remember(self, digest: bytes, identity: Identity, lives_until: float) -> None:
        expires_at = min(self._clock.epoch() + self.rules.cache_seconds, lives_until)
        value = json.dumps(identity_to_json(identity)).encode("ascii")
        try:
            await self._store.put(_KEY + digest, value, expires_at=expires_at, owner=identity.owner)
        except UnavailableError:
            return  # The next request looks again.

    async def _forget_ended(self, db: AsyncSession, user_id: uuid.UUID, now: datetime) -> None:
        long_ago = now - timedelta(days=_KEPT_DAYS)
        ended = or_(APIToken.revoked_at < long_ago, APIToken.expires_at < long_ago)
        await db.execute(delete(APIToken).where(APIToken.user_id == user_id, ended))

    def _tell(self, db: AsyncSession, name: EventName, reason: str, token: APIToken) -> None:
        detail = {"token_id": str(token.id), "may": token.permissions[:200]}
        record = SecurityEvent(
            name=name, at=self._clock.now(), reason=reason, user_id=str(token.user_id), detail=detail
        )
        emit_after_commit(db, self._events, record)


def _reason(token: APIToken | None, user: User | None, now: datetime) -> TokenReason | None:
    if token is None or user is None:
        return TokenReason.UNKNOWN
    if token.revoked_at is not None:
        return TokenReason.REVOKED
    if now >= token.expires_at:
        return TokenReason.EXPIRED
    if not user.is_active:
        return TokenReason.OWNER_INACTIVE
    if token.created_at < user.valid_since:
        return TokenReason.OWNER_CHANGED
    return None


def _narrowed(user: User, held: Holdings, token: APIToken, *, epoch: int) -> Identity:
    """The owner, with the part of what they hold that the token names, and nothing else."""
    wanted = frozenset(token.scope)
    given = wanted if held.is_superuser else wanted & held.permissions
    return replace(identity_of(user, Holdings(permissions=given), epoch=epoch, authenticated_at=0.0), is_staff=False)


def _decoded(value: bytes) -> Identity | None:
    try:
        return identity_from_json(json.loads(value))
    except (ValueError, KeyError, TypeError):
        return None
