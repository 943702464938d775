"""Two tables that the tests of this part share."""

import uuid
from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column, relationship

from fastness.db.model import Model, PublicID


class Shelf(Model):
    __tablename__ = "test_db_shelves"

    id: Mapped[PublicID]
    name: Mapped[str] = mapped_column(unique=True)
    built_at: Mapped[datetime | None]
    books: Mapped[list["Book"]] = relationship(back_populates="shelf", order_by="Book.title")


class Book(Model):
    __tablename__ = "test_db_books"

    id: Mapped[PublicID]
    title: Mapped[str]
    shelf_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("test_db_shelves.id"))
    shelf: Mapped[Shelf] = relationship(back_populates="books")
