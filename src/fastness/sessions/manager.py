"""The life of sessions: load, save, rotate, sign in and out, end.

One store read per request, and no write unless something changed or the idle clock is a minute old. The attacker may guess
ids, plant one in a victim's browser, replay one after sign-out, and race any two requests. The rules are:

* an id is accepted only if the store knows it, and is replaced whenever privileges change (`sign_in`, `rotate`);
* the old id dies with the rotation. A parallel request that still carries it is not signed in; its response leaves the
  browser's cookie alone, because the browser may hold the new one by then;
* a session that was ended is never written again: saving compares the version, merges what a parallel request stored,
  and gives up if there is nothing left to merge with. A rotation that races with an end is taken back, and so is what
  somebody who is signed in has proved meanwhile: it was about that session;
* a sign-in whose user has changed since it looked at them is taken back: an end of all sessions found no record of it yet;
* ended sessions leave a tombstone, so that use after sign-out is an event of its own. It costs no second read.

Not covered: an id stolen from the visitor's device works until the session ends. With the store away, `load` raises
`StoreUnavailableError` for a request with a cookie: nobody is signed in by default.

ASVS 5.0: V7.2.1, V7.2.4, V7.3.1, V7.3.2, V7.4.1, V7.4.2, V7.4.3, V7.5.2, V15.4.2.
"""

import json
from collections.abc import Collection
from dataclasses import replace
from typing import Final, NamedTuple
from uuid import UUID

from fastness.kernel.clock import Clock
from fastness.kernel.errors import ConfigError
from fastness.kernel.events import EventName, EventSink, SecurityEvent
from fastness.kernel.tokens import hash_token
from fastness.sessions.context import KEY as CONTEXT_KEY
from fastness.sessions.context import context_from_json
from fastness.sessions.identity import Identity
from fastness.sessions.record import EndReason, Record, Tombstone
from fastness.sessions.recordstore import MAX_ATTEMPTS, Ended, RecordStore, SessionSummary
from fastness.sessions.rules import SessionRules
from fastness.sessions.session import Predecessor, RejectReason, Session
from fastness.stores.store import StaleVersionError, Store, StoreUnavailableError

ID_LENGTH: Final = 43
"""Characters of a session id: 32 bytes in base64url without padding."""
ROTATION_RACE_SECONDS: Final = 10
"""So long after a rotation, a request with the old id is taken for one that was under way, and writes no event."""


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


