"""V9, self-contained tokens: signed texts of ours, and what the makers of other formats try."""

import base64
import hmac
import json

import pytest

from fastness.auth.token_rules import try_token_id
from fastness.kernel.errors import TamperedError
from fastness.kernel.secret import Secret
from fastness.kernel.signing import BadSignatureError, ExpiredTokenError, Keyring

KEY = "k9Xq2LmZ7vRb4TnW0cYd8HsJ5gPf3AeU"
FOREIGN = "U3eAfP5gJsH8dYc0WnT4bRv7ZmL2qX9k"
NOW = 1_900_000_000.0
PURPOSES = ("reset", "device", "csrf", "invite", "reset2", "rese")


@pytest.fixture
def keyring():
    return Keyring(Secret(KEY))


def encoded(value: object) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def jws(header: dict[str, object], key: str = KEY) -> str:
    text = f"{encoded({'typ': 'JWT', **header})}.{encoded({'sub': 'ada', 'exp': 2_000_000_000})}"
    return f"{text}.{encoded(hmac.digest(key.encode(), text.encode(), 'sha256'))}"


def test_v9_1_1_every_bit_of_a_token_is_covered(keyring):
    token = keyring.sign("reset", b"ada", expires_at=2_000_000_000)
    assert keyring.verify("reset", token, now=NOW) == b"ada"
    for place in range(len(token)):
        for bit in range(7):
            changed = token[:place] + chr(ord(token[place]) ^ (1 << bit)) + token[place + 1 :]
            with pytest.raises(BadSignatureError):
                keyring.verify("reset", changed, now=NOW)


# Headers that have made a library of tokens choose an attacker's algorithm, or an attacker's key.
ALGORITHMS = [{"alg": name} for name in ("none", "None", "nOnE", "", "HS256", "HS1", "RS256", "ES256", "PS256", "dir")]
KEYS = [
    {"alg": "HS256", "jku": "https://evil.example/keys.json"},
    {"alg": "HS256", "x5u": "http://169.254.169.254/latest/meta-data"},
    {"alg": "HS256", "jwk": {"kty": "oct", "k": encoded(FOREIGN.encode())}},
    {"alg": "HS256", "kid": "../../../../dev/null"},
    {"alg": "HS256", "kid": "' UNION SELECT 'x"},
    {"alg": "HS256", "x5c": [encoded(b"a certificate")]},
]


@pytest.mark.parametrize("header", ALGORITHMS, ids=str)
def test_v9_1_2_no_token_names_its_own_algorithm(keyring, header):
    whole = jws(header)
    unsigned = whole.rpartition(".")[0] + "."
    head = keyring.sign("reset", b"ada").rpartition(".")[0]
    ours = [head, f"{head}.", *(f"{head}.{name}" for name in ("none", "null", "0", "AA"))]
    for token in (whole, unsigned, f"v1.{whole}", f"{encoded(header)}.{head}", *ours):
        with pytest.raises(BadSignatureError):
            keyring.verify("reset", token, now=NOW)


@pytest.mark.parametrize("algorithm", ["md5", "sha1", "sha224", "sha384", "sha512"])
def test_v9_1_2_another_mac_with_the_right_key_is_refused(keyring, algorithm):
    head = keyring.sign("reset", b"ada").rpartition(".")[0]
    for key in (KEY.encode(), b"reset"):
        signature = encoded(hmac.digest(key, head.encode(), algorithm))
        with pytest.raises(BadSignatureError):
            keyring.verify("reset", f"{head}.{signature}", now=NOW)


@pytest.mark.parametrize("header", KEYS, ids=lambda header: next(reversed(header)))
def test_v9_1_3_no_token_brings_its_key(keyring, header):
    """Sockets are closed in these tests: whoever followed an address would be stopped, too."""
    for token in (jws(header, FOREIGN), jws(header)):
        with pytest.raises(BadSignatureError):
            keyring.verify("reset", token, now=NOW)
        assert try_token_id(token) is None
    with pytest.raises(BadSignatureError):
        keyring.verify("reset", Keyring(Secret(FOREIGN)).sign("reset", b"ada"), now=NOW)


@pytest.mark.parametrize(
    ("now", "is_taken"),
    [(NOW - 1, True), (NOW + 59, True), (NOW + 60, False), (NOW + 86_400, False), (float("nan"), False)],
)
def test_v9_2_1_a_token_counts_within_its_time(keyring, now, is_taken):
    token = keyring.sign("reset", b"ada", expires_at=int(NOW) + 60)
    if is_taken:
        assert keyring.verify("reset", token, now=now) == b"ada"
    else:
        with pytest.raises(ExpiredTokenError):
            keyring.verify("reset", token, now=now)


@pytest.mark.parametrize("made_for", PURPOSES)
def test_v9_2_2_a_token_counts_for_its_purpose(keyring, made_for):
    token = keyring.sign(made_for, b"ada")
    for purpose in PURPOSES:
        if purpose == made_for:
            assert keyring.verify(purpose, token, now=NOW) == b"ada"
        else:
            with pytest.raises(TamperedError):
                keyring.verify(purpose, token, now=NOW)
