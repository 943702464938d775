"""One visitor's session during one request: a few values, an identity, and a list of what this request changed.

It is deliberately no `dict`: a dict subclass cannot see `session["cart"].append(...)`, and saving it whole overwrites
what a parallel request stored (both have lost writes in other frameworks). Here `get` hands out copies, `set` takes one,
and only the keys that were set or deleted are merged into the newest record at the end of the request.

The visitor holds only the random id, in the cookie. An id that the store does not know is never adopted: an attacker
could otherwise choose one, plant it in a victim's browser and wait for the sign-in (session fixation). A new id is drawn
when something is stored for the first time, and again whenever privileges change.

ASVS 5.0: V7.2.1, V7.2.2, V7.2.3.
"""

import json
from enum import StrEnum
from typing import ClassVar, NamedTuple

from fastness.kernel.errors import ConfigError, FastnessError
from fastness.kernel.events import EventSink
from fastness.kernel.limits import JSONValue
from fastness.kernel.tokens import hash_token, random_token
from fastness.sessions.identity import Identity
from fastness.sessions.record import EndReason, Record, encode_json, encode_record

MAX_VALUE_DEPTH = 16


class SessionTooLargeError(FastnessError):
    """The session's record would exceed `SessionRules.max_bytes`."""

    code: ClassVar[str] = "session_too_large"
    status: ClassVar[int] = 500


class SessionValueError(ConfigError):
    """A key that is no text, or a value that JSON cannot hold."""

    code: ClassVar[str] = "session_value"


class ReadOnlySessionError(ConfigError):
    """A session that nobody will save was to be changed."""

    code: ClassVar[str] = "read_only_session"


class NoSessionIdError(FastnessError):
    """`id_hash` was read of a session that has no id yet."""

    code: ClassVar[str] = "no_session_id"
    status: ClassVar[int] = 500


class RejectReason(StrEnum):
    """Why the cookie that came with the request was not accepted. All look the same from outside."""

    MALFORMED = "malformed"
    UNKNOWN = "unknown"
    EXPIRED = "expired"
    ENDED = "ended"
    ROTATED = "rotated"


class Predecessor(NamedTuple):
    """The stored record that this session replaces when it is saved."""

    id_hash: bytes
    version: int
    reason: EndReason
    user_id: str
    is_continued: bool
    """Whether this session is the same one under a new id; it then must not outlive an end of the old one."""


