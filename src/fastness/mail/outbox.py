"""The outbox: a mail is a row of the app's database, written in the transaction it tells about.

What is rolled back is told to nobody, and what is committed is told even if the mail server is away or the process dies; the
request does nothing but write the row, so that its time and its answer tell nothing about mail, or about whether an account
exists (CVE-2024-45231: a failed mail was a 500 for known addresses only). `fastness.mail.delivery` sends it.

A mail holds addresses and one-time links. Whoever reads the database, a backup or a replica must not be able to use them:
address, template and values are sealed with a key that is not in the database and bound to the row, a row that was sent is
deleted, one that cannot be sent is emptied, and none outlives `expires_at`. The kind and the times of a mail can be read.

Protected against: control characters in an address or in a value (header injection, CWE-93), values that are markup. Not
covered: who may cause a mail, and how often; that is for the route's access rule and rate limit.

ASVS 5.0: V14.2.4 (protection at rest), V1.3.11 (mail injection), V2.3.3 (one transaction), V6.3.8 (same work for all).
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

from sqlalchemy import String, Text, event, insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, Session, mapped_column

from fastness.db.columns import HIDDEN
from fastness.db.model import Model, PublicID
from fastness.kernel.clock import Clock
from fastness.kernel.languages import LANGUAGE
from fastness.kernel.tokens import random_id
from fastness.mail.mail import MAX_KIND_LENGTH, Mail

SEAL_PURPOSE: Final = "fastness_outbox.sealed"
_WAKES: Final = "fastness_mail_wakes"


class Seals(Protocol):
    """Encrypts a text for one row and one purpose; `fastness.auth.sealing.Sealer` is one."""

    def seal(self, purpose: str, row_id: str, plaintext: str) -> str:
        """The text, unreadable without the app's key."""
        ...

    def open(self, purpose: str, row_id: str, sealed: str) -> str:
        """The text again; raises `TamperedError` if it was sealed for another row, or changed."""
        ...


class QueuedMail(Model):
    """A mail that waits, or that could not be sent."""

    __tablename__ = "fastness_outbox"

    id: Mapped[PublicID]
    kind: Mapped[str] = mapped_column(String(MAX_KIND_LENGTH))
    sealed: Mapped[str] = mapped_column(Text, info={HIDDEN: True})
    """Address, template and values; empty when they are needed no more."""
    is_settled: Mapped[bool] = mapped_column(default=False)
    """Whether the code that decides on mails of this kind has decided."""
    attempts: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    due_at: Mapped[datetime | None] = mapped_column(index=True)
    """When it may be tried next: while it is being sent, the end of the lease. Without, it is tried no more."""
    expires_at: Mapped[datetime]
    last_reason: Mapped[str] = mapped_column(String(64), default="")
    """Why the last attempt failed."""

    def __repr__(self) -> str:
        return f"QueuedMail(id={self.id!r}, kind={self.kind!r})"


# The table, not the class, and made once: nobody reads the row back, and a flush looks through all objects.
_ADD: Final = insert(QueuedMail.__table__)  # type: ignore[arg-type]  # declarative calls its table a FromClause


class Outbox:
    """Takes mails inside the caller's unit of work; the caller commits."""

    __slots__ = ("_clock", "_keep", "_seals", "_wake")

    def __init__(
        self, *, seals: Seals, clock: Clock, keep: timedelta = timedelta(days=3), wake: Callable[[], None] | None = None
    ) -> None:
        """Args: `keep` is how long a mail is tried; `wake` is called after each commit that may have brought one."""
        self._seals = seals
        self._clock = clock
        self._keep = keep
        self._wake = wake

    async def add(self, db: AsyncSession, mail: Mail) -> UUID:
        """Put a mail into the outbox; it is sent after the commit. Returns the id that its Message-ID is made of."""
        mail_id = random_id()
        if not mail.language:
            mail = replace(mail, language=LANGUAGE.get())
        now = self._clock.now()
        lives_for = self._keep if mail.lives_for is None else min(mail.lives_for, self._keep)
        await db.execute(
            _ADD,
            {
                "id": mail_id,
                "kind": mail.kind,
                "sealed": self._seals.seal(SEAL_PURPOSE, str(mail_id), mail.to_text()),
                "created_at": now,
                "due_at": now,
                "expires_at": now + lives_for,
            },
        )
        if self._wake is not None:
            db.sync_session.info[_WAKES] = self._wake
        return mail_id


@event.listens_for(Session, "after_commit")
def _wake(session: Session) -> None:
    wake: Callable[[], None] | None = session.info.get(_WAKES)
    if wake is not None:
        wake()
