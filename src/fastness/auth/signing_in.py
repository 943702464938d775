"""From a right password to a session: who needs a second factor, and what is pending until it is proved.

Protects the step between the two factors. What is pending names a user but is no identity: nothing is reachable with it but the
page of the second factor. It lives in the session for some minutes and ends with any change of the account: the owner's epoch of
the moment of the password is compared when the factor is right. A reset of the password changes none of this.

ASVS 5.0: V6.3.3, V6.4.3 (a reset does not skip the second factor), V6.1.3, V7.2.4, V2.3.1 (steps in order).
"""

import uuid

from sqlalchemy.ext.asyncio import AsyncSession

from fastness.auth.factor_rules import SecondFactorRules
from fastness.auth.factor_types import Factor, Origin, Pending, Step
from fastness.auth.identities import load_identity
from fastness.auth.notices import Notices
from fastness.auth.users import User
from fastness.db.engine import Database
from fastness.db.unit import run_in_unit
from fastness.kernel.clock import Clock
from fastness.kernel.events import EventName, EventSink, SecurityEvent
from fastness.sessions.identity import Identity
from fastness.stores.store import Store


class SigningIn:
    """Keeps what is pending after the password, and makes the identity when everything is proved."""

    def __init__(
        self,
        *,
        database: Database,
        store: Store,
        rules: SecondFactorRules,
        notices: Notices,
        events: EventSink,
        clock: Clock,
    ) -> None:
        self._database = database
        self._store = store
        self._rules = rules
        self._notices = notices
        self._events = events
        self._clock = clock

    def begin(self, identity: Identity, step: Step, *, remember: bool, next_path: str) -> Pending:
        """What the session keeps until the second factor."""
        return Pending(
            user_id=identity.id,
            authenticated_at=identity.authenticated_at,
            epoch=identity.epoch,
            remember=remember,
            next=next_path,
            step=step,
            expires_at=self._clock.epoch() + self._rules.pending_seconds,
        )

    async def is_current(self, pending: Pending) -> bool:
        """Whether it is neither too old nor overtaken by a change of the account."""
        if not self._clock.epoch() < pending.expires_at:
            return False
        return await self._store.epoch(str(pending.user_id)) == pending.epoch

    async def finish(
        self, pending: Pending, factor: Factor, *, epoch: int | None = None, origin: Origin
    ) -> Identity | None:
        """The identity of somebody who proved both; None if the account changed meanwhile.

        Args:
            pending: what the session kept.
            factor: what was proved.
            epoch: the owner's epoch after the change that this sign-in itself made (a first factor was set up).
            origin: for the event.
        """
        now = self._clock.epoch()
        identity = await self._load(pending.user_id, pending.authenticated_at, now)
        if identity is None or identity.epoch != (pending.epoch if epoch is None else epoch):
            return None
        await self._signed_in(identity, factor, origin, epoch=pending.epoch)
        return identity

    async def enter(self, user_id: uuid.UUID, *, origin: Origin) -> Identity | None:
        """The identity of somebody whose passkey answered, with their verification: two factors at once."""
        now = self._clock.epoch()
        identity = await self._load(user_id, now, now)
        if identity is not None:
            await self._signed_in(identity, Factor.PASSKEY, origin, epoch=identity.epoch)
        return identity

    async def confirm(self, former: Identity, factor: Factor, *, origin: Origin) -> Identity | None:
        """Who somebody is who is signed in and has shown it once more, with a factor; None if they may not be any more.

        What proves both factors at once is as good as the password and the other one.
        """
        now = self._clock.epoch()
        identity = await self._load(former.id, now, now)
        if identity is not None:
            self._emit(identity, EventName.AUTHN_PROOF_SUCCESS, factor, origin)
        return identity

    async def _signed_in(self, identity: Identity, factor: Factor, origin: Origin, *, epoch: int) -> None:
        async def note(db: AsyncSession) -> None:
            user = await db.get_one(User, identity.id, with_for_update=True)
            await self._notices.signed_in(db, user, epoch=epoch, device=origin.device, browser=origin.browser)
            user.last_login_at = self._clock.now()

        await run_in_unit(self._database, note, is_read_only=False)
        self._emit(identity, EventName.AUTHN_LOGIN_SUCCESS, factor, origin)

    async def _load(self, user_id: uuid.UUID, authenticated_at: float, second_factor_at: float) -> Identity | None:
        claimed = Identity(
            id=user_id,
            username="",
            display_name="",
            authenticated_at=authenticated_at,
            second_factor_at=second_factor_at,
        )
        return await load_identity(self._database, self._store, claimed)

    def _emit(self, identity: Identity, name: EventName, factor: Factor, origin: Origin) -> None:
        self._events.emit(
            SecurityEvent(
                name=name,
                at=self._clock.now(),
                reason="second_factor",
                request_id=origin.request_id,
                client_ip=origin.client_ip,
                user_id=str(identity.id),
                detail={"factor": factor.value},
            )
        )
