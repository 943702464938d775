"""Second factors of users: set up and removed.

A change of factors is a change of the way in: the user's row is locked, their epoch raised, their other sessions ended, then it
is committed; the event follows the commit, the notice is written with it. The last factor of somebody who needs one stays.

Not covered: who may call this; the pages ask for a fresh proof.

ASVS 5.0: V6.3.7, V6.4.4 (removal), V7.4.3, V15.4.2.
"""

import uuid
from collections.abc import Awaitable, Callable

from sqlalchemy import delete, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from fastness.auth.affected import lock_users
from fastness.auth.aftercommit import emit_after_commit
from fastness.auth.callers import Caller
from fastness.auth.ceremonies import (
    NewPasskey,
)
from fastness.auth.errors import FactorRefusedError
from fastness.auth.factor_types import (
    Changed,
    Factor,
)
from fastness.auth.factorproofs import SEAL_PURPOSE, FactorProofs
from fastness.auth.factorrows import has_factor, held_factors, parse_passkey_name, wins
from fastness.auth.factortables import TOTP, Passkey, RecoveryCode
from fastness.auth.recovery import hash_code, new_codes
from fastness.auth.totp import matching_step, secret_text
from fastness.db.unit import run_in_unit
from fastness.kernel.events import EventName
from fastness.kernel.tokens import random_id
from fastness.mail.notices import Notice
from fastness.sessions.session import Session


