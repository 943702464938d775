"""The rows of the page that Fastness reads through its ORM session, and the seed of its database."""

import asyncio
import json
import secrets
import uuid
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import ForeignKey, String
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from bench import data
from bench.apps.fastness_settings import load_settings
from bench.factors import FILE_NAME
from fastness import Fastness, Model
from fastness.auth.factors import SEAL_PURPOSE
from fastness.auth.factortables import TOTP, Passkey, RecoveryCode
from fastness.auth.recovery import hash_code, new_codes
from fastness.auth.sealing import Sealer
from fastness.auth.totp import secret_text
from fastness.auth.users import User
from fastness.db.migrations import upgrade

RECOVERY_CODES = 500
"""More than anybody has: there is a sign-in every few seconds."""


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
        kept = {}
        for number, account in enumerate(data.ACCOUNTS):
            async with services.open_unit(is_read_only=False) as unit:
                user = await services.accounts.create_user(
                    unit.session,
                    username=account.username,
                    password=account.password,
                    display_name=account.display_name,
                    email=f"{account.username}@mail.example",
                )
                if number:
                    # Everybody but the one who only reads.
                    await unit.session.flush()
                    kept[account.username] = add_factors(unit.session, services.sealer, user)
                unit.session.add_all(Note(owner_id=user.id, author=row.author, text=row.text) for row in data.ROWS)
        (folder / FILE_NAME).write_text(json.dumps(kept))
    finally:
        await app.close()


def add_factors(db: AsyncSession, sealer: Sealer, user: User) -> dict[str, object]:
    """An app, a passkey that stays in its pocket, and enough recovery codes; what their owner has of them."""
    now = datetime.now(UTC)
    secret, row_id = secrets.token_bytes(20), uuid.uuid4()
    sealed = sealer.seal(SEAL_PURPOSE, str(row_id), secret_text(secret))
    db.add(TOTP(id=row_id, user_id=user.id, created_at=now, secret=sealed, last_step=0, last_used_at=None))
    credential = secrets.token_urlsafe(32)
    db.add(
        Passkey(
            user_id=user.id, created_at=now, name="Telephone", credential_id=credential, public_key="", sign_count=0,
            transports="internal", last_used_at=None,
        )
    )  # fmt: skip
    codes = new_codes(RECOVERY_CODES)
    db.add_all(RecoveryCode(user_id=user.id, created_at=now, code_hash=hash_code(code)) for code in codes)
    return {"secret": secret.hex(), "codes": codes}
