"""The one place where a password signs somebody in.

Protects the list of who has an account, and the accounts: every entry point (form, command, API) comes here, and an
unknown name, an inactive user, one without a password and a wrong password do the same work and give the same answer;
only the log knows the reason. The attacker chooses name and password and measures. The throttle counts every attempt
before its password is looked at, and refuses the one that comes too soon.

No connection is held while the password is hashed, and the last look at the row is made under the writer's lock: a
password that is changed, or an account that is closed, during those milliseconds wins against the sign-in.

An account that is slowed, and one that is signed in to on a new device, is told to its owner (`fastness.auth.notices`).

A right password is a sign-in only where nothing else has to follow. For whoever has a second factor or needs one, and for
somebody signed in who proves who they are once more, the event is another one and no time of a sign-in is written.

ASVS 5.0: V6.3.8 (users cannot be deduced), V6.3.1 (one controlled path), V6.3.5, V16.3.1 (attempts are
logged), V15.4.2.
"""

import uuid
from enum import StrEnum
from typing import Final

from sqlalchemy import String, bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from fastness.auth.callers import Caller
from fastness.auth.errors import HashingBusyError
from fastness.auth.evenwork import Checked, EvenChecker
from fastness.auth.factor_rules import SecondFactorRules
from fastness.auth.factor_types import Step, is_enforced
from fastness.auth.factorrows import has_factor
from fastness.auth.holdings import load_holdings
from fastness.auth.identities import identity_of
from fastness.auth.notices import Notices
from fastness.auth.passwords import PasswordHasher
from fastness.auth.throttle import Attempt, Throttle
from fastness.auth.typednames import TypedNames
from fastness.auth.usernames import try_username_key
from fastness.auth.users import User, write_sign_in
from fastness.auth.workers import HashingPool
from fastness.db.engine import Database
from fastness.db.unit import Unit, run_in_unit
from fastness.kernel.clock import Clock
from fastness.kernel.events import EventName, EventSink, SecurityEvent
from fastness.kernel.signing import Keyring
from fastness.kernel.values import dataclass
from fastness.sessions.identity import Identity
from fastness.stores.store import Store

_NOBODY: Final = ""
"""A key that no name has: an impossible name makes the same query."""

# Made once: to put a statement together costs as much as to run it.
_LOOK_UP: Final = select(User.id, User.password_hash, User.is_active).where(
    User.username_key == bindparam("key", type_=String())
)


