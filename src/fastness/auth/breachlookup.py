"""Asks a service whether a password was breached, without telling it which: k-anonymity by range.

Off unless `breach_lookup_url` is set. Sent are the first five characters of the password's SHA-1, which some hundred known
passwords share; the service answers with the rest of all of these, padded so that the length tells nothing, and the comparison
is made here. The format is that of Pwned Passwords (https://haveibeenpwned.com/API/v3#PwnedPasswords), which can be mirrored.

The service, or who is on the way, could say "breached" to annoy or "not" to let a bad password through, and learns those five
characters with the time: use https, which is demanded beyond this machine. It cannot keep anybody waiting: there is a deadline
for all of it, a cap on the answer, no redirect is followed, and no answer counts as "not known to be breached".

ASVS 5.0: V6.2.12 (breached passwords), V15.3.2 (no redirects followed), V13.1.3 (time limits of what is asked).
"""

import asyncio
import hashlib
import ssl
from http.client import HTTPConnection, HTTPException, HTTPSConnection  # nosec FST050 # the one host of the settings
from typing import Final
from urllib.parse import SplitResult, urlsplit

from fastness.auth.password_rules import PasswordRules
from fastness.kernel.wires import Wire, permitting

_PREFIX_LENGTH: Final = 5
_MAX_BYTES: Final = 1_048_576
_MAX_AT_ONCE: Final = 4


class RangeLookup:
    """Looks passwords up in a service that speaks the range protocol."""

    __slots__ = ("_address", "_slots", "_timeout_seconds")

    def __init__(self, rules: PasswordRules) -> None:
        self._address: SplitResult = urlsplit(rules.breach_lookup_url)
        self._timeout_seconds = rules.breach_lookup_timeout_seconds
        self._slots = asyncio.Semaphore(_MAX_AT_ONCE)

    async def is_breached(self, password: str) -> bool | None:
        """Whether the service knows the password; `None` if it did not say so in time."""
        # The protocol's hash, of what is compared and not of what is kept.
        digest = hashlib.sha1(password.encode(errors="replace"), usedforsecurity=False).hexdigest().upper()
        try:
            async with asyncio.timeout(self._timeout_seconds), self._slots:
                with permitting(Wire.SOCKETS):
                    return await asyncio.to_thread(self._ask, digest)
        except (OSError, HTTPException, TimeoutError, ValueError):
            return None

    def _ask(self, digest: str) -> bool:
        prefix, rest = digest[:_PREFIX_LENGTH], digest[_PREFIX_LENGTH:]
        connection = self._connect()
        try:
            path = f"{self._address.path.rstrip('/')}/{prefix}"
            connection.request("GET", path, headers={"Add-Padding": "true", "User-Agent": "fastness"})
            answer = connection.getresponse()
            # Nothing is followed: the address that was set is the one that is asked (SSRF).
            if answer.status != 200:
                raise HTTPException(f"status {answer.status}")
            body = answer.read(_MAX_BYTES + 1)
        finally:
            connection.close()
        if len(body) > _MAX_BYTES:
            raise HTTPException("the answer is too long")
        return any(_is_hit(line, rest) for line in body.decode("ascii").splitlines())

    def _connect(self) -> HTTPConnection:
        host, port = self._address.hostname or "", self._address.port
        if self._address.scheme == "https":
            context = ssl.create_default_context()
            return HTTPSConnection(host, port, timeout=self._timeout_seconds, context=context)
        return HTTPConnection(host, port, timeout=self._timeout_seconds)


def _is_hit(line: str, rest: str) -> bool:
    """Whether a line names the password; padding lines have the count 0."""
    found, _, count = line.partition(":")
    return found.strip().upper() == rest and count.strip() not in {"", "0"}
