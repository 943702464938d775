"""An app for one-time passwords, such as people have on their telephones: it remembers secrets and shows codes.

`Browser.sign_in` uses it where the app asks for a second factor, so that a test signs somebody in with one line whoever they are,
and by the real way: the secret is read from the page that shows it once, the codes are computed from it, each is used once. Give
one authenticator to all browsers of a person.
"""

import re
from base64 import b32decode
from dataclasses import dataclass, field
from typing import Final

from fastness.auth.totp import STEP_SECONDS, code_at
from fastness.kernel.clock import Clock, SystemClock
from fastness.kernel.errors import FastnessError

_SECRET: Final = re.compile(r"\b[A-Z2-7]{32}\b")
_RECOVERY_CODE: Final = re.compile(r"\b[0-9a-z]{4}(?:-[0-9a-z]{4}){5}\b")


class AuthenticatorError(FastnessError):
    """There is no code for this person."""

    code = "test_authenticator"


@dataclass(slots=True)
class _Known:
    """What the telephone of one person holds."""

    secret: bytes
    last_step: int = -1
    recovery_codes: list[str] = field(default_factory=list)


class Authenticator:
    """Shows codes for the people it was set up for. It needs the clock that the app goes by."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._known: dict[str, _Known] = {}

    def scan(self, username: str, page: str) -> None:
        """Take the secret from the page that sets an app up."""
        found = _SECRET.search(page)
        if found is None:
            raise AuthenticatorError("The page shows no secret for an app.")
        self._known[username] = _Known(b32decode(found[0]))

    def keep_codes(self, username: str, page: str) -> None:
        """Write down the recovery codes of the page that shows them."""
        self._of(username).recovery_codes = _RECOVERY_CODE.findall(page)

    def has_code(self, username: str) -> bool:
        """Whether there is a code that was not used yet; there is a new one every 30 seconds."""
        return self._step > self._of(username).last_step

    def code(self, username: str) -> str:
        """The code of this moment."""
        known = self._of(username)
        known.last_step = self._step
        return code_at(known.secret, known.last_step)

    def recovery_code(self, username: str) -> str:
        """A recovery code, once."""
        codes = self._of(username).recovery_codes
        if not codes:
            raise AuthenticatorError(f"All recovery codes of {username!r} are used.")
        return codes.pop()

    @property
    def _step(self) -> int:
        return int(self._clock.epoch() // STEP_SECONDS)

    def _of(self, username: str) -> _Known:
        if username not in self._known:
            raise AuthenticatorError(
                f"{username!r} has a second factor that this authenticator does not know: give all browsers of a person the "
                "same one, Browser(…, authenticator=…), or sign in with the one that set it up."
            )
        return self._known[username]
