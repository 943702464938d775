"""What the offices keep: who works where, cases, their notes and fees, and with whom a case is shared."""

import uuid
from datetime import UTC, date, datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, Enum, ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from casebook.money import MOST_CENTS, amount_text
from fastness import Model
from fastness.auth.users import User
from fastness.db.model import PublicID


class Status(StrEnum):
    """Whose turn it is: ours, somebody else's, or nobody's any more."""

    OPEN = "open"
    WAITING = "waiting"
    CLOSED = "closed"


class Stage(StrEnum):
    """How far a fee has come."""

    DUE = "due"
    PAID = "paid"


class Duty(StrEnum):
    """What somebody does in an office."""

    OWNER = "owner"
    """Writes, shares, and says who works here."""
    EDITOR = "editor"
    """Writes and shares."""
    READER = "reader"
    """Reads."""


def stored(states: type[StrEnum]) -> Enum:
    """A column for one of the states, which the database checks."""
    return Enum(states, native_enum=False, length=10, values_callable=lambda all_: [state.value for state in all_])


class Office(Model):
    """One advice centre. Nothing of it is seen from another one."""

    __tablename__ = "offices"

    id: Mapped[PublicID]
    name: Mapped[str] = mapped_column(String(200))
    members: Mapped[list["Member"]] = relationship(back_populates="office")


class Member(Model):
    """Somebody who works in an office."""

    __tablename__ = "members"
    __table_args__ = (UniqueConstraint("office_id", "user_id"),)

    id: Mapped[PublicID]
    office_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("offices.id", ondelete="CASCADE"))
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("fastness_users.id", ondelete="CASCADE"), index=True)
    duty: Mapped[Duty] = mapped_column(stored(Duty))
    office: Mapped[Office] = relationship(back_populates="members")
    user: Mapped[User] = relationship()


class Case(Model):
    """One matter of one client, handled by one person of one office."""

    __tablename__ = "cases"
    __table_args__ = (UniqueConstraint("office_id", "year", "number"),)

    id: Mapped[PublicID]
    office_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("offices.id"))
    owner_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("fastness_users.id"), index=True)
    year: Mapped[int]
    number: Mapped[int]
    title: Mapped[str] = mapped_column(String(200))
    client: Mapped[str] = mapped_column(String(200))
    summary: Mapped[str] = mapped_column(Text, default="")
    status: Mapped[Status] = mapped_column(stored(Status), default=Status.OPEN)
    opened_on: Mapped[date]
    charged_at: Mapped[datetime | None]
    """When a fee was last added. Whoever adds one writes the case too: closing it looks at the fees, and on PostgreSQL
    two people who write different rows at the same moment do not see each other."""
    office: Mapped[Office] = relationship()
    owner: Mapped[User] = relationship()
    notes: Mapped[list["Note"]] = relationship(back_populates="case", order_by="Note.written_at.desc()")
    fees: Mapped[list["Fee"]] = relationship(back_populates="case", order_by="Fee.charged_at")
    shares: Mapped[list["Share"]] = relationship(back_populates="case")

    @property
    def reference(self) -> str:
        """The number on the folder, for letters and the phone. Nobody is let in by it."""
        return f"{self.year}-{self.number:03}"


class Share(Model):
    """A colleague of another office who may see one case, and write notes in it if the office says so."""

    __tablename__ = "shares"
    __table_args__ = (UniqueConstraint("case_id", "user_id"),)

    id: Mapped[PublicID]
    case_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("cases.id", ondelete="CASCADE"))
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("fastness_users.id", ondelete="CASCADE"), index=True)
    may_write: Mapped[bool] = mapped_column(default=False)
    case: Mapped[Case] = relationship(back_populates="shares")
    user: Mapped[User] = relationship()


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


class Fee(Model):
    """Something that the client of a case pays for. Only its stage changes, and who saw that."""

    __tablename__ = "fees"
    __table_args__ = (CheckConstraint(f"cents BETWEEN 1 AND {MOST_CENTS}", name="amount"),)

    id: Mapped[PublicID]
    case_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("cases.id", ondelete="CASCADE"), index=True)
    purpose: Mapped[str] = mapped_column(String(200))
    cents: Mapped[int]
    stage: Mapped[Stage] = mapped_column(stored(Stage), default=Stage.DUE)
    charged_at: Mapped[datetime] = mapped_column(default=lambda: datetime.now(UTC))
    paid_at: Mapped[datetime | None]
    paid_to_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("fastness_users.id"))
    """Who recorded the payment."""
    case: Mapped[Case] = relationship(back_populates="fees")
    paid_to: Mapped[User | None] = relationship()

    @property
    def amount(self) -> str:
        """How much it is, for people."""
        return amount_text(self.cents)
