import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastness.auth.passwords import PasswordHasher, PasswordReason, PasswordRules, decide_password
from fastness.kernel.errors import ConfigError
from fastness.kernel.verdicts import ALLOW, Deny
from tests.auth.conftest import PASSWORD
from tests.ready_made import CHEAP_PASSWORDS

# From the reference implementation's own tests (phc-winner-argon2, src/test.c, CC0).
REFERENCE = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"


@pytest.mark.asvs("V11.4.2")
@pytest.mark.parametrize(
    ("memory_kib", "time_cost", "is_enough"),
    [
        pytest.param(47_104, 1, True, id="owasp-1"),
        pytest.param(47_103, 1, False, id="below-owasp-1"),
        pytest.param(19_456, 2, True, id="owasp-2"),
        pytest.param(19_455, 2, False, id="below-owasp-2"),
        pytest.param(12_288, 3, True, id="owasp-3"),
        pytest.param(12_287, 3, False, id="below-owasp-3"),
        pytest.param(9_216, 4, True, id="owasp-4"),
        pytest.param(9_215, 4, False, id="below-owasp-4"),
        pytest.param(7_168, 5, True, id="owasp-5"),
        pytest.param(7_167, 5, False, id="below-owasp-5"),
        pytest.param(7_167, 40, False, id="passes-do-not-replace-memory"),
        pytest.param(47_104, 0, False, id="no-pass"),
        pytest.param(47_104, 65, False, id="absurd-passes"),
        pytest.param(8_388_608, 1, False, id="absurd-memory"),
        pytest.param(47_104, 2, True, id="default"),
    ],
)
def test_the_owasp_minimum_is_the_floor(memory_kib, time_cost, is_enough):
    if is_enough:
        PasswordRules(memory_kib=memory_kib, time_cost=time_cost)
    else:
        with pytest.raises(ConfigError):
            PasswordRules(memory_kib=memory_kib, time_cost=time_cost)


@pytest.mark.parametrize(
    "settings_",
    [
        pytest.param({"parallelism": 0}, id="no-lane"),
        pytest.param({"min_length": 7, "min_length_with_second_factor": 7}, id="below-asvs"),
        pytest.param({"min_length": 8, "min_length_with_second_factor": 9}, id="more-with-a-second-factor"),
        pytest.param({"max_length": 63}, id="phrases-refused"),
        pytest.param({"min_length": 129}, id="nothing-fits"),
        pytest.param({"max_bytes": 511}, id="longest-would-not-fit"),
        pytest.param({"max_bytes": 1_000_000}, id="no-cap"),
    ],
)
def test_lengths_that_cannot_be_right_are_refused(settings_):
    with pytest.raises(ConfigError):
        PasswordRules(**settings_)


@pytest.mark.parametrize(
    ("password", "has_second_factor", "reason"),
    [
        pytest.param("x" * 15, False, None, id="shortest"),
        pytest.param("x" * 14, False, PasswordReason.TOO_SHORT, id="one-short"),
        pytest.param("x" * 8, True, None, id="shortest-with-second-factor"),
        pytest.param("x" * 7, True, PasswordReason.TOO_SHORT, id="one-short-with-second-factor"),
        pytest.param("", True, PasswordReason.TOO_SHORT, id="empty"),
        pytest.param("x" * 128, False, None, id="longest"),
        pytest.param("x" * 129, False, PasswordReason.TOO_LONG, id="one-long"),
        pytest.param("x" * 10_000_000, False, PasswordReason.TOO_LONG, id="flood"),
        pytest.param("\U0001f600" * 128, False, None, id="longest-in-bytes"),
        pytest.param(" " * 15, False, None, id="spaces-count"),
        pytest.param("\x00" * 15, False, None, id="nul-counts"),
        pytest.param("ä" * 15, False, None, id="letters-of-any-language"),
        pytest.param("x" * 14 + "\ud800", False, PasswordReason.NOT_TEXT, id="lone-surrogate"),
    ],
)
def test_what_may_become_a_password(password, has_second_factor, reason):
    verdict = decide_password(PasswordRules(), password, has_second_factor=has_second_factor)
    assert verdict == (ALLOW if reason is None else Deny(reason))


@pytest.mark.asvs("V11.4.2")
def test_a_hash_has_the_parameters_and_a_salt_of_its_own(hasher):
    first, second = hasher.hash(PASSWORD), hasher.hash(PASSWORD)
    assert first.startswith("$argon2id$v=19$m=7168,t=5,p=1$")
    assert first != second
    assert not hasher.needs_update(first)
    assert PASSWORD not in first


