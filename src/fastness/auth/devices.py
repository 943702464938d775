"""Devices that have signed in before, so that an attack on an account does not slow its owner down.

After a sign-in the browser gets a signed cookie that names the user and, as digests, the names by which they sign in. It
is no credential: whoever has it still needs the password, and gets their own small number of attempts for it. An attacker
who has none shares the counters of everybody else, so the owner's device and the attack do not meet (OWASP "device
cookies"). A cookie made for one account is worth nothing for another.

It ends with its time, and with the user's epoch: a new password, an ended account or "end all others" make every device
unknown again, a stolen cookie with them.

ASVS 5.0: V6.3.1, V6.1.1, V3.3.1, V3.3.3.
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final
from uuid import UUID

from fastness.auth.throttle_rules import ThrottleRules
from fastness.auth.typednames import TypedNames
from fastness.kernel.clock import Clock
from fastness.kernel.errors import TamperedError
from fastness.kernel.signing import Keyring
from fastness.kernel.tokens import MIN_TOKEN_BYTES, random_token
from fastness.kernel.values import dataclass
from fastness.stores.store import Store

_PURPOSE: Final = "fastness.auth.device"
_MAX_NAMES: Final = 3
_MAX_COOKIE_LENGTH: Final = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """What a good cookie says."""

    id: str
    """Differs for every sign-in that made a device known."""
    user_id: UUID
    epoch: int
    """The user's epoch when the cookie was made."""
    names: tuple[bytes, ...]
    """Digests of the names the user signs in with."""


class DeviceCookies:
    """Makes and reads the values of device cookies."""

    __slots__ = ("_clock", "_keyring", "_names", "_rules", "_store")

    def __init__(self, rules: ThrottleRules, *, store: Store, keyring: Keyring, clock: Clock) -> None:
        self._rules = rules
        self._store = store
        self._keyring = keyring
        self._names = TypedNames(keyring)
        self._clock = clock

    @property
    def max_age_seconds(self) -> int:
        """How long the browser keeps the cookie."""
        return self._rules.device_seconds

    def make(self, *, user_id: UUID, epoch: int, names: tuple[str, ...]) -> str:
        """The cookie for a device on which this user has just signed in, all factors shown.

        Args:
            user_id: who signed in.
            epoch: the user's epoch at that moment, from the identity.
            names: what they sign in with, such as user name and e-mail address, or their id for second factors.
        """
        digests = [urlsafe_b64encode(self._names.digest_of(name)).decode() for name in dict.fromkeys(names)]
        payload = json.dumps([random_token(MIN_TOKEN_BYTES), user_id.hex, epoch, *digests[:_MAX_NAMES]])
        expires_at = int(self._clock.epoch()) + self._rules.device_seconds
        return self._keyring.sign(_PURPOSE, payload.encode(), expires_at=expires_at)

    def read(self, cookie: str) -> Device | None:
        """What the cookie says, if we signed it and its time is not over; it may have been revoked since."""
        if not cookie or len(cookie) > _MAX_COOKIE_LENGTH:
            return None
        try:
            payload = self._keyring.verify(_PURPOSE, cookie, now=self._clock.epoch())
        except TamperedError:
            return None
        # The signature covers it: only we have written this.
        device_id, user_id, epoch, *digests = json.loads(payload)
        names = tuple(urlsafe_b64decode(digest) for digest in digests)
        return Device(id=device_id, user_id=UUID(user_id), epoch=epoch, names=names)

    async def recognise(self, cookie: str, *, account: str) -> Device | None:
        """The device, if it is known to the account of this name and nothing has revoked it since."""
        device = self.read(cookie)
        if device is None or not any(self._names.is_digest_of(name, account) for name in device.names):
            return None
        return device if await self._store.epoch(str(device.user_id)) == device.epoch else None

    def is_known(self, cookie: str, *, user_id: UUID, epoch: int) -> bool:
        """Whether this user has signed in on this device before, and nothing has revoked it until their present epoch."""
        device = self.read(cookie)
        return device is not None and (device.user_id, device.epoch) == (user_id, epoch)
