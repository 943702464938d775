"""The life of sessions: load, save, rotate, sign in and out, end.

One store read per request, and no write unless something changed or the idle clock is a minute old. The attacker may guess ids,
plant one in a victim's browser, replay one after sign-out, and race any two requests; the rules are:

* an id is accepted only if the store knows it, and is replaced whenever privileges change (`sign_in`, `rotate`);
* the old id dies with the rotation. A parallel request that still carries it is simply not signed in; its response leaves the
  browser's cookie alone, because the browser may already hold the new one;
* a session that was ended is never written again: saving compares the version, merges what a parallel request stored, and gives
  up if there is nothing left to merge with. A rotation that races with an end is undone;
* ended sessions leave a tombstone, so that use after sign-out is an event of its own. It costs no second read.

Not covered: an id stolen from the visitor's device works until the session ends. With the store away, `load` raises
`StoreUnavailableError` for a request with a cookie: nobody is signed in by default.

ASVS 5.0: V7.2.1, V7.2.4, V7.3.1, V7.3.2, V7.4.1, V7.4.2, V7.4.3, V7.5.2, V15.4.2, V16.3.1.
"""

from collections.abc import Collection
from dataclasses import replace
from functools import lru_cache
from typing import Final, NamedTuple
from uuid import UUID

from fastness.kernel.clock import Clock
from fastness.kernel.errors import ConfigError
from fastness.kernel.events import EventName, EventSink, SecurityEvent
from fastness.kernel.tokens import hash_token
from fastness.sessions.identity import Identity
from fastness.sessions.record import (
    EndReason,
    Record,
    Tombstone,
    decode_identity,
    encode_record,
    encode_tombstone,
    try_decode,
)
from fastness.sessions.rules import SessionRules
from fastness.sessions.session import KEY_PREFIX, RejectReason, Session, SessionTooLargeError
from fastness.stores.store import StaleVersionError, Store, StoredValue

ID_LENGTH: Final = 43
"""Characters of a session id: 32 bytes in base64url without padding."""
MAX_ATTEMPTS: Final = 64
"""Each failed attempt means that another request's write succeeded; 64 in a row is not a race but a fault."""
ROTATION_RACE_SECONDS: Final = 10
"""So long after a rotation, a request with the old id is taken for one that was under way, and writes no event."""
REMEMBERED_IDENTITIES: Final = 4_096


class SaveResult(NamedTuple):
    """What the response has to do with the session cookie."""

    cookie_value: str | None = None
    """Set the cookie to this."""
    delete_cookie: bool = False
    """Delete the cookie. Never together with a value."""
    max_age_seconds: int | None = None
    """Of the cookie that is set; None for one that ends with the browser."""


_LEAVE_COOKIE: Final = SaveResult()
_DELETE_COOKIE: Final = SaveResult(delete_cookie=True)


class SessionSummary(NamedTuple):
    """One of a user's sessions, for the page that lists them."""

    id_hash: bytes
    created: float
    seen: float
    is_remembered: bool


