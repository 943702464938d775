"""Reading the rows of second factors, and the one way to write one that only one of two requests can win.

ASVS 5.0: V15.4.2 (check and use are one statement).
"""

import uuid
from base64 import b32decode
from datetime import datetime
from typing import Any, Final

from sqlalchemy import CursorResult, Row, Uuid, bindparam, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.dml import Delete, Update

from fastness.auth.errors import FactorRefusedError
from fastness.auth.factor_types import MAX_PASSKEY_NAME, Held, KnownPasskey
from fastness.auth.factortables import TOTP, Passkey, RecoveryCode

# Made once: every sign-in asks, and to put a statement together costs as much as to run it.
_USER_ID: Final = bindparam("user_id", type_=Uuid())
_HAS_FACTOR: Final = select(
    or_(exists().where(TOTP.user_id == _USER_ID), exists().where(Passkey.user_id == _USER_ID)),
)
_APP_AND_CODES: Final = select(
    select(TOTP.created_at).where(TOTP.user_id == _USER_ID).scalar_subquery(),
    select(func.count()).select_from(RecoveryCode).where(RecoveryCode.user_id == _USER_ID).scalar_subquery(),
)
# Columns, not objects: nothing changes them, and the key itself is not read.
_PASSKEYS: Final = (
    select(
        Passkey.id,
        Passkey.name,
        Passkey.credential_id,
        Passkey.transports,
        Passkey.created_at,
        Passkey.last_used_at,
    )
    .where(Passkey.user_id == _USER_ID)
    .order_by(Passkey.created_at, Passkey.id)
)


async def held_factors(db: AsyncSession, user_id: uuid.UUID) -> Held:
    """The second factors of a user, as the transaction sees them."""
    since, codes = (await db.execute(_APP_AND_CODES, {"user_id": user_id})).one()
    rows = await db.execute(_PASSKEYS, {"user_id": user_id})
    return Held(totp_since=since, passkeys=tuple(_known(row) for row in rows), recovery_codes=codes)


async def has_factor(db: AsyncSession, user_id: uuid.UUID) -> bool:
    """Whether the user has a second factor, as the transaction sees it."""
    return bool(await db.scalar(_HAS_FACTOR, {"user_id": user_id}))


def _known(row: Row[uuid.UUID, str, str, str, datetime, datetime | None]) -> KnownPasskey:
    return KnownPasskey(
        id=row.id,
        name=row.name,
        credential_id=row.credential_id,
        transports=tuple(name for name in row.transports.split(",") if name),
        created_at=row.created_at,
        last_used_at=row.last_used_at,
    )


def parse_passkey_name(text: str) -> str:
    """What a passkey is called; raises `FactorRefusedError` for what cannot be read on a page."""
    name = " ".join(text.split())[:MAX_PASSKEY_NAME]
    if not name or not name.isprintable():
        raise FactorRefusedError("name")
    return name


def read_secret(text: str) -> bytes:
    """The secret of one-time passwords, from the text that is sealed."""
    return b32decode(text + "=" * (-len(text) % 8))


async def wins(db: AsyncSession, statement: Update | Delete) -> bool:
    """Whether this statement, and not one beside it, changed the row."""
    result: CursorResult[Any] = await db.execute(statement)  # type: ignore[assignment]
    return result.rowcount == 1