class Factors(FactorProofs):
    """Changes and checks second factors; every call is a unit of work of its own."""

    async def add_totp(
        self,
        user_id: uuid.UUID,
        secret: bytes,
        code: str,
        *,
        is_first: bool = False,
        except_session: Session | None = None,
    ) -> Changed:
        """Set up the app that shows this code now, in place of one that was set up before. Raises `FactorRefusedError`.

        `is_first` is for whoever has shown a password only: it refuses where there is a factor by now.
        """
        # Not counted by the throttle: whoever sets it up sees the secret, and has nothing to guess.
        step = matching_step(secret, code, now=self._clock.epoch(), grace_seconds=self._rules.grace_seconds)
        if step is None:
            raise FactorRefusedError("code_wrong")

        async def add(db: AsyncSession) -> tuple[str, ...]:
            await _refuse_second(db, user_id, is_first=is_first)
            await db.execute(delete(TOTP).where(TOTP.user_id == user_id))
            row_id = random_id()
            sealed = self._sealer.seal(SEAL_PURPOSE, str(row_id), secret_text(secret))
            now = self._clock.now()
            db.add(TOTP(id=row_id, user_id=user_id, created_at=now, secret=sealed, last_step=step, last_used_at=now))
            return await self._first_codes(db, user_id)

        return await self._change(user_id, add, "factor_added", Factor.TOTP, Notice.FACTOR_ADDED, except_session)

    async def remove_totp(
        self, user_id: uuid.UUID, *, is_needed: bool, except_session: Session | None = None
    ) -> Changed:
        """Remove the app; `is_needed` keeps the last factor. Raises `FactorRefusedError`."""

        async def remove(db: AsyncSession) -> tuple[str, ...]:
            await db.execute(delete(TOTP).where(TOTP.user_id == user_id))
            return await self._after_removal(db, user_id, is_needed=is_needed)

        return await self._change(user_id, remove, "factor_removed", Factor.TOTP, Notice.FACTOR_REMOVED, except_session)

    async def add_passkey(
        self,
        user_id: uuid.UUID,
        made: NewPasskey,
        name: str,
        *,
        is_first: bool = False,
        except_session: Session | None = None,
    ) -> Changed:
        """Keep a passkey that was made. Raises `FactorRefusedError`; `is_first` as for `add_totp`."""
        name = parse_passkey_name(name)

        async def add(db: AsyncSession) -> tuple[str, ...]:
            await _refuse_second(db, user_id, is_first=is_first)
            count = await db.scalar(select(func.count()).select_from(Passkey).where(Passkey.user_id == user_id)) or 0
            if count >= self._rules.max_passkeys:
                raise FactorRefusedError("too_many")
            row = Passkey(
                user_id=user_id,
                created_at=self._clock.now(),
                name=name,
                credential_id=made.credential_id,
                public_key=made.public_key,
                sign_count=made.sign_count,
                transports=",".join(made.transports),
                last_used_at=None,
            )
            try:
                async with db.begin_nested():
                    db.add(row)
            except IntegrityError:
                # Somebody has a passkey of this id; WebAuthn Level 3 §7.1 step 26 refuses the second.
                raise FactorRefusedError("passkey_known") from None
            return await self._first_codes(db, user_id)

        return await self._change(user_id, add, "factor_added", Factor.PASSKEY, Notice.FACTOR_ADDED, except_session)

    async def rename_passkey(self, user_id: uuid.UUID, passkey_id: uuid.UUID, name: str) -> None:
        """Call one of the user's passkeys something else. Raises `FactorRefusedError`."""
        name = parse_passkey_name(name)

        async def rename(db: AsyncSession) -> None:
            mine = update(Passkey).where(Passkey.user_id == user_id, Passkey.id == passkey_id)
            if not await wins(db, mine.values(name=name)):
                raise FactorRefusedError("passkey_unknown")

        # Opens and closes nothing: sessions go on, and there is no notice.
        await run_in_unit(self._database, rename, is_read_only=False)
        self._emit(user_id, EventName.USER_UPDATED, "passkey_renamed", Factor.PASSKEY, Caller())

    async def remove_passkey(
        self, user_id: uuid.UUID, passkey_id: uuid.UUID, *, is_needed: bool, except_session: Session | None = None
    ) -> Changed:
        """Remove one of the user's passkeys; `is_needed` keeps the last factor. Raises `FactorRefusedError`."""

        async def remove(db: AsyncSession) -> tuple[str, ...]:
            if not await wins(db, delete(Passkey).where(Passkey.user_id == user_id, Passkey.id == passkey_id)):
                raise FactorRefusedError("passkey_unknown")
            return await self._after_removal(db, user_id, is_needed=is_needed)

        reason = "factor_removed"
        return await self._change(user_id, remove, reason, Factor.PASSKEY, Notice.FACTOR_REMOVED, except_session)

    async def renew_codes(self, user_id: uuid.UUID, *, except_session: Session | None = None) -> Changed:
        """New recovery codes; the former ones are worth nothing. Raises `FactorRefusedError` where there is no factor."""

        async def renew(db: AsyncSession) -> tuple[str, ...]:
            if not (await held_factors(db, user_id)).has_any:
                raise FactorRefusedError("no_factor")
            return await self._write_codes(db, user_id)

        kind = Notice.RECOVERY_CODES_RENEWED
        return await self._change(user_id, renew, "codes_renewed", Factor.RECOVERY_CODE, kind, except_session)

    async def reset(self, user_id: uuid.UUID) -> Changed:
        """Remove every factor: for somebody who lost all of them, and was identified by other means."""

        async def remove(db: AsyncSession) -> tuple[str, ...]:
            for table in (TOTP, Passkey, RecoveryCode):
                await db.execute(delete(table).where(table.user_id == user_id))
            return ()

        return await self._change(user_id, remove, "factors_reset", None, Notice.FACTOR_REMOVED, None)

    async def _change(  # noqa: PLR0917 - one caller's line each
        self,
        user_id: uuid.UUID,
        work: Callable[[AsyncSession], Awaitable[tuple[str, ...]]],
        reason: str,
        factor: Factor | None,
        kind: Notice,
        except_session: Session | None,
    ) -> Changed:
        async def change(db: AsyncSession) -> Changed:
            # First, so that two changes of one user's factors wait for each other.
            await lock_users(db, [user_id])
            codes = await work(db)
            await self._tell(db, user_id, kind, "" if factor is None else factor.value)
            await db.flush()
            ended = await self._sessions.end_all(user_id, except_session=except_session)
            emit_after_commit(db, self._events, self._event(user_id, EventName.USER_UPDATED, reason, factor, Caller()))
            return Changed(epoch=ended.epoch, recovery_codes=codes)

        return await run_in_unit(self._database, change, is_read_only=False)

    async def _first_codes(self, db: AsyncSession, user_id: uuid.UUID) -> tuple[str, ...]:
        await db.flush()
        held = await held_factors(db, user_id)
        return () if held.recovery_codes else await self._write_codes(db, user_id)

    async def _write_codes(self, db: AsyncSession, user_id: uuid.UUID) -> tuple[str, ...]:
        await db.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))
        codes = new_codes(self._rules.recovery_codes)
        now = self._clock.now()
        db.add_all(RecoveryCode(user_id=user_id, created_at=now, code_hash=hash_code(code)) for code in codes)
        return codes

    async def _after_removal(self, db: AsyncSession, user_id: uuid.UUID, *, is_needed: bool) -> tuple[str, ...]:
        if not (await held_factors(db, user_id)).has_any:
            if is_needed:
                raise FactorRefusedError("last_factor")
            await db.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))
        return ()


async def _refuse_second(db: AsyncSession, user_id: uuid.UUID, *, is_first: bool) -> None:
    # The user's row is locked: of two who set up a first factor with one password, one does.
    if is_first and await has_factor(db, user_id):
        raise FactorRefusedError("has_factor")
