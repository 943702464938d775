"""From a right password to a session: who needs a second factor, and what is pending until it is proved.

Protects the step between the two factors. What is pending names a user but is no identity: nothing is reachable with it but the
page of the second factor. It lives in the session for some minutes and ends with any change of the account: the owner's epoch of
the moment of the password is compared when the factor is right. A reset of the password changes none of this.

ASVS 5.0: V6.3.3, V6.4.3 (a reset does not skip the second factor), V6.1.3, V7.2.4, V2.3.1 (steps in order).
"""

import uuid

from sqlalchemy.ext.asyncio import AsyncSession

from fastness.auth.callers import Caller
from fastness.auth.factor_rules import SecondFactorRules
from fastness.auth.factor_types import Factor, Pending, ProvedPasskey, Step
from fastness.auth.identities import load_identity, renewed_identity
from fastness.auth.notices import Notices
from fastness.auth.users import User, write_sign_in
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
        self, pending: Pending, factor: Factor, *, epoch: int | None = None, caller: Caller
    ) -> Identity | None:
        """The identity of somebody who proved both; None if the account changed meanwhile.

        Args:
            pending: what the session kept.
            factor: what was proved.
            epoch: the owner's epoch after the change that this sign-in itself made (a first factor was set up).
            caller: for the event.
        """
        claimed = _claim(pending.user_id, pending.authenticated_at, self._clock.epoch())
        expected = pending.epoch if epoch is None else epoch
        return await self._sign_in(claimed, factor, caller, expected_epoch=expected, device_epoch=pending.epoch)

    async def enter(self, proved: ProvedPasskey, *, caller: Caller) -> Identity | None:
        """The identity of somebody whose passkey answered, with their verification: two factors at once.

        None if the account has changed since.
        """
        now = self._clock.epoch()
        claimed = _claim(proved.user_id, now, now)
        return await self._sign_in(
            claimed, Factor.PASSKEY, caller, expected_epoch=proved.epoch, device_epoch=proved.epoch
        )

    async def confirm(self, former: Identity, factor: Factor, *, caller: Caller) -> Identity | None:
        """Who somebody is who is signed in and has shown it once more, with a factor; None if they may not be any more.

        What proves both factors at once is as good as the password and the other one.
        """
        now = self._clock.epoch()
        identity = await load_identity(self._database, self._store, _claim(former.id, now, now))
        if identity is not None:
            self._emit(identity, EventName.AUTHN_PROOF_SUCCESS, factor, caller)
        return identity

    async def _sign_in(
        self,
        claimed: Identity,
        factor: Factor,
        caller: Caller,
        *,
        expected_epoch: int,
        device_epoch: int,
    ) -> Identity | None:
        """Read the row under its lock, and write the sign-in into it.

        Args:
            claimed: who it is said to be.
            factor: what was proved last.
            caller: for the event and the notice.
            expected_epoch: where the owner's epoch is another by now, nobody is signed in and nothing is written.
            device_epoch: what a known device's cookie has to hold; the epoch before a change that this sign-in made.
        """

        async def enter(db: AsyncSession) -> Identity | None:
            current = await self._store.epoch(claimed.owner)
            user = await db.get(User, claimed.id, with_for_update=True)
            identity = await renewed_identity(db, user, claimed, epoch=current)
            if user is None or identity is None or current != expected_epoch:
                return None
            await self._notices.signed_in(db, user, epoch=device_epoch, device=caller.device, browser=caller.browser)
            await write_sign_in(db, user, self._clock.now())
            return identity

        identity = await run_in_unit(self._database, enter, is_read_only=False)
        if identity is not None:
            self._emit(identity, EventName.AUTHN_LOGIN_SUCCESS, factor, caller)
        return identity

    def _emit(self, identity: Identity, name: EventName, factor: Factor, caller: Caller) -> None:
        self._events.emit(
            SecurityEvent(
                name=name,
                at=self._clock.now(),
                reason="second_factor",
                request_id=caller.request_id,
                client_ip=caller.client_ip,
                method=caller.method,
                route=caller.route,
                user_id=str(identity.id),
                detail={"factor": factor.value},
            )
        )


def _claim(user_id: uuid.UUID, authenticated_at: float, second_factor_at: float) -> Identity:
    """Who has proved both factors, of whom nothing was read yet."""
    return Identity(
        id=user_id,
        username="",
        display_name="",
        authenticated_at=authenticated_at,
        second_factor_at=second_factor_at,
    )