class Sessions:
    """Loads and saves sessions; one per application."""

    def __init__(self, store: Store, rules: SessionRules, clock: Clock, events: EventSink | None = None) -> None:
        self._store = store
        self._rules = rules
        self._clock = clock
        self._events = events
        # Holds no authority: the same bytes always give the same frozen value, and the bytes come from the store each time.
        self._decode_identity = lru_cache(maxsize=REMEMBERED_IDENTITIES)(decode_identity)

    async def load(self, cookie_value: str | None, *, events: EventSink | None = None) -> Session:
        """The session of this cookie, or an empty one without an id; `rejected` tells that the cookie was refused.

        `events` takes the events of this request instead of the application's sink (which knows no address or route).
        """
        now = self._clock.epoch()
        session = Session(now=now, max_bytes=self._rules.max_bytes, events=events or self._events)
        if cookie_value is None:
            return session
        if len(cookie_value) != ID_LENGTH or not cookie_value.isascii():
            session.rejection = RejectReason.MALFORMED
            return session
        id_hash = hash_token(cookie_value)
        stored = await self._store.get(KEY_PREFIX + id_hash)
        if stored is None:
            session.rejection = RejectReason.UNKNOWN
            return session
        found = try_decode(stored.value, self._decode_identity)
        if isinstance(found, Record):
            timeout = self._timeout(found, now)
            if timeout is None:
                session._adopt(id_hash, found, version=stored.version, owner_epoch=stored.owner_epoch)
            else:
                session.rejection = RejectReason.EXPIRED
                await self._expire(session, KEY_PREFIX + id_hash, stored, found, timeout)
        else:
            self._meet_tombstone(session, found, now)
        return session

    async def save(self, session: Session) -> SaveResult:
        """Write what this request changed. Call it before the response starts; it says what to do with the cookie.

        If the session was ended meanwhile, nothing is written. Raises `SessionTooLargeError`, `StoreUnavailableError`.
        """
        predecessor = session._predecessor
        if predecessor is not None and not predecessor.is_continued and predecessor.reason is not EndReason.ROTATED:
            await self._end_stored(session, predecessor.key, predecessor.reason, predecessor.user_id)
            session._predecessor = None
        if session.is_new:
            if session._id_hash or session._identity is not None or session.keys():
                return await self._create(session)
        elif session.is_changed:
            if not await self._update(session):
                return self._lost(session)
        else:
            await self._touch(session)
        if session._drops_cookie or session.rejection not in {None, RejectReason.ROTATED}:
            return _DELETE_COOKIE
        return _LEAVE_COOKIE

    def sign_in(
        self, session: Session, identity: Identity, *, remember: bool = False, keep: Collection[str] = ()
    ) -> None:
        """Make the session that of this user, under a new id and with new clocks, when it is saved.

        Values from before are dropped but for the keys in `keep`: another person, or an attacker who planted them, may have
        stored them. A user who only proves again who they are keeps all; pass `remember=session.is_remembered` then.
        """
        is_same_user = session._identity is not None and session._identity.id == identity.id
        before = session._load_values()
        kept = {key: value for key, value in before.items() if is_same_user or key in keep}
        session._retire(EndReason.ROTATED, is_continued=False)
        session._reset(self._clock.epoch())
        session._renew_id()
        session._values = kept
        session._identity = identity
        session._has_new_identity = True
        session._stored_epoch = identity.epoch
        session._remember = remember

    def sign_out(self, session: Session) -> None:
        """Empty the session; its record ends when it is saved, also if something new (a notice) is stored until then."""
        session._retire(EndReason.SIGNED_OUT, is_continued=False)
        session._reset(self._clock.epoch())
        session._drops_cookie = True

    def rotate(self, session: Session) -> None:
        """Give the session a new id when it is saved; values, identity and clocks stay. Do so when privileges change."""
        if session.is_new:
            return  # An id of this very request has not left the server yet.
        session._load_values()
        session._retire(EndReason.ROTATED, is_continued=True)
        session._renew_id()

    async def refresh_identity(self, session: Session, identity: Identity | None) -> None:
        """Replace a stale snapshot by a new one of the same user; None (no such user, inactive) ends the session.

        When and how the visitor proved who they are stays as it was. A snapshot that may do more gets a new id.
        """
        if identity is None:
            await self.end(session, reason=EndReason.REVOKED)
            return
        former = session._identity
        if former is None or former.id != identity.id:
            raise ConfigError("refresh_identity takes a snapshot of the session's own user; use sign_in for another.")
        # The epoch is the one read together with the session, hence before the user's row: a change since then shows up as
        # stale again on the next request.
        session._identity = replace(
            identity,
            authenticated_at=former.authenticated_at,
            second_factor_at=former.second_factor_at,
            epoch=session._stored_epoch,
        )
        session._has_new_identity = True
        if session._identity.gains_over(former):
            self.rotate(session)

    async def end(self, session: Session, *, reason: EndReason = EndReason.SIGNED_OUT) -> None:
        """End the session now, not when it is saved: its id is refused from here on, by every process."""
        session._retire(reason, is_continued=False)
        predecessor, session._predecessor = session._predecessor, None
        if predecessor is not None:
            await self._end_stored(session, predecessor.key, reason, predecessor.user_id)
        session._reset(self._clock.epoch())
        session._drops_cookie = True

    async def end_all(self, user_id: UUID, *, except_session: Session | None = None) -> int:
        """End all sessions of a user now, but for one; how many were ended."""
        owner = str(user_id)
        spared = None if except_session is None else _stored_key(except_session)
        owned = await self._store.list_owned(owner, prefix=KEY_PREFIX)
        await self._store.delete_owned(owner, prefix=KEY_PREFIX, except_key=spared)
        ended = [key for key, _ in self._live(owned) if key != spared]
        for key in ended:
            try:
                await self._bury(key, Tombstone(EndReason.REVOKED, self._clock.epoch(), owner), if_version=0)
            except StaleVersionError:
                continue  # It was ended in another way meanwhile.
        if ended:
            self._emit(self._events, EventName.SESSION_ENDED, EndReason.REVOKED, owner, count=len(ended))
        return len(ended)

    async def end_one(self, user_id: UUID, id_hash: bytes) -> bool:
        """End one session of this user, named by its hash; False if the user has no such session."""
        owner, key = str(user_id), KEY_PREFIX + id_hash
        stored = await self._store.get(key)
        if stored is None or stored.owner != owner:
            return False
        await self._end_stored(None, key, EndReason.REVOKED, owner)
        return True

    async def active_sessions(self, user_id: UUID) -> list[SessionSummary]:
        """The user's live sessions, the one used last first."""
        owned = await self._store.list_owned(str(user_id), prefix=KEY_PREFIX)
        summaries = [
            SessionSummary(key[len(KEY_PREFIX) :], record.created, record.seen, record.remember)
            for key, record in self._live(owned)
        ]
        return sorted(summaries, key=lambda summary: summary.seen, reverse=True)

    async def purge(self, limit: int = 1_000) -> int:
        """Free the space of expired records."""
        return await self._store.purge_expired(limit)

    # -- writing ---------------------------------------------------------------------------------------------------

    async def _create(self, session: Session) -> SaveResult:
        """Write a record under an id that no visitor has seen, then end the one that it replaces.

        In this order, so that `end_all` finds one of the two at any moment: if the old record was ended before our tombstone
        got there, the new one is taken back.
        """
        session.require_id()
        session._version = await self._put(session, if_version=0)
        if not await self._supersede(session):
            await self._store.delete(session._key)
            return self._lost(session)
        if session._identity is not None:
            is_renewed = session._predecessor is not None and session._predecessor.is_continued
            name = EventName.SESSION_RENEWED if is_renewed else EventName.SESSION_CREATED
            self._emit(session._events, name, "rotated" if is_renewed else "signed_in", session._identity.owner)
        session._predecessor = None
        self._settle(session)
        max_age = None
        if session._remember:
            max_age = max(0, int(session._created + self._rules.remember_seconds - self._clock.epoch()))
        return SaveResult(session._token, max_age_seconds=max_age)

    async def _supersede(self, session: Session) -> bool:
        """End the record that this session replaces; False if it was no longer alive and had to be."""
        old = session._predecessor
        if old is None:
            return True
        tombstone = Tombstone(EndReason.ROTATED, self._clock.epoch(), old.user_id, session._id_hash)
        if not old.is_continued:
            await self._bury(old.key, tombstone)
            return True
        version = old.version
        for _ in range(MAX_ATTEMPTS):
            try:
                await self._bury(old.key, tombstone, if_version=version)
            except StaleVersionError:
                newer = await self._find_live(old.key)
                if newer is None:
                    return False
                version = newer[0].version
                session._merge(newer[1], version=session._version, owner_epoch=newer[0].owner_epoch)
                try:
                    session._version = await self._put(session, if_version=session._version)
                except StaleVersionError:
                    return False  # end_all has found the new record already.
            else:
                return True
        raise StaleVersionError("The session changes faster than it can be rotated.")

    async def _update(self, session: Session) -> bool:
        """Write over the version that was read, merging with newer ones; False if the session is over."""
        session._seen = self._clock.epoch()
        for _ in range(MAX_ATTEMPTS):
            try:
                session._version = await self._put(session, if_version=session._version)
            except StaleVersionError:
                newer = await self._find_live(session._key)
                if newer is None:
                    return False
                session._merge(newer[1], version=newer[0].version, owner_epoch=newer[0].owner_epoch)
            else:
                self._settle(session)
                return True
        raise StaleVersionError("The session changes faster than it can be saved.")

    async def _touch(self, session: Session) -> None:
        now = self._clock.epoch()
        if now - session._seen < self._rules.touch_seconds:
            return
        session._seen = now
        try:
            session._version = await self._put(session, if_version=session._version)
        except StaleVersionError:
            return  # Another request wrote the clock, or ended the session: either way there is nothing left to do.

    def _settle(self, session: Session) -> None:
        session._changed = {}
        session._has_new_identity = False
        session._drops_cookie = False
        session.rejection = None

    def _lost(self, session: Session) -> SaveResult:
        """The session was ended or replaced by another request; what this one changed is dropped."""
        session._predecessor = None
        session._reset(self._clock.epoch())
        session._token = None
        # The other request told the browser what to do with the cookie; it may hold a new one by now.
        return _LEAVE_COOKIE

    async def _put(self, session: Session, *, if_version: int) -> int:
        record = session._record()
        raw = encode_record(record)
        if len(raw) > self._rules.max_bytes:
            raise SessionTooLargeError(
                f"The session has {len(raw)} bytes, {self._rules.max_bytes} are allowed; keep large things in the database."
            )
        deadline = self._deadline(record)
        owner = None
        if record.identity is not None:
            # Kept a while longer, so that a cookie that comes too late is known as an expired one.
            owner, deadline = record.identity.owner, deadline + self._rules.tombstone_seconds
        return await self._store.put(session._key, raw, expires_at=deadline, owner=owner, if_version=if_version)

    # -- ending ----------------------------------------------------------------------------------------------------

    async def _end_stored(self, session: Session | None, key: bytes, reason: EndReason, user_id: str) -> None:
        """Put a tombstone in place of a live record, or of the one that a racing rotation moved it to."""
        for _ in range(MAX_ATTEMPTS):
            stored = await self._store.get(key)
            found = None if stored is None else try_decode(stored.value, self._decode_identity)
            if stored is None or found is None:
                return
            if isinstance(found, Tombstone):
                if not found.successor:
                    return
                key = KEY_PREFIX + found.successor
                continue
            try:
                await self._bury(key, Tombstone(reason, self._clock.epoch(), user_id), if_version=stored.version)
            except StaleVersionError:
                continue
            if user_id:
                events = self._events if session is None else session._events
                self._emit(events, EventName.SESSION_ENDED, reason, user_id)
            return
        raise StaleVersionError("The session changes faster than it can be ended.")

    async def _expire(
        self, session: Session, key: bytes, stored: StoredValue, record: Record, reason: EndReason
    ) -> None:
        user_id = "" if record.identity is None else record.identity.owner
        try:
            await self._bury(key, Tombstone(reason, self._clock.epoch(), user_id), if_version=stored.version)
        except StaleVersionError:
            return  # A parallel request was faster, and wrote the event.
        if user_id:
            self._emit(session._events, EventName.SESSION_EXPIRED, reason, user_id)

    def _meet_tombstone(self, session: Session, found: Tombstone | None, now: float) -> None:
        if found is None:
            session.rejection = RejectReason.UNKNOWN
            return
        is_rotated = found.reason is EndReason.ROTATED
        session.rejection = RejectReason.ROTATED if is_rotated else RejectReason.ENDED
        if not (is_rotated and now - found.ended < ROTATION_RACE_SECONDS):
            self._emit(session._events, EventName.SESSION_USE_AFTER_EXPIRE, found.reason, found.user_id)

    async def _bury(self, key: bytes, tombstone: Tombstone, *, if_version: int | None = None) -> None:
        """Durably: after a power cut the session must not be alive again."""
        await self._store.put(
            key,
            encode_tombstone(tombstone),
            expires_at=tombstone.ended + self._rules.tombstone_seconds,
            if_version=if_version,
            durable=True,
        )

    # -- reading ---------------------------------------------------------------------------------------------------

    async def _find_live(self, key: bytes) -> tuple[StoredValue, Record] | None:
        stored = await self._store.get(key)
        if stored is None:
            return None
        found = try_decode(stored.value, self._decode_identity)
        if not isinstance(found, Record) or self._timeout(found, self._clock.epoch()) is not None:
            return None
        return stored, found

    def _live(self, owned: list[tuple[bytes, StoredValue]]) -> list[tuple[bytes, Record]]:
        now = self._clock.epoch()
        found = ((key, try_decode(stored.value, self._decode_identity)) for key, stored in owned)
        return [
            (key, record) for key, record in found if isinstance(record, Record) and self._timeout(record, now) is None
        ]

    def _deadline(self, record: Record) -> float:
        return min(
            record.seen + self._rules.idle_limit(remember=record.remember),
            record.created + self._rules.absolute_limit(remember=record.remember),
        )

    def _timeout(self, record: Record, now: float) -> EndReason | None:
        if now >= record.created + self._rules.absolute_limit(remember=record.remember):
            return EndReason.ABSOLUTE_TIMEOUT
        if now >= record.seen + self._rules.idle_limit(remember=record.remember):
            return EndReason.IDLE_TIMEOUT
        return None

    def _emit(self, sink: EventSink | None, name: EventName, reason: str, user_id: str, *, count: int = 1) -> None:
        if sink is not None:
            detail = {"sessions": str(count)} if count > 1 else {}
            sink.emit(SecurityEvent(name=name, at=self._clock.now(), reason=reason, user_id=user_id, detail=detail))


def _stored_key(session: Session) -> bytes:
    """The key of the record that is in the store now; a rotation that is still to be saved has only the old one."""
    return session._key if session._predecessor is None else session._predecessor.key
