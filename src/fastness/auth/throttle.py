"""Slows down whoever guesses: counts attempts before they are carried out, and makes the next ones wait.

The attacker sends any number of attempts at once, over many addresses, with names that exist and names that do not, and
knows these rules. An attempt is therefore reserved, in the store that all workers share, before any password is hashed,
and counted by address, IPv6 network, whole site, account, and account from that address. The account is a keyed digest
of what was typed: a name that nobody has is slowed exactly as one that somebody has. A right password gives back what
this account was charged from this address, so an attacker cannot clear the address's account by signing in to their own.

Waits grow and end; there is no lock that an attacker could hold shut. A known device (`fastness.auth.devices`) has
counters of its own and does not meet the others. With the store away nothing is reserved and nobody signs in.

Not covered: a password guessed at the first attempt, and an attacker who has both very many addresses and very many
accounts to try once each; only a second factor helps there.

ASVS 5.0: V6.1.1, V6.3.1, V6.3.8 (says nothing about who exists), V6.6.3, V15.4.2 (reserve before use), V16.3.1.
"""

from collections.abc import Sequence
from math import ceil, inf
from typing import Final, NamedTuple
from uuid import UUID

from fastness.auth.callers import Caller
from fastness.auth.devices import DeviceCookies
from fastness.auth.errors import ThrottledError
from fastness.auth.throttle_rules import Counted, Limit, ThrottleRules, decide_attempt
from fastness.auth.typednames import TypedNames
from fastness.kernel.addresses import address_and_network
from fastness.kernel.clock import Clock
from fastness.kernel.events import EventName, EventSink, SecurityEvent
from fastness.kernel.signing import Keyring
from fastness.kernel.values import dataclass
from fastness.kernel.verdicts import Allow
from fastness.stores.store import Increment, Store, StoredValue

_PURPOSE: Final = "fastness.auth.throttle"
_PREFIX: Final = b"throttle:"
_KEY_BYTES: Final = 20
_SAME_MOMENT: Final = 0.001
"""In seconds: what the rounding of times may make of none."""
_PASSWORD: Final = "password"  # noqa: S105 - what is tried, not one
FACTOR: Final = "factor"
"""The kind of an attempt with a second factor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What is about to be tried."""

    account: str
    """The name as it was typed; for a second factor, the user's id."""
    kind: str = _PASSWORD
    """What is tried, "password" or "factor": an account has counters for each."""
    caller: Caller
    """Where it comes from."""


class Counter(NamedTuple):
    """One counter of an attempt: what it counts, where it is kept, and its rule."""

    counted: Counted
    key: bytes
    limit: Limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """An attempt that may be carried out; give it to `succeeded` if it was right."""

    counters: tuple[Counter, ...]
    is_known_device: bool
    slows_account: bool = False
    """Whether so many failed before it that the account is slowed from this attempt on: true once in the account's window."""


