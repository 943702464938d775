"""Making and changing accounts: every change of privilege goes through here.

Protects against a change that does not take effect: a closed account, a new password or a lost privilege must hold on
the next request of every worker. The order makes it so: the row is flushed (and locked), the owner's epoch is raised
in the store, sessions are ended, and only then the caller's unit of work commits. If the store is down the call
raises, the unit rolls back and nothing has changed; if the commit fails, sessions have ended for nothing, which is
the safe side. Who may call these functions is decided by the route's access rule, not here.

ASVS 5.0: V8.3.2 (changes apply at once), V7.4.2 (sessions end with the account), V7.4.3 (and on a new password),
V6.2.1, V16.3.1.
"""

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from fastness.auth.addresses import confirm_address
from fastness.auth.aftercommit import emit_after_commit
from fastness.auth.errors import AddressTakenError, PasswordRefusedError, UsernameTakenError
from fastness.auth.passwordpolicy import PasswordOwner, PasswordPolicy
from fastness.auth.passwords import PasswordHasher, PasswordReason
from fastness.auth.superusers import keeping_a_superuser
from fastness.auth.usernames import parse_username, try_username_key
from fastness.auth.users import User
from fastness.auth.workers import HashingPool
from fastness.kernel.because import Because
from fastness.kernel.clock import Clock
from fastness.kernel.events import EventName, EventSink, SecurityEvent
from fastness.kernel.values import dataclass
from fastness.kernel.verdicts import Deny
from fastness.sessions.manager import Sessions
from fastness.sessions.session import Session
from fastness.stores.store import Store


@dataclass(frozen=True, slots=True)
class NewPassword:
    """The hash of a password that was accepted; `Accounts.accept_password` makes it, before a transaction begins."""

    hash: str

    def __repr__(self) -> str:
        return "NewPassword(…)"


