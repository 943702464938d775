"""Signatures that mean one thing only.

A `Keyring` signs small values that leave the server and come back: links in mail, form state, cookies. Keys are
trusted; the attacker sees any number of signed values, may ask for signatures over values of his choice in one place,
and tries to use them in another. So every signature is bound to a purpose (each purpose has a key of its own, derived
from the ring's key), every part is preceded by its length (`("a", b"bc")` and `("ab", b"c")` do not collide as they did
in CVE-2026-6873), and the text is versioned. HMAC-SHA-256 throughout; no other algorithm can be asked
for, so none can be negotiated.

Signing hides nothing: the payload can be read by its holder. A signed value can be replayed until it expires; what must
work once needs a record in a store.

ASVS 5.0: V9.1.1 (integrity checked before use), V9.2.1 (time span checked), V11.2.2 (keys can be replaced),
V11.4.1 (approved hash functions), V13.3.4 (secrets expire and rotate).
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from hmac import HMAC, compare_digest, digest
from hmac import new as new_hmac
from typing import ClassVar, Final

from fastness.kernel.errors import ConfigError, TamperedError
from fastness.kernel.secret import Secret
from fastness.kernel.texts import Text
from fastness.kernel.weakkeys import refuse_weak_key as refuse_weak_key  # noqa: PLC0414 - public here too

VERSION: Final = "v1"
MAX_PAYLOAD_BYTES: Final = 8192
MAX_TOKEN_LENGTH: Final = 11_000
"""A payload of the greatest size in base64, with version, expiry and signature; longer texts are refused unread."""
MAX_PURPOSE_LENGTH: Final = 64
MAX_CACHED_PURPOSES: Final = 256
"""Purposes are constants of the program; beyond this number something computes them, and the cache stops growing."""
MAX_EXPIRES_AT: Final = 253_402_300_799
"""9999-12-31T23:59:59Z, the last second a datetime can hold."""

_PURPOSE_CHARACTERS: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789._:-")


class BadSignatureError(TamperedError):
    """The text was not signed by us for this purpose."""

    code: ClassVar[str] = "bad_signature"


class ExpiredTokenError(TamperedError):
    """The text was signed by us for this purpose, and its time is over."""

    code: ClassVar[str] = "expired_token"
    public: str = Text("This link or form has expired.")


class Keyring:
    """The key that signs, and the ones that are still believed.

    Rotate by making the current key the first of `previous`: what was signed with it is accepted until it is dropped.
    Every key is checked by `refuse_weak_key`.
    """

    __slots__ = ("_derived_states", "_keys", "_mac_states", "_sign_states")

    def __init__(self, current: Secret, previous: tuple[Secret, ...] = ()) -> None:
        keys = (current, *previous)
        for key in keys:
            refuse_weak_key(key.reveal_bytes().decode("latin-1"))
        self._keys = keys
        # Keyed HMAC states by purpose, current key first. Two threads may compute an entry at once, with equal results.
        # The kinds have a cache each, so that `mac("sign/x")` cannot reach the state of `sign("x")`.
        self._mac_states: dict[str, tuple[HMAC, ...]] = {}
        self._sign_states: dict[str, tuple[HMAC, ...]] = {}
        self._derived_states: dict[str, tuple[HMAC, ...]] = {}

    def __repr__(self) -> str:
        return f"<Keyring: current key and {len(self._keys) - 1} previous>"

    def mac(self, purpose: str, *parts: bytes) -> bytes:
        """32 bytes that bind `parts`, in this order and division, to the purpose and the current key."""
        states = self._mac_states.get(purpose) or self._derive(purpose, "mac", self._mac_states)
        return _finish(states[0], _join(parts))

    def check_mac(self, purpose: str, digest: bytes, *parts: bytes) -> bool:
        """Whether `digest` was made by `mac` with the current or a previous key; constant time for each key."""
        states = self._mac_states.get(purpose) or self._derive(purpose, "mac", self._mac_states)
        return _matches(states, _join(parts), digest)

    def derive(self, purpose: str) -> tuple[bytes, ...]:
        """Keys of 32 bytes for a cipher with this purpose, the current one first; `mac` and `sign` reach none of them."""
        states = self._derived_states.get(purpose) or self._derive(purpose, "derive", self._derived_states)
        return tuple(_finish(state, b"") for state in states)

    def sign(self, purpose: str, payload: bytes, *, expires_at: int | None = None) -> str:
        """A text for URLs, forms and cookies; `expires_at` is in epoch seconds, None means that it never expires."""
        if len(payload) > MAX_PAYLOAD_BYTES:
            raise ConfigError(f"A signed payload has at most {MAX_PAYLOAD_BYTES} bytes; keep the value in a store.")
        states = self._sign_states.get(purpose) or self._derive(purpose, "sign", self._sign_states)
        head = f"{VERSION}.{_encode(payload)}.{_write_expiry(expires_at)}"
        return f"{head}.{_encode(_finish(states[0], head.encode('ascii')))}"

    def verify(self, purpose: str, token: str, *, now: float) -> bytes:
        """The payload of a text from `sign`; raises `BadSignatureError`, or `ExpiredTokenError` if it once was good."""
        states = self._sign_states.get(purpose) or self._derive(purpose, "sign", self._sign_states)
        if len(token) > MAX_TOKEN_LENGTH or not token.isascii():
            raise BadSignatureError("The signed text is too long or not ASCII.")
        head, _, signature = token.rpartition(".")
        # The signature covers the text as it was sent, not what it decodes to: two spellings of one payload (stray
        # bits or line breaks in base64, "+5" or "05" as expiry) never both verify, and nothing is decoded before.
        if not _matches_text(states, head.encode("ascii"), signature):
            raise BadSignatureError(f"The signature does not fit for the purpose {purpose!r}.")
        version, _, rest = head.partition(".")
        payload, _, expiry = rest.partition(".")
        if version != VERSION:
            raise BadSignatureError("The signed text has a version that is no longer accepted.")
        # Written so that a NaN clock refuses.
        if expiry and not now < int(expiry):
            raise ExpiredTokenError("The signed text has expired.")
        return _decode(payload)

    def _derive(self, purpose: str, kind: str, cache: dict[str, tuple[HMAC, ...]]) -> tuple[HMAC, ...]:
        if not 0 < len(purpose) <= MAX_PURPOSE_LENGTH or not _PURPOSE_CHARACTERS.issuperset(purpose):
            raise ConfigError(
                f"A signing purpose is a constant of 1 to {MAX_PURPOSE_LENGTH} lower-case letters, digits, '.', '_', "
                "':' or '-'; put what varies into the parts or the payload."
            )
        label = _join((b"fastness", VERSION.encode("ascii"), kind.encode("ascii"), purpose.encode("ascii")))
        states = tuple(new_hmac(digest(key.reveal_bytes(), label, "sha256"), digestmod="sha256") for key in self._keys)
        if len(cache) < MAX_CACHED_PURPOSES:
            cache[purpose] = states
        return states


def _join(parts: tuple[bytes, ...]) -> bytes:
    # Each part behind its length in 8 bytes, so that a joined text has exactly one division.
    return b"".join([len(part).to_bytes(8, "big") + part for part in parts])


def _finish(keyed: HMAC, message: bytes) -> bytes:
    state = keyed.copy()
    state.update(message)
    return state.digest()


def _matches(states: tuple[HMAC, ...], message: bytes, expected: bytes) -> bool:
    # The current key answers nearly always, without building a generator.
    return compare_digest(_finish(states[0], message), expected) or any(
        compare_digest(_finish(keyed, message), expected) for keyed in states[1:]
    )


def _matches_text(states: tuple[HMAC, ...], message: bytes, signature: str) -> bool:
    return any(compare_digest(_encode(_finish(keyed, message)), signature) for keyed in states)


def _write_expiry(expires_at: int | None) -> str:
    if expires_at is None:
        return ""
    if not 0 <= expires_at <= MAX_EXPIRES_AT:
        raise ConfigError("expires_at is in whole epoch seconds, before the year 10000.")
    return f"{expires_at:d}"


def _encode(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _decode(text: str) -> bytes:
    # Only called on text that we wrote ourselves.
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