class LoginReason(StrEnum):
    """How an attempt ended; for the log, never for the visitor."""

    SUCCESS = "success"
    UNKNOWN_USER = "unknown_user"
    PASSWORDLESS = "passwordless"
    WRONG = "wrong"
    INACTIVE = "inactive"
    IMPOSSIBLE = "impossible"
    CHANGED_MEANWHILE = "changed_meanwhile"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginOutcome:
    """The end of an attempt: user and identity together, or neither."""

    reason: LoginReason
    user: User | None = None
    identity: Identity | None = None
    step: Step = Step.DONE
    """What has to follow a right password before anybody is signed in."""
    is_proof: bool = False
    """Whether somebody who is signed in showed once more who they are."""

    @property
    def is_sign_in(self) -> bool:
        """Whether the password was right, was typed to sign in, and is all that was needed."""
        return self.identity is not None and self.step is Step.DONE and not self.is_proof


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What the lookup found: all empty for nobody."""

    id: uuid.UUID | None = None
    password_hash: str | None = None
    is_active: bool = False


class Login:
    """Checks passwords and makes identities; holds no state between attempts."""

    __slots__ = (
        "_checker",
        "_clock",
        "_database",
        "_events",
        "_hasher",
        "_names",
        "_notices",
        "_pool",
        "_second_factors",
        "_store",
        "_throttle",
    )

    def __init__(
        self,
        *,
        database: Database,
        store: Store,
        hasher: PasswordHasher,
        pool: HashingPool,
        keyring: Keyring,
        throttle: Throttle,
        second_factors: SecondFactorRules,
        notices: Notices,
        events: EventSink,
        clock: Clock,
    ) -> None:
        self._second_factors = second_factors
        self._notices = notices
        self._database = database
        self._store = store
        self._hasher = hasher
        self._checker = EvenChecker(hasher)
        self._pool = pool
        self._names = TypedNames(keyring)
        self._throttle = throttle
        self._events = events
        self._clock = clock

    async def attempt(
        self, *, username: str, password: str, caller: Caller | None = None, is_proof: bool = False
    ) -> LoginOutcome:
        """Check a name and a password as typed, and write the event.

        It opens units of its own: call it before the request's session is used, or on SQLite it waits for itself.

        Args:
            username: as typed.
            password: as typed.
            caller: where it comes from.
            is_proof: whoever is signed in shows once more who they are; nobody is signed in by it.

        Raises:
            ThrottledError: too many attempts have failed; nothing was checked.
            HashingBusyError: too many attempts wait; nothing was checked.
            StoreUnavailableError: the password may be right, but nobody is signed in who could not be signed out.
        """
        caller = caller or Caller()
        # Before any work, and for every name: of many attempts at once no more than the limit reach the hasher.
        reservation = await self._throttle.reserve(Attempt(account=username, caller=caller))
        if reservation.slows_account:
            try:
                await run_in_unit(self._database, lambda db: self._notices.slowed(db, username), is_read_only=False)
            except BaseException:
                # Also where the caller hangs up: the owner is told once, and it must not be in the attacker's hands not to.
                await self._throttle.untold(reservation)
                raise
        try:
            outcome = await self._check(username, password, caller, is_proof=is_proof)
        except HashingBusyError:
            # Not for any other error, and not for a caller who hangs up: by then the password may have been looked at.
            await self._throttle.release(reservation)
            raise
        if outcome.reason is LoginReason.SUCCESS:
            await self._throttle.succeeded(reservation)
        return outcome

    async def _check(self, username: str, password: str, caller: Caller, *, is_proof: bool) -> LoginOutcome:
        began = self._clock.epoch()
        key = try_username_key(username)
        found = _Found()
        if not self._hasher.can_verify(password):
            # The same answer for every name, known or not, before any work: the length is the attacker's choice.
            outcome = LoginOutcome(reason=LoginReason.IMPOSSIBLE)
        else:
            found = await self._find(key)
            checked = await self._pool.run(self._checker.check, found.password_hash, password, may_pass=found.is_active)
            reason = _reason(found, checked)
            outcome = (
                await self._enter(found, checked, began, caller, is_proof=is_proof)
                if reason is LoginReason.SUCCESS
                else LoginOutcome(reason=reason)
            )
        self._emit(outcome, found, username, caller)
        return outcome

    async def _find(self, key: str | None) -> _Found:
        async with Unit(self._database, is_read_only=True) as unit:
            row = (await unit.session.execute(_LOOK_UP, {"key": key or _NOBODY})).one_or_none()
        return _Found() if row is None else _Found(id=row.id, password_hash=row.password_hash, is_active=row.is_active)

    async def _enter(
        self, found: _Found, checked: Checked, began: float, caller: Caller, *, is_proof: bool
    ) -> LoginOutcome:
        async def enter(session: AsyncSession) -> LoginOutcome:
            epoch = await self._store.epoch(str(found.id))
            user = await session.get(User, found.id, with_for_update=True)
            if user is None or not user.is_active or user.password_hash != found.password_hash:
                return LoginOutcome(reason=LoginReason.CHANGED_MEANWHILE)
            if checked.new_hash is not None:
                user.password_hash = checked.new_hash
            holdings = await load_holdings(session, user.id)
            identity = identity_of(user, holdings, epoch=epoch, authenticated_at=began)
            outcome = LoginOutcome(
                reason=LoginReason.SUCCESS,
                user=user,
                identity=identity,
                step=Step.DONE if is_proof else await self._step_after(session, identity),
                is_proof=is_proof,
            )
            if outcome.is_sign_in:
                await self._notices.signed_in(session, user, epoch=epoch, device=caller.device, browser=caller.browser)
                await write_sign_in(session, user, self._clock.now())
            return outcome

        # Twice, if the database says so: a double click signs in twice at once, and both write the time.
        return await run_in_unit(self._database, enter, is_read_only=False)

    async def _step_after(self, session: AsyncSession, identity: Identity) -> Step:
        if await has_factor(session, identity.id):
            return Step.FACTOR
        return Step.ENROL if is_enforced(self._second_factors, identity) else Step.DONE

    def _emit(self, outcome: LoginOutcome, found: _Found, typed: str, caller: Caller) -> None:
        name = EventName.AUTHN_LOGIN_FAIL
        if outcome.reason is LoginReason.SUCCESS:
            name = EventName.AUTHN_LOGIN_SUCCESS if outcome.is_sign_in else EventName.AUTHN_PROOF_SUCCESS
        self._events.emit(
            SecurityEvent(
                name=name,
                at=self._clock.now(),
                reason=outcome.reason,
                request_id=caller.request_id,
                client_ip=caller.client_ip,
                user_id="" if found.id is None else str(found.id),
                method=caller.method,
                route=caller.route,
                detail={} if found.id is not None else {"typed_name": self._names.shown(typed)},
            )
        )


def _reason(found: _Found, checked: Checked) -> LoginReason:
    if found.id is None:
        return LoginReason.UNKNOWN_USER
    if found.password_hash is None:
        return LoginReason.PASSWORDLESS
    if not checked.matches:
        return LoginReason.WRONG
    return LoginReason.SUCCESS if found.is_active else LoginReason.INACTIVE
