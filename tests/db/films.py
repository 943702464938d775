"""A table with a column of each kind, for the tests of queries and lists."""

import uuid
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from sqlalchemy import JSON, ForeignKey, Numeric
from sqlalchemy.orm import Mapped, mapped_column, relationship

from fastness.db.engine import Database
from fastness.db.model import Model, PublicID


class Kind(StrEnum):
    LONG = "long"
    SHORT = "short-film"


class Studio(Model):
    __tablename__ = "test_list_studios"

    id: Mapped[PublicID]
    name: Mapped[str]


class Film(Model):
    __tablename__ = "test_list_films"

    id: Mapped[PublicID]
    title: Mapped[str]
    subtitle: Mapped[str | None]
    stars: Mapped[int | None]
    price: Mapped[Decimal | None] = mapped_column(Numeric(10, 2))
    length: Mapped[float] = mapped_column(default=1.5)
    kind: Mapped[Kind] = mapped_column(default=Kind.LONG)
    is_rare: Mapped[bool] = mapped_column(default=False)
    released_on: Mapped[date | None]
    shown_at: Mapped[datetime | None]
    data: Mapped[dict[str, object]] = mapped_column(JSON, default=dict)
    password_hash: Mapped[str] = mapped_column(default="secret")
    studio_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("test_list_studios.id"))
    studio: Mapped[Studio | None] = relationship()


TABLES = [Model.metadata.tables[model.__tablename__] for model in (Studio, Film)]


async def make_tables(database: Database) -> None:
    async with database.write.begin() as connection:
        await connection.run_sync(Model.metadata.create_all, tables=TABLES)
