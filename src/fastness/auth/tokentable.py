"""The table of API tokens.

The secret is not in it: a token is kept as its SHA-256, which nobody can turn back. A row stays for a while after its end, so
that use of a revoked token is told from a token that never was.

ASVS 5.0: V14.2.4, V7.2.3.
"""

import uuid
from datetime import datetime

from sqlalchemy import ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from fastness.auth.token_rules import MAX_NAME_LENGTH
from fastness.db.columns import HIDDEN
from fastness.db.model import Model, PublicID


class APIToken(Model):
    """A key with which a program acts for a person."""

    __tablename__ = "fastness_tokens"

    id: Mapped[PublicID]
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("fastness_users.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(MAX_NAME_LENGTH))
    digest: Mapped[str] = mapped_column(String(64), info={HIDDEN: True})
    """SHA-256 of the whole token, in hex."""
    permissions: Mapped[str] = mapped_column(Text)
    """The names of what it may do at most, a space between them."""
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]

    @property
    def scope(self) -> tuple[str, ...]:
        """What it may do at most."""
        return tuple(self.permissions.split())

    def is_live(self, now: datetime) -> bool:
        """Whether it was neither revoked nor is too old."""
        return self.revoked_at is None and now < self.expires_at

    def __repr__(self) -> str:
        return f"APIToken(id={self.id!r})"
