"""Answers that are kept for a while, so that a request that is sent twice is carried out once.

A client that hears nothing does not know whether its payment arrived, so it sends it again. It names the request by a key of
its own, and gets the first answer back. The row is written in the transaction of the work itself: either both are there or
neither, also after a crash between them. A key is looked up among those of one person, so nobody reads an answer of somebody
else by guessing, and it stands for one request: with another address or another body it is refused. The answer is sealed,
since it may hold what is shown once (a token). After a day it is forgotten.

ASVS 5.0: V2.3.3 (as a whole or not at all), V2.3.4 (not twice).
"""

import hashlib
import json
from datetime import datetime, timedelta
from typing import Final, NamedTuple, TypeAlias
from uuid import UUID

from sqlalchemy import String, Text, delete
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from fastness.auth.sealing import Sealer
from fastness.db.engine import Database
from fastness.db.errors import TransactionConflictError
from fastness.db.model import Model
from fastness.db.unit import Unit
from fastness.kernel import texts
from fastness.kernel.clock import Clock
from fastness.kernel.errors import DeniedError

KEPT: Final = timedelta(hours=24)
_PURPOSE: Final = "kept-answer"


class KeyInUseError(DeniedError):
    """The first request with this key is still being carried out."""

    code = "idempotency_key_in_use"
    status = 409
    public: str = texts.Text(
        "The first request with this Idempotency-Key is still being carried out. Ask again in a moment."
    )


class KeyReusedError(DeniedError):
    """The key was used for another request before."""

    code = "idempotency_key_reused"
    status = 422
    public: str = texts.Text("This Idempotency-Key belongs to another request. A new request takes a new key.")


Answer: TypeAlias = tuple[int, tuple[tuple[str, str], ...], bytes]
"""Status, headers and body of what was answered."""


class Named(NamedTuple):
    """A request, as its key names it."""

    id: str
    digest: str


class KeptAnswer(Model):
    """One request that was named by a key, and its answer."""

    __tablename__ = "fastness_answers"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    """SHA-256 over the person and the key."""
    digest: Mapped[str] = mapped_column(String(64))
    """SHA-256 over the request."""
    created_at: Mapped[datetime] = mapped_column(index=True)
    sealed: Mapped[str] = mapped_column(Text, default="")


class Answers:
    """Finds and keeps answers, inside the caller's unit of work."""

    __slots__ = ("_clock", "_database", "_sealer")

    def __init__(self, *, database: Database, sealer: Sealer, clock: Clock) -> None:
        self._database = database
        self._sealer = sealer
        self._clock = clock

    @staticmethod
    def named(person: UUID, key: bytes, request: tuple[bytes, ...]) -> Named:
        """What a person sent under `key`: `request` is all that makes it the same request."""
        return Named(_hash(person.bytes, key), _hash(*request))

    async def find_or_begin(self, db: AsyncSession, named: Named) -> Answer | None:
        """The answer that was given before; or nothing, and the key is taken by this unit, which has written nothing yet.

        Raises:
            KeyReusedError: the key was used for another request.
            KeyInUseError: another unit has taken it at this moment.
        """
        now = self._clock.now()
        await db.execute(delete(KeptAnswer).where(KeptAnswer.id == named.id, KeptAnswer.created_at < now - KEPT))
        known = await db.get(KeptAnswer, named.id)
        if known is not None:
            if known.digest != named.digest:
                raise KeyReusedError("an Idempotency-Key came again with another request")
            return _read(self._sealer.open(_PURPOSE, named.id, known.sealed))
        db.add(KeptAnswer(id=named.id, digest=named.digest, created_at=now))
        try:
            await db.flush()
        except (IntegrityError, TransactionConflictError):
            # PostgreSQL lets the second wait for the first, and tells it then; on SQLite the second reads the first's row.
            raise KeyInUseError("two requests with one Idempotency-Key at the same time") from None
        return None

    async def keep(self, db: AsyncSession, named: Named, answer: Answer) -> None:
        """Keep the answer to the request that `find_or_begin` began."""
        kept = await db.get_one(KeptAnswer, named.id)
        kept.sealed = self._sealer.seal(_PURPOSE, named.id, _written(answer))
        await db.flush()

    async def forget_old(self) -> int:
        """Remove the answers that are too old to be asked for; returns how many."""
        async with Unit(self._database, is_read_only=False) as unit:
            old = delete(KeptAnswer).where(KeptAnswer.created_at < self._clock.now() - KEPT)
            return len((await unit.session.scalars(old.returning(KeptAnswer.id))).all())


def _hash(*parts: bytes) -> str:
    # Each part with its length: no two lists of parts look the same.
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


def _written(answer: Answer) -> str:
    status, headers, body = answer
    return json.dumps([status, headers, body.decode("latin-1")])


def _read(text: str) -> Answer:
    status, headers, body = json.loads(text)
    return status, tuple((name, value) for name, value in headers), body.encode("latin-1")
