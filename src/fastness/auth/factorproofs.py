"""Second factors of users, as they are proved.

Protects accounts whose password is known to somebody else. Each proof works once, whatever runs beside it: the step of a one-time
password, the deletion of a recovery code and the count of a passkey are written by statements that only one of two can win, in a
unit of their own that is committed before anybody is signed in. Attempts are counted before a code is looked at, by the throttle
that counts passwords.

Not covered: a telephone in the wrong hands.

ASVS 5.0: V6.3.3, V6.5.1 (one use), V6.6.3 (guessing), V15.4.2.
"""

import uuid
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from fastness.auth.callers import Caller
from fastness.auth.ceremonies import (
    NewPasskey,
    check_creation,
    check_request,
    creation_options,
    read_answer,
    request_options,
)
from fastness.auth.errors import FactorRefusedError
from fastness.auth.factor_rules import SecondFactorRules
from fastness.auth.factor_types import (
    Factor,
    Held,
    KnownPasskey,
    ProvedPasskey,
    RelyingParty,
    is_enforced,
    relying_party,
)
from fastness.auth.factorrows import held_factors, read_secret, wins
from fastness.auth.factortables import TOTP, Passkey, RecoveryCode
from fastness.auth.notices import Notices
from fastness.auth.recovery import hash_code
from fastness.auth.sealing import Sealer
from fastness.auth.throttle import FACTOR, Attempt, Throttle
from fastness.auth.totp import matching_step, secret_text
from fastness.auth.users import User
from fastness.db.engine import Database
from fastness.db.unit import Unit, run_in_unit
from fastness.kernel.clock import Clock
from fastness.kernel.errors import TamperedError
from fastness.kernel.events import EventName, EventSink, SecurityEvent
from fastness.kernel.hosts import HostRules
from fastness.mail.notices import Notice
from fastness.sessions.identity import Identity
from fastness.sessions.manager import Sessions
from fastness.stores.store import Store

SEAL_PURPOSE: Final = "fastness_totp.secret"
OFFER_PURPOSE: Final = "fastness.session.totp"