class Throttle:
    """Counts attempts in the store; holds no state of its own."""

    __slots__ = ("_clock", "_devices", "_events", "_keyring", "_names", "_rules", "_store")

    def __init__(
        self, rules: ThrottleRules, *, store: Store, keyring: Keyring, events: EventSink, clock: Clock
    ) -> None:
        self._rules = rules
        self._store = store
        self._keyring = keyring
        self._names = TypedNames(keyring)
        self._devices = DeviceCookies(rules, store=store, keyring=keyring, clock=clock)
        self._events = events
        self._clock = clock

    @property
    def devices(self) -> DeviceCookies:
        """Makes devices known, and knows them again."""
        return self._devices

    async def reserve(self, attempt: Attempt) -> Reservation:
        """Count an attempt before it is carried out.

        Raises:
            ThrottledError: it has to wait; nothing was counted.
            StoreUnavailableError: nothing can be counted, so nothing may be tried.
        """
        counters, is_known = await self._counters_of(attempt)
        slows_account = False
        # One moment for all of them: what begins with the same attempt has begun at the same time.
        now = self._clock.epoch()
        done = 0
        while done < len(counters):
            # In one step as far as nobody has to wait: what is refused by one counter is not counted by those behind it.
            counts = await self._store.increment_each([_increment(each, now) for each in counters[done:]])
            done += len(counts)
            counter, count = counters[done - 1], counts[-1]
            turn, is_first_wait = await self._take_turn(counter, count, attempt)
            slows_account |= is_first_wait and counter.counted is Counted.ACCOUNT
            if not isinstance(decide_attempt(counter.limit, counter.counted, count=count, turn=turn), Allow):
                # What was refused was not tried: it makes nobody's wait longer, here or in the counters before.
                await self._uncount(counters[:done])
                self._emit(EventName.AUTHN_LOGIN_FAIL_MAX, counter.counted, attempt)
                raise ThrottledError(counter.counted, retry_after_seconds=await self._wait(counter))
        return Reservation(counters=counters, is_known_device=is_known, slows_account=slows_account)

    async def succeeded(self, reservation: Reservation) -> None:
        """The attempt was right: forget what was charged to this account from this address, and keep the rest.

        Of a counter that has begun since, no more than this attempt: what was charged before is not in it, and would be taken off
        what is counted for others.
        """
        own = next(filter(_is_own, reservation.counters))
        found = await self._store.get(own.key)
        charged = 0 if found is None else int(found.value)
        # From the account's own counter first, and from the others what was there: several who are right at the same moment see
        # one charge. Given back by each, it would be taken off what the address is charged for other accounts.
        taken = await self._take([own], charged)
        others = [(other, await self._store.get(other.key)) for other in reservation.counters if other is not own]
        if taken and others:
            began = _beginning(own, found) + _SAME_MOMENT
            await self._store.take_each(
                [(other.key, taken if _beginning(other, now) <= began else 1) for other, now in others]
            )
        if charged >= own.limit.attempts:
            await self._store.delete(_turn_key(own))
            await self._store.delete(_level_key(own))

    async def release(self, reservation: Reservation) -> None:
        """Nothing was tried after all: give the reservation back."""
        await self._uncount(reservation.counters)

    async def untold(self, reservation: Reservation) -> None:
        """Nothing was tried, and nobody was told that the account is slowed: the next attempt that waits is the first again."""
        for counter in reservation.counters:
            if counter.counted is Counted.ACCOUNT:
                await self._store.delete(_level_key(counter))
        await self.release(reservation)

    async def unlock(self, *names: str, user_id: UUID, by: str, factors: bool = True) -> None:
        """Forget what was charged to an account, from every address and on every device.

        What was charged to addresses and to the site stays.

        Args:
            names: what its owner signs in with, such as user name and e-mail address.
            user_id: whose it is; the counters of second factors go by it.
            by: who asks for it, for the event.
            factors: whether codes of second factors are forgotten too; not where a mailbox is all that was proved.
        """
        # One durable write, whatever the number of addresses: all keys of the account have its epoch in them.
        accounts = ((str(user_id),) if factors else ()) + tuple(filter(None, names))
        await self._store.bump_epochs([self._owner(self._names.digest_of(account)) for account in accounts])
        self._events.emit(
            SecurityEvent(
                name=EventName.USER_UPDATED,
                at=self._clock.now(),
                reason="attempts_forgotten",
                user_id=str(user_id),
                detail={"by": by},
            )
        )

    async def _counters_of(self, attempt: Attempt) -> tuple[tuple[Counter, ...], bool]:
        name = self._names.digest_of(attempt.account)
        kind = attempt.kind.encode()
        epoch = b"%d" % await self._store.epoch(self._owner(name))
        cookie = attempt.caller.device
        device = await self._devices.recognise(cookie, account=attempt.account) if cookie else None
        if device is not None:
            return (self._counter(Counted.DEVICE, kind, name, epoch, device.id.encode()),), True
        address, network = address_and_network(attempt.caller.client_ip)
        counters = [self._counter(Counted.ADDRESS, address)]
        if network:
            counters.append(self._counter(Counted.NETWORK, network))
        # The site before the accounts: so many names can be tried in a minute, and no more keys be made.
        counters += [
            self._counter(Counted.SITE),
            self._counter(Counted.PAIR, kind, name, epoch, address),
            self._counter(Counted.ACCOUNT, kind, name, epoch),
        ]
        return tuple(counters), False

    def _counter(self, counted: Counted, *parts: bytes) -> Counter:
        # Digests, so that the store holds neither addresses nor names.
        key = self._keyring.mac(_PURPOSE, counted.encode(), *parts)[:_KEY_BYTES]
        return Counter(counted, _PREFIX + key, self._rules.limit_of(counted))

    async def _take_turn(self, counter: Counter, count: int, attempt: Attempt) -> tuple[int | None, bool]:
        """Ask for the turn if the attempt is not a free one; and whether it is the first that a wait follows."""
        limit, now = counter.limit, self._clock.epoch()
        if count < limit.attempts:
            return None, False
        found = await self._store.get(_level_key(counter))
        level = 0 if found is None else int(found.value)
        turn = await self._store.increment(_turn_key(counter), expires_at=now + limit.delay_seconds(level))
        if turn != 1:
            return turn, False
        # Nobody else gets a turn while this one lasts, so the level rises by one for each.
        level = await self._store.increment(_level_key(counter), expires_at=now + limit.window_seconds)
        if level == 1:
            self._emit(EventName.AUTHN_LOGIN_LOCK, counter.counted, attempt)
        return turn, level == 1

    async def _uncount(self, counters: Sequence[Counter]) -> None:
        """Give one attempt back, unless a right password has given it back already."""
        own = [each for each in counters if _is_own(each)]
        if await self._take(own, 1) == len(own):
            await self._take([each for each in counters if each not in own], 1)

    async def _take(self, counters: Sequence[Counter], amount: int) -> int:
        """Take a charge off counters; how much of it was there, in all. Below nothing the next attempts would be free."""
        if not counters or not amount:
            return 0
        return sum(await self._store.take_each([(each.key, amount) for each in counters]))

    async def _wait(self, counter: Counter) -> int:
        found = await self._store.get(_turn_key(counter))
        if found is None or found.expires_at is None:
            return 1
        return max(1, ceil(found.expires_at - self._clock.epoch()))

    def _owner(self, name: bytes) -> str:
        return f"throttle:{self._keyring.mac(_PURPOSE, b'account', name)[:_KEY_BYTES].hex()}"

    def _emit(self, name: EventName, reason: Counted, attempt: Attempt) -> None:
        # At a password nobody has looked yet whether such an account exists, so the event cannot say.
        is_factor = attempt.kind == FACTOR
        typed = {} if is_factor else {"typed_name": self._names.shown(attempt.account)}
        self._events.emit(
            SecurityEvent(
                name=name,
                at=self._clock.now(),
                reason=reason,
                request_id=attempt.caller.request_id,
                client_ip=attempt.caller.client_ip,
                user_id=attempt.account if is_factor else "",
                method=attempt.caller.method,
                route=attempt.caller.route,
                detail={"kind": attempt.kind, **typed},
            )
        )


def _is_own(counter: Counter) -> bool:
    """Whether it counts nothing but this account from here."""
    return counter.counted in {Counted.PAIR, Counted.DEVICE}


def _increment(counter: Counter, now: float) -> Increment:
    return Increment(counter.key, now + counter.limit.window_seconds, stop_at=counter.limit.attempts)


def _beginning(counter: Counter, found: StoredValue | None) -> float:
    """When its first attempt was counted; never, where there is none any more."""
    return inf if found is None or found.expires_at is None else found.expires_at - counter.limit.window_seconds


def _turn_key(counter: Counter) -> bytes:
    return counter.key + b":turn"


def _level_key(counter: Counter) -> bytes:
    return counter.key + b":level"
