"""What the office keeps: cases, and the notes in them."""

import uuid
from datetime import UTC, date, datetime
from enum import StrEnum

from sqlalchemy import Enum, ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from fastness import Model
from fastness.auth.users import User
from fastness.db.model import PublicID


class Status(StrEnum):
    """Whose turn it is: ours, somebody else's, or nobody's any more."""

    OPEN = "open"
    WAITING = "waiting"
    CLOSED = "closed"


class Case(Model):
    """One matter of one client, handled by one person."""

    __tablename__ = "cases"
    __table_args__ = (UniqueConstraint("year", "number"),)

    id: Mapped[PublicID]
    owner_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("fastness_users.id"), index=True)
    year: Mapped[int]
    number: Mapped[int]
    title: Mapped[str] = mapped_column(String(200))
    client: Mapped[str] = mapped_column(String(200))
    summary: Mapped[str] = mapped_column(Text, default="")
    status: Mapped[Status] = mapped_column(
        Enum(Status, native_enum=False, length=10, values_callable=lambda states: [state.value for state in states]),
        default=Status.OPEN,
    )
    opened_on: Mapped[date]
    notes: Mapped[list["Note"]] = relationship(back_populates="case", order_by="Note.written_at.desc()")

    @property
    def reference(self) -> str:
        """The number on the folder, for letters and the phone. Nobody is let in by it."""
        return f"{self.year}-{self.number:03}"


class Note(Model):
    """Something that was written down about a case. Notes are added, never changed."""

    __tablename__ = "notes"

    id: Mapped[PublicID]
    case_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("cases.id", ondelete="CASCADE"), index=True)
    author_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("fastness_users.id"))
    text: Mapped[str] = mapped_column(Text)
    written_at: Mapped[datetime] = mapped_column(default=lambda: datetime.now(UTC))
    case: Mapped[Case] = relationship(back_populates="notes")
    author: Mapped[User] = relationship()
