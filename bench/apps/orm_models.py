"""The SQLAlchemy models that the FastAPI and the Litestar applications share, and the seed of their databases."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, ForeignKey, String, create_engine, event
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from bench import data
from bench.apps.passwords import make_hasher


class Base(DeclarativeBase):
    """The declarative base."""


class User(Base):
    """Somebody who can sign in."""

    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)
    username: Mapped[str] = mapped_column(String(100), unique=True)
    display_name: Mapped[str] = mapped_column(String(200))
    password_hash: Mapped[str] = mapped_column(String(200))
    is_active: Mapped[bool] = mapped_column(default=True)


class Note(Base):
    """A note of one user."""

    __tablename__ = "notes"

    id: Mapped[int] = mapped_column(primary_key=True)
    owner_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    author: Mapped[str] = mapped_column(String(200))
    text: Mapped[str] = mapped_column(String(500))
    created: Mapped[datetime] = mapped_column(default=lambda: datetime.now(UTC))


def file_of(folder: Path) -> Path:
    """Where the database is."""
    return folder / "orm.sqlite3"


def use_write_ahead_log(engine: Engine) -> None:
    """Set the same pragmas on each connection as all applications of the benchmark."""

    @event.listens_for(engine, "connect")
    def set_pragmas(connection: Any, _record: object) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()


def seed(folder: Path) -> None:
    """Write the accounts and, for each, the twenty notes of the page."""
    hasher = make_hasher()
    engine = create_engine(f"sqlite:///{file_of(folder)}")
    use_write_ahead_log(engine)
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        for account in data.ACCOUNTS:
            user = User(
                username=account.username,
                display_name=account.display_name,
                password_hash=hasher.hash(account.password),
            )
            session.add(user)
            session.flush()
            session.add_all(Note(owner_id=user.id, author=row.author, text=row.text) for row in data.ROWS)
        session.commit()
    engine.dispose()