class Accounts:
    """Creates and changes users inside the caller's unit of work; the caller commits."""

    __slots__ = ("_clock", "_events", "_hasher", "_policy", "_pool", "_sessions", "_store")

    def __init__(
        self,
        *,
        store: Store,
        sessions: Sessions,
        hasher: PasswordHasher,
        pool: HashingPool,
        events: EventSink,
        clock: Clock,
        policy: PasswordPolicy | None = None,
    ) -> None:
        self._store = store
        self._sessions = sessions
        self._hasher = hasher
        self._policy = policy or PasswordPolicy(hasher.rules)
        self._pool = pool
        self._events = events
        self._clock = clock

    async def create_user(
        self,
        db: AsyncSession,
        *,
        username: str,
        password: str | NewPassword | None,
        display_name: str = "",
        email: str = "",
        is_staff: bool = False,
    ) -> User:
        """Create an active user; without a password nobody can sign in with one until it is set.

        Raises:
            UsernameError: the name cannot be a user name.
            UsernameTakenError: somebody has it.
            PasswordRefusedError: the password breaks a rule.
        """
        name, key = parse_username(username)
        # Before the first statement: on SQLite that one takes the writer's lock, and hashing takes long.
        owner = PasswordOwner(username=name, display_name=display_name, email=email)
        new = await self.accept_password(password, owner) if isinstance(password, str) else password
        now = self._clock.now()
        user = User(
            username=name,
            username_key=key,
            display_name=display_name,
            email=email,
            password_hash=None if new is None else new.hash,
            is_staff=is_staff,
            created_at=now,
            valid_since=now,
        )
        await db.flush()
        try:
            async with db.begin_nested():
                db.add(user)
        except IntegrityError:
            raise UsernameTakenError from None
        await self._store.bump_epoch(str(user.id))
        self._emit_after_commit(db, user, EventName.USER_CREATED, "created")
        return user

    async def set_password(
        self,
        db: AsyncSession,
        user: User,
        password: str | NewPassword,
        *,
        has_second_factor: bool = False,
        except_session: Session | None = None,
    ) -> None:
        """Set a new password and end the user's sessions.

        A session that is spared has to be signed in again by the caller, as of the present time: its identity counts as
        from before the change. What it says of their rights is as old as it is, so it keeps the epoch it has.

        Raises:
            PasswordRefusedError: the password breaks a rule.
        """
        new = password
        if isinstance(new, str):
            new = await self.accept_password(new, owner_of(user), has_second_factor=has_second_factor)
        user.password_hash = new.hash
        user.valid_since = self._clock.now()
        await _lock(db)
        # A double click sends the form twice, and the first one has given the session a new id already.
        await self._sessions.end_all(user.id, except_session=except_session, follows_rotation=True)
        self._emit_after_commit(db, user, EventName.AUTHN_PASSWORD_CHANGE, "password_set")

    async def set_active(
        self, db: AsyncSession, user: User, *, is_active: bool, insecure_without_superuser: Because | None = None
    ) -> None:
        """Open or close an account; closing ends all sessions.

        Raises:
            LastSuperuserError: nobody would be left who may do everything.
        """
        async with keeping_a_superuser(db, self._clock.now(), unless=insecure_without_superuser):
            user.is_active = is_active
            user.valid_since = self._clock.now()
        await _lock(db)
        await self._sessions.end_all(user.id)
        self._emit_after_commit(db, user, EventName.USER_UPDATED, "activated" if is_active else "deactivated")

    async def set_email(self, db: AsyncSession, user: User, address: str) -> None:
        """Give the account an address that was shown to be its owner's, and end all sessions.

        A user name that is the former address becomes the new one.

        Raises:
            AddressTakenError: another account has confirmed it.
        """
        signs_in_with_it = bool(user.email) and user.username_key == try_username_key(user.email)
        user.email = address
        await confirm_address(db, user)
        if signs_in_with_it:
            try:
                async with db.begin_nested():
                    user.username, user.username_key = parse_username(address)
            except IntegrityError:
                raise AddressTakenError from None
        user.valid_since = self._clock.now()
        await _lock(db)
        await self._sessions.end_all(user.id)
        self._emit_after_commit(db, user, EventName.USER_UPDATED, "email_changed")

    async def set_staff(self, db: AsyncSession, user: User, *, is_staff: bool) -> None:
        """Give or take access to what only staff may do. Sessions stay and show it on their next request."""
        user.is_staff = is_staff
        await _lock(db)
        await self._store.bump_epoch(str(user.id))
        self._emit_after_commit(
            db, user, EventName.PRIVILEGE_PERMISSIONS_CHANGED, "staff_given" if is_staff else "staff_taken"
        )

    async def accept_password(
        self, password: str, owner: PasswordOwner, *, has_second_factor: bool = False
    ) -> NewPassword:
        """Ask whether a password may be used, and hash it.

        Call it before the transaction's first statement where you can: on SQLite that one takes the writer's lock, while this
        takes tens of milliseconds, and seconds where a service is asked that does not answer.

        Raises:
            PasswordRefusedError: the password breaks a rule.
        """
        verdict = self._policy.decide(password, owner, has_second_factor=has_second_factor)
        if isinstance(verdict, Deny):
            raise PasswordRefusedError(verdict.reason)
        match await self._policy.is_breached(password):
            case True:
                raise PasswordRefusedError(PasswordReason.BREACHED)
            case None:
                # Taken all the same: nobody must be kept from leaving a bad password because a service is away.
                self._events.emit(
                    SecurityEvent(
                        name=EventName.SYS_MONITOR_DISABLED, at=self._clock.now(), reason="breach_lookup_unanswered"
                    )
                )
        return NewPassword(await self._pool.run(self._hasher.hash, password))

    def _emit_after_commit(self, db: AsyncSession, user: User, name: EventName, reason: str) -> None:
        record = SecurityEvent(name=name, at=self._clock.now(), reason=reason, user_id=str(user.id))
        emit_after_commit(db, self._events, record)


async def _lock(db: AsyncSession) -> None:
    """Write the change before the epoch is raised: a request that meets the new one then waits at the row for our commit."""
    await db.flush()


def owner_of(user: User) -> PasswordOwner:
    """What a user's password must not be made of."""
    return PasswordOwner(username=user.username, display_name=user.display_name, email=user.email)
