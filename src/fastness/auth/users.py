"""The users table.

A user is known outside by a random id that tells neither how many there are nor when each came. The name is kept as
it is shown and as it is compared (`fastness.auth.usernames`). A password hash leaves this table only on its way to
the hasher: no page, log or repr shows it (CVE-2026-113733: a view-only admin saw whole hashes). An app's own fields
about a person live in the app's table, joined by the id; this one is never altered by an app.

ASVS 5.0: V14.2.4, V16.2.5 (hashes are not shown or logged), V6.3.8 (one row or none, the same query).
"""

import uuid
from datetime import datetime
from string import ascii_lowercase, ascii_uppercase
from typing import Final

from sqlalchemy import String, Uuid, bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column, validates
from sqlalchemy.orm.attributes import set_committed_value

from fastness.auth.usernames import MAX_LENGTH, shown_name, try_username_key
from fastness.db.columns import PasswordHash
from fastness.db.model import Model, PublicID

_ASCII_LOWER: Final = str.maketrans(ascii_uppercase, ascii_lowercase)


class User(Model):
    """Somebody who can have an account here."""

    __tablename__ = "fastness_users"

    id: Mapped[PublicID]
    username: Mapped[str] = mapped_column(String(MAX_LENGTH))
    username_key: Mapped[str] = mapped_column(String(4 * MAX_LENGTH), unique=True)
    display_name: Mapped[str] = mapped_column(String(254), default="")
    email: Mapped[str] = mapped_column(String(254), default="")
    email_key: Mapped[str] = mapped_column(String(254), default="", index=True)
    """The address as it is compared; set with it. Several accounts may name one address that nobody has confirmed."""
    confirmed_email_key: Mapped[str | None] = mapped_column(String(254), index=True, unique=True)
    """The same once a link that went there was followed: at most one account has it. Another address takes it away."""
    password_hash: Mapped[str | None] = mapped_column(PasswordHash)
    is_active: Mapped[bool] = mapped_column(default=True)
    is_staff: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]
    last_login_at: Mapped[datetime | None]
    valid_since: Mapped[datetime]
    """Sign-ins from before this moment count no longer: set with the password and with the end of the account."""

    @validates("email")
    def _set_email_key(self, _name: str, email: str) -> str:
        key = email_key(email)
        if key != self.email_key:
            self.email_key = key
            self.confirmed_email_key = None
        return email

    @validates("display_name")
    def _set_display_name(self, _name: str, display_name: str) -> str:
        return shown_name(display_name)

    @property
    def has_confirmed_email(self) -> bool:
        """Whether the address of the account was shown to be its owner's."""
        return self.confirmed_email_key is not None

    def __repr__(self) -> str:
        return f"User(id={self.id!r})"


def email_key(address: str) -> str:
    """The address as it is compared.

    Only ASCII letters lose their case. With Unicode's rules other letters become ASCII ones, and a link for one mailbox would
    go to another (CVE-2019-19844); the part before the @ is written in one case by everybody, whatever RFC 5321 §2.4 permits.
    """
    return address.strip(" ").translate(_ASCII_LOWER)


async def find_user(db: AsyncSession, username: str) -> User | None:
    """Find the user with this name, written in any case and form."""
    key = try_username_key(username)
    return None if key is None else await db.scalar(select(User).where(User.username_key == key))


async def get_user(db: AsyncSession, user_id: uuid.UUID) -> User | None:
    """Get the user with this id."""
    return await db.get(User, user_id)


# The table, and made once: a flush looks at all that was read, and makes a statement anew.
_SIGNED_IN: Final = (
    update(User.__table__)  # type: ignore[arg-type]  # declarative calls its table a FromClause
    .where(User.id == bindparam("user_id", type_=Uuid()))
    .values(last_login_at=bindparam("at"))
)


async def write_sign_in(db: AsyncSession, user: User, at: datetime) -> None:
    """Write the moment of a sign-in into the user's row."""
    await db.execute(_SIGNED_IN, {"user_id": user.id, "at": at})
    set_committed_value(user, "last_login_at", at)
