"""The rows of the page that Fastness reads through its ORM session, and the seed of its database."""

import asyncio
import uuid
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from bench import data
from bench.apps.fastness_settings import load_settings
from fastness import Fastness, Model
from fastness.auth.users import User
from fastness.db.migrations import upgrade


class Note(Model):
    """A note of one user."""

    __tablename__ = "notes"

    id: Mapped[int] = mapped_column(primary_key=True)
    owner_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(User.id), index=True)
    author: Mapped[str] = mapped_column(String(200))
    text: Mapped[str] = mapped_column(String(500))
    created: Mapped[datetime] = mapped_column(default=lambda: datetime.now(UTC))


def seed(folder: Path) -> None:
    """Create the tables, the accounts, and for each the twenty notes of the page."""
    upgrade(load_settings(folder).database_url, None)
    asyncio.run(_fill(folder))


async def _fill(folder: Path) -> None:
    app = Fastness(load_settings(folder))
    await app.open()
    try:
        services = app.services
        async with services.database.write.begin() as connection:
            await connection.run_sync(Note.metadata.tables["notes"].create)
        for account in data.ACCOUNTS:
            async with services.open_unit(is_read_only=False) as unit:
                user = await services.accounts.create_user(
                    unit.session,
                    username=account.username,
                    password=account.password,
                    display_name=account.display_name,
                )
                unit.session.add_all(Note(owner_id=user.id, author=row.author, text=row.text) for row in data.ROWS)
    finally:
        await app.close()
