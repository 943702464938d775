"""What every store of short-lived records can do: get, compare-and-set, count, and revoke by owner.

Sessions, sign-in throttles, one-time codes and revocations live in a store, so it holds what an attacker wants most:
proof of who is signed in. The application and the machine's administrator are trusted; whoever sends requests is not,
and may send any number of them at the same time. The store therefore promises atomicity (two requests never lose each
other's write unnoticed, a counter never counts too little) and that a record whose time is over is never handed out.

It does not encrypt: whoever can read the file or the server's memory reads the records. Callers store no secret in
clear; a session's key is the hash of its id. Keys and values are bytes, times are seconds since 1970.

ASVS 5.0: V7.2.1, V7.4.1, V7.4.2, V15.4.2.
"""

from collections.abc import Collection, Sequence
from typing import ClassVar, NamedTuple, Protocol, runtime_checkable

from fastness.kernel.errors import FastnessError, UnavailableError
from fastness.kernel.texts import Text

MAX_KEY_BYTES = 256


class StoreUnavailableError(UnavailableError):
    """The store cannot answer: not open, closed, out of reach, damaged, or busy for too long. Callers fail closed."""

    code: ClassVar[str] = "store_unavailable"


class StaleVersionError(FastnessError):
    """The record is not in the version the caller has seen: another request was faster. Read it again, then decide."""

    code: ClassVar[str] = "stale_version"
    status: ClassVar[int] = 409
    public: str = Text("Somebody changed this at the same time. Please try again.")


class NotACounterError(FastnessError):
    """`increment` met a record that is no counter: two parts of the application use the same key."""

    code: ClassVar[str] = "not_a_counter"
    status: ClassVar[int] = 500


class BadKeyError(FastnessError):
    """A key is empty or longer than 256 bytes. Hash what a visitor typed before it becomes a key."""

    code: ClassVar[str] = "bad_store_key"
    status: ClassVar[int] = 500


class StoredValue(NamedTuple):
    """One live record as read. A tuple, not a dataclass: it is built on every request, and costs a fifth."""

    value: bytes
    version: int
    """Opaque and above 0. Differs after every write, and between two lives of the same key."""
    expires_at: float | None
    owner: str | None
    owner_epoch: int
    """The owner's epoch now, not when the record was written; 0 without an owner and for one never bumped."""


class Increment(NamedTuple):
    """One counter of an `increment_each`."""

    key: bytes
    expires_at: float
    amount: int = 1
    stop_at: int | None = None
    """A sum at which the counters behind this one are not counted."""


@runtime_checkable
class Store(Protocol):
    """The store protocol. `fastness.testing.contracts.stores.StoreContract` tests an implementation of your own."""

    async def open(self) -> None:
        """Make the store ready in this process. Raises `StoreUnavailableError`."""

    async def close(self) -> None:
        """Finish what is queued and let go. Every later call raises `StoreUnavailableError`. May be called twice."""

    async def get(self, key: bytes) -> StoredValue | None:
        """The live record together with its owner's epoch, in one read. An expired record is never returned."""

    async def put(
        self,
        key: bytes,
        value: bytes,
        *,
        expires_at: float | None,
        owner: str | None = None,
        if_version: int | None = None,
        durable: bool = False,
    ) -> int:
        """Replace the whole record and return its new version.

        `if_version` writes only over exactly that version, 0 only where no live record is; else `StaleVersionError`.
        `durable` asks that the write has survived a power cut when this returns: set it where the write revokes.
        """

    async def delete(self, key: bytes) -> bool:
        """Remove the record, durably; whether a live one was there."""

    async def delete_owned(self, owner: str, *, prefix: bytes = b"", except_key: bytes | None = None) -> int:
        """Remove, durably and at once, all records of this owner whose key has the prefix; how many were live."""

    async def list_owned(self, owner: str, *, prefix: bytes = b"") -> list[tuple[bytes, StoredValue]]:
        """The live records of this owner whose key has the prefix, ordered by key."""

    async def bump_epoch(self, owner: str) -> int:
        """Raise the owner's epoch by one, durably, and return it: every record of the owner shows it from now on."""

    async def bump_epochs(self, owners: Collection[str]) -> None:
        """Raise the epochs of all these owners, durably and at once: all of them or, if it raises, none."""

    async def epoch(self, owner: str) -> int:
        """The owner's epoch, 0 if it was never bumped."""

    async def increment(self, key: bytes, *, amount: int = 1, expires_at: float) -> int:
        """Add to a counter in one step and return the sum. The first call sets the expiry, later ones keep it."""

    async def increment_each(self, increments: Sequence[Increment]) -> list[int]:
        """Add to counters in this order, to the end or to the first that reaches its `stop_at`; the sums, of those counted.

        Each is counted as by `increment`; together they need not be one step. A store that has one way for all of them
        saves its caller the others.
        """

    async def take_each(self, amounts: Sequence[tuple[bytes, int]]) -> list[int]:
        """Take up to so much off each counter, down to nothing and no further; how much was taken of each.

        Each in one step, or a caller that is cancelled could leave less than nothing. Of what is not there nothing is taken.
        """

    async def purge_expired(self, limit: int = 1000) -> int:
        """Free the space of at most `limit` expired records; how many were freed."""


async def count_in_turn(store: Store, increments: Sequence[Increment]) -> list[int]:
    """`increment_each` for a store that counts one at a time."""
    sums: list[int] = []
    for each in increments:
        sums.append(await store.increment(each.key, amount=each.amount, expires_at=each.expires_at))
        if is_reached(each, sums[-1]):
            break
    return sums


def is_reached(increment: Increment, total: int) -> bool:
    """Whether the counters behind this one are left alone."""
    return increment.stop_at is not None and total >= increment.stop_at


def check_key(key: bytes) -> bytes:
    """Return the key, or raise `BadKeyError`."""
    if not 0 < len(key) <= MAX_KEY_BYTES:
        raise BadKeyError(f"A store key has 1 to {MAX_KEY_BYTES} bytes, this one has {len(key)}; hash long parts.")
    return key


def add_to_counter(value: bytes, amount: int) -> int:
    """The counter's next sum. Counters are stored as decimal ASCII, so that `get` can show them."""
    digits = value[1:] if value[:1] == b"-" else value
    if not digits.isdigit():
        raise NotACounterError("The record under this key is not a counter; give counters a key prefix of their own.")
    return int(value) + amount


def takable(value: bytes, amount: int) -> int:
    """How much of the amount the counter holds."""
    return min(amount, max(add_to_counter(value, 0), 0))


def is_live(expires_at: float | None, now: float) -> bool:
    """Whether a record with this expiry may still be handed out. At the very second it expires it may not."""
    return expires_at is None or now < expires_at
