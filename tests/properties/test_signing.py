"""Signing: what was signed comes back, and nothing else does."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastness.kernel.secret import Secret
from fastness.kernel.signing import MAX_EXPIRES_AT, BadSignatureError, ExpiredTokenError, Keyring

KEYRING = Keyring(Secret("k9Xq2LmZ7vRb4TnW0cYd8HsJ5gPf3AeU"))
ROTATED = Keyring(Secret("U3eAfP5gJsH8dYc0WnT4bRv7ZmL2qX9k"), previous=(Secret("k9Xq2LmZ7vRb4TnW0cYd8HsJ5gPf3AeU"),))
# A few purposes only: each one is cached for the life of the ring.
PURPOSES = st.sampled_from(["a", "ab", "abc", "b", "c", "sign", "mac"])
PARTS = st.lists(st.binary(max_size=12), max_size=4).map(tuple)


@given(PURPOSES, PARTS, PURPOSES, PARTS)
def test_macs_are_equal_exactly_for_equal_purpose_and_parts(purpose, parts, other_purpose, other_parts):
    is_same = (purpose, parts) == (other_purpose, other_parts)
    digest = KEYRING.mac(purpose, *parts)
    assert (KEYRING.mac(other_purpose, *other_parts) == digest) is is_same
    assert KEYRING.check_mac(other_purpose, digest, *other_parts) is is_same
    assert ROTATED.check_mac(other_purpose, digest, *other_parts) is is_same


@given(PARTS, st.data())
def test_dividing_the_same_bytes_otherwise_is_another_message(parts, data):
    joined = b"".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(joined)), max_size=3)))
    edges = [0, *cuts, len(joined)]
    divided = tuple(joined[start:end] for start, end in pairwise(edges))
    assert (KEYRING.mac("a", *divided) == KEYRING.mac("a", *parts)) is (divided == parts)


@given(PURPOSES, st.binary(max_size=200), st.none() | st.integers(0, MAX_EXPIRES_AT), st.floats(0, 4e11))
def test_signed_texts_come_back_until_they_expire(purpose, payload, expires_at, now):
    token = KEYRING.sign(purpose, payload, expires_at=expires_at)
    for keyring in (KEYRING, ROTATED):
        if expires_at is None or now < expires_at:
            assert keyring.verify(purpose, token, now=now) == payload
        else:
            with pytest.raises(ExpiredTokenError):
                keyring.verify(purpose, token, now=now)


@given(st.binary(max_size=40), st.none() | st.integers(0, MAX_EXPIRES_AT), st.data())
def test_one_changed_character_is_refused(payload, expires_at, data):
    token = KEYRING.sign("a", payload, expires_at=expires_at)
    position = data.draw(st.integers(0, len(token) - 1))
    character = data.draw(st.characters() | st.sampled_from("ABCabc019-_.=+/"))
    changed = token[:position] + character + token[position + 1 :]
    if changed != token:
        with pytest.raises(BadSignatureError):
            KEYRING.verify("a", changed, now=0)


@given(
    st.text(max_size=200) | st.from_regex(r"v1\.[A-Za-z0-9_-]{0,20}\.[0-9]{0,12}\.[A-Za-z0-9_-]{43}", fullmatch=True)
)
def test_whatever_somebody_else_wrote_is_refused_with_our_error(text):
    with pytest.raises(BadSignatureError):
        KEYRING.verify("a", text, now=0)


@given(st.binary(max_size=20), PURPOSES, PURPOSES)
def test_a_purpose_does_not_verify_for_another(payload, purpose, other):
    token = KEYRING.sign(purpose, payload)
    if purpose != other:
        with pytest.raises(BadSignatureError):
            KEYRING.verify(other, token, now=0)