@pytest.mark.asvs("V6.2.8")
@pytest.mark.parametrize(
    ("stored", "typed", "matches"),
    [
        pytest.param("pässword with ümlauts", "pässword with ümlauts", True, id="same"),
        pytest.param("pässword with ümlauts", "password with umlauts", False, id="other-letters"),
        pytest.param(
            "zoë zoë zoë zoë zoë", "zoe\u0308 zoe\u0308 zoe\u0308 zoe\u0308 zoe\u0308", False, id="not-normalised"
        ),
        pytest.param("Correct Horse Battery", "correct horse battery", False, id="case"),
        pytest.param("ends with a space ", "ends with a space", False, id="not-stripped"),
        pytest.param("nul \x00 inside the text", "nul ", False, id="not-cut-at-nul"),
        pytest.param("x" * 100 + "a", "x" * 100 + "b", False, id="not-cut-at-72"),
    ],
)
def test_a_password_is_taken_exactly_as_it_came(hasher, stored, typed, matches):
    encoded = hasher.hash(stored)
    assert hasher.verify(encoded, typed) is matches
    assert hasher.verify(encoded, stored)


@pytest.mark.parametrize(
    ("password", "possible"),
    [
        pytest.param("", True, id="empty"),
        pytest.param("x" * 4096, True, id="at-the-cap"),
        pytest.param("x" * 4097, False, id="over-the-cap"),
        pytest.param("ä" * 2049, False, id="bytes-count"),
        pytest.param("\ud800", False, id="lone-surrogate"),
    ],
)
def test_the_cap_comes_before_any_work(hasher, password, possible):
    assert hasher.can_verify(password) is possible
    assert not hasher.verify(hasher.dummy_hash, password)


def test_what_decide_password_was_not_asked_about_is_not_hashed(hasher):
    with pytest.raises(ConfigError):
        hasher.hash("x" * 4097)


def test_the_reference_hash_is_understood_and_outdated(hasher):
    assert hasher.verify(REFERENCE, "password")
    assert not hasher.verify(REFERENCE, "passwore")
    assert hasher.needs_update(REFERENCE)


@pytest.mark.parametrize(
    "encoded",
    [
        pytest.param("", id="empty"),
        pytest.param("!", id="marker"),
        pytest.param("$argon2id$", id="cut"),
        pytest.param("$argon2id$v=19$m=7168,t=5,p=1$c2FsdA$", id="no-digest"),
        pytest.param("$argon2id$v=19$m=99999999999,t=5,p=1$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAA", id="absurd-memory"),
        pytest.param("$2b$12$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01234", id="unknown-format"),
        pytest.param(PASSWORD, id="plain-text"),
    ],
)
def test_a_hash_nobody_can_read_belongs_to_no_password(hasher, encoded):
    assert not hasher.verify(encoded, PASSWORD)
    assert hasher.needs_update(encoded)


def test_the_dummy_costs_what_a_real_hash_costs_and_matches_nothing(hasher):
    real = hasher.hash(PASSWORD).split("$")
    dummy = hasher.dummy_hash.split("$")
    assert dummy[:4] == real[:4]
    assert [len(part) for part in dummy] == [len(part) for part in real]
    assert not hasher.needs_update(hasher.dummy_hash)
    assert not hasher.verify(hasher.dummy_hash, PASSWORD)
    assert PasswordHasher(CHEAP_PASSWORDS).dummy_hash != hasher.dummy_hash


class Reversed:
    """A format of another system: the password backwards."""

    def recognises(self, encoded):
        return encoded.startswith("reversed:")

    def verify(self, encoded, password):
        return encoded == "reversed:" + password.decode()[::-1]


def test_another_format_is_verified_and_outdated():
    hasher = PasswordHasher(CHEAP_PASSWORDS, others=(Reversed(),))
    assert hasher.verify("reversed:cba", "abc")
    assert not hasher.verify("reversed:cba", "cba")
    assert hasher.needs_update("reversed:cba")
    assert not PasswordHasher(CHEAP_PASSWORDS).verify("reversed:cba", "abc")


@settings(max_examples=15)
@given(st.text(max_size=40), st.text(max_size=40))
def test_two_texts_match_only_if_they_are_one(first, second):
    hasher = PasswordHasher(CHEAP_PASSWORDS)
    if hasher.can_verify(first) and hasher.can_verify(second):
        assert hasher.verify(hasher.hash(first), second) is (first == second)
