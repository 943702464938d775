"""CSRF tokens: ours are accepted for their session; no other text is, and none raises."""

from hypothesis import given
from hypothesis import strategies as st

from fastness.kernel.csrf import CSRFReason, check_token, make_token
from fastness.kernel.secret import Secret
from fastness.kernel.signing import Keyring
from fastness.kernel.verdicts import ALLOW, Deny

KEYRING = Keyring(Secret("k9Xq2LmZ7vRb4TnW0cYd8HsJ5gPf3AeU"))
SESSIONS = st.binary(min_size=32, max_size=32)
SALTS = st.binary(min_size=16, max_size=16)
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@given(SESSIONS, SESSIONS, SALTS)
def test_a_token_fits_its_session_only(session, other, salt):
    token = make_token(KEYRING, session, random=salt)
    assert check_token(KEYRING, session, token) is ALLOW
    assert check_token(KEYRING, other, token) == (ALLOW if session == other else Deny(CSRFReason.WRONG))


@given(SESSIONS, SALTS, st.integers(0, 63), st.sampled_from(ALPHABET) | st.characters())
def test_one_changed_character_is_refused(session, salt, position, character):
    token = make_token(KEYRING, session, random=salt)
    changed = token[:position] + character + token[position + 1 :]
    verdict = check_token(KEYRING, session, changed)
    if changed == token:
        assert verdict is ALLOW
    elif character in ALPHABET:
        assert verdict == Deny(CSRFReason.WRONG)
    else:
        assert verdict == Deny(CSRFReason.MALFORMED)


@given(SESSIONS, st.text(min_size=1, max_size=80) | st.text(alphabet=ALPHABET + "=+/", min_size=60, max_size=68))
def test_whatever_somebody_else_wrote_is_denied(session, text):
    well_formed = len(text) == 64 and set(text) <= set(ALPHABET)
    assert check_token(KEYRING, session, text) == Deny(CSRFReason.WRONG if well_formed else CSRFReason.MALFORMED)
