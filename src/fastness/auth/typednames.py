"""What somebody typed as their name, as a digest.

People type their password into the field of the name, so what was typed is neither stored nor logged; and whether somebody
has that name is not to be seen from what is kept about it. A keyed digest still shows that two attempts tried one name.

ASVS 5.0: V6.3.8 (users cannot be deduced), V16.2.5 (no credentials in logs).
"""

from typing import Final

from fastness.auth.usernames import try_username_key
from fastness.kernel.signing import Keyring

_PURPOSE: Final = "fastness.auth.typed-username"
_MAX_LENGTH: Final = 512
_SHOWN_BYTES: Final = 8


class TypedNames:
    """Makes digests of typed names under the app's key."""

    __slots__ = ("_keyring",)

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    def digest_of(self, typed: str) -> bytes:
        """The digest under the current key."""
        return self._keyring.mac(_PURPOSE, _key_of(typed))

    def is_digest_of(self, digest: bytes, typed: str) -> bool:
        """Whether this is the digest of what was typed, under the current key or a previous one."""
        return self._keyring.check_mac(_PURPOSE, digest, _key_of(typed))

    def shown(self, typed: str) -> str:
        """Enough of the digest for a log line."""
        return self.digest_of(typed)[:_SHOWN_BYTES].hex()


def _key_of(typed: str) -> bytes:
    # One person's spellings are one name; an impossible name is counted as it was typed.
    return (try_username_key(typed) or typed)[:_MAX_LENGTH].encode(errors="surrogatepass")
