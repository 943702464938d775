"""Passkeys: the questions for the browser, and whether its answers are right. The one file that knows the library.

The browser signs a challenge of ours together with the origin of the page that asked; so an answer that was given to another site
is worth nothing here, and neither is an old one. What must hold is checked by the library: the challenge, the origin, the hash of
the relying party's id, the signature, that somebody was there, and, always, that the authenticator verified who (a PIN, a
fingerprint): then the passkey is two factors. Attestation is not asked for: which make an authenticator is decides nothing.

The answer is written by the attacker; whatever the parsers of the library raise for it is one refusal.

ASVS 5.0: V6.3.3, V6.4.4, V6.7.2 (challenge of 256 bits), V6.8.4.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from fastness.auth.errors import FactorRefusedError
from fastness.auth.factor_types import KnownPasskey, RelyingParty
from fastness.kernel.errors import InvalidInputError
from fastness.kernel.limits import parse_json

MAX_ANSWER: Final = 32_768
MAX_DEPTH: Final = 8
MAX_CREDENTIAL_ID: Final = 1364
TIMEOUT_MS: Final = 120_000
_TRANSPORTS: Final = frozenset(one.value for one in AuthenticatorTransport)
REFUSED: Final = "passkey_wrong"


class NewPasskey(NamedTuple):
    """A passkey that was made."""

    credential_id: str
    public_key: str
    sign_count: int
    transports: tuple[str, ...]


class Answer(NamedTuple):
    """What an answer claims, before anything is checked."""

    credential_id: str
    user_handle: bytes
    """Empty where the browser sends none."""


def creation_options(
    party: RelyingParty, *, user_handle: bytes, username: str, challenge: bytes, known: Sequence[KnownPasskey]
) -> str:
    """The question for a new passkey, as JSON for the page."""
    options = generate_registration_options(
        rp_id=party.id,
        rp_name=party.name,
        user_id=user_handle,
        user_name=username,
        user_display_name=username,
        challenge=challenge,
        timeout=TIMEOUT_MS,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
        ),
        exclude_credentials=_descriptors(known),
    )
    return options_to_json(options)


def request_options(party: RelyingParty, *, challenge: bytes, known: Sequence[KnownPasskey]) -> str:
    """The question for one of the known passkeys, or for any where none are named, as JSON for the page."""
    options = generate_authentication_options(
        rp_id=party.id,
        challenge=challenge,
        timeout=TIMEOUT_MS,
        allow_credentials=_descriptors(known),
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return options_to_json(options)


def read_answer(text: str) -> Answer:
    """What the answer claims; raises `FactorRefusedError` for what is none."""
    data = _read(text)
    response = data.get("response")
    handle = response.get("userHandle") if isinstance(response, dict) else None
    credential_id = data.get("id")
    if not isinstance(credential_id, str) or not 0 < len(credential_id) <= MAX_CREDENTIAL_ID:
        raise FactorRefusedError(REFUSED)
    try:
        return Answer(_canonical(credential_id), base64url_to_bytes(handle) if isinstance(handle, str) else b"")
    except ValueError:
        raise FactorRefusedError(REFUSED) from None


def check_creation(party: RelyingParty, *, challenge: bytes, text: str) -> NewPasskey:
    """The passkey that the answer brings; raises `FactorRefusedError`."""
    data = _read(text)
    try:
        made = verify_registration_response(
            credential=data,
            expected_challenge=challenge,
            expected_rp_id=party.id,
            expected_origin=list(party.origins),
            require_user_verification=True,
        )
    except Exception as error:
        # The parsers raise what they like for bytes that an attacker wrote; none of it may become an answer of its own.
        raise FactorRefusedError(REFUSED) from error
    response = data.get("response")
    said: object = response.get("transports") if isinstance(response, dict) else None
    transports = tuple(sorted({str(one) for one in said if one in _TRANSPORTS})) if isinstance(said, list) else ()
    credential_id = bytes_to_base64url(made.credential_id)
    if len(credential_id) > MAX_CREDENTIAL_ID:
        raise FactorRefusedError(REFUSED)
    return NewPasskey(credential_id, bytes_to_base64url(made.credential_public_key), made.sign_count, transports)


def check_request(party: RelyingParty, *, challenge: bytes, text: str, public_key: str, sign_count: int) -> int:
    """The authenticator's new count; raises `FactorRefusedError`, also for a count that did not grow."""
    try:
        verified = verify_authentication_response(
            credential=_read(text),
            expected_challenge=challenge,
            expected_rp_id=party.id,
            expected_origin=list(party.origins),
            credential_public_key=base64url_to_bytes(public_key),
            credential_current_sign_count=sign_count,
            require_user_verification=True,
        )
    except FactorRefusedError:
        raise
    except Exception as error:
        raise FactorRefusedError(REFUSED) from error  # as above
    return verified.new_sign_count


def _read(text: str) -> dict[str, Any]:
    if len(text) > MAX_ANSWER:
        raise FactorRefusedError(REFUSED)
    try:
        data = parse_json(text.encode(errors="replace"), max_depth=MAX_DEPTH)
    except InvalidInputError:
        raise FactorRefusedError(REFUSED) from None
    if not isinstance(data, dict):
        raise FactorRefusedError(REFUSED)
    # Transports that a newer browser knows are no reason to refuse.
    response = data.get("response")
    if isinstance(response, dict) and isinstance(response.get("transports"), list):
        said: object = response["transports"]
        known = [one for one in said if isinstance(one, str) and one in _TRANSPORTS] if isinstance(said, list) else []
        response["transports"] = [*known]
    return dict(data)


def _canonical(credential_id: str) -> str:
    # One spelling for one id: base64 tolerates others.
    raw = urlsafe_b64decode(credential_id + "=" * (-len(credential_id) % 4))
    return urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def _descriptors(known: Sequence[KnownPasskey]) -> list[PublicKeyCredentialDescriptor]:
    return [
        PublicKeyCredentialDescriptor(
            id=base64url_to_bytes(one.credential_id),
            transports=[AuthenticatorTransport(name) for name in one.transports if name in _TRANSPORTS] or None,
        )
        for one in known
    ]
