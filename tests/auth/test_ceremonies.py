"""Answers of a passkey, made here with real signatures: one thing wrong at a time, and it is refused."""

import json
from base64 import urlsafe_b64encode
from hashlib import sha256

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from fastness.auth.ceremonies import check_creation, check_request, read_answer
from fastness.auth.errors import FactorRefusedError
from fastness.auth.factor_types import RelyingParty

PARTY = RelyingParty(id="shop.example", name="shop", origins=("https://shop.example",))
CHALLENGE = bytes(range(32))
CREDENTIAL = b"a credential id of sixteen or so"
PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40
USUAL = {
    "origin": "https://shop.example",
    "challenge": CHALLENGE,
    "rp_id": "shop.example",
    "flags": PRESENT | VERIFIED,
    "count": 7,
}


def text(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def client_data(kind: str, values) -> bytes:
    said = {"type": kind, "challenge": text(values["challenge"]), "origin": values["origin"], "crossOrigin": False}
    return json.dumps({**said, "type": values.get("kind", kind)}).encode()


def creation(key, **changes) -> str:
    values = {**USUAL, **changes}
    numbers = key.public_key().public_numbers()
    cose = cbor2.dumps({1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")})
    head = sha256(values["rp_id"].encode()).digest() + bytes([values["flags"] | ATTESTED])
    data = (
        head + values["count"].to_bytes(4, "big") + bytes(16) + len(CREDENTIAL).to_bytes(2, "big") + CREDENTIAL + cose
    )
    response = {
        "clientDataJSON": text(client_data("webauthn.create", values)),
        "attestationObject": text(cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})),
        "transports": ["internal", "telepathy"],
    }
    return json.dumps({"id": text(CREDENTIAL), "rawId": text(CREDENTIAL), "type": "public-key", "response": response})


def answer(key, **changes) -> str:
    values = {**USUAL, **changes}
    client = client_data("webauthn.get", values)
    data = sha256(values["rp_id"].encode()).digest() + bytes([values["flags"]]) + values["count"].to_bytes(4, "big")
    response = {
        "clientDataJSON": text(client),
        "authenticatorData": text(data),
        "signature": text(key.sign(data + sha256(client).digest(), ec.ECDSA(SHA256()))),
        "userHandle": text(b"handle"),
    }
    return json.dumps({"id": text(CREDENTIAL), "rawId": text(CREDENTIAL), "type": "public-key", "response": response})


@pytest.fixture(scope="module")
def key():
    return ec.generate_private_key(ec.SECP256R1())


@pytest.fixture(scope="module")
def made(key):
    return check_creation(PARTY, challenge=CHALLENGE, text=creation(key, count=3))


WRONG = [
    pytest.param({"origin": "https://evil.example"}, id="another-site"),
    pytest.param({"origin": "https://shop.example:8443"}, id="another-port"),
    pytest.param({"origin": "http://shop.example"}, id="without-tls"),
    pytest.param({"origin": "https://www.shop.example"}, id="a-site-below"),
    pytest.param({"challenge": bytes(32)}, id="another-challenge"),
    pytest.param({"rp_id": "evil.example"}, id="another-relying-party"),
    pytest.param({"flags": PRESENT}, id="user-not-verified"),
    pytest.param({"flags": VERIFIED}, id="nobody-there"),
]


def test_a_passkey_is_made(made):
    assert (made.credential_id, made.sign_count, made.transports) == (text(CREDENTIAL), 3, ("internal",))


@pytest.mark.parametrize("changes", [*WRONG, pytest.param({"kind": "webauthn.get"}, id="another-ceremony")])
def test_a_new_passkey_is_refused(key, changes):
    with pytest.raises(FactorRefusedError):
        check_creation(PARTY, challenge=CHALLENGE, text=creation(key, **changes))


def test_a_passkey_answers(key, made):
    right = answer(key)
    assert check_request(PARTY, challenge=CHALLENGE, text=right, public_key=made.public_key, sign_count=6) == 7
    assert read_answer(right) == (text(CREDENTIAL), b"handle")


def test_an_authenticator_need_not_count(key, made):
    text_ = answer(key, count=0)
    assert check_request(PARTY, challenge=CHALLENGE, text=text_, public_key=made.public_key, sign_count=0) == 0


@pytest.mark.parametrize(
    "changes",
    [
        *WRONG,
        pytest.param({"kind": "webauthn.create"}, id="another-ceremony"),
        pytest.param({"count": 6}, id="a-count-that-stands-still"),
        pytest.param({"count": 0}, id="a-count-that-goes-back"),
    ],
)
def test_an_answer_is_refused(key, made, changes):
    with pytest.raises(FactorRefusedError):
        check_request(PARTY, challenge=CHALLENGE, text=answer(key, **changes), public_key=made.public_key, sign_count=6)


def test_another_key_is_refused(made):
    other = ec.generate_private_key(ec.SECP256R1())
    with pytest.raises(FactorRefusedError):
        check_request(PARTY, challenge=CHALLENGE, text=answer(other), public_key=made.public_key, sign_count=6)


@pytest.mark.parametrize(
    "text_",
    ["", "null", "[]", "{", '{"id": "AAAA"}', '{"id": "AAAA", "id": "BBBB"}', "[" * 5000, '{"id": "é"}', "x" * 40_000],
)
def test_what_is_no_answer_is_refused(made, text_):
    with pytest.raises(FactorRefusedError):
        check_request(PARTY, challenge=CHALLENGE, text=text_, public_key=made.public_key, sign_count=6)
    with pytest.raises(FactorRefusedError):
        check_creation(PARTY, challenge=CHALLENGE, text=text_)
