from dataclasses import replace
from functools import cache

import pytest

from fastness.auth.hashers import BcryptHasher, PBKDF2Hasher, ScryptHasher
from fastness.auth.password_rules import Hashing, PasswordRules
from fastness.auth.passwords import PasswordHasher
from fastness.kernel.errors import ConfigError
from fastness.kernel.secret import Secret
from tests.auth.conftest import PASSWORD
from tests.ready_made import CHEAP_PASSWORDS

FIRST = Secret("fYx3Qm8Rk1Tz6Wb9Lp2Vn5Hc7Jd4Gs0a")
SECOND = Secret("Zr8Kt2Mw5Xq9Bv3Nf6Hy1Lc4Pj7Dg0Su")
LONG = "nul \x00 and " + "x" * 100 + "a"

STARTS = {
    Hashing.ARGON2ID: "$argon2id$v=19$m=7168,t=5,p=1$",
    Hashing.SCRYPT: "$scrypt$ln=17,r=8,p=1$",
    Hashing.BCRYPT: "$bcrypt-sha256$$2b$12$",
    Hashing.PBKDF2: "$pbkdf2-sha256$i=600000$",
}


def hasher_with(**changes):
    return PasswordHasher(replace(CHEAP_PASSWORDS, **changes))


@cache
def stored(hashing):
    """A hash of `LONG` in a format; the dear ones take half a second."""
    return hasher_with(hashing=hashing).hash(LONG)


@pytest.mark.parametrize("hashing", list(Hashing))
def test_v11_4_2_each_format(hashing):
    hasher = hasher_with(hashing=hashing)
    encoded, again = stored(hashing), hasher.hash(LONG)
    assert encoded.startswith(STARTS[hashing])
    assert encoded != again
    assert len(encoded) <= 255
    assert hasher.verify(again, LONG)
    assert not hasher.needs_update(again)
    assert len(hasher.dummy_hash) == len(encoded)
    assert not hasher.needs_update(hasher.dummy_hash)
    assert not hasher.verify(hasher.dummy_hash, LONG)


@pytest.mark.parametrize("hashing", list(Hashing))
def test_v6_2_8_nothing_is_cut(hashing):
    hasher = hasher_with(hashing=hashing)
    assert hasher.verify(stored(hashing), LONG)
    assert not hasher.verify(stored(hashing), LONG[:-1] + "b")
    assert not hasher.verify(stored(hashing), "nul ")


@pytest.mark.asvs("V11.2.2")
@pytest.mark.parametrize("hashing", [Hashing.SCRYPT, Hashing.BCRYPT, Hashing.PBKDF2])
def test_after_a_change_of_format_the_old_hashes_count_and_are_outdated(hashing):
    encoded = stored(hashing)
    today = hasher_with()
    assert today.verify(encoded, LONG)
    assert today.needs_update(encoded)
    assert not today.needs_update(today.hash(PASSWORD))


@pytest.mark.parametrize(
    ("hasher", "encoded"),
    [
        pytest.param(ScryptHasher(), "$scrypt$ln=30,r=8,p=1$c2FsdHNhbHQ$AAAA", id="scrypt-128-gigabytes"),
        pytest.param(ScryptHasher(), "$scrypt$ln=99999,r=8,p=1$c2FsdHNhbHQ$AAAA", id="scrypt-absurd"),
        pytest.param(ScryptHasher(), "$scrypt$ln=14,r=8,p=9999$c2FsdHNhbHQ$AAAA", id="scrypt-for-ever"),
        pytest.param(ScryptHasher(), "$scrypt$ln=14,r=8,p=1$c2FsdHNhbHQ$", id="scrypt-no-digest"),
        pytest.param(ScryptHasher(), "$scrypt$r=8$c2FsdHNhbHQ$AAAA", id="scrypt-half-the-costs"),
        pytest.param(PBKDF2Hasher(), "$pbkdf2-sha256$i=99999999999$c2FsdA$AAAA", id="pbkdf2-for-ever"),
        pytest.param(PBKDF2Hasher(), "$pbkdf2-sha256$i=0$c2FsdA$AAAA", id="pbkdf2-none"),
        pytest.param(PBKDF2Hasher(), "$pbkdf2-sha256$i=1000$c2FsdA$", id="pbkdf2-no-digest"),
        pytest.param(PBKDF2Hasher(), "$pbkdf2-sha256$i=1000$!!!$AAAA", id="pbkdf2-no-salt"),
        pytest.param(BcryptHasher(), "$bcrypt-sha256$$2b$31$abcdefghijklmnopqrstuu", id="bcrypt-for-ever"),
        pytest.param(BcryptHasher(), "$bcrypt-sha256$", id="bcrypt-nothing"),
        pytest.param(BcryptHasher(), "$bcrypt-sha256$$2b$12$ümlaut", id="bcrypt-not-ascii"),
    ],
)
def test_a_row_somebody_tampered_with_costs_nothing_and_matches_nothing(hasher, encoded):
    assert not hasher.verify(encoded, b"password")
    assert not hasher.verify(encoded, b"")


# Peppers.


def test_with_a_pepper_the_database_alone_is_not_enough():
    seasoned = hasher_with(pepper=FIRST)
    encoded = seasoned.hash(PASSWORD)
    assert seasoned.verify(encoded, PASSWORD)
    assert not seasoned.verify(encoded, PASSWORD + "x")
    assert not seasoned.needs_update(encoded)
    assert not hasher_with().verify(encoded, PASSWORD)
    assert not hasher_with(pepper=SECOND).verify(encoded, PASSWORD)
    bare = "$argon2" + encoded.partition("$argon2")[2]
    assert not hasher_with().verify(bare, PASSWORD)


def test_v13_3_4_a_pepper_is_rotated_with_the_sign_ins():
    old, plain = hasher_with(pepper=FIRST).hash(PASSWORD), hasher_with().hash(PASSWORD)
    rotated = hasher_with(pepper=SECOND, previous_peppers=(FIRST,))
    for encoded in (old, plain):
        assert rotated.verify(encoded, PASSWORD)
        assert rotated.needs_update(encoded)
    new = rotated.hash(PASSWORD)
    assert not rotated.needs_update(new)
    assert new.partition("$argon2")[0] != old.partition("$argon2")[0]
    assert not rotated.needs_update(rotated.dummy_hash)
    assert FIRST.reveal() not in old + repr(rotated.rules)


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({"pepper": Secret("short")}, id="weak"),
        pytest.param({"previous_peppers": (FIRST,)}, id="previous-without-a-current-one"),
        pytest.param({"min_kinds": 5}, id="more-kinds-than-there-are"),
        pytest.param({"breach_lookup_timeout_seconds": 0.0}, id="no-time"),
    ],
)
def test_rules_that_cannot_be_right_are_refused(settings):
    with pytest.raises(ConfigError):
        PasswordRules(**settings)


def test_the_cheap_rules_of_the_tests_are_no_preset():
    assert (
        PasswordRules().memory_kib * PasswordRules().time_cost > CHEAP_PASSWORDS.memory_kib * CHEAP_PASSWORDS.time_cost
    )
