import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest

from fastness.kernel.csrf import FIELD_NAME, HEADER_NAMES, CSRFReason, check_token, make_token
from fastness.kernel.errors import ConfigError
from fastness.kernel.secret import Secret
from fastness.kernel.signing import Keyring
from fastness.kernel.verdicts import ALLOW, Deny

FIRST = Secret("k9Xq2LmZ7vRb4TnW0cYd8HsJ5gPf3AeU")
SECOND = Secret("U3eAfP5gJsH8dYc0WnT4bRv7ZmL2qX9k")
KEYRING = Keyring(FIRST)
SESSION = hashlib.sha256(b"one session").digest()
OTHER_SESSION = hashlib.sha256(b"another session").digest()
SALT = bytes(range(16))
TOKEN = make_token(KEYRING, SESSION, random=SALT)


def encode(raw):
    return urlsafe_b64encode(raw).decode()


def test_the_names_that_forms_and_scripts_rely_on():
    assert FIELD_NAME == "csrf_token"
    assert HEADER_NAMES == (b"x-csrf-token", b"x-csrftoken")


def test_a_token_is_the_salt_and_a_mac_over_session_and_salt():
    raw = urlsafe_b64decode(TOKEN)
    assert len(TOKEN) == 64
    assert raw[:16] == SALT
    assert raw[16:] == KEYRING.mac("csrf", SESSION, SALT)


def test_each_rendering_differs_and_each_is_accepted():
    tokens = {make_token(KEYRING, SESSION) for _ in range(100)}
    assert len(tokens) == 100
    assert all(check_token(KEYRING, SESSION, token) is ALLOW for token in tokens)
    # No position is the same in all of them: nothing is left for compression to find.
    assert all(len({token[position] for token in tokens}) > 1 for position in range(64))


def test_tokens_fit_into_attributes_urls_and_headers():
    for number in range(100):
        token = make_token(KEYRING, SESSION, random=hashlib.sha256(bytes([number])).digest()[:16])
        assert set(token) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
        assert check_token(KEYRING, SESSION, token) is ALLOW


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        pytest.param(TOKEN, ALLOW, id="ours"),
        pytest.param(make_token(Keyring(FIRST), SESSION), ALLOW, id="from another process with the same key"),
        pytest.param(make_token(KEYRING, OTHER_SESSION, random=SALT), Deny(CSRFReason.WRONG), id="of another session"),
        pytest.param(make_token(Keyring(SECOND), SESSION), Deny(CSRFReason.WRONG), id="another key"),
        pytest.param(encode(SALT + Keyring(FIRST).mac("csrf2", SESSION, SALT)), Deny(CSRFReason.WRONG), id="purpose"),
        pytest.param(encode(SALT + KEYRING.mac("csrf", SALT, SESSION)), Deny(CSRFReason.WRONG), id="parts swapped"),
        pytest.param(encode(SALT + KEYRING.mac("csrf", SESSION)), Deny(CSRFReason.WRONG), id="salt not covered"),
        pytest.param(encode(SALT + KEYRING.mac("csrf", SESSION + SALT)), Deny(CSRFReason.WRONG), id="joined parts"),
        pytest.param(encode(SALT + hmac.digest(b"", SESSION + SALT, "sha256")), Deny(CSRFReason.WRONG), id="no key"),
        pytest.param(encode(bytes([1]) + urlsafe_b64decode(TOKEN)[1:]), Deny(CSRFReason.WRONG), id="other salt"),
        pytest.param(TOKEN[:-1] + ("A" if TOKEN[-1] != "A" else "B"), Deny(CSRFReason.WRONG), id="last character"),
        pytest.param("A" * 64, Deny(CSRFReason.WRONG), id="zeros"),
        pytest.param(None, Deny(CSRFReason.MISSING), id="none"),
        pytest.param("", Deny(CSRFReason.MISSING), id="empty"),
        pytest.param(TOKEN[:-1], Deny(CSRFReason.MALFORMED), id="cut"),
        pytest.param(TOKEN[:-4], Deny(CSRFReason.MALFORMED), id="cut at a boundary"),
        pytest.param(TOKEN + "A", Deny(CSRFReason.MALFORMED), id="longer"),
        pytest.param(TOKEN + "AAAA", Deny(CSRFReason.MALFORMED), id="longer at a boundary"),
        pytest.param(TOKEN + "\n", Deny(CSRFReason.MALFORMED), id="newline"),
        pytest.param(" " + TOKEN[1:], Deny(CSRFReason.MALFORMED), id="space"),
        pytest.param(TOKEN[:62] + "==", Deny(CSRFReason.MALFORMED), id="padding"),
        pytest.param(TOKEN[:63] + "=", Deny(CSRFReason.MALFORMED), id="one padding"),
        pytest.param(TOKEN[:32] + "=" + TOKEN[33:], Deny(CSRFReason.MALFORMED), id="padding in the middle"),
        pytest.param(TOKEN[:63] + "+", Deny(CSRFReason.MALFORMED), id="plus of the other alphabet"),
        pytest.param(TOKEN[:63] + "/", Deny(CSRFReason.MALFORMED), id="slash of the other alphabet"),
        pytest.param(TOKEN[:63] + "\x00", Deny(CSRFReason.MALFORMED), id="nul"),
        pytest.param(TOKEN[:63] + "ä", Deny(CSRFReason.MALFORMED), id="latin-1"),
        pytest.param(TOKEN[:63] + "\N{FULLWIDTH LATIN CAPITAL LETTER A}", Deny(CSRFReason.MALFORMED), id="look-alike"),
        pytest.param(TOKEN[:63] + "\ud800", Deny(CSRFReason.MALFORMED), id="surrogate"),
        pytest.param("null", Deny(CSRFReason.MALFORMED), id="null"),
    ],
)
def test_check_token(token, expected):
    assert check_token(KEYRING, SESSION, token) == expected


def test_each_character_counts():
    for position, character in enumerate(TOKEN):
        changed = TOKEN[:position] + ("B" if character == "A" else "A") + TOKEN[position + 1 :]
        assert check_token(KEYRING, SESSION, changed) == Deny(CSRFReason.WRONG)


def test_tokens_survive_a_key_rotation_and_not_its_end():
    assert check_token(Keyring(SECOND, previous=(FIRST,)), SESSION, TOKEN) is ALLOW
    assert check_token(Keyring(SECOND), SESSION, TOKEN) == Deny(CSRFReason.WRONG)


@pytest.mark.parametrize(
    "session", [pytest.param(b"", id="none"), pytest.param(bytes(15), id="too short to be a hash")]
)
def test_without_a_session_there_is_no_token(session):
    with pytest.raises(ConfigError):
        make_token(KEYRING, session)
    with pytest.raises(ConfigError):
        check_token(KEYRING, session, TOKEN)


def test_a_session_hash_of_16_bytes_is_enough():
    assert check_token(KEYRING, bytes(16), make_token(KEYRING, bytes(16))) is ALLOW


@pytest.mark.parametrize("random", [b"", bytes(15), bytes(17)])
def test_randomness_of_another_size_is_refused(random):
    with pytest.raises(ConfigError):
        make_token(KEYRING, SESSION, random=random)
