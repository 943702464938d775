"""The tables of second factors.

A row is a way into an account, so rows are written by `fastness.auth.factors` only. The secret of one-time passwords is sealed
to its row, recovery codes are hashed, passkeys are public keys: whoever reads these tables can sign in as nobody.

ASVS 5.0: V11.3.2, V6.5.2 (recovery codes have 120 bits, so a plain hash holds), V14.2.4.
"""

import uuid
from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from fastness.auth.factor_types import MAX_PASSKEY_NAME
from fastness.db.columns import HIDDEN
from fastness.db.model import Model, PublicID

MAX_CREDENTIAL_ID = 1400
"""In base64url: 1023 bytes (WebAuthn Level 3 §4) need 1364 characters."""


class TOTP(Model):
    """The app on a telephone that shows one-time passwords. One for each user."""

    __tablename__ = "fastness_totp"

    id: Mapped[PublicID]
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("fastness_users.id", ondelete="CASCADE"), unique=True)
    created_at: Mapped[datetime]
    secret: Mapped[str] = mapped_column(Text, info={HIDDEN: True})
    """Sealed."""
    last_step: Mapped[int] = mapped_column(BigInteger)
    """The step of the last code that was taken: neither it nor an older one is taken again."""
    last_used_at: Mapped[datetime | None]

    def __repr__(self) -> str:
        return f"TOTP(id={self.id!r})"


class Passkey(Model):
    """A passkey: the public half of a key pair that stays in somebody's device or password manager."""

    __tablename__ = "fastness_passkeys"

    id: Mapped[PublicID]
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("fastness_users.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime]
    name: Mapped[str] = mapped_column(String(MAX_PASSKEY_NAME))
    credential_id: Mapped[str] = mapped_column(String(MAX_CREDENTIAL_ID), unique=True)
    public_key: Mapped[str] = mapped_column(Text)
    sign_count: Mapped[int] = mapped_column(BigInteger)
    """What the authenticator last counted; 0 for one that does not count."""
    transports: Mapped[str] = mapped_column(String(128))
    last_used_at: Mapped[datetime | None]

    def __repr__(self) -> str:
        return f"Passkey(id={self.id!r})"


class RecoveryCode(Model):
    """A recovery code that was not used yet. Used ones are deleted."""

    __tablename__ = "fastness_recovery_codes"
    __table_args__ = (UniqueConstraint("user_id", "code_hash"),)

    id: Mapped[PublicID]
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("fastness_users.id", ondelete="CASCADE"))
    created_at: Mapped[datetime]
    code_hash: Mapped[str] = mapped_column(String(64), info={HIDDEN: True})

    def __repr__(self) -> str:
        return f"RecoveryCode(id={self.id!r})"