class Session:
    """The session of one request. Made by `Sessions.load`, written by `Sessions.save`."""

    # The fields with an underscore belong to `Sessions`, its only friend.
    __slots__ = (
        "_changed",
        "_created",
        "_drops_cookie",
        "_events",
        "_has_new_identity",
        "_id_hash",
        "_identity",
        "_is_read_only",
        "_max_bytes",
        "_moved",
        "_predecessor",
        "_raw_values",
        "_remember",
        "_seen",
        "_stored_epoch",
        "_token",
        "_values",
        "_version",
        "rejection",
    )

    def __init__(self, *, now: float, max_bytes: int, events: EventSink | None = None) -> None:
        self.rejection: RejectReason | None = None
        """Why the cookie of this request was not accepted; None if it was, or if there was none."""
        self._events = events
        self._max_bytes = max_bytes
        self._token: str | None = None
        self._drops_cookie = False
        self._is_read_only = False
        self._predecessor: Predecessor | None = None
        # What a parallel request has just given a new id: whoever signs out with the former one means that session.
        self._moved: Predecessor | None = None
        self._reset(now)

    def _reset(self, now: float) -> None:
        """Become an empty session without an id and without a stored record."""
        self._id_hash = b""
        self._version = 0
        self._stored_epoch = 0
        self._created = self._seen = now
        self._remember = False
        self._identity: Identity | None = None
        self._has_new_identity = False
        self._raw_values = b"{}"
        self._values: dict[str, JSONValue] | None = {}
        self._changed: set[str] = set()

    def _adopt(self, id_hash: bytes, record: Record, *, version: int, owner_epoch: int) -> None:
        """Take over what the store holds under an id that it knows."""
        self._id_hash = id_hash
        self._version = version
        self._stored_epoch = owner_epoch
        self._created, self._seen, self._remember, self._identity, self._raw_values = record
        self._values = None

    def get(self, key: str, default: JSONValue = None) -> JSONValue:
        """The value, or the default. A list or object is a copy: change it and `set` it again."""
        value = self._load_values().get(key, default)
        return _copy(value) if isinstance(value, list | dict) else value

    def begins_with(self, start: bytes) -> bool:
        """Whether the values, as the store keeps them, begin with these bytes: known without parsing them.

        A `False` says nothing: the values may have been read already, or stand in another order.
        """
        return self._values is None and self._raw_values.startswith(start)

    def set(self, key: str, value: JSONValue) -> None:
        """Store a copy of a JSON value; the session is saved at the end of the request.

        Raises `SessionValueError` for what JSON cannot hold, `SessionTooLargeError` for more than `max_bytes` in all.
        """
        self.require_writable()
        if not isinstance(key, str):
            raise SessionValueError("Session keys are texts.")
        copy = _checked_copy(key, value)
        values = self._load_values()
        size = len(encode_record(self._record({**values, key: copy})))
        if size > self._max_bytes:
            raise SessionTooLargeError(
                f"Storing {key!r} would make the session {size} bytes, {self._max_bytes} are allowed; "
                "keep large things in the database and their id in the session."
            )
        values[key] = copy
        self._changed.add(key)

    def delete(self, key: str) -> bool:
        """Forget a value; whether there was one. To delete nothing is no change."""
        self.require_writable()
        existed = self._load_values().pop(key, _MISSING) is not _MISSING
        if existed:
            self._changed.add(key)
        return existed

    def keys(self) -> tuple[str, ...]:
        """The keys of all values."""
        return tuple(self._load_values())

    def __contains__(self, key: str) -> bool:
        return key in self._load_values()

    @property
    def identity(self) -> Identity | None:
        """Who is signed in, None for an anonymous visitor. Change it with `Sessions.sign_in` and `sign_out`."""
        return self._identity

    @property
    def identity_is_stale(self) -> bool:
        """Whether the user changed since the snapshot was made; ask for a new one before any access rule."""
        return self._identity is not None and not self._has_new_identity and self._stored_epoch != self._identity.epoch

    @property
    def is_new(self) -> bool:
        """Whether nothing of this session is in the store yet."""
        return self._version == 0

    @property
    def is_changed(self) -> bool:
        """Whether saving has to write more than the idle clock."""
        return bool(
            self._changed or self._has_new_identity or self._predecessor or (self._version == 0 and self._id_hash)
        )

    @property
    def is_remembered(self) -> bool:
        """Whether the visitor asked to be kept signed in."""
        return self._remember

    @property
    def has_id(self) -> bool:
        """Whether there is an id that something, such as a form token, can be bound to; else call `require_id()` first."""
        return bool(self._id_hash)

    @property
    def id_hash(self) -> bytes:
        """SHA-256 of the id. Raises `NoSessionIdError` without one: an empty binding would be everybody's binding."""
        if not self._id_hash:
            raise NoSessionIdError("This session has no id yet; call require_id() before binding anything to it.")
        return self._id_hash

    @property
    def received_id_hash(self) -> bytes:
        """The hash of the id that came with the request, even if that is being replaced: forms shown before are bound to it."""
        left = self._predecessor
        return left.id_hash if left is not None and left.is_continued else self.id_hash

    def require_id(self) -> bytes:
        """Make sure that there is an id, which creates the session at saving, and return its hash."""
        if not self._id_hash:
            self.require_writable()
            self._renew_id()
        return self._id_hash

    def make_read_only(self) -> None:
        """Refuse every change from here on: whoever holds the session has no response that could carry its cookie."""
        self._is_read_only = True

    def require_writable(self) -> None:
        """Raise `ReadOnlySessionError` if a change would be lost."""
        if self._is_read_only:
            raise ReadOnlySessionError(
                "This session belongs to a WebSocket, which has no response that could save it, or to a request with an API "
                "token, which has no session. Change the session in an HTTP request of a browser; keep what belongs to the "
                "connection in variables of the handler."
            )

    # For Sessions.

    def _retire(self, reason: EndReason, *, is_continued: bool) -> None:
        """Let go of the stored record; saving will end it. Drops the id, keeps the rest."""
        if self._version:
            user_id = "" if self._identity is None else self._identity.owner
            self._predecessor = Predecessor(self._id_hash, self._version, reason, user_id, is_continued)
        elif self._predecessor is not None:
            self._predecessor = self._predecessor._replace(reason=reason, is_continued=is_continued)
        elif reason is not EndReason.ROTATED and self._moved is not None:
            self._predecessor = self._moved._replace(reason=reason)
        self._version = 0
        self._id_hash = b""
        self._token = None

    def _renew_id(self) -> None:
        self._token = random_token()
        self._id_hash = hash_token(self._token)
        self._version = 0

    def _load_values(self) -> dict[str, JSONValue]:
        if self._values is None:
            self._values = json.loads(self._raw_values)
        return self._values

    def _record(self, values: dict[str, JSONValue] | None = None) -> Record:
        if values is None:
            values = self._values
        raw = self._raw_values if values is None else encode_json(values)
        return Record(self._created, self._seen, self._remember, self._identity, raw)

    def _set_identity(self, identity: Identity, *, stored_epoch: int) -> None:
        self._identity = identity
        self._has_new_identity = True
        self._stored_epoch = stored_epoch

    def _merge(self, record: Record, *, owner_epoch: int) -> None:
        """Put this request's changes on top of a newer record; what this request did not touch comes from there."""
        ours = self._load_values()
        merged: dict[str, JSONValue] = json.loads(record.values)
        for key in self._changed:
            if key in ours:
                merged[key] = ours[key]
            else:
                merged.pop(key, None)
        # The clocks are the same: only a sign-in starts the absolute one, and it never keeps the id.
        self._values = merged
        if not self._has_new_identity:
            self._identity = record.identity
            self._stored_epoch = owner_epoch

    def _settle(self) -> None:
        """All is written: what happened to the cookie of the request and to a former record is history."""
        self._predecessor = None
        self._changed = set()
        self._has_new_identity = False
        self._drops_cookie = False
        self.rejection = None


_MISSING = object()


def _checked_copy(key: str, value: JSONValue) -> JSONValue:
    if not _is_json(value, depth=MAX_VALUE_DEPTH):
        raise SessionValueError(
            f"The session value {key!r} is not JSON (None, bool, int, float, str, list, dict with text keys, 16 deep); "
            "store an id or a text instead."
        )
    return _copy(value)


def _is_json(value: object, depth: int) -> bool:
    if depth < 0:
        return False
    if value is None or isinstance(value, bool | str):
        return True
    if isinstance(value, int):
        # Beyond 64 bits a number changes in other JSON readers, and its text may be as long as it likes.
        return -(2**63) <= value < 2**63
    if isinstance(value, float):
        return value - value == 0.0
    if isinstance(value, list):
        return all(_is_json(item, depth - 1) for item in value)
    if isinstance(value, dict):
        return all(isinstance(name, str) and _is_json(item, depth - 1) for name, item in value.items())
    return False


def _copy(value: JSONValue) -> JSONValue:
    if isinstance(value, list):
        return [_copy(item) for item in value]
    if isinstance(value, dict):
        return {name: _copy(item) for name, item in value.items()}
    return value
