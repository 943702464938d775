"""One-time passwords against the vectors of RFC 6238, and when each is taken."""

import pytest

from fastness.auth.totp import code_at, enrolment_uri, matching_step, new_secret, secret_text

SEEDS = {
    "sha1": b"12345678901234567890",
    "sha256": b"12345678901234567890123456789012",
    "sha512": b"1234567890" * 6 + b"1234",
}
SECRET = SEEDS["sha1"]
START = 1_800_000_000  # the first second of a step


@pytest.mark.parametrize(
    ("moment", "digest", "code"),
    [
        (59, "sha1", "94287082"),
        (59, "sha256", "46119246"),
        (59, "sha512", "90693936"),
        (1111111109, "sha1", "07081804"),
        (1111111109, "sha256", "68084774"),
        (1111111109, "sha512", "25091201"),
        (1111111111, "sha1", "14050471"),
        (1111111111, "sha256", "67062674"),
        (1111111111, "sha512", "99943326"),
        (1234567890, "sha1", "89005924"),
        (1234567890, "sha256", "91819424"),
        (1234567890, "sha512", "93441116"),
        (2000000000, "sha1", "69279037"),
        (2000000000, "sha256", "90698825"),
        (2000000000, "sha512", "38618901"),
        (20000000000, "sha1", "65353130"),
        (20000000000, "sha256", "77737706"),
        (20000000000, "sha512", "47863826"),
    ],
)
def test_the_vectors_of_rfc_6238(moment, digest, code):
    assert code_at(SEEDS[digest], moment // 30, digits=8, digest=digest) == code


@pytest.mark.asvs("V6.5.5", "V6.5.8")
@pytest.mark.parametrize(
    ("offset", "grace", "is_taken"),
    [
        pytest.param(0, 10, True, id="first-second"),
        pytest.param(29, 10, True, id="last-second"),
        pytest.param(30, 10, True, id="previous-in-its-grace"),
        pytest.param(39.9, 10, True, id="previous-at-the-end-of-its-grace"),
        pytest.param(40, 10, False, id="previous-after-its-grace"),
        pytest.param(30, 0, False, id="no-grace"),
        pytest.param(60, 29, False, id="two-steps-ago"),
        pytest.param(-1, 10, False, id="not-yet"),
    ],
)
def test_when_a_code_is_taken(offset, grace, is_taken):
    code = code_at(SECRET, START // 30)
    found = matching_step(SECRET, code, now=START + offset, grace_seconds=grace)
    assert found == (START // 30 if is_taken else None)


@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "１２３４５６", "-12345", "+12345", "12345\0"])
def test_what_is_no_code_is_not_taken(code):
    assert matching_step(SECRET, code, now=START, grace_seconds=10) is None


def test_spaces_are_forgiven():
    code = code_at(SECRET, START // 30)
    assert matching_step(SECRET, f" {code[:3]} {code[3:]} ", now=START, grace_seconds=0) == START // 30


def test_the_address_that_apps_read():
    uri = enrolment_uri(SECRET, issuer="The Case: book", account="ada & co")
    assert uri == (
        "otpauth://totp/The%20Case%3A%20book:ada%20%26%20co?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
        "&issuer=The%20Case%3A%20book&digits=6&period=30"
    )


def test_secrets_are_random_and_long():
    assert len({new_secret() for _ in range(50)}) == 50
    assert len(secret_text(new_secret())) == 32