class Sessions:
    """Loads and saves sessions; one per application."""

    def __init__(self, store: Store, rules: SessionRules, clock: Clock, events: EventSink | None = None) -> None:
        self._records = RecordStore(store, rules, clock)
        self._rules = rules
        self._clock = clock
        self._events = events

    @property
    def rules(self) -> SessionRules:
        """How long sessions live, and what follows from a change of browser or network."""
        return self._rules

    @property
    def socket_check_seconds(self) -> float:
        """How often an open WebSocket asks whether its session still holds."""
        return self._rules.socket_check_seconds

    def fresh(self, *, events: EventSink | None = None) -> Session:
        """An empty session for a visitor without a cookie; nothing is stored until something is put into it."""
        return Session(now=self._clock.epoch(), max_bytes=self._rules.max_bytes, events=events or self._events)

    def for_token(self, identity: Identity) -> Session:
        """A session that lies in no store and holds nothing but who an API token acts for; it cannot be changed."""
        session = self.fresh()
        session._identity = identity
        session._stored_epoch = identity.epoch
        session.make_read_only()
        return session

    async def load(self, cookie_value: str | None, *, events: EventSink | None = None) -> Session:
        """The session of this cookie, or an empty one without an id; `rejection` tells why the cookie was refused.

        `events` takes this request's events instead of the application's sink, which knows neither address nor route.
        """
        session = self.fresh(events=events)
        if cookie_value is None:
            return session
        if len(cookie_value) != ID_LENGTH or not cookie_value.isascii():
            session.rejection = RejectReason.MALFORMED
            return session
        id_hash = hash_token(cookie_value)
        found = await self._records.find(id_hash)
        if found is None:
            session.rejection = RejectReason.UNKNOWN
            return session
        stored, content = found
        if not isinstance(content, Record):
            self._meet_tombstone(session, id_hash, content)
            return session
        timeout = self._records.timeout(content, session._seen)
        if timeout is None:
            session._adopt(id_hash, content, version=stored.version, owner_epoch=stored.owner_epoch)
            return session
        session.rejection = RejectReason.EXPIRED
        # Of several requests that come too late together, the one that ends the record writes the event.
        if await self._records.expire(id_hash, content, timeout, if_version=stored.version):
            self._emit(session._events, EventName.SESSION_EXPIRED, timeout, _owner(content.identity))
        return session

    async def holds(self, session: Session) -> bool:
        """Whether nobody has ended it since it was loaded, under whichever id it is now, or changed the person signed in."""
        identity, id_hash = session._identity, _stored_hash(session)
        if identity is None:
            return True
        if not id_hash:  # of a token
            return await self._records.epoch(identity.owner) == identity.epoch
        live = await self._records.find_live(await self._records.place_of(id_hash))
        return live is not None and (_owner(live.record.identity), live.owner_epoch) == (identity.owner, identity.epoch)

    async def save(self, session: Session) -> SaveResult:
        """Write what this request changed. Call it before the response starts; it says what to do with the cookie.

        A session that was ended meanwhile is not written. Raises `SessionTooLargeError` and `StoreUnavailableError`.
        """
        left = session._predecessor
        if left is not None and left.reason is not EndReason.ROTATED:
            session._predecessor = None
            await self._end_record(session, left.id_hash, left.reason)
        if session.is_new:
            if session._id_hash or session._identity is not None or session.keys():
                return await self._create(session)
        elif session.is_changed:
            if not await self._update(session):
                return self._give_up(session)
        else:
            await self._touch(session)
        if session._drops_cookie or session.rejection not in {None, RejectReason.ROTATED}:
            return _DELETE_COOKIE
        return _LEAVE_COOKIE

    # Life cycle: what handlers and the account pages call.

    def sign_in(
        self, session: Session, identity: Identity, *, remember: bool = False, keep: Collection[str] = ()
    ) -> None:
        """Make the session that of this user, under a new id and with new clocks, when it is saved.

        Values from before are dropped but for the keys in `keep`: another person, or an attacker who planted the id, may
        have stored them. A user who only proves again who they are keeps all; pass `remember=session.is_remembered`.
        """
        session.require_writable()
        is_same_user = session._identity is not None and session._identity.id == identity.id
        kept = {key: value for key, value in session._load_values().items() if is_same_user or key in keep}
        session._retire(EndReason.ROTATED, is_continued=False)
        session._reset(self._clock.epoch())
        session._renew_id()
        session._values = kept
        session._set_identity(identity, stored_epoch=identity.epoch)
        session._remember = remember

    def sign_out(self, session: Session) -> None:
        """Empty the session; saving ends its record, also if something new (a notice) is stored until then."""
        session.require_writable()
        session._retire(EndReason.SIGNED_OUT, is_continued=False)
        session._reset(self._clock.epoch())
        session._drops_cookie = True

    def rotate(self, session: Session) -> None:
        """Give the session a new id when it is saved; values, identity and clocks stay. Do so when privileges change."""
        session.require_writable()
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
        # The epoch is the one read together with the session, hence before the user's row: a change since then shows up
        # as stale again on the next request.
        current = replace(
            identity,
            authenticated_at=former.authenticated_at,
            second_factor_at=former.second_factor_at,
            epoch=session._stored_epoch,
        )
        session._set_identity(current, stored_epoch=session._stored_epoch)
        if current.gains_over(former):
            self.rotate(session)

    async def end(self, session: Session, *, reason: EndReason = EndReason.SIGNED_OUT) -> None:
        """End the session now, not when it is saved: its id is refused from here on, by every process."""
        session._retire(reason, is_continued=False)
        predecessor, session._predecessor = session._predecessor, None
        session._reset(self._clock.epoch())
        session._drops_cookie = True
        if predecessor is not None:
            await self._end_record(session, predecessor.id_hash, reason)

    async def end_all(
        self, user_id: UUID, *, except_session: Session | None = None, follows_rotation: bool = False
    ) -> Ended:
        """End all sessions of a user now, but for one, and whatever sign-in is under way; raises the owner's epoch.

        Args:
            user_id: whose.
            except_session: goes on.
            follows_rotation: it goes on also where a request beside this one has given it a new id. Only for a caller who ends
                all identities from before as well: the new id may be in other hands than the session that asks.
        """
        except_hash = b"" if except_session is None else _stored_hash(except_session)
        if follows_rotation and except_hash:
            except_hash = await self._records.place_of(except_hash)
        ended = await self._records.end_owned(str(user_id), except_hash=except_hash)
        if ended.live:
            self._emit(self._events, EventName.SESSION_ENDED, EndReason.REVOKED, str(user_id), count=ended.live)
        return ended

    async def end_one(self, user_id: UUID, id_hash: bytes) -> bool:
        """End one session of this user, named by its hash; False if the user has no such session."""
        live = await self._records.find_live(id_hash)
        if live is None or _owner(live.record.identity) != str(user_id):
            return False
        await self._end_record(None, id_hash, EndReason.REVOKED)
        return True

    async def active_sessions(self, user_id: UUID) -> list[SessionSummary]:
        """The user's live sessions, the one used last first."""
        live = await self._records.list_live(str(user_id))
        summaries = [
            SessionSummary(
                id_hash,
                record.created,
                record.seen,
                record.remember,
                context_from_json(json.loads(record.values).get(CONTEXT_KEY)),
            )
            for id_hash, record in live
        ]
        return sorted(summaries, key=lambda summary: summary.seen, reverse=True)

    async def purge(self, limit: int = 1_000) -> int:
        """Free the space of expired records; how many were freed."""
        return await self._records.purge(limit)

    # Writing.

    async def _create(self, session: Session) -> SaveResult:
        """Write a record under an id that no visitor has seen, then end the one that it replaces.

        In this order, so that `end_all` finds one of the two at any moment: if the old record was ended before our
        tombstone got there, the new one is taken back.
        """
        id_hash = session.require_id()
        session._seen = self._clock.epoch()
        session._version = await self._records.put(id_hash, session._record(), if_version=0)
        old = session._predecessor
        if await self._is_overtaken(session) or (old is not None and not await self._replace(session, old)):
            await self._records.forget(id_hash)
            return self._give_up(session)
        is_renewed = old is not None and old.is_continued
        name = EventName.SESSION_RENEWED if is_renewed else EventName.SESSION_CREATED
        self._emit(session._events, name, "rotated" if is_renewed else "signed_in", _owner(session._identity))
        session._settle()
        max_age = None
        if session._remember:
            max_age = max(0, int(session._created + self._rules.remember_seconds - self._clock.epoch()))
        return SaveResult(session._token, max_age_seconds=max_age)

    async def _is_overtaken(self, session: Session) -> bool:
        """Whether the user was changed, or all their sessions ended, after they were looked at to be signed in."""
        identity, old = session._identity, session._predecessor
        if identity is None or (old is not None and old.user_id == identity.owner):
            return False  # What goes on under a new id ends with its old one.
        # Asked when the record is written: who raises the epoch after this finds it.
        return await self._records.epoch(identity.owner) != identity.epoch

    async def _replace(self, session: Session, old: Predecessor) -> bool:
        """End the old record of a session that has a new one; False if it was not alive any more and had to be."""
        tombstone = Tombstone(EndReason.ROTATED, self._clock.epoch(), old.user_id, session._id_hash)
        if not old.is_continued:
            if old.user_id and old.user_id == _owner(session._identity):
                return await self._records.leave(old.id_hash, tombstone)
            await self._records.bury(old.id_hash, tombstone)
            return True
        old_version = old.version
        for _ in range(MAX_ATTEMPTS):
            try:
                await self._records.bury(old.id_hash, tombstone, if_version=old_version)
            except StaleVersionError:
                newer = await self._records.find_live(old.id_hash)
                if newer is None:
                    return False
                old_version = newer.version
                session._merge(newer.record, owner_epoch=newer.owner_epoch)
                try:
                    session._version = await self._records.put(
                        session._id_hash, session._record(), if_version=session._version
                    )
                except StaleVersionError:
                    return False  # Somebody ended all sessions of the user and has found the new record already.
            else:
                return True
        raise StaleVersionError("The session changes faster than it can be rotated.")

    async def _update(self, session: Session) -> bool:
        """Write over the version that was read, merging with newer ones; False if the session is over."""
        session._seen = self._clock.epoch()
        for _ in range(MAX_ATTEMPTS):
            try:
                session._version = await self._records.put(
                    session._id_hash, session._record(), if_version=session._version
                )
            except StaleVersionError:
                newer = await self._records.find_live(session._id_hash)
                if newer is None:
                    return False
                session._merge(newer.record, owner_epoch=newer.owner_epoch)
                session._version = newer.version
            else:
                session._settle()
                return True
        raise StaleVersionError("The session changes faster than it can be saved.")

    async def _touch(self, session: Session) -> None:
        now = self._clock.epoch()
        if now - session._seen < self._rules.touch_seconds:
            return
        session._seen = now
        try:
            session._version = await self._records.put(session._id_hash, session._record(), if_version=session._version)
        except StaleVersionError:
            return  # Another request wrote the clock, or ended the session: either way there is nothing left to do.
        except StoreUnavailableError:
            # The session ends a minute early at worst, so a page that was read must not fail for its clock.
            self._emit(session._events, EventName.STORE_UNAVAILABLE, "idle_clock", _owner(session._identity))

    def _give_up(self, session: Session) -> SaveResult:
        """The session was ended or replaced by another request; what this one changed is dropped."""
        session._predecessor = None
        session._reset(self._clock.epoch())
        # The other response tells the browser what to do with the cookie; the browser may hold a new one by now.
        return _LEAVE_COOKIE

    async def _end_record(self, session: Session | None, id_hash: bytes, reason: EndReason) -> None:
        ended = await self._records.end(id_hash, reason)
        if ended is not None:
            sink = self._events if session is None else session._events
            self._emit(sink, EventName.SESSION_ENDED, reason, _owner(ended.identity))

    # Events.

    def _meet_tombstone(self, session: Session, id_hash: bytes, found: Tombstone | None) -> None:
        if found is None:
            session.rejection = RejectReason.UNKNOWN
            return
        is_rotated = found.reason is EndReason.ROTATED
        session.rejection = RejectReason.ROTATED if is_rotated else RejectReason.ENDED
        if is_rotated and session._seen - found.ended < ROTATION_RACE_SECONDS:
            session._moved = Predecessor(id_hash, 0, EndReason.ROTATED, found.user_id, is_continued=False)
        else:
            self._emit(session._events, EventName.SESSION_USE_AFTER_EXPIRE, found.reason, found.user_id)

    def _emit(self, sink: EventSink | None, name: EventName, reason: str, user_id: str, *, count: int = 1) -> None:
        """Sessions of anonymous visitors begin and end without an event: there are many, and nobody is concerned."""
        if sink is not None and user_id:
            detail = {"sessions": str(count)} if count > 1 else {}
            sink.emit(SecurityEvent(name=name, at=self._clock.now(), reason=reason, user_id=user_id, detail=detail))


def _owner(identity: Identity | None) -> str:
    return "" if identity is None else identity.owner


def _stored_hash(session: Session) -> bytes:
    """The id under which the store has the session now; a rotation that is still to be saved has only the old one."""
    left = session._predecessor
    return session._id_hash if left is None else left.id_hash
