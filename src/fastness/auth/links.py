"""One-time links: what a mail carries so that its reader can show that it was read.

Protects accounts whose owner follows a link: the token has 256 random bits and is kept as its SHA-256 digest, so that neither
guessing nor a copy of the database opens anything. A link is good for one purpose and one account or address, for a short
time, once, and only while the account is as it was: the digest of its state dies with a new password, address, sign-in or
closed account, whoever changed it and by whatever way. Use is a DELETE that finds the row or does not, so that of two who use
it at once one is told that it is dead.

Whoever reads the mail can use the link; mail is no second factor. Looking at a link does not use it: scanners of mail follow
every link. Pages keep the key of a link in the session, which is its digest and opens nothing from outside.

ASVS 5.0: V6.5.1 (once only), V6.5.3 (CSPRNG), V6.5.5 (lifetime), V6.5.6 (revocable), V6.6.2 (bound to what it was made for),
V11.4.1, V15.4.2.
"""

import hmac
import uuid
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from sqlalchemy import ForeignKey, LargeBinary, String, delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from fastness.auth.aftercommit import emit_after_commit
from fastness.auth.errors import DeadLinkError
from fastness.auth.purposes import Purpose
from fastness.auth.users import User, email_key
from fastness.db.columns import HIDDEN
from fastness.db.model import Model, PublicID
from fastness.kernel.clock import Clock
from fastness.kernel.events import EventName, EventSink, SecurityEvent
from fastness.kernel.tokens import MalformedTokenError, hash_token, random_token
from fastness.kernel.values import dataclass

DIGEST_BYTES: Final = 32
MAX_DATA_LENGTH: Final = 254
MAX_LIVING: Final = 5
"""Living links of one purpose for one account or address: more mails than that help nobody but a flooder."""


_TIED_TO_SIGN_IN: Final = frozenset({Purpose.RESET, Purpose.INVITE})
"""Dead once somebody has signed in: who can sign in needs neither."""


class OneTimeLink(Model):
    """A link that was sent and not used."""

    __tablename__ = "fastness_links"

    id: Mapped[PublicID]
    token_hash: Mapped[bytes] = mapped_column(LargeBinary(DIGEST_BYTES), unique=True, info={HIDDEN: True})
    purpose: Mapped[str] = mapped_column(String(32))
    user_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("fastness_users.id", ondelete="CASCADE"), index=True)
    state: Mapped[bytes] = mapped_column(LargeBinary(DIGEST_BYTES), info={HIDDEN: True})
    data: Mapped[str] = mapped_column(String(MAX_DATA_LENGTH), default="")
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)

    def __repr__(self) -> str:
        return f"OneTimeLink(id={self.id!r}, purpose={self.purpose!r})"


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundLink:
    """A living link: whose it is, or which address it carries."""

    user: User | None
    data: str


class Links:
    """Makes, finds and uses links inside the caller's unit of work."""

    __slots__ = ("_clock", "_events")

    def __init__(self, *, clock: Clock, events: EventSink) -> None:
        self._clock = clock
        self._events = events

    async def create(
        self, db: AsyncSession, purpose: Purpose, *, user: User | None, lives_for: timedelta, data: str = ""
    ) -> str | None:
        """Make a link and return its token, which goes into a mail and nowhere else; None if enough of them live already."""
        now = self._clock.now()
        await db.execute(delete(OneTimeLink).where(OneTimeLink.expires_at <= now))
        # In any case of letters: they all reach one mailbox.
        same_data = func.lower(OneTimeLink.data) == email_key(data)
        whose = same_data if user is None else OneTimeLink.user_id == user.id
        living = select(func.count()).select_from(OneTimeLink).where(OneTimeLink.purpose == purpose.value, whose)
        if (await db.scalar(living) or 0) >= MAX_LIVING:
            return None
        token = random_token()
        db.add(
            OneTimeLink(
                token_hash=hash_token(token),
                purpose=purpose.value,
                user_id=None if user is None else user.id,
                state=state_of(purpose, user),
                data=data,
                created_at=now,
                expires_at=now + lives_for,
            )
        )
        await db.flush()
        self._emit(db, EventName.AUTHN_TOKEN_CREATED, purpose, user)
        return token

    async def find(self, db: AsyncSession, purpose: Purpose, key: bytes) -> FoundLink | None:
        """The link, if it lives; to show the form. It is not used by this."""
        link = await db.scalar(
            select(OneTimeLink).where(
                OneTimeLink.token_hash == key,
                OneTimeLink.purpose == purpose.value,
                OneTimeLink.expires_at > self._clock.now(),
            )
        )
        if link is None:
            return None
        user = None if link.user_id is None else await db.get(User, link.user_id)
        return _living(purpose, link.user_id, user, link.state, link.data)

    async def use(self, db: AsyncSession, purpose: Purpose, key: bytes) -> FoundLink:
        """Use the link up. Whoever raises after this rolls back, and it lives on.

        Raises:
            DeadLinkError: it was used, is too old, or the account has changed since.
        """
        gone = delete(OneTimeLink).where(
            OneTimeLink.token_hash == key,
            OneTimeLink.purpose == purpose.value,
            OneTimeLink.expires_at > self._clock.now(),
        )
        row = (await db.execute(gone.returning(OneTimeLink.user_id, OneTimeLink.state, OneTimeLink.data))).one_or_none()
        if row is None:
            raise DeadLinkError
        user_id, state, data = row
        user = None if user_id is None else await db.get(User, user_id, with_for_update=True, populate_existing=True)
        found = _living(purpose, user_id, user, state, data)
        if found is None:
            raise DeadLinkError
        self._emit(db, EventName.AUTHN_TOKEN_REVOKED, purpose, user)
        return found

    async def revoke(self, db: AsyncSession, purpose: Purpose, user: User) -> None:
        """Kill the account's links of this purpose."""
        await db.execute(
            delete(OneTimeLink).where(OneTimeLink.purpose == purpose.value, OneTimeLink.user_id == user.id)
        )

    def _emit(self, db: AsyncSession, name: EventName, purpose: Purpose, user: User | None) -> None:
        reason = f"link_{purpose.replace('-', '_')}"
        user_id = "" if user is None else str(user.id)
        emit_after_commit(
            db, self._events, SecurityEvent(name=name, at=self._clock.now(), reason=reason, user_id=user_id)
        )


def key_of(token: str) -> bytes | None:
    """The key under which a link is found, from the text in its address; None for what cannot be a token."""
    try:
        return hash_token(token)
    except MalformedTokenError:
        return None


def state_of(purpose: Purpose, user: User | None) -> bytes:
    """The digest of all that must stay as it is for the link to live."""
    parts = [purpose.value]
    if user is not None:
        parts += [str(user.id), user.email, str(user.is_active), _moment(user.valid_since)]
        if purpose in _TIED_TO_SIGN_IN:
            parts += [user.password_hash or "", _moment(user.last_login_at)]
    digest = sha256()
    for part in parts:
        # Each with its length: no two lists of parts run together into one text (CVE-2026-6873).
        encoded = part.encode(errors="surrogatepass")
        digest.update(len(encoded).to_bytes(8) + encoded)
    return digest.digest()


def _living(
    purpose: Purpose, user_id: uuid.UUID | None, user: User | None, state: bytes, data: str
) -> FoundLink | None:
    if user_id is not None and (user is None or not user.is_active):
        return None
    return FoundLink(user=user, data=data) if hmac.compare_digest(state, state_of(purpose, user)) else None


def _moment(moment: datetime | None) -> str:
    return "" if moment is None else moment.isoformat()
