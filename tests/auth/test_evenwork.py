import time
from dataclasses import replace

import pytest

from fastness.auth.evenwork import EvenChecker
from fastness.auth.passwords import PasswordHasher, PasswordRules
from tests.auth.conftest import PASSWORD
from tests.ready_made import CHEAP_PASSWORDS

OLD_RULES = PasswordRules(memory_kib=9_216, time_cost=4)


class Counted:
    """A format that costs nothing, so that all the work after it is visible."""

    def __init__(self):
        self.calls = 0

    def recognises(self, encoded):
        return encoded == "free"

    def verify(self, encoded, password):
        self.calls += 1
        return password == PASSWORD.encode()


@pytest.fixture
def free():
    return Counted()


@pytest.fixture
def checker(free):
    return EvenChecker(PasswordHasher(CHEAP_PASSWORDS, others=(free,)))


def work(checker, encoded, password, *, may_pass):
    started = time.thread_time()
    checked = checker.check(encoded, password, may_pass=may_pass)
    return checked, time.thread_time() - started


@pytest.mark.parametrize(
    ("kind", "password", "may_pass", "matches", "is_upgraded"),
    [
        pytest.param("current", PASSWORD, True, True, False, id="current-right"),
        pytest.param("current", "wrong", True, False, False, id="current-wrong"),
        pytest.param("old", PASSWORD, True, True, True, id="old-right"),
        pytest.param("old", "wrong", True, False, False, id="old-wrong"),
        pytest.param("old", PASSWORD, False, True, False, id="old-right-but-inactive"),
        pytest.param("free", PASSWORD, True, True, True, id="other-format-right"),
        pytest.param("free", "wrong", True, False, False, id="other-format-wrong"),
        pytest.param("none", PASSWORD, True, False, False, id="no-hash"),
        pytest.param("none", "", False, False, False, id="nobody"),
    ],
)
def test_only_a_right_password_that_may_pass_is_upgraded(
    checker, hasher, kind, password, may_pass, matches, is_upgraded
):
    stored = {
        "current": lambda: hasher.hash(PASSWORD),
        "old": lambda: PasswordHasher(OLD_RULES).hash(PASSWORD),
        "free": lambda: "free",
        "none": lambda: None,
    }[kind]()
    checked = checker.check(stored, password, may_pass=may_pass)
    assert checked.matches is matches
    assert (checked.new_hash is not None) is is_upgraded
    if checked.new_hash is not None:
        assert not hasher.needs_update(checked.new_hash)
        assert hasher.verify(checked.new_hash, PASSWORD)


@pytest.mark.parametrize(
    ("password", "may_pass"),
    [pytest.param("wrong", True, id="wrong"), pytest.param(PASSWORD, False, id="right-but-inactive")],
)
@pytest.mark.parametrize("is_first", [pytest.param(True, id="first-check-ever"), pytest.param(False, id="later")])
def test_the_refusal_of_a_cheap_hash_does_the_work_of_an_ordinary_one(checker, password, may_pass, is_first):
    """CPU time of the thread, not of the wall: the filling ends no sooner than one of the ordinary checks did."""
    if not is_first:
        checker.check(None, "anything", may_pass=False)
    _, spent = work(checker, "free", password, may_pass=may_pass)
    assert spent >= min(checker._costs)


def test_ordinary_checks_are_not_filled(checker, hasher):
    encoded = hasher.hash(PASSWORD)
    for stored in (None, encoded):
        checker.check(stored, "wrong", may_pass=True)
    assert len(checker._costs) == 2


def test_v6_3_8_while_imported_hashes_count_every_refusal_costs_what_the_dearest_does():
    rules = replace(CHEAP_PASSWORDS, accepts_django=True)
    hasher = PasswordHasher(rules)
    checker = EvenChecker(hasher)
    dear = hasher.dearest_dummy
    cheap = "md5$salt$" + "0" * 32
    costs = {
        name: work(checker, encoded, "wrong", may_pass=True)[1]
        for name, encoded in (("dear", dear), ("cheap", cheap), ("current", hasher.hash(PASSWORD)), ("nobody", None))
    }
    # CPU time of this thread, not the clock: an MD5 costs microseconds, so a missing fill is off by a factor of thousands.
    assert min(costs.values()) > max(costs.values()) / 3


def test_a_hash_dearer_than_the_dearest_known_raises_what_everybody_waits_for():
    hasher = PasswordHasher(replace(CHEAP_PASSWORDS, accepts_django=True))
    checker = EvenChecker(hasher)
    checker.check(None, "wrong", may_pass=False)
    before = checker._usual_cost()
    checker._even_out(before * 3, passes=True)
    assert checker._usual_cost() == before * 3
