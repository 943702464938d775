import hashlib
import re
from base64 import b64decode, urlsafe_b64decode

import pytest

from fastness.kernel.errors import ConfigError
from fastness.kernel.tokens import MAX_TOKEN_LENGTH, MalformedTokenError, hash_token, nonce, random_id, random_token


@pytest.mark.asvs("V7.2.3", "V11.5.1")
@pytest.mark.parametrize(
    ("byte_count", "length"),
    [pytest.param(16, 22, id="the least"), pytest.param(32, 43, id="usual"), pytest.param(48, 64, id="long")],
)
def test_tokens_hold_that_many_bytes_in_base64url(byte_count, length):
    token = random_token(byte_count)
    assert re.fullmatch(r"[A-Za-z0-9_-]+", token)
    assert len(token) == length
    assert len(urlsafe_b64decode(token + "=" * (-len(token) % 4))) == byte_count


@pytest.mark.asvs("V7.2.3", "V11.5.1")
def test_the_default_is_256_bits():
    assert len(random_token()) == len(random_token(32))


@pytest.mark.asvs("V11.5.1")
@pytest.mark.parametrize("byte_count", [pytest.param(15, id="one less than 128 bits"), 0, -1])
def test_short_tokens_are_refused(byte_count):
    with pytest.raises(ConfigError):
        random_token(byte_count)


def test_nothing_comes_twice():
    for make in (random_token, random_id, nonce):
        assert len({make() for _ in range(1000)}) == 1000


def test_ids_are_random_ones():
    assert {random_id().version for _ in range(20)} == {4}


@pytest.mark.asvs("V11.4.1", "V11.4.3")
def test_a_token_is_stored_as_its_sha256():
    assert hash_token("abc") == hashlib.sha256(b"abc").digest()
    assert hash_token("abc") != hash_token("abd")


@pytest.mark.parametrize(
    "token",
    [
        pytest.param("", id="empty"),
        pytest.param("a" * (MAX_TOKEN_LENGTH + 1), id="too long"),
        pytest.param("tökén", id="not ASCII"),
        pytest.param("\ud800", id="surrogate"),
        pytest.param("\N{FULLWIDTH LATIN SMALL LETTER A}", id="look-alike"),
    ],
)
def test_what_cannot_be_a_token_is_not_hashed(token):
    with pytest.raises(MalformedTokenError):
        hash_token(token)


def test_the_longest_and_the_shortest_are_hashed():
    assert len(hash_token("a" * MAX_TOKEN_LENGTH)) == 32
    assert len(hash_token("a")) == 32


def test_nonces_are_base64_with_more_than_128_bits_and_nothing_to_escape():
    for _ in range(200):
        value = nonce()
        assert re.fullmatch(r"[A-Za-z0-9+/]{24}", value)
        assert len(b64decode(value, validate=True)) * 8 >= 128
