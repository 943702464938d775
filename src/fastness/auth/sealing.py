"""Secrets that the database holds and that must be read again: encrypted, each bound to its own row.

Protects the secrets of second factors against somebody who reads the database (a backup, an injected SELECT) and against
somebody who writes it: a value copied to another person's row, or to another column, does not open. AES-256-GCM with a random
nonce for each value; the key is derived from the app's secret key for the purpose, and the purpose (table and column) and the
row's id are authenticated with the text. Previous keys open what they sealed, so that keys can rotate; nothing but the
authentication tag says which one fits.

It does not help against somebody who has the secret key too, nor against a whole row that is put back as it once was.

ASVS 5.0: V11.3.2 (approved ciphers and modes), V11.3.3 (authenticated), V11.3.4 (a nonce is used once), V13.3.1.
"""

import binascii
import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import ClassVar, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from fastness.kernel.errors import ConfigError, TamperedError
from fastness.kernel.signing import Keyring

VERSION: Final = "v1"
MAX_BYTES: Final = 131_072
_NONCE_BYTES: Final = 12
_PREFIX: Final = f"{VERSION}."


class SealBrokenError(TamperedError):
    """A sealed value does not open: it was changed, belongs to another row, or its key is gone."""

    code: ClassVar[str] = "seal_broken"
    status: ClassVar[int] = 500


class Sealer:
    """Seals and opens small values."""

    __slots__ = ("_keyring",)

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    def seal(self, purpose: str, row_id: str, plaintext: str) -> str:
        """The text for the database.

        Args:
            purpose: table and column, "fastness_totp.secret"; a constant.
            row_id: the id of the row that the value stays in, as text.
            plaintext: what is hidden.
        """
        content = plaintext.encode()
        if len(content) > MAX_BYTES:
            raise ConfigError(f"A sealed value has at most {MAX_BYTES} bytes.")
        nonce = os.urandom(_NONCE_BYTES)
        key = self._keyring.derive(purpose)[0]
        sealed = AESGCM(key).encrypt(nonce, content, _bind(purpose, row_id))
        return _PREFIX + urlsafe_b64encode(nonce + sealed).decode("ascii")

    def open(self, purpose: str, row_id: str, sealed: str) -> str:
        """What was sealed for this purpose and row; raises `SealBrokenError`."""
        if not sealed.startswith(_PREFIX) or len(sealed) > 2 * MAX_BYTES:
            raise SealBrokenError(f"A sealed value of {purpose!r} has no known version.")
        try:
            raw = urlsafe_b64decode(sealed.removeprefix(_PREFIX).encode("ascii"))
        except (binascii.Error, ValueError):
            raise SealBrokenError(f"A sealed value of {purpose!r} is not base64.") from None
        nonce, text = raw[:_NONCE_BYTES], raw[_NONCE_BYTES:]
        if len(nonce) != _NONCE_BYTES:
            raise SealBrokenError(f"A sealed value of {purpose!r} is too short.")
        for key in self._keyring.derive(purpose):
            try:
                return AESGCM(key).decrypt(nonce, text, _bind(purpose, row_id)).decode()
            except InvalidTag:
                continue
        raise SealBrokenError(
            f"A sealed value of {purpose!r} does not open: it was changed, or its key is in no previous_secret_keys."
        )


def _bind(purpose: str, row_id: str) -> bytes:
    # A purpose holds no space (the keyring refuses it), so that the division is plain.
    return f"fastness {VERSION} {purpose} {row_id}".encode()