class FactorProofs:
    """Checks second factors; every call is a unit of work of its own."""

    def __init__(
        self,
        *,
        database: Database,
        store: Store,
        sessions: Sessions,
        sealer: Sealer,
        throttle: Throttle,
        rules: SecondFactorRules,
        events: EventSink,
        clock: Clock,
        notices: Notices,
        hosts: HostRules,
        is_development: bool = False,
    ) -> None:
        self._database = database
        self._store = store
        self._sessions = sessions
        self._sealer = sealer
        self._throttle = throttle
        self._rules = rules
        self._events = events
        self._clock = clock
        self._notices = notices
        self._hosts = hosts
        self._is_development = is_development
        self.site = hosts.site_name
        """What the site is called to its users."""

    async def held(self, user_id: uuid.UUID) -> Held:
        """The second factors of a user."""
        async with Unit(self._database, is_read_only=True) as unit:
            return await held_factors(unit.session, user_id)

    async def username(self, user_id: uuid.UUID) -> str:
        """What an authenticator shows beside the site."""
        async with Unit(self._database, is_read_only=True) as unit:
            return await unit.session.scalar(select(User.username).where(User.id == user_id)) or ""

    def is_enforced(self, identity: Identity) -> bool:
        """Whether this user needs a second factor."""
        return is_enforced(self._rules, identity)

    def party(self, host: str) -> RelyingParty | None:
        """The site as authenticators know it; None where passkeys cannot be used."""
        return relying_party(self._rules, self._hosts, name=self.site, is_development=self._is_development, host=host)

    def seal_offer(self, user_id: uuid.UUID, secret: bytes) -> str:
        """A new secret, for the session of its user until the first code is right."""
        return self._sealer.seal(OFFER_PURPOSE, str(user_id), secret_text(secret))

    def open_offer(self, user_id: uuid.UUID, sealed: str) -> bytes | None:
        """The secret again; None if it was offered to somebody else."""
        try:
            return read_secret(self._sealer.open(OFFER_PURPOSE, str(user_id), sealed))
        except TamperedError:
            return None

    def request_options(self, party: RelyingParty, challenge: bytes, known: Sequence[KnownPasskey]) -> str:
        """The question for a passkey, as JSON for the page."""
        return request_options(party, challenge=challenge, known=known)

    def creation_options(
        self, party: RelyingParty, challenge: bytes, user_id: uuid.UUID, username: str, known: Sequence[KnownPasskey]
    ) -> str:
        """The question for a new passkey, as JSON for the page. The user handle is the random id, no name (WebAuthn §14.6.1)."""
        return creation_options(party, user_handle=user_id.bytes, username=username, challenge=challenge, known=known)

    def check_creation(self, party: RelyingParty, challenge: bytes, text: str) -> NewPasskey:
        """The passkey that an answer brings; raises `FactorRefusedError`."""
        return check_creation(party, challenge=challenge, text=text)

    async def prove_totp(self, user_id: uuid.UUID, code: str, *, caller: Caller) -> bool:
        """Whether this is the code of the user's app at this moment, and was not used before. Raises `ThrottledError`."""

        async def check(db: AsyncSession) -> bool:
            row = await db.scalar(select(TOTP).where(TOTP.user_id == user_id))
            if row is None:
                return False
            secret = read_secret(self._sealer.open(SEAL_PURPOSE, str(row.id), row.secret))
            step = matching_step(secret, code, now=self._clock.epoch(), grace_seconds=self._rules.grace_seconds)
            if step is None:
                return False
            # Of two requests with one code, one finds the step as it was (RFC 6238 §5.2). Sealed anew with each use, so that
            # a former key of the app can be dropped when everybody has signed in.
            sealed = self._sealer.seal(SEAL_PURPOSE, str(row.id), secret_text(secret))
            taken = update(TOTP).where(TOTP.id == row.id, TOTP.last_step < step)
            return await wins(db, taken.values(last_step=step, last_used_at=self._clock.now(), secret=sealed))

        return await self._prove(user_id, Factor.TOTP, check, caller)

    async def prove_recovery_code(self, user_id: uuid.UUID, code: str, *, caller: Caller) -> bool:
        """Whether this is one of the user's recovery codes; it is gone then. Raises `ThrottledError`."""
        code_hash = hash_code(code)

        async def check(db: AsyncSession) -> bool:
            used = delete(RecoveryCode).where(RecoveryCode.user_id == user_id, RecoveryCode.code_hash == code_hash)
            if code_hash is None or not await wins(db, used):
                return False
            await self._tell(db, user_id, Notice.RECOVERY_CODE_USED)
            return True

        return await self._prove(user_id, Factor.RECOVERY_CODE, check, caller)

    async def prove_code(self, user_id: uuid.UUID, code: str, *, caller: Caller) -> Factor | None:
        """What was proved by a code typed where either kind may be. Raises `ThrottledError`."""
        if hash_code(code) is None:
            return Factor.TOTP if await self.prove_totp(user_id, code, caller=caller) else None
        return Factor.RECOVERY_CODE if await self.prove_recovery_code(user_id, code, caller=caller) else None

    async def prove_passkey(
        self, party: RelyingParty, *, challenge: bytes, text: str, user_id: uuid.UUID | None, caller: Caller
    ) -> ProvedPasskey | None:
        """Whose passkey answered; `user_id` where it has to be a certain user's. None if the answer is not right."""
        try:
            answer = read_answer(text)
        except FactorRefusedError:
            self._failed(user_id, Factor.PASSKEY, caller)
            return None

        async def check(db: AsyncSession) -> ProvedPasskey | None:
            row = await db.scalar(select(Passkey).where(Passkey.credential_id == answer.credential_id))
            if row is None or user_id not in {None, row.user_id} or answer.user_handle not in {b"", row.user_id.bytes}:
                return None
            try:
                count = check_request(
                    party, challenge=challenge, text=text, public_key=row.public_key, sign_count=row.sign_count
                )
            except FactorRefusedError:
                return None
            taken = update(Passkey).where(Passkey.id == row.id, Passkey.sign_count == row.sign_count)
            if not await wins(db, taken.values(sign_count=count, last_used_at=self._clock.now())):
                return None
            # While the row is ours: whoever removes the passkey raises the epoch after this.
            return ProvedPasskey(user_id=row.user_id, epoch=await self._store.epoch(str(row.user_id)))

        # Not counted by the throttle: signatures cannot be guessed.
        proved = await run_in_unit(self._database, check, is_read_only=False)
        if proved is None:
            self._failed(user_id, Factor.PASSKEY, caller)
        return proved

    async def _prove(
        self, user_id: uuid.UUID, factor: Factor, check: Callable[[AsyncSession], Awaitable[bool]], caller: Caller
    ) -> bool:
        reservation = await self._throttle.reserve(Attempt(account=str(user_id), kind=FACTOR, caller=caller))
        if not await run_in_unit(self._database, check, is_read_only=False):
            self._failed(user_id, factor, caller)
            return False
        await self._throttle.succeeded(reservation)
        return True

    def _failed(self, user_id: uuid.UUID | None, factor: Factor, caller: Caller) -> None:
        self._emit(user_id, EventName.AUTHN_LOGIN_FAIL, "factor_wrong", factor, caller)

    async def warn(self, user_id: uuid.UUID) -> None:
        """Tell the owner that the password was right and the second factor was not (ASVS 5.0 V6.3.5)."""

        async def tell(db: AsyncSession) -> None:
            await self._tell(db, user_id, Notice.SECOND_FACTOR_FAILED)

        await run_in_unit(self._database, tell, is_read_only=False)

    async def _tell(self, db: AsyncSession, user_id: uuid.UUID, kind: Notice, detail: str = "") -> None:
        user = await db.get(User, user_id)
        if user is not None:
            await self._notices.tell(db, user, kind, detail)

    def _emit(
        self, user_id: uuid.UUID | None, name: EventName, reason: str, factor: Factor | None, caller: Caller
    ) -> None:
        self._events.emit(self._event(user_id, name, reason, factor, caller))

    def _event(
        self, user_id: uuid.UUID | None, name: EventName, reason: str, factor: Factor | None, caller: Caller
    ) -> SecurityEvent:
        return SecurityEvent(
            name=name,
            at=self._clock.now(),
            reason=reason,
            request_id=caller.request_id,
            client_ip=caller.client_ip,
            method=caller.method,
            route=caller.route,
            user_id="" if user_id is None else str(user_id),
            detail={} if factor is None else {"factor": factor.value},
        )
